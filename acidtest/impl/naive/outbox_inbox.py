"""The overview's parts, put together: it names "Transactional Outbox/Inbox", and shows no code of it.

The source is its outbox (its section 6), `WithdrawWithOutbox` and `OutboxWorker`, as they are in `outbox`. The services behind it have its
only consumer (its section 3), `HandlePaymentFailed`:

    tx, _ := s.db.Begin()
    defer tx.Rollback()
    // Refund
    tx.Exec("UPDATE accounts SET balance = balance + $1", event.Amount)
    tx.Exec("UPDATE saga_log SET status = 'compensated' WHERE tx_id = $1", event.TxID)
    tx.Commit()

and the middle, which owes a message as well, has its INSERT INTO outbox beside that. From Go, statement for statement. Ignored errors
stay ignored. Here the UPDATE has the WHERE that it lacks, which hides all else (it shows in the naive inbox), and amounts are whole
numbers, but for the version that says otherwise. The text knows no keys; the port wants the client's in messages, so it stands there.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.environment import Outcome
from acidtest.impl.naive import Defect
from acidtest.impl.naive.outbox import NaiveOutbox, error_of

if TYPE_CHECKING:
    from acidtest.environment import Delivery, Environment

TRANSFERS, DEPOSITS = "transfers", "deposits"
SCHEMA = """
    CREATE TABLE accounts (user_id TEXT PRIMARY KEY, balance {money});
    CREATE TABLE saga_log (tx_id TEXT PRIMARY KEY, status TEXT);
    CREATE TABLE outbox (
        id INTEGER PRIMARY KEY, event_type TEXT, payload TEXT, created_at REAL, published BOOLEAN DEFAULT false
    );
"""


class NaiveService(NaiveOutbox):
    """What each of the services has of the overview: its tables, its worker, and its INSERT INTO outbox."""

    money: ClassVar[str] = "INTEGER"
    #: The errors that it ignores.
    ignored: ClassVar[tuple[type[Exception], ...]] = (sqlite3.Error,)
    topics: ClassVar[tuple[str, ...]] = ()

    def install(self, opening: dict[str, int]) -> None:
        """Create the overview's tables and open the accounts."""
        db = self.db()
        db.executescript(SCHEMA.format(money=self.money))
        db.executemany("INSERT INTO accounts VALUES (?, ?)", list(opening.items()))

    def owe(self, tx: sqlite3.Connection, event: dict[str, Any]) -> None:
        """Insert to outbox (same transaction!)."""
        with suppress(*self.ignored):
            tx.execute(
                "INSERT INTO outbox (event_type, payload, created_at) VALUES (?, ?, ?)",
                (event["Type"], json.dumps(event), self.env.clock.now()),
            )

    def owed(self) -> dict[str, int]:
        """What the worker would publish."""
        rows = self.db().execute("SELECT payload FROM outbox WHERE published = false").fetchall()
        events = [json.loads(payload) for (payload,) in rows]
        return {event["TxID"]: event["Amount"] for event in events}


class NaiveSource(NaiveService):
    """The overview's writer."""

    def execute(self, key: str, account: str, amount: int) -> Outcome:
        """Withdraw; an error that is returned reaches the client."""
        err = self.withdraw(key, account, amount)
        if err is not None:
            raise err
        return Outcome.OK

    def withdraw(self, key: str, user_id: str, amount: int) -> Exception | None:
        """`func WithdrawWithOutbox(userID int64, amount float64) error`."""
        tx = self.db()
        tx.execute("BEGIN")
        try:
            with suppress(*self.ignored):
                tx.execute("UPDATE accounts SET balance = balance - ? WHERE user_id = ?", (amount, user_id))
            self.owe(tx, {"Type": TRANSFERS, "TxID": key, "UserID": user_id, "Amount": amount})
            return error_of(tx.commit)
        finally:
            tx.rollback()
            tx.close()


