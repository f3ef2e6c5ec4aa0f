"""Mutants of what is to be compensated: changes, their records and their keys."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from acidtest.environment import Outcome
from acidtest.impl.compensation import (
    BARRED,
    DONE,
    PARKED,
    Changes,
    Ledger,
    accounts,
    claim_key,
    keys,
    known,
    ledger_lock,
    metadata,
    settle,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

RETENTION = 30 * 86_400.0  #: seconds for which keys are kept, where they are not kept for ever


def tables_and(*more: tuple[str, tuple[str, ...]]) -> sa.MetaData:
    """The tables of the reference, and more: (name, names of columns) pairs."""
    extended = sa.MetaData()
    for table in metadata.tables.values():
        table.to_metadata(extended)
    for name, columns in more:
        sa.Table(name, extended, *(sa.Column(column, sa.Numeric(asdecimal=False)) for column in columns))
    return extended


def without_constraint(mutant: Ledger) -> None:
    """Create the accounts without their constraint."""
    with mutant.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE accounts (id TEXT PRIMARY KEY, balance INTEGER NOT NULL)")


# Changes and their records.


class RecordApart(Ledger):
    """Writes the record of a change in a transaction of its own, after it (CT10)."""

    def do(self, key: str, changes: Changes) -> Outcome:
        self.unwritten: list[tuple[str, str, int]] = []
        outcome = super().do(key, changes)
        with self.engine.begin() as connection:
            for entry in self.unwritten:
                super()._record(connection, *entry)
        return outcome

    def _record(self, connection: sa.Connection, key: str, account: str, amount: int) -> None:
        self.unwritten.append((key, account, amount))

    def undo(self, key: str) -> Outcome:
        self.unwritten = []
        outcome = super().undo(key)
        with self.engine.begin() as connection:
            for entry in self.unwritten:
                super()._record(connection, *entry)
        return outcome


class OutOfTurn(Ledger):
    """Takes the numbers of records for their order: where rows are locked, a later one may be committed first (CT8)."""

    take_turn = sa.select(ledger_lock.c.id)


class BalanceReadBefore(Ledger):
    """Reads balances before the transaction and writes them back changed (CT1, CT2)."""

    capabilities: ClassVar[frozenset[str]] = frozenset()

    def do(self, key: str, changes: Changes) -> Outcome:
        self.read: dict[str, int] = self.state()["balances"]
        return super().do(key, changes)

    def undo(self, key: str) -> Outcome:
        self.read = {}
        return super().undo(key)

    def _change(self, connection: sa.Connection, account: str, amount: int) -> bool:
        if account not in self.read:
            return super()._change(connection, account, amount)
        self.read[account] = after = self.read[account] + amount
        return after >= 0 and connection.execute(_set_balance, {"a": account, "after": after}).rowcount == 1


class WritesBackAll(Ledger):
    """Writes back every account that it has read before the transaction, also those that it does not change (CT1, CT2)."""

    capabilities: ClassVar[frozenset[str]] = frozenset()

    def do(self, key: str, changes: Changes) -> Outcome:
        self.read: dict[str, int] = self.state()["balances"]
        return super().do(key, changes)

    def _make(self, connection: sa.Connection, key: str, changes: Iterable[tuple[str, int]]) -> bool:
        made = super()._make(connection, key, changes)
        for account in self.read.keys() - {name for name, _ in changes}:
            if made:
                connection.execute(_set_balance, {"a": account, "after": self.read[account]})
        return made


_set_balance = sa.update(accounts).where(accounts.c.id == sa.bindparam("a")).values(balance=sa.bindparam("after"))


class RowcountUnchecked(Ledger):
    """Takes an UPDATE of no rows for a change, and records it (G1, G12)."""

    def _change(self, connection: sa.Connection, account: str, amount: int) -> bool:
        super()._change(connection, account, amount)
        return True


#: A change of a balance that nothing guards.
add = (
    sa.update(accounts)
    .where(accounts.c.id == sa.bindparam("account"))
    .values(balance=accounts.c.balance + sa.bindparam("amount"))
)


class FundsUnchecked(Ledger):
    """Spends what is not there, and no constraint stands in the way (G2)."""

    change = add

    def install(self, opening: dict[str, int]) -> None:
        without_constraint(self)
        super().install(opening)


class LastUnitKept(Ledger):
    """Wants something to be left on every account: nobody can spend the last unit (G11)."""

    change = (
        sa.update(accounts)
        .where(accounts.c.id == sa.bindparam("account"), accounts.c.balance + sa.bindparam("amount") > 0)
        .values(balance=accounts.c.balance + sa.bindparam("amount"))
    )


class UnknownAccountSkipped(Ledger):
    """Makes the changes of those accounts that exist, and skips the others (G12)."""

    def _make(self, connection: sa.Connection, key: str, changes: Any) -> bool:
        there = set(connection.execute(sa.select(accounts.c.id)).scalars())
        return super()._make(connection, key, [change for change in changes if change[0] in there])


class SwallowedError(Ledger):
    """Swallows the database's errors and says ok (G4)."""

    def do(self, key: str, changes: Changes) -> Outcome:
        try:
            return super().do(key, changes)
        except SQLAlchemyError:
            return Outcome.OK


