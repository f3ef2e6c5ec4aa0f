"""The overview's outbox (its section 6), `WithdrawWithOutbox` and `OutboxWorker`: Go, statement for statement.

Ignored errors stay ignored. The endless loop of the worker is a generator of which `relay` runs one tick, so that what
kills the loop kills it for good. The port asks for a key per request, which the overview does not know and which is not
used, and its broker for the id and key of a message: the worker passes on the number of the row and the account.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from acidtest.environment import BrokerRefused, BrokerTimeout, Outcome
from acidtest.impl.naive import Defect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acidtest.environment import Environment

SCHEMA = """
    CREATE TABLE accounts (user_id TEXT PRIMARY KEY, balance REAL);
    CREATE TABLE outbox (
        id INTEGER PRIMARY KEY, event_type TEXT, payload TEXT, created_at REAL, published BOOLEAN DEFAULT false
    );
"""


class NaiveOutbox:
    """The overview's writer and worker.

    Arguments:
        env: gives the database "bank", the broker and the clock.
    """

    def __init__(self, env: Environment) -> None:
        """Start the worker; it does nothing before its first tick."""
        self.env = env
        self.worker = self.outbox_worker()

    def install(self, opening: dict[str, int]) -> None:
        """Create the overview's tables and open the accounts."""
        db = self.db()
        db.executescript(SCHEMA)
        db.executemany("INSERT INTO accounts VALUES (?, ?)", list(opening.items()))

    def db(self) -> sqlite3.Connection:
        """A connection of the pool."""
        connection: sqlite3.Connection = self.env.connect("bank", isolation_level=None)
        return connection

    # Writer:

    def execute(self, key: str, account: str, amount: int) -> Outcome:  # noqa: ARG002 - the overview knows no keys
        """Withdraw; an error that is returned reaches the client."""
        err = self.withdraw_with_outbox(account, float(amount))
        if err is not None:
            raise err
        return Outcome.OK

    def withdraw_with_outbox(self, user_id: str, amount: float) -> Exception | None:
        """`func WithdrawWithOutbox(userID int64, amount float64) error`."""
        tx = self.db()
        tx.execute("BEGIN")
        try:
            # 1. Business logic
            with suppress(sqlite3.Error):
                tx.execute("UPDATE accounts SET balance = balance - ? WHERE user_id = ?", (amount, user_id))
            # 2. Insert to outbox (same transaction!)
            event = {"Type": "MoneyWithdrawn", "UserID": user_id, "Amount": amount}
            event_json = json.dumps(event)
            with suppress(sqlite3.Error):
                tx.execute(
                    "INSERT INTO outbox (event_type, payload, created_at) VALUES (?, ?, ?)",
                    (event["Type"], event_json, self.env.clock.now()),
                )
            # 3. Commit (atomic!)
            return error_of(tx.commit)
        finally:
            tx.rollback()
            tx.close()

    # Worker:

    def relay(self) -> None:
        """One tick of the worker's loop."""
        next(self.worker)

    def outbox_worker(self) -> Iterator[None]:
        """`func OutboxWorker(db *sql.DB, queue MessageQueue)`."""
        while True:
            self.tick()
            yield

    def tick(self) -> None:
        """The body of the loop."""
        rows: sqlite3.Cursor | None = None
        with suppress(sqlite3.Error):
            rows = self.db().execute("SELECT id, event_type, payload FROM outbox WHERE published = false LIMIT 100")
        for id_, event_type, payload in rows:  # type: ignore[union-attr] # as in Go: rows may be nil
            # Publish
            try:
                self.env.broker.publish(str(id_), json.loads(payload)["UserID"], payload, topic=event_type)
            except (BrokerRefused, BrokerTimeout):
                continue  # Retry later
            # Mark as published
            with suppress(sqlite3.Error):
                self.db().execute("UPDATE outbox SET published = true WHERE id = ?", (id_,))

    def balances(self) -> dict[str, int]:
        """The balance of every account."""
        return dict(self.db().execute("SELECT user_id, balance FROM accounts").fetchall())


class NaiveInOrder(NaiveOutbox):
    """The overview's worker, declared to keep the order of an account's messages."""

    capabilities: ClassVar[frozenset[str]] = frozenset({"ordered"})


def error_of(commit: object) -> Exception | None:
    """What Go's `tx.Commit()` returns."""
    try:
        commit()  # type: ignore[operator]
    except sqlite3.Error as error:
        return error
    return None


DEFECTS: tuple[Defect, ...] = (
    Defect("S6.1", "a failed INSERT is ignored: a withdrawal without its event", NaiveOutbox, ("OB1", "OB3"), "one process"),
    Defect("S6.2", "an UPDATE of no rows still emits MoneyWithdrawn", NaiveOutbox, ("OB2",), "invalid requests"),
    Defect("S6.2 funds", "nothing checks that the funds suffice", NaiveOutbox, ("G2",), "invalid requests"),
    Defect("S6.5", "money is a float", NaiveOutbox, ("G12",), "one process"),
    Defect("S6.6", "after a failure the worker goes on, past an event of the same account", NaiveInOrder, ("OB4",), "one process"),
    Defect("S6.8", "a failed query leaves nil rows, and the panic ends the worker", NaiveOutbox, ("OB12",), "one process"),
    Defect("S6.9", "two workers publish the same rows", NaiveOutbox, ("OB5",), "two funded withdrawals"),
    Defect("S6.11", "a hundred poison rows fill every LIMIT 100", NaiveOutbox, ("OB8",), "poison"),
)

NOT_EXHIBITED: dict[str, str] = {
    "S6.3": "an event of a text and a finite number always marshals; the port offers nothing else",
    "S6.4": "the port's broker takes no message without id and key, so the translation has to pass some",
    "S6.7": "rows that are read to their end close themselves, and the pool of the port is not limited to one connection",
    "S6.10": "one lost mark excuses one further copy; for more, the mark would have to fail again and again",
    "S6.12": "every row of the table can be scanned, since only this code writes it",
    "S6.13": "reading on in a result is no scheduling point of the world, so it never fails half way",
    "S6.14": "publishing at the port always waits for the confirm",
    "S6.15": "rows that are never cleaned away take space, which no outsider sees",
    "S6.16": "created_at is written but never used for ordering",
    "S6.17": "a process ends by crashing; there is no orderly stop that could be missing",
}
