"""Mutants that lack isolation: they read outside of the transaction that writes, or read more than was committed.

SQLite has one writer per file, and refuses a transaction that read, and writes after another one has committed. So on it
a race needs something outside the transaction that writes: a read before it, two transactions instead of one, or memory.
That is how Python's sqlite3 behaves by default (a SELECT does not begin a transaction), and how PostgreSQL behaves inside
of one transaction at its default level.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from acidtest.environment import Outcome
from acidtest.impl.acid import ATTEMPTS, Transfer, Transfers, accounts, credit, metadata, refuse
from acidtest.impl.dialects import Name

if TYPE_CHECKING:
    from acidtest.environment import Environment


def tables_with(table: str = "accounts", *extra: sa.Column[Any]) -> sa.MetaData:
    """The reference's tables without their CHECKs, one of them with more columns."""
    copy = sa.MetaData()
    for original in metadata.sorted_tables:
        columns = (sa.Column(c.name, c.type, primary_key=c.primary_key) for c in original.columns)
        sa.Table(original.name, copy, *columns)
    for column in extra:
        copy.tables[table].append_column(column)
    return copy


# Reads outside of the transaction that writes.

_set_balance = sa.text("UPDATE accounts SET balance = :balance WHERE id = :account")
debit_anyway = sa.text("UPDATE accounts SET balance = balance - :amount WHERE id = :source")


class ReadsFirst(Transfers):
    """Decides by balances that it was given."""

    def _attempt(self, request: Transfer) -> Outcome:
        balances = self.balances()
        with self.engine.begin() as connection:
            return self._answered(connection, request) or self._judge(connection, request, balances)

    def _judge(self, connection: sa.Connection, request: Transfer, balances: dict[str, int]) -> Outcome:
        if request.target not in balances or balances.get(request.source, 0) < request.amount:
            connection.execute(refuse, {"k": request.key})
            return Outcome.REJECTED
        self._write(connection, request, balances)
        return Outcome.OK

    def _write(self, connection: sa.Connection, request: Transfer, balances: dict[str, int]) -> None:
        source, target, amount = request.source, request.target, request.amount
        connection.execute(_set_balance, {"account": source, "balance": balances[source] - amount})
        connection.execute(_set_balance, {"account": target, "balance": balances[target] + amount})


class RmwLostUpdate(ReadsFirst):
    """Reads the balances, then writes absolute values in another transaction (P4)."""


class StaleDebit(ReadsFirst):
    """Computes the payer's balance from what it read before the transaction, and credits the payee as it should (P4)."""

    def _write(self, connection: sa.Connection, request: Transfer, balances: dict[str, int]) -> None:
        left = balances[request.source] - request.amount
        connection.execute(_set_balance, {"account": request.source, "balance": left})
        self._credit(connection, request)


class CheckOutsideTx(ReadsFirst):
    """Checks the funds before the transaction begins, and debits unconditionally in it (G2)."""

    metadata = tables_with()

    def _write(self, connection: sa.Connection, request: Transfer, balances: dict[str, int]) -> None:  # noqa: ARG002
        connection.execute(debit_anyway, request._asdict())
        connection.execute(credit, request._asdict())


class VersionCheckThenWrite(ReadsFirst):
    """Compares versions in one step and writes in the next (P4)."""

    metadata = tables_with("accounts", sa.Column("version", sa.Integer, server_default="0"))

    def _attempt(self, request: Transfer) -> Outcome:
        balances, versions = self.balances(), self._versions()
        while self._versions() != versions:
            balances, versions = self.balances(), self._versions()
        with self.engine.begin() as connection:
            return self._answered(connection, request) or self._judge(connection, request, balances)

    def _versions(self) -> list[tuple[str, int]]:
        with self.engine.connect() as connection:
            return [(a, v) for a, v in connection.execute(sa.text("SELECT id, version FROM accounts"))]

    def _write(self, connection: sa.Connection, request: Transfer, balances: dict[str, int]) -> None:
        super()._write(connection, request, balances)
        both = {"source": request.source, "target": request.target}
        connection.execute(sa.text("UPDATE accounts SET version = version + 1 WHERE id IN (:source, :target)"), both)


