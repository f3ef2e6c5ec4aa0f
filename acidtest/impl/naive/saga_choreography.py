"""The overview's saga (its section 3), `Withdraw` and `HandlePaymentFailed` of its account service, from Go, statement for statement.

    func (s *AccountService) Withdraw(userID int64, amount float64) error {
        tx, _ := s.db.Begin()
        defer tx.Rollback()
        // Local transaction
        tx.Exec("UPDATE accounts SET balance = balance - $1", amount)
        tx.Exec("INSERT INTO saga_log (tx_id, status) VALUES ($1, 'pending')", txID)
        tx.Commit()
        // Publish event (not in the transaction!)
        s.queue.Publish("MoneyDeducted", Event{TxID: txID, Amount: amount})
        return nil
    }

Ignored errors stay ignored. The text shows services B and C in a diagram only, so the other services here are those of the
reference; the event is published as they read it. It shows no tables: `tx_id` is a primary key, which is what an INSERT that may
fail asks for, and is the order's key. The port asks what was done; so each UPDATE is followed by a line in `history`, in the same
transaction, which the text does not have.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.environment import BrokerRefused, BrokerTimeout, Outcome
from acidtest.impl.naive import Defect
from acidtest.impl.saga_choreography import FAILED, Participant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from acidtest.environment import Delivery, Environment

SCHEMA = """
    CREATE TABLE accounts (user_id TEXT PRIMARY KEY, balance INTEGER);
    CREATE TABLE saga_log (tx_id TEXT PRIMARY KEY, status TEXT);
    CREATE TABLE history (tx_id TEXT, what TEXT, user_id TEXT, amount INTEGER);
