"""The overview's two-phase commit (its section 2), `Coordinator.ExecuteTransaction`: Go, statement for statement.

Ignored errors stay ignored. The overview does not spell out its statement (`UPDATE ...`): here it is what the
operations of the port say, in one transaction per database. An error is returned after "rollback all", so at the port
it means rejected. Nothing is ever prepared, so nothing is ever in doubt, and recovery has nothing to go by.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

from acidtest.environment import Outcome
from acidtest.impl.naive import Defect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.environment import Environment

DATABASES = ("left", "right", "third")
UPDATE = "UPDATE accounts SET balance = balance + ? WHERE id = ?"


class NaiveCoordinator:
    """The overview's coordinator.

    Arguments:
        env: gives the databases.
    """

    def __init__(self, env: Environment) -> None:
        """Keep the environment."""
        self.env = env

    def install(self, opening: dict[str, dict[str, int]]) -> None:
        """Create the tables and open the accounts."""
        for name, accounts in opening.items():
            db = self.db(name)
            db.execute("CREATE TABLE accounts (id TEXT PRIMARY KEY, balance INTEGER CHECK (balance >= 0))")
            db.executemany("INSERT INTO accounts VALUES (?, ?)", list(accounts.items()))

    def db(self, name: str) -> sqlite3.Connection:
        """A connection of the pool of `name`."""
        connection: sqlite3.Connection = self.env.connect(name, isolation_level=None)
        return connection

    def run(self, key: str, operations: Sequence[tuple[str, str, int]]) -> Outcome:  # noqa: ARG002 - it knows no keys
        """Execute the transaction; an error says that all was rolled back."""
        databases = list(dict.fromkeys(name for name, _, _ in operations))
        if not operations or not set(databases) <= set(DATABASES):
            return Outcome.REJECTED
        err = self.execute_transaction(databases, operations)
        return Outcome.OK if err is None else Outcome.REJECTED

    def execute_transaction(
        self, databases: list[str], operations: Sequence[tuple[str, str, int]]
    ) -> Exception | None:
        """`func (c *Coordinator) ExecuteTransaction() error`."""
        txns = []

        # PHASE 1: PREPARE
        for name in databases:
            tx = self.db(name)
            tx.execute("BEGIN")
            txns.append(tx)

            # Do work in transaction
            for database, account, change in operations:
                if database == name:
                    self.work(tx, account, change)

            # Don't commit yet!

        # PHASE 2: COMMIT (or ROLLBACK all)
        for tx in txns:
            err = self.commit(tx)
            if err is not None:
                # Rollback all
                for t in txns:
                    with suppress(sqlite3.Error):
                        t.rollback()
                return err

        return None

    def work(self, tx: sqlite3.Connection, account: str, change: int) -> None:
        """`tx.Exec("UPDATE ...")`."""
        with suppress(sqlite3.Error):
            tx.execute(UPDATE, (change, account))

    def commit(self, tx: sqlite3.Connection) -> Exception | None:
        """`tx.Commit()`."""
        try:
            tx.commit()
        except sqlite3.Error as error:
            return error
        return None

    def recover(self) -> None:
        """Do nothing: the overview has no recovery."""

    def balances(self, database: str) -> dict[str, int]:
        """The balance of every account of `database`."""
        return dict(self.db(database).execute("SELECT id, balance FROM accounts").fetchall())

    def in_doubt(self, database: str) -> list[str]:  # noqa: ARG002
        """Nothing: there is no prepare."""
        return []


class NaiveChecked(NaiveCoordinator):
    """The overview's coordinator, except that the error of a statement is not ignored."""

    def work(self, tx: sqlite3.Connection, account: str, change: int) -> None:
        """`tx.Exec("UPDATE ...")`; its error reaches the client, and the open transactions are dropped."""
        tx.execute(UPDATE, (change, account))


class NaiveHonest(NaiveChecked):
    """Likewise, and an error after the first commit is not called a rollback."""

    def execute_transaction(
        self, databases: list[str], operations: Sequence[tuple[str, str, int]]
    ) -> Exception | None:
        """Count the commits; raise the error where there was one before it."""
        self.committed = 0
        err = super().execute_transaction(databases, operations)
        if err is not None and self.committed:
            raise err
        return err

    def commit(self, tx: sqlite3.Connection) -> Exception | None:
        """`tx.Commit()`, counted."""
        err = super().commit(tx)
        self.committed += err is None
        return err


_LOST, _CRASH, _RETRY = "lost replies", "crash in recovery", "recovery beside a retry"

DEFECTS: tuple[Defect, ...] = (
    Defect("S2.1", "no prepare: phase two is one commit after the other", NaiveCoordinator, ("AC3",), _LOST),
    Defect("S2.2", "rolling back what is committed does nothing: a mixed outcome", NaiveChecked, ("AC5",), _RETRY),
    Defect(
        "S2.3", "a failed statement is ignored: nobody can vote no", NaiveCoordinator, ("AC1", "AC5"),
        "the last cannot pay",
    ),
    Defect("S2.5", "no log, no recovery: a crash between commits is final", NaiveCoordinator, ("G10",), _CRASH),
    Defect("S2.6", "a crash rolls back the rest, what is committed stays", NaiveCoordinator, ("AC5",), _CRASH),
    Defect("S2.7", "a commit that returned an error may have committed", NaiveHonest, ("G4",), _LOST),
    Defect("S2.8", "a commit is not tried again", NaiveChecked, ("AC5",), _RETRY),
    Defect(
        "S2.11", "no order of the databases: a deadlock that none of them sees", NaiveCoordinator, ("G9",),
        "opposite runs",
    ),
    Defect("S2.14", "aborted and partly committed are told alike", NaiveChecked, ("G4",), _RETRY),
)  # fmt: skip

NOT_EXHIBITED: dict[str, str] = {
    "S2.4": "on SQLite BEGIN reads and locks nothing, so it does not fail",
    "S2.9": "no effect of the world takes for ever; a lock that nobody releases shows as S2.11",
    "S2.10": "on SQLite a rollback does not fail",
    "S2.12": "the overview leaves the statement out; the port's operations give one per database and account",
    "S2.13": "what the text claims; even real two-phase commit shows one database before the other (N2)",
}