class RetryKeepsStaleRead(ReadsFirst):
    """Half a fix: reads in the transaction, but a retry after a conflict goes on with what was read before (P4)."""

    def _insist(self, request: Transfer) -> Outcome:
        balances: dict[str, int] | None = None
        for _ in range(ATTEMPTS):
            try:
                with self.engine.begin() as connection:
                    if balances is None:
                        balances = {a.id: a.balance for a in connection.execute(sa.select(accounts))}
                    return self._answered(connection, request) or self._judge(connection, request, balances)
            except DBAPIError as error:
                if not self._had_no_effect(error):
                    raise
        return self._attempt(request)


# An account is a root row with movements as its children.

_movements = sa.Table(
    "movements", tables_with("accounts", sa.Column("version", sa.Integer, server_default="0")),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("account", Name, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
)  # fmt: skip
_sums = sa.text(
    "SELECT id, balance + (SELECT coalesce(sum(amount), 0) FROM movements WHERE account = id) AS balance FROM accounts"
)


class WriteSkew(ReadsFirst):
    """Checks the sum of an account's movements by a SELECT, then adds a movement: two payers do not conflict (G2).

    On SQLite the SELECT must be outside of the transaction that writes: its transactions are serializable.
    """

    metadata = _movements.metadata

    def balances(self) -> dict[str, int]:
        with self.engine.connect() as connection:
            return self._sums(connection)

    def _sums(self, connection: sa.Connection) -> dict[str, int]:
        return {row.id: int(row.balance) for row in connection.execute(_sums)}

    def _write(self, connection: sa.Connection, request: Transfer, balances: dict[str, int]) -> None:  # noqa: ARG002
        out = {"account": request.source, "amount": -request.amount}
        connection.execute(sa.insert(_movements), [out, {"account": request.target, "amount": request.amount}])


class ChildEditSkipsRootVersion(WriteSkew):
    """Compares the version of the account that it loaded, but adding a movement does not raise that version (G2)."""

    def _attempt(self, request: Transfer) -> Outcome:
        while True:
            with self.engine.connect() as connection:
                version = self._version(connection, request)
            balances = self.balances()
            with self.engine.begin() as connection:
                known = self._answered(connection, request)
                if known is not None or self._version(connection, request) == version:
                    return known or self._judge(connection, request, balances)
                connection.rollback()

    def _version(self, connection: sa.Connection, request: Transfer) -> int | None:
        sql = sa.text("SELECT version FROM accounts WHERE id = :source")
        version: int | None = connection.scalar(sql, {"source": request.source})
        return version


# Reads.


class CacheLeaksUncommitted(Transfers):
    """Serves readers from the objects that an open transaction has changed (ACID-I.RC)."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.live: dict[str, int] = {}

    def balances(self) -> dict[str, int]:
        return super().balances() | self.live

    def _attempt(self, request: Transfer) -> Outcome:
        try:
            return super()._attempt(request)
        finally:
            self.live.clear()

    def _move(self, connection: sa.Connection, request: Transfer) -> bool:
        moved = super()._move(connection, request)
        changed = sa.select(accounts).where(accounts.c.id.in_([request.source, request.target]))
        self.live.update({a.id: a.balance for a in connection.execute(changed)})
        return moved


class CacheOfOneProcess(Transfers):
    """Half a fix: the cache holds committed balances, but only this process's transfers clear it (ACID-I)."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.cache: dict[str, int] = {}

    def balances(self) -> dict[str, int]:
        self.cache = self.cache or super().balances()
        return self.cache

    def _insist(self, request: Transfer) -> Outcome:
        try:
            return super()._insist(request)
        finally:
            self.cache = {}


class ReadsAccountByAccount(Transfers):
    """Reads every account in a transaction of its own (ACID-I.SI)."""

    def balances(self) -> dict[str, int]:
        found = {}
        with self.engine.connect() as connection:
            names = connection.scalars(sa.select(accounts.c.id)).all()
        for name in names:
            with self.engine.connect() as connection:
                found[name] = connection.scalar(sa.select(accounts.c.balance).where(accounts.c.id == name))
        return found  # type: ignore[return-value]


class WritesBackAll(Transfers):
    """Writes back every account that it has read before, also those that it does not change (P4, G5)."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.seen: dict[str, dict[str, int]] = {}

    def _attempt(self, request: Transfer) -> Outcome:
        self.seen[request.key] = self._read()
        return super()._attempt(request)

    def _move(self, connection: sa.Connection, request: Transfer) -> bool:
        moved = super()._move(connection, request)
        for name, balance in self.seen[request.key].items():
            if moved and name not in (request.source, request.target):
                connection.execute(sa.update(accounts).where(accounts.c.id == name).values(balance=balance))
        return moved
