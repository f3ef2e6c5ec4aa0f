"""`AccountService` of the overview (section 7), from Go, statement for statement.

    func (s *AccountService) Try(ctx context.Context, txID string) error {
        tx, _ := s.db.Begin()
        defer tx.Rollback()
        // Reserve
        tx.Exec("INSERT INTO account_holds (tx_id, amount, status) VALUES ($1, $2, 'try')", txID, amount)
        return tx.Commit()
    }

Ignored errors stay ignored; a returned error is an exception. The text defines neither the amount nor the account, and
shows no tables: the port's amount is passed on, the account has nowhere to go, and `tx_id` is the primary key that an
INSERT of a hold asks for. Nothing in it says what may be spent, so that is the balance.

`ExecuteTCC` is a coordinator, which the harness plays here; its translation stands in `tcc_coordinator`.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, ClassVar

from acidtest.environment import Outcome
from acidtest.impl.naive import Defect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acidtest.environment import Environment


class NaiveAccountService:
    """The overview's account service.

    Arguments:
        env: gives the database "bank".
    """

    schema: ClassVar[str] = """
        CREATE TABLE accounts (id TEXT PRIMARY KEY, balance INTEGER);
        CREATE TABLE account_holds (tx_id TEXT PRIMARY KEY, amount INTEGER, status TEXT);
    """
    reserve: ClassVar[str] = "INSERT INTO account_holds (tx_id, amount, status) VALUES (:tx, :amount, 'try')"
    finalize: ClassVar[str] = "UPDATE accounts SET balance = balance - (SELECT amount FROM account_holds WHERE tx_id = :tx)"
    spendable: ClassVar[str] = "SELECT id, balance FROM accounts"

    def __init__(self, env: Environment) -> None:
        """Keep the environment."""
        self.env = env

    def install(self, opening: dict[str, int]) -> None:
        """Create the tables and open the accounts."""
        db = self.db()
        db.executescript(self.schema)
        db.executemany("INSERT INTO accounts VALUES (?, ?)", list(opening.items()))

    def db(self) -> sqlite3.Connection:
        """A connection of the pool."""
        connection: sqlite3.Connection = self.env.connect("bank", isolation_level=None)
        return connection

    @contextmanager
    def begin(self) -> Iterator[sqlite3.Connection]:
        """`tx, _ := s.db.Begin(); defer tx.Rollback()`, and `return tx.Commit()` at the end."""
        tx = self.db()
        tx.execute("BEGIN")
        try:
            yield tx
            tx.commit()
        finally:
            tx.rollback()
            tx.close()

    def try_(self, gid: str, branch: str, account: str, amount: int) -> Outcome:  # noqa: ARG002 - a transaction, no branches
        """`Try`."""
        with self.begin() as tx, suppress(sqlite3.Error):
            # Reserve
            tx.execute(self.reserve, {"tx": gid, "amount": amount, "account": account})
        return Outcome.OK

    def confirm(self, gid: str, branch: str) -> Outcome:  # noqa: ARG002
        """`Confirm`."""
        with self.begin() as tx:
            # Finalize
            with suppress(sqlite3.Error):
                tx.execute(self.finalize, {"tx": gid})
            with suppress(sqlite3.Error):
                tx.execute("UPDATE account_holds SET status = 'confirmed' WHERE tx_id = :tx", {"tx": gid})
        return Outcome.OK

    def cancel(self, gid: str, branch: str) -> Outcome:  # noqa: ARG002
        """`Cancel`."""
        with self.begin() as tx, suppress(sqlite3.Error):
            # Compensate
            tx.execute("UPDATE account_holds SET status = 'cancelled' WHERE tx_id = :tx", {"tx": gid})
        return Outcome.OK

    def balance(self) -> dict[str, int]:
        """The balance of every account."""
        return dict(self.db().execute("SELECT id, balance FROM accounts").fetchall())

    def available(self) -> dict[str, int]:
        """What may be spent."""
        return dict(self.db().execute(self.spendable).fetchall())


class HoldsOfAccounts(NaiveAccountService):
    """The same, with the account in the hold, a Confirm of that account alone, and holds taken off what may be spent."""

    schema = """
        CREATE TABLE accounts (id TEXT PRIMARY KEY, balance INTEGER);
        CREATE TABLE account_holds (tx_id TEXT PRIMARY KEY, amount INTEGER, status TEXT, account TEXT);
    """
    reserve = "INSERT INTO account_holds (tx_id, amount, status, account) VALUES (:tx, :amount, 'try', :account)"
    finalize = f"{NaiveAccountService.finalize} WHERE id = (SELECT account FROM account_holds WHERE tx_id = :tx)"
    spendable = (
        "SELECT id, balance - (SELECT COALESCE(SUM(amount), 0) FROM account_holds WHERE account = id AND status = 'try') "
        "FROM accounts"
    )


DEFECTS: tuple[Defect, ...] = (
    Defect("S7.1", "nothing checks the funds, and Confirm overdraws", NaiveAccountService, ("G2",), "rejected requests"),
    Defect("S7.1 hold", "a hold does not reduce what may be spent", NaiveAccountService, ("G4",), "one branch"),
    Defect("S7.3", "the error of a second Try is ignored: ok for another amount", HoldsOfAccounts, ("G7",), "rejected requests"),
    Defect("S7.4", "Confirm is an UPDATE without WHERE: it debits every account", NaiveAccountService, ("G1",), "one branch"),
    Defect("S7.4 null", "Confirm without a hold makes every balance NULL", NaiveAccountService, ("G12",), "invalid requests"),
    Defect("S7.5", "a second Confirm debits again", HoldsOfAccounts, ("T3",), "one branch"),
    Defect("S7.6", "Confirm after Cancel and Cancel after Confirm are both accepted", HoldsOfAccounts, ("T6",), "rejected requests"),
    Defect("S7.7", "a Cancel without Try leaves no trace, and the late Try holds for ever", HoldsOfAccounts, ("T5",), "long pause"),
    Defect("S7.8", "the error of the INSERT is ignored: ok, and nothing is held", HoldsOfAccounts, ("G4",), "one branch"),
    Defect("S7.8 cancel", "the error of the UPDATE is ignored: cancelled, and still held", HoldsOfAccounts, ("T8",), "confirm or cancel"),
    Defect("S7.15", "a transaction has no branches: the second one here is not held", HoldsOfAccounts, ("G4",), "two branches"),
    Defect("S7.16", "nothing decides between a Confirm and a Cancel at the same time", HoldsOfAccounts, ("T6",), "confirm or cancel"),
)

_COORDINATOR = "about ExecuteTCC, the coordinator: see the naive version of tcc_coordinator"
NOT_EXHIBITED: dict[str, str] = {
    "S7.2": "amount and account are undefined in the text; a translation has to pass something",
    **{f"S7.{i}": _COORDINATOR for i in range(9, 14)},
    "S7.14": "a service must not let a hold expire on its own, so that it has no expiry is right",
    "S7.17": "a claim of the comparison table; the theory of the pattern refutes it",
}
