"""`TransferMoney` of the overview (section 1), from Go, statement for statement.

    func TransferMoney(fromID, toID int64, amount float64) error {
        tx, _ := db.Begin()
        defer tx.Rollback()
        tx.Exec("UPDATE accounts SET balance = balance - $1 WHERE id = $2", amount, fromID)
        tx.Exec("UPDATE accounts SET balance = balance + $1 WHERE id = $2", amount, toID)
        return tx.Commit()
    }

An error that Go code does not look at does not stop it, so `except` goes on here; a returned error is an exception. The
text says nothing of the table: `amount float64` asks for REAL. What it lacks (a key, a read, the table) is as plain as
can be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from acidtest.environment import Outcome
from acidtest.impl.naive import Defect

if TYPE_CHECKING:
    from acidtest.environment import Environment

_DEBIT = sa.text("UPDATE accounts SET balance = balance - :amount WHERE id = :id")
_CREDIT = sa.text("UPDATE accounts SET balance = balance + :amount WHERE id = :id")


class TransferMoney:
    """The overview's local ACID transfer.

    Arguments:
        env: gives the database "bank".
    """

    #: The type of the column `balance`.
    money: ClassVar[str] = "REAL"

    def __init__(self, env: Environment) -> None:
        """Keep the database."""
        self.db = env.engine("bank")

    def install(self, opening: dict[str, int]) -> None:
        """Create the table and open the accounts."""
        with self.db.begin() as connection:
            connection.execute(sa.text(f"CREATE TABLE accounts (id TEXT PRIMARY KEY, balance {self.money} NOT NULL)"))
            rows = [{"id": name, "balance": sum_} for name, sum_ in opening.items()]
            connection.execute(sa.text("INSERT INTO accounts VALUES (:id, :balance)"), rows)

    def transfer(self, key: str, source: str, target: str, amount: int) -> Outcome:
        """Move money; the key is of no use to it."""
        del key
        with self.db.connect() as connection:  # closing it is the deferred Rollback
            tx = connection.begin()
            try:
                connection.execute(_DEBIT, {"amount": amount, "id": source})
            except SQLAlchemyError:
                pass
            try:
                connection.execute(_CREDIT, {"amount": amount, "id": target})
            except SQLAlchemyError:
                pass
            tx.commit()
        return Outcome.OK

    def balances(self) -> dict[str, int]:
        """The balance of every account."""
        with self.db.connect() as connection:
            return {row.id: row.balance for row in connection.execute(sa.text("SELECT id, balance FROM accounts"))}


class IntegerMoney(TransferMoney):
    """The same in whole minor units."""

    money = "INTEGER"


class RewrittenWithReads(TransferMoney):
    """The same, with both balances read first and written as absolute values."""

    def transfer(self, key: str, source: str, target: str, amount: int) -> Outcome:
        """Move money."""
        del key
        with self.db.begin() as connection:
            have = {row.id: row.balance for row in connection.execute(sa.text("SELECT id, balance FROM accounts"))}
            write = sa.text("UPDATE accounts SET balance = :balance WHERE id = :id")
            connection.execute(write, {"balance": have.get(source, 0) - amount, "id": source})
            connection.execute(write, {"balance": have.get(target, 0) + amount, "id": target})
        return Outcome.OK


class FundsCheckedFirst(TransferMoney):
    """The same, with the missing check of the funds added as a SELECT before it."""

    def transfer(self, key: str, source: str, target: str, amount: int) -> Outcome:
        """Move money if there is enough."""
        if self.balances().get(source, 0) < amount:
            return Outcome.REJECTED
        return super().transfer(key, source, target, amount)


DEFECTS: tuple[Defect, ...] = (
    Defect("S1.1", "money is float64", TransferMoney, ("G12",), "one transfer"),
    Defect("S1.3", "the errors of both UPDATEs are ignored: half a transfer is committed", TransferMoney, ("ACID-A",), "one transfer"),
    Defect("S1.4", "an unknown payee destroys money, an unknown payer creates it", TransferMoney, ("ACID-C",), "rejected requests"),
    Defect("S1.5", "nothing keeps the payer from being overdrawn", TransferMoney, ("G2",), "competing transfers"),
    Defect("S1.6", "a negative amount takes money from the payee", IntegerMoney, ("G12",), "rejected requests"),
    Defect("S1.7", "a transfer to oneself creates money once the updates are absolute", RewrittenWithReads, ("ACID-C",), "rejected requests"),
    Defect("S1.9", "a check of the funds before it does not help: two transfers pass it at once", FundsCheckedFirst, ("G2",), "competing transfers"),
    Defect("S1.10", "an unanswered COMMIT looks like any error: the client asks again and pays twice", TransferMoney, ("G3",), "one transfer"),
)

NOT_EXHIBITED: dict[str, str] = {
    "S1.2": "BEGIN does not fail on SQLite: it reads and locks nothing before the first statement",
    "S1.8": "an SQLite file has one write lock, so two transfers cannot deadlock whatever their order",
    "S1.11": "time is virtual and locks are released by somebody else's step, so no call takes too long",
    "S1.12": "the port has no ledger: what took effect is read off the balances",
}