"""


class NaiveAccountService:
    """The overview's account service.

    Arguments:
        env: gives the database "bank" and the broker.
    """

    topics: ClassVar[tuple[str, ...]] = ("stock.failed", "stock.undone", "shipping.done")
    withdraw: ClassVar[str] = "UPDATE accounts SET balance = balance - :amount"
    refund: ClassVar[str] = "UPDATE accounts SET balance = balance + :amount"

    def __init__(self, env: Environment) -> None:
        """Keep the environment."""
        self.env = env

    def install(self, opening: dict[str, int]) -> None:
        """Create the tables and open the accounts."""
        db = self.db()
        db.executescript(SCHEMA)
        db.executemany("INSERT INTO accounts VALUES (?, ?)", list(opening.items()))

    def db(self) -> sqlite3.Connection:
        """A connection of the pool."""
        connection: sqlite3.Connection = self.env.connect("bank", isolation_level=None)
        return connection

    @contextmanager
    def begin(self) -> Iterator[sqlite3.Connection]:
        """`tx, _ := s.db.Begin(); defer tx.Rollback()`, and `tx.Commit()` at the end, whose error is ignored."""
        tx = self.db()
        tx.execute("BEGIN")
        try:
            yield tx
            with suppress(sqlite3.Error):
                tx.commit()
        finally:
            tx.rollback()
            tx.close()

    def start(self, key: str, account: str, amount: int, item: str, quantity: int) -> Outcome:
        """`Withdraw`."""
        with self.begin() as tx:
            # Local transaction
            with suppress(sqlite3.Error):
                tx.execute(self.withdraw, {"amount": amount, "user": account})
                tx.execute("INSERT INTO history VALUES (?, 'do', ?, ?)", (key, account, amount))
            with suppress(sqlite3.Error):
                tx.execute("INSERT INTO saga_log (tx_id, status) VALUES (:tx, 'pending')", {"tx": key})
        # Publish event (not in the transaction!)
        details = {"account": account, "amount": amount, "item": item, "quantity": quantity}
        with suppress(BrokerRefused, BrokerTimeout):
            event = {"kind": "done", "service": "payment", "details": details}
            self.env.broker.publish(f"MoneyDeducted/{key}", key, event, topic="payment.done")
        return Outcome.OK

    def handle(self, message: Delivery) -> None:
        """What happens without an error is of no interest; of the others one is handled."""
        event = json.loads(message.payload)
        if event["kind"] in ("failed", "undone"):
            self.handle_payment_failed(message.key, event["details"])

    def handle_payment_failed(self, tx_id: str, event: dict[str, Any]) -> None:
        """`HandlePaymentFailed`."""
        with self.begin() as tx:
            # Refund
            with suppress(sqlite3.Error):
                tx.execute(self.refund, {"amount": event["amount"], "user": event["account"]})
                tx.execute("INSERT INTO history VALUES (?, 'undo', ?, ?)", (tx_id, event["account"], event["amount"]))
            with suppress(sqlite3.Error):
                tx.execute("UPDATE saga_log SET status = 'compensated' WHERE tx_id = :tx", {"tx": tx_id})

    def relay(self) -> None:
        """There is no outbox."""

    def tick(self) -> None:
        """There is no timer."""

    def ledger(self) -> list[tuple[str, str, str, int]]:
        """What was done and undone."""
        return list(self.db().execute("SELECT tx_id, what, user_id, amount FROM history ORDER BY rowid"))

    def balances(self) -> dict[str, int]:
        """The balance of every account."""
        return dict(self.db().execute("SELECT user_id, balance FROM accounts").fetchall())

    def status(self, key: str) -> str | None:
        """What the log of sagas says."""
        row = self.db().execute("SELECT status FROM saga_log WHERE tx_id = ?", (key,)).fetchone()
        return {"pending": "running"}.get(row[0], row[0]) if row else None


class OwnAccounts(NaiveAccountService):
    """The same, with a WHERE in both UPDATEs."""

    withdraw = f"{NaiveAccountService.withdraw} WHERE user_id = :user"
    refund = f"{NaiveAccountService.refund} WHERE user_id = :user"


class Finished(OwnAccounts):
    """The same, with a way to success: an order that is shipped is completed."""

    def handle(self, message: Delivery) -> None:
        """The last event as well."""
        if json.loads(message.payload)["service"] == "shipping":
            self.db().execute("UPDATE saga_log SET status = 'completed' WHERE tx_id = ?", (message.key,))
        else:
            super().handle(message)


class DiagramAccounts(OwnAccounts):
    """The same, compensating at once when the booking fails, as in the diagram."""

    topics = ("booking.failed",)


class DiagramStock(Participant):
    """Stock as in the diagram, in which nobody tells it of a failure."""

    @property
    def topics(self) -> tuple[str, ...]:
        """All but failures."""
        return tuple(topic for topic in super().topics if not topic.endswith(FAILED))


def _beside(account: type[NaiveAccountService], stock: type[Participant] = Participant) -> Callable[[Environment], Any]:
    """The overview's account service beside the reference's other services."""
    services: dict[str, Callable[[Environment], Any]] = {"payment": account, "stock": stock}
    return lambda env: services.get(env.service, Participant)(env)


NAIVE, NARROW, FINISHED = _beside(NaiveAccountService), _beside(OwnAccounts), _beside(Finished)
DIAGRAM = _beside(DiagramAccounts, DiagramStock)
DEFECTS: tuple[Defect, ...] = (
    Defect("S3.1", "an UPDATE without WHERE debits everybody", NAIVE, ("G1",), "invalid requests"),
    Defect("S3.3", "the event is published after the commit: a crash in between loses it, and the debit stays", FINISHED, ("G6",), "crashes"),
    Defect("S3.4", "the error of Commit is ignored: the event tells of a debit that never happened", NARROW, ("S7",), "refused by stock"),
    Defect("S3.5", "the error of Publish is ignored", FINISHED, ("G6",), "refused by stock"),
    Defect("S3.6", "the error of the second INSERT is ignored: the log is as it was, and the debit comes again", NARROW, ("S4",), "two orders"),
    Defect("S3.7", "Withdraw knows no order that comes again", NARROW, ("S4",), "invalid requests"),
    Defect("S3.8", "nothing checks the funds", NARROW, ("G2",), "invalid requests"),
    Defect("S3.9", "HandlePaymentFailed knows no failure that comes again: it refunds twice", NARROW, ("S3", "S4"), "out of order"),
    Defect("S3.12", "an error in the handler is swallowed, and the compensation with it", NARROW, ("G6", "S11"), "refused by stock"),
    Defect("S3.15", "the failure reaches who debited, and not who reserved in between", DIAGRAM, ("S10",), "side by side"),
    Defect("S3.16", "there is no way to success: an order that is shipped stays pending", NARROW, ("S5.tail",), "side by side"),
)
NOT_EXHIBITED: dict[str, str] = {
    "S3.2": "userID is unused and txID undefined in the text; a translation has to pass something",
    "S3.10": "a refund without a debit takes a failure that comes before the first step, of which nobody could know",
    "S3.11": "the amount in the event is the order's here, which no service changes; to trust it shows only where one does",
    "S3.13": "that events lack an id, a version and a correlation is a lack that shows as S3.9",
    "S3.14": "in the end every service acts, so that an order is pending for ever only where an event is lost: S3.3",
    "S3.17": "no semantic lock is promised by the port; the theory of the pattern shows what becomes of it (S9, N1)",
    "S3.18": "amounts are whole numbers at the port, and SQLite's BEGIN has no errors to ignore",
}
