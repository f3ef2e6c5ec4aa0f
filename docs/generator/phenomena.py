"""The programs of the page on levels of isolation that are not among the mutants: each relies on one thing that a level may lack."""

from __future__ import annotations

from typing import ClassVar

import sqlalchemy as sa

from acidtest.impl.acid import Transfer, accounts
from acidtest.impl.broken.acid.isolation import tables_with
from acidtest.impl.broken.acid.levels import ReadsInside, WriteSkewInside
from acidtest.impl.dialects import Name

_POTS = ("accounts", "reserves")


def _with_reserves() -> sa.MetaData:
    """The tables with a second one of balances, without checks."""
    metadata = tables_with()
    sa.Table("reserves", metadata, sa.Column("id", Name, primary_key=True), sa.Column("balance", sa.BigInteger, nullable=False))
    return metadata


class ItemWriteSkewInside(ReadsInside):
    """Keeps each account in two rows, checks the sum of both, and updates one of them: which depends on the key."""

    metadata: ClassVar[sa.MetaData] = _with_reserves()

    def install(self, opening: dict[str, int]) -> None:
        """Half of each balance is in either row."""
        self.metadata.create_all(self.engine)
        with self.engine.begin() as connection:
            for name, whole in opening.items():
                for pot, part in zip(_POTS, (whole - whole // 2, whole // 2), strict=True):
                    connection.execute(sa.text(f"INSERT INTO {pot} (id, balance) VALUES (:id, :balance)"), {"id": name, "balance": part})  # noqa: S608 - one of two names

    def _balances(self, connection: sa.Connection) -> dict[str, int]:
        rows = connection.execute(
            sa.text("SELECT a.id, a.balance + r.balance AS balance FROM accounts AS a JOIN reserves AS r ON r.id = a.id")
        )
        return {row.id: int(row.balance) for row in rows}

    def _read(self) -> dict[str, int]:
        with self.engine.connect() as connection:
            return self._balances(connection)

    def _write(self, connection: sa.Connection, request: Transfer, balances: dict[str, int]) -> None:  # noqa: ARG002
        pot = _POTS[int(request.key[-1]) % 2]
        for account, change in ((request.source, -request.amount), (request.target, request.amount)):
            statement = sa.text(f"UPDATE {pot} SET balance = balance + :change WHERE id = :account")  # noqa: S608 - one of two names
            connection.execute(statement, {"account": account, "change": change})


class PredicateReadSkewInside(WriteSkewInside):
    """Sums the movements of one account after the other, each by a condition, in one transaction."""

    def balances(self) -> dict[str, int]:
        """What the movements make of the opening balances."""
        return self._repeat(self._by_condition)

    def _by_condition(self) -> dict[str, int]:
        one = sa.text("SELECT coalesce(sum(amount), 0) FROM movements WHERE account = :account")
        with self.engine.connect() as connection:
            opened = {row.id: row.balance for row in connection.execute(sa.select(accounts.c.id, accounts.c.balance))}
            return {name: opened[name] + int(connection.scalar(one, {"account": name})) for name in sorted(opened)}


