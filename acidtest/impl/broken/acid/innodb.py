"""Mutants that rely on what other databases do and MariaDB does not: on SQLite they are right.

At REPEATABLE READ, its default, plain reads are of a snapshot and everything else is of now, and nobody is told. A statement
that fails leaves its transaction as it was, unless it was the victim of a deadlock: that ends the transaction. DDL commits. What
is not there cannot be locked, but for the gap where it would be, which is not locked at READ COMMITTED.

Sources: MariaDB Knowledge Base, "InnoDB Lock Modes", "SQL statements That Cause an Implicit Commit", "innodb_rollback_on_timeout".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import DBAPIError

from acidtest.environment import Outcome
from acidtest.impl.acid import ATTEMPTS, Transfer, Transfers, accounts, answered, requests
from acidtest.impl.broken.acid.levels import LostUpdateInside

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

TIMED_OUT, DEADLOCK = 1205, 1213

_upsert = mysql.insert(accounts)
_upsert = _upsert.on_duplicate_key_update(balance=accounts.c.balance + _upsert.inserted.balance)
_known_for_update = answered.with_for_update()
_make_sure = sa.schema.CreateTable(requests, if_not_exists=True)


class LostUpdateAtRepeatableRead(LostUpdateInside):
    """Reads the balances and writes new ones in one transaction, at REPEATABLE READ, where PostgreSQL would refuse to (P4)."""

    level = "REPEATABLE READ"


class TimeoutTakenForRollback(Transfers):
    """Takes a lock wait time-out for the end of the transaction, and begins anew in what is still open (ACID-A, G4).

    It finds the key that it has claimed itself, and commits the debit without the credit.
    """

    def _attempt(self, request: Transfer) -> Outcome:
        with self.engine.begin() as connection:
            return _again_after(TIMED_OUT, lambda: self._answered(connection, request) or self._decide(connection, request))


class UpsertDeadlocks(Transfers):
    """Credits by an upsert, and repeats that alone where it was the victim of a deadlock: the debit was rolled back (ACID-A)."""

    def _move(self, connection: sa.Connection, request: Transfer) -> bool:
        return self._debit(connection, request) and _again_after(DEADLOCK, lambda: self._credit(connection, request))

    def _credit(self, connection: sa.Connection, request: Transfer) -> bool:
        connection.execute(_upsert, {"id": request.target, "balance": request.amount})
        return True


class LocksWhatIsNotThere(Transfers):
    """Locks the key by SELECT … FOR UPDATE before there is a row, and claims it last: at READ COMMITTED nothing is locked (G3)."""

    level = "READ COMMITTED"

    def _answered(self, connection: sa.Connection, request: Transfer) -> Outcome | None:
        known = connection.execute(_known_for_update, {"k": request.key}).one_or_none()
        if known is None:
            return None
        return Outcome(known.outcome) if (known.source, known.target, known.amount) == request[1:] else Outcome.REJECTED

    def _decide(self, connection: sa.Connection, request: Transfer) -> Outcome:
        outcome = Outcome.OK if self._move(connection, request) else Outcome.REJECTED
        connection.execute(self.claim, request._asdict())
        connection.execute(sa.update(requests).where(requests.c.key == request.key).values(outcome=outcome.value))
        return outcome


class DefinesInside(Transfers):
    """Makes sure, between debit and credit, that a table is there: any DDL commits (ACID-A)."""

    def _credit(self, connection: sa.Connection, request: Transfer) -> bool:
        connection.execute(_make_sure)
        return super()._credit(connection, request)


def _again_after(code: int, attempt: Callable[[], Result]) -> Result:
    """Try again after an error of that number, a few times."""
    for _ in range(ATTEMPTS - 1):
        try:
            return attempt()
        except DBAPIError as error:
            if code not in getattr(error.orig, "args", ()):
                raise
    return attempt()
