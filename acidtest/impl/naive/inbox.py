"""The overview's consumer: it names the inbox, and asks for consumers that are idempotent, but shows only this one (its section 3).

    func (s *AccountService) HandlePaymentFailed(event Event) {
        tx, _ := s.db.Begin()
        defer tx.Rollback()
        // Refund
        tx.Exec("UPDATE accounts SET balance = balance + $1", event.Amount)
        tx.Exec("UPDATE saga_log SET status = 'compensated' WHERE tx_id = $1", event.TxID)
        tx.Commit()
    }

From Go, statement for statement. Ignored errors stay ignored. `event` is what the payload says, and its `TxID` the message's id; a
withdrawal is the statement of `Withdraw`, beside it. Neither has a WHERE for the account: where that would hide all else, one is added.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.impl.naive import Defect

if TYPE_CHECKING:
    from acidtest.environment import Delivery, Environment

SCHEMA = """
    CREATE TABLE accounts (user_id TEXT PRIMARY KEY, balance INTEGER);
    CREATE TABLE saga_log (tx_id TEXT PRIMARY KEY, status TEXT);
"""


class NaiveConsumer:
    """The overview's handler.

    Arguments:
        env: gives the database "bank".
    """

    update: ClassVar[dict[str, str]] = {
        "deposit": "UPDATE accounts SET balance = balance + :amount",
        "withdrawal": "UPDATE accounts SET balance = balance - :amount",
    }

    def __init__(self, env: Environment) -> None:
        """Keep the environment."""
        self.env = env

    def install(self, opening: dict[str, int]) -> None:
        """Create the overview's tables and open the accounts."""
        db = self.db()
        db.executescript(SCHEMA)
        db.executemany("INSERT INTO accounts VALUES (?, ?)", list(opening.items()))

    def db(self) -> sqlite3.Connection:
        """A connection of the pool."""
        connection: sqlite3.Connection = self.env.connect("bank", isolation_level=None)
        return connection

    def handle(self, message: Delivery) -> None:
        """`func (s *AccountService) HandlePaymentFailed(event Event)`; what is no event has no amount."""
        event: dict[str, Any] = {"type": "deposit", "account": "", "amount": 0}
        with suppress(ValueError):
            event = json.loads(message.payload)
        tx = self.db()
        try:
            with suppress(sqlite3.Error):
                tx.execute("BEGIN")
            # Refund
            with suppress(sqlite3.Error):
                tx.execute(self.update[event["type"]], event)
            with suppress(sqlite3.Error):
                tx.execute("UPDATE saga_log SET status = 'compensated' WHERE tx_id = ?", (message.id,))
            with suppress(sqlite3.Error):
                tx.commit()
        finally:
            tx.rollback()
            tx.close()

    def balances(self) -> dict[str, int]:
        """The balance of every account."""
        return dict(self.db().execute("SELECT user_id, balance FROM accounts").fetchall())


class NaiveOfOneAccount(NaiveConsumer):
    """The overview's handler, with the WHERE that it lacks."""

    update: ClassVar[dict[str, str]] = {kind: f"{text} WHERE user_id = :account" for kind, text in NaiveConsumer.update.items()}


DEFECTS: tuple[Defect, ...] = (
    Defect("S3.1", "the UPDATE has no WHERE: a refund credits everybody", NaiveConsumer, ("G1",), "no id"),
    Defect("S3.8", "nothing checks that the funds suffice", NaiveOfOneAccount, ("G2",), "no funds"),
    Defect("S3.9", "nothing remembers the event: one that comes again is refunded again", NaiveOfOneAccount, ("IB1",), "one message"),
    Defect("S3.9 at once", "two at the same event refund it twice", NaiveOfOneAccount, ("IB8",), "redelivery in flight"),
    Defect("S3.9 rows", "an UPDATE of no rows, or of an event that cannot be read, passes for handled", NaiveOfOneAccount, ("G9",), "poison"),
    Defect("S3.11", "the amount is the event's: one id with two payloads is two refunds", NaiveOfOneAccount, ("IB9",), "other payload"),
    Defect("S3.12", "a failed statement or COMMIT is swallowed, and the event is acknowledged", NaiveOfOneAccount, ("IB6",), "one message"),
)

NOT_EXHIBITED: dict[str, str] = {
    "S3.6": "the handler inserts nothing into saga_log, so no INSERT of a duplicate can fail",
    "S3.10": "the port's deposits stand for themselves: there is no debit that could be missing or come late",
    "S3.13": "the port gives every event an id, although the handler does not use it",
    "S3.16": "no row of saga_log is ever there to be updated, for the port has no saga that would have written it",
    "S3.18": "a Begin that fails leaves tx nil in Go, and the panic ends the process; Python's connection is there all the same",
}
