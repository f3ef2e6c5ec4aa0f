"""The overview's reserve/confirm (its section 8), `WithdrawCash`: Go, statement for statement.

The overview leaves out what `reserveMoney`, `refundMoney` and `confirmWithdrawal` do; its scheme says: a hold that lowers
what is available, "release hold", "deduct". An error that is returned means at the port that nothing was withdrawn,
since that is how the overview's client reads it. There is no key of the client's, no recovery, no status of an order and
no reconciliation, so the methods of the port for these do nothing.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

from acidtest.environment import ExternalRefused, ExternalTimeout, Outcome, Receipt, Status
from acidtest.impl.naive import Defect

if TYPE_CHECKING:
    from acidtest.environment import Environment

SCHEMA = """
    CREATE TABLE accounts (user_id TEXT PRIMARY KEY, balance REAL, held REAL DEFAULT 0);
    CREATE TABLE holds (txn_id TEXT PRIMARY KEY, user_id TEXT, amount REAL);
"""


class NaiveWithdrawals:
    """The overview's withdrawal.

    Arguments:
        env: gives the database "bank" and the cash machine "atm".
    """

    number = float

    def __init__(self, env: Environment) -> None:
        """Keep the environment."""
        self.env = env

    def install(self, opening: dict[str, int]) -> None:
        """Create the tables and open the accounts."""
        db = self.db()
        db.executescript(SCHEMA if self.number is float else SCHEMA.replace("REAL", "INTEGER"))
        db.executemany("INSERT INTO accounts (user_id, balance) VALUES (?, ?)", list(opening.items()))

    def db(self) -> sqlite3.Connection:
        """A connection of the pool."""
        connection: sqlite3.Connection = self.env.connect("bank", isolation_level=None)
        return connection

    def withdraw(self, client_key: str, user: str, amount: int) -> Outcome:  # noqa: ARG002 - the overview knows no keys
        """Withdraw; an error says that it failed."""
        return Outcome.OK if self.withdraw_cash(user, amount) is None else Outcome.REJECTED

    def withdraw_cash(self, user_id: str, amount: int) -> Exception | None:
        """`func WithdrawCash(userID int64, amount float64) error`."""
        # 1. Reserve
        txn_id, err = self.reserve_money(user_id, self.number(amount))
        if err is not None:
            return err

        # 2. Try external
        _success, err = self.dispense_cash(txn_id, amount)
        if err is not None:
            # 3b. Refund
            self.refund_money(txn_id)
            return err

        # 3a. Confirm
        return self.confirm_withdrawal(txn_id)

    def reserve_money(self, user_id: str, amount: float) -> tuple[str, Exception | None]:
        """Hold the money; the overview does not say how."""
        txn_id = self.env.new_id()
        try:
            db = self.db()
            db.execute("BEGIN IMMEDIATE")
            done = db.execute(
                "UPDATE accounts SET held = held + ? WHERE user_id = ? AND balance - held >= ? AND ? > 0",
                (amount, user_id, amount, amount),
            )
            db.execute("INSERT INTO holds VALUES (?, ?, ?)", (txn_id, user_id, amount))
            if done.rowcount == 0:
                db.rollback()
                return txn_id, ValueError("insufficient funds")
            db.commit()
        except sqlite3.Error as error:
            return txn_id, error
        return txn_id, None

    def dispense_cash(self, txn_id: str, amount: int) -> tuple[bool, Exception | None]:
        """`atmClient.DispenseCash(txnID, amount)`."""
        try:
            receipt = self.env.external("atm").perform(txn_id, amount)
        except (ExternalRefused, ExternalTimeout) as error:
            return False, error
        return receipt.status == Status.DONE, None

    def refund_money(self, txn_id: str) -> None:
        """Release the hold; the error is dropped."""
        self.end(txn_id, "UPDATE accounts SET held = held - ? WHERE user_id = ?", 1)

    def confirm_withdrawal(self, txn_id: str) -> Exception | None:
        """Deduct."""
        return self.end(txn_id, "UPDATE accounts SET held = held - ?, balance = balance - ? WHERE user_id = ?", 2)

    def end(self, txn_id: str, statement: str, amounts: int) -> Exception | None:
        """Take the hold away and change the account."""
        db = self.db()
        try:
            db.execute("BEGIN IMMEDIATE")
            user_id, amount = db.execute("SELECT user_id, amount FROM holds WHERE txn_id = ?", (txn_id,)).fetchone()
            db.execute("DELETE FROM holds WHERE txn_id = ?", (txn_id,))
            db.execute(statement, (*[amount] * amounts, user_id))
            db.commit()
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                db.rollback()
            return error
        return None

    # What the overview does not have:

    def on_callback(self, event: Receipt) -> None:
        """Do nothing."""

    def tick(self) -> None:
        """Do nothing."""

    def recover(self) -> None:
        """Do nothing."""

    def reconcile(self, statement: tuple[Receipt, ...]) -> None:
        """Do nothing."""

    def status(self, client_key: str) -> Outcome | None:  # noqa: ARG002
        """Nothing is known by a key of the client's."""
        return None

    def account(self, user: str) -> dict[str, int]:
        """The balance, what is held, and the rest."""
        balance, held = self.db().execute("SELECT balance, held FROM accounts WHERE user_id = ?", (user,)).fetchone()
        return {"balance": balance, "held": held, "available": balance - held}


class NaiveWhole(NaiveWithdrawals):
    """The overview's withdrawal, except that money is whole minor units."""

    number = int  # type: ignore[assignment]


_ONE = "one withdrawal"

DEFECTS: tuple[Defect, ...] = (
    Defect("S8.1", "success is never read: a declined order is booked", NaiveWhole, ("RC3", "G4"), "in part or not at all"),
    Defect("S8.2", "a timeout is taken for failure: the hold is gone, and so is the cash", NaiveWhole, ("RC2", "RC5"), _ONE),
    Defect("S8.3", "a crash after the cash machine has paid: nobody recovers", NaiveWhole, ("RC9",), "crash in recovery"),
    Defect("S8.4", "the error of the refund is dropped: the hold stays", NaiveWhole, ("G6",), _ONE),
    Defect("S8.5", "without a key of the client's, asking again pays again", NaiveWhole, ("RC4",), "same key"),
    Defect("S8.6", "a part that was paid is booked as the whole", NaiveWhole, ("RC3",), "in part or not at all"),
    Defect("S8.7", "no inquiry and no reconciliation: the books stay wrong", NaiveWhole, ("RC10",), "statement"),
    Defect("S8.10", "money is a float", NaiveWithdrawals, ("G12",), _ONE),
)

NOT_EXHIBITED: dict[str, str] = {
    "S8.8": "one call either releases or confirms, and nothing else does either: there is nobody to race with",
    "S8.9": "the name invites booking a release as a credit; the scheme says release hold (the mutant is release-is-credit)",
}