class ErrorIsRejection(Ledger):
    """Answers rejected where a statement has failed, although nothing was decided: the funds suffice (G4)."""

    def do(self, key: str, changes: Changes) -> Outcome:
        try:
            return super().do(key, changes)
        except SQLAlchemyError:
            return Outcome.REJECTED


# Keys.


class KeyCheckedBefore(Ledger):
    """Looks for the key before the transaction: two requests at once both find nothing (CT5, G3)."""

    def do(self, key: str, changes: Changes) -> Outcome:
        with self.engine.connect() as connection:
            self.found = connection.execute(known, {"k": key}).one_or_none()
        return super().do(key, changes)

    def _answered(self, connection: sa.Connection, key: str, changes: Changes) -> Outcome | None:
        answer = super()._answered(connection, key, changes)
        return answer if self.found is not None else None


class NullInUniqueKey(Ledger):
    """Makes keys unique per client and leaves the client NULL: NULLs are distinct, so nothing is a duplicate (G3, G4, G7)."""

    metadata = sa.MetaData()
    claim = sa.text(str(claim_key).replace("(key) DO", "(client, key) DO"))

    def _answered(self, connection: sa.Connection, key: str, changes: Changes) -> Outcome | None:
        status = connection.execute(known, {"k": key}).first()
        if status is not None and status.status not in (DONE, PARKED):
            return Outcome.REJECTED
        return super()._answered(connection, key, changes)

    def _bars(self, connection: sa.Connection, key: str) -> bool:
        return connection.execute(known, {"k": key}).first() is None and super()._bars(connection, key)


for _table in metadata.tables.values():
    if _table is not keys:
        _table.to_metadata(NullInUniqueKey.metadata)
sa.Table(
    "keys", NullInUniqueKey.metadata,
    sa.Column("client", sa.Text),
    *(sa.Column(column.name, column.type, nullable=False) for column in keys.columns),
    sa.UniqueConstraint("client", "key"),
)  # fmt: skip


class RejectionForgotten(Ledger):
    """Remembers only successes, so a key that was refused can be used again (G7)."""

    def _decide(self, connection: sa.Connection, key: str, changes: Changes) -> Outcome:
        outcome = super()._decide(connection, key, changes)
        if outcome == Outcome.REJECTED:
            connection.execute(sa.delete(keys).where(keys.c.key == key))
        return outcome


class PayloadNotCompared(Ledger):
    """Gives the first answer to whatever is asked for under a key (G4, G7)."""

    def _answered(self, connection: sa.Connection, key: str, changes: Changes) -> Outcome | None:
        if self._claims(connection, key, json.dumps(changes), DONE):
            return None
        status = connection.execute(known, {"k": key}).one().status
        return Outcome.OK if status in (DONE, PARKED) else Outcome.REJECTED


class KeyInProgress(Ledger):
    """Claims the key in a transaction of its own, with neither owner nor expiry: a crash wedges it (G9)."""

    def do(self, key: str, changes: Changes) -> Outcome:
        """Make the changes of a key that nobody is at work on."""
        if not self._valid(changes):
            return Outcome.REJECTED
        with self.engine.begin() as connection:
            self._refuse_in_progress(connection, key)
            answer = self._answered(connection, key, changes)
            if answer is None:
                connection.execute(settle, {"k": key, "to": "in progress"})
        if answer is not None:
            return answer
        with self.engine.begin() as connection:
            connection.execute(settle, {"k": key, "to": DONE})
            return self._decide(connection, key, changes)

    def _undoing(self, connection: sa.Connection, key: str) -> bool:
        self._refuse_in_progress(connection, key)
        return super()._undoing(connection, key)

    def _refuse_in_progress(self, connection: sa.Connection, key: str) -> None:
        row = connection.execute(known, {"k": key}).one_or_none()
        if row is not None and row.status == "in progress":
            message = f"{key!r} is in progress"
            raise TimeoutError(message)


class KeysExpire(Ledger):
    """Forgets keys after a month, and with them that something was done, or undone (G3)."""

    metadata = tables_and(("stamps", ("key", "at")))
    expiring: ClassVar[tuple[str, ...]] = ("done", "refused", "undone", "barred")

    def do(self, key: str, changes: Changes) -> Outcome:
        old = self.clock.now() - RETENTION
        with self.engine.begin() as connection:
            for status in self.expiring:
                connection.execute(_forget, {"status": status, "old": old})
        return super().do(key, changes)

    def _claims(self, connection: sa.Connection, key: str, payload: str, status: str) -> bool:
        claimed = super()._claims(connection, key, payload, status)
        if claimed:
            connection.execute(_stamp, {"key": key, "at": self.clock.now()})
        return claimed


class TombstonesExpire(KeysExpire):
    """Half a fix: forgets only the keys of compensations that came first, which may be overtaken by a month (CT5)."""

    expiring = (BARRED,)


_stamp = sa.text("INSERT INTO stamps (key, at) VALUES (:key, :at)")
_forget = sa.text("DELETE FROM keys WHERE status = :status AND key IN (SELECT key FROM stamps WHERE at < :old)")