class NaiveSink(NaiveService):
    """The overview's handler."""

    topics: ClassVar[tuple[str, ...]] = (DEPOSITS,)

    def handle(self, message: Delivery) -> None:
        """`func (s *AccountService) HandlePaymentFailed(event Event)`."""
        event = json.loads(message.payload)
        tx = self.db()
        try:
            with suppress(sqlite3.Error):
                tx.execute("BEGIN")
            self.book(tx, event, event["Amount"])
            with suppress(sqlite3.Error):
                tx.execute("UPDATE saga_log SET status = 'compensated' WHERE tx_id = ?", (event["TxID"],))
            with suppress(sqlite3.Error):
                tx.commit()
        finally:
            tx.rollback()
            tx.close()

    def book(self, tx: sqlite3.Connection, event: dict[str, Any], amount: int) -> None:
        """Add an amount to the account."""
        with suppress(sqlite3.Error):
            tx.execute("UPDATE accounts SET balance = balance + ? WHERE user_id = ?", (amount, event["UserID"]))


class NaiveMiddle(NaiveSink):
    """The overview's handler, with its INSERT INTO outbox beside the UPDATE."""

    topics: ClassVar[tuple[str, ...]] = (TRANSFERS,)

    def book(self, tx: sqlite3.Connection, event: dict[str, Any], amount: int) -> None:
        """Add a part to the account, and owe the rest."""
        part = amount // 2
        super().book(tx, event, part)
        self.owe(tx, {**event, "Type": DEPOSITS, "Amount": amount - part})


class NaiveSourceOfFloats(NaiveSource):
    """The overview's writer, with the overview's type of money."""

    money = "REAL"


class NaiveSourceThatLooks(NaiveSource):
    """The overview's writer, which looks at errors, so that those show that are behind it."""

    ignored = ()


def naive_chain(env: Environment) -> NaiveService:
    """The three services; which one, `env.service` says."""
    return {"source": NaiveSource, "middle": NaiveMiddle, "sink": NaiveSink}[env.service](env)


def naive_chain_of_floats(env: Environment) -> NaiveService:
    """The same, with money as the overview has it."""
    return NaiveSourceOfFloats(env) if env.service == "source" else naive_chain(env)


def naive_consumers(env: Environment) -> NaiveService:
    """The same, behind a source that looks at errors."""
    return NaiveSourceThatLooks(env) if env.service == "source" else naive_chain(env)


DEFECTS: tuple[Defect, ...] = (
    Defect("S3.9", "nothing remembers the event: one that comes again is booked again", naive_chain, ("EO1",), "out of order"),
    Defect("S3.9 at once", "two at the same event book it twice", naive_chain, ("EO1",), "redelivery in flight"),
    Defect("S3.9 late", "nothing remembers it for forty days either", naive_chain, ("EO7",), "forty days"),
    Defect("S3.12", "a failed statement or COMMIT is swallowed, and the event is acknowledged", naive_consumers, ("EO2",), "one transfer"),
    Defect("S6.1", "a failed INSERT is ignored: a withdrawal without its event", naive_chain, ("EO2",), "one transfer"),
    Defect("S6.2", "an UPDATE of no rows still emits an event", naive_chain, ("G12",), "invalid requests"),
    Defect("S6.2 funds", "nothing checks that the funds suffice", naive_chain, ("G2",), "more than there is"),
    Defect("S6.4", "no message id is the same for a copy: the middle owes it anew, in another row", naive_chain, ("EO3",), "one transfer"),
    Defect("S6.5", "money is a float", naive_chain_of_floats, ("G12",), "one transfer"),
)

NOT_EXHIBITED: dict[str, str] = {
    "S3.1": "the UPDATE without a WHERE is the naive inbox's; here it has one, for it would hide all else",
    "S3.11": "an event is made by one row of an outbox, so that one id does not come with two amounts",
    "S6.6": "the overview promises no order of its events, so none is asked for here; see the naive outbox",
    "S6.8": "the panic that ends the worker is cured by a restart, which the end of every schedule has; see the naive outbox",
    "S6.9": "two workers publish a row twice without any fault, which the outbox is blamed for; here it shows as S3.9",
    "S6.11": "the broker of this contract refuses no message for ever, so no rows starve others",
    "S6.15": "rows that are never cleaned away take space, which no outsider sees",
}
