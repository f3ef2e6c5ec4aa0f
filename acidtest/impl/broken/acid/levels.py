"""Mutants that are right at one level of isolation and wrong below it; on SQLite, whose transactions are serializable, right.

Everything is done in one transaction, and what had no effect is tried again. What is left to go wrong is what the level of
isolation allows: by default PostgreSQL's is READ COMMITTED.

Source: Berenson et al., "A critique of ANSI SQL isolation levels", 1995 (P4, A5A, A5B).
"""

from __future__ import annotations

import sqlalchemy as sa

from acidtest.environment import Outcome
from acidtest.impl.acid import Transfer, Transfers, accounts
from acidtest.impl.broken.acid.isolation import ReadsFirst, WriteSkew


class ReadsInside(ReadsFirst):
    """Decides by balances that it reads in the transaction that writes."""

    def _attempt(self, request: Transfer) -> Outcome:
        with self.engine.begin() as connection:
            return self._answered(connection, request) or self._judge(connection, request, self._balances(connection))

    def _balances(self, connection: sa.Connection) -> dict[str, int]:
        return {row.id: row.balance for row in connection.execute(sa.select(accounts.c.id, accounts.c.balance))}


class LostUpdateInside(ReadsInside):
    """Reads the balances and writes new ones in one transaction, below REPEATABLE READ (P4)."""


class WriteSkewInside(ReadsInside, WriteSkew):
    """Checks the sum of an account's movements and adds one, in one transaction, below SERIALIZABLE (G2)."""

    def _balances(self, connection: sa.Connection) -> dict[str, int]:
        return self._sums(connection)


class ReadSkewInside(Transfers):
    """Reads one account after the other in one transaction, below REPEATABLE READ (ACID-I.SI)."""

    def _read(self) -> dict[str, int]:
        one = sa.select(accounts.c.balance).where(accounts.c.id == sa.bindparam("k"))
        with self.engine.connect() as connection:
            names = connection.scalars(sa.select(accounts.c.id).order_by(accounts.c.id)).all()
            return {name: connection.execute(one, {"k": name}).scalar_one() for name in names}
