"""Mutants of the rows of branches: what has ended, what comes again, and what comes too late."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from acidtest.environment import Outcome
from acidtest.impl.tcc import AccountService, Branch, Row, accounts, branches, find, open_row, release

if TYPE_CHECKING:
    from acidtest.environment import Environment

RETENTION = 30 * 86_400.0  #: seconds for which the row of a branch that has ended is kept

_this = sa.and_(branches.c.gid == sa.bindparam("g"), branches.c.branch == sa.bindparam("b"))
_mark = sa.update(branches).where(_this).values(status=sa.bindparam("now"))


# Ends.


class ConfirmedAgain(AccountService):
    """Books a second time when it is asked to confirm a second time (T3)."""

    def _confirm(self, connection: sa.Connection, branch: Branch) -> Outcome:
        row = connection.execute(find, branch.key).one_or_none()
        if row is not None and row.status == "confirmed":
            self._book(connection, row)
        return super()._confirm(connection, branch)


class ConfirmAfterCancel(AccountService):
    """Confirms what was cancelled: it looks whether there was a Try, not what became of it (T6)."""

    def _confirm(self, connection: sa.Connection, branch: Branch) -> Outcome:
        row = connection.execute(find, branch.key).one_or_none()
        if row is not None and row.status == "cancelled" and row.account is not None:
            connection.execute(_mark, {**branch.key, "now": "confirmed"})
            self._book(connection, row)
        return super()._confirm(connection, branch)


class CancelAfterConfirm(AccountService):
    """Pays back what was confirmed when it is asked to cancel (G5)."""

    def _cancel(self, connection: sa.Connection, branch: Branch) -> Outcome:
        row = connection.execute(find, branch.key).one_or_none()
        if row is not None and row.status == "confirmed":
            connection.execute(_mark, {**branch.key, "now": "cancelled"})
            back = sa.update(accounts).where(accounts.c.id == row.account)
            connection.execute(back.values(balance=accounts.c.balance + row.amount))
        return super()._cancel(connection, branch)


class CancelAlwaysOk(AccountService):
    """Answers ok to every Cancel, also to that of a confirmed branch (T6)."""

    def cancel(self, gid: str, branch: str) -> Outcome:
        super().cancel(gid, branch)
        return Outcome.OK


class StatusReadBefore(AccountService):
    """Reads the status in one transaction and ends the branch in the next: two retries both do it (T3, T6, T9)."""

    def confirm(self, gid: str, branch: str) -> Outcome:
        row = self._look(Branch(gid, branch))
        return self._finish(row, "confirmed") if row is not None else super().confirm(gid, branch)

    def cancel(self, gid: str, branch: str) -> Outcome:
        row = self._look(Branch(gid, branch))
        return self._finish(row, "cancelled") if row is not None else super().cancel(gid, branch)

    def _look(self, branch: Branch) -> Row | None:
        """The row of a branch that holds something."""
        with self.engine.connect() as connection:
            return connection.execute(find.where(branches.c.status == "tried"), branch.key).one_or_none()

    def _finish(self, row: Row, now: str) -> Outcome:
        with self.engine.begin() as connection:
            connection.execute(_mark, {**Branch(row.gid, row.branch).key, "now": now})
            self._book(connection, row) if now == "confirmed" else self._release(connection, row)
        return Outcome.OK


class CancelReadBefore(StatusReadBefore):
    """Lets two threads cancel the same branch: both give the hold back (T9)."""

    def confirm(self, gid: str, branch: str) -> Outcome:
        return AccountService.confirm(self, gid, branch)


# Cancels without a Try.


class NoTombstone(AccountService):
    """Answers ok to a Cancel that finds nothing, and keeps no trace: a late Try holds for ever (T5)."""

    def _cancel(self, connection: sa.Connection, branch: Branch) -> Outcome:
        if self._status(connection, branch) is None:
            return Outcome.OK
        return super()._cancel(connection, branch)


class TombstoneRolledBack(AccountService):
    """Takes an empty Cancel for one that changes nothing, and rolls its tombstone back (T5)."""

    def _cancel(self, connection: sa.Connection, branch: Branch) -> Outcome:
        if self._open(connection, branch, "cancelled"):
            connection.rollback()
            return Outcome.OK
        return super()._cancel(connection, branch)


class TombstoneUnseen(AccountService):
    """Looks for a hold first and leaves a tombstone then, which waits for a Try under way and changes nothing any more (T8).

    A statement sees what was committed when it began. So it does not find the row of a Try that has yet to commit; the
    INSERT after it waits for that Try, finds the row taken, and does nothing.
    """

    def _cancel(self, connection: sa.Connection, branch: Branch) -> Outcome:
        held = self._end(connection, branch, "cancelled")
        if held is not None:
            self._release(connection, held)
        elif not self._open(connection, branch, "cancelled") and self._status(connection, branch) == "confirmed":
            return Outcome.REJECTED
        return Outcome.OK


class EmptyCancelIsError(AccountService):
    """Finds it an error to cancel what was never tried: the coordinator asks again for ever (T4)."""

    def _cancel(self, connection: sa.Connection, branch: Branch) -> Outcome:
        if self._status(connection, branch) is None:
            message = f"there is no branch {branch.branch!r} of {branch.gid!r}"
            raise LookupError(message)
        return super()._cancel(connection, branch)


class EmptyCancelRefused(AccountService):
    """Half a fix: leaves the tombstone, and says no all the same (T4)."""

    def _cancel(self, connection: sa.Connection, branch: Branch) -> Outcome:
        if self._open(connection, branch, "cancelled"):
            return Outcome.REJECTED
        return super()._cancel(connection, branch)


def _rows_with(*columns: sa.Column[str] | sa.Column[float], key: tuple[str, ...] = ("gid", "branch")) -> sa.MetaData:
    """The tables with more columns for a branch, unique by `key`."""
    found = sa.MetaData()
    accounts.to_metadata(found)
    known = [sa.Column(column.name, column.type, nullable=column.nullable) for column in branches.columns]
    sa.Table("branches", found, *known, *columns, sa.UniqueConstraint(*key))
    return found


_dated = _rows_with(sa.Column("ended", sa.Float))
_date = sa.text("UPDATE branches SET ended = :now WHERE gid = :g AND branch = :b AND ended IS NULL")
_clean = sa.text("DELETE FROM branches WHERE ended < :old")


class TombstoneExpires(AccountService):
    """Cleans tombstones away after thirty days, and a Try comes after forty (T5)."""

    metadata = _dated

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.clock = env.clock

    def _cancel(self, connection: sa.Connection, branch: Branch) -> Outcome:
        outcome = super()._cancel(connection, branch)
        connection.execute(_date, {**branch.key, "now": self.clock.now()})
        return outcome

    def _try(self, connection: sa.Connection, branch: Branch, account: str, amount: int) -> Outcome:
        connection.execute(_clean, {"old": self.clock.now() - RETENTION})
        return super()._try(connection, branch, account, amount)


# What a row is known by.


class NullInUniqueKey(AccountService):
    """Makes branches unique per tenant and leaves the tenant NULL: NULLs are distinct, so nothing is a duplicate (T3)."""

    metadata = _rows_with(sa.Column("tenant", sa.Text), key=("tenant", "gid", "branch"))
    open_row = sa.text(str(open_row).replace("(gid, branch) DO", "(tenant, gid, branch) DO"))


class BarrierIdRandom(AccountService):
    """Gives every request a barrier id of its own, so that none is ever taken for a repetition (T3)."""

    metadata = _rows_with(sa.Column("call", sa.Text), key=("gid", "branch", "call"))
    open_row = sa.text(
        "INSERT INTO branches (gid, branch, account, amount, status, call) "
        "VALUES (:gid, :branch, :account, :amount, :status, :call) ON CONFLICT (gid, branch, call) DO NOTHING"
    )

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.new_id = env.new_id

    def _open(
        self, connection: sa.Connection, branch: Branch, status: str, account: str | None = None, amount: int | None = None
    ) -> bool:
        row = {**branch._asdict(), "account": account, "amount": amount, "status": status, "call": self._call()}
        return connection.execute(self.open_row, row).rowcount == 1

    def _call(self) -> str:
        return self.new_id()


class BarrierIdCounted(BarrierIdRandom):
    """Counts the requests of each process for the barrier id, so that a repetition has another one (T3)."""

    count = 0

    def _call(self) -> str:
        self.count += 1
        return str(self.count)


class KeyPerTransaction(AccountService):
    """Knows a transaction, but not its branches: the second that it has here is taken for the first (G11)."""

    def try_(self, gid: str, branch: str, account: str, amount: int) -> Outcome:  # noqa: ARG002
        return super().try_(gid, "", account, amount)

    def confirm(self, gid: str, branch: str) -> Outcome:  # noqa: ARG002
        return super().confirm(gid, "")

    def cancel(self, gid: str, branch: str) -> Outcome:  # noqa: ARG002
        return super().cancel(gid, "")


class PayloadNotCompared(AccountService):
    """Answers a Try with what the branch was told before, whatever it is to hold now (G7)."""

    def _answered(self, connection: sa.Connection, branch: Branch, account: str, amount: int) -> Outcome:  # noqa: ARG002
        return Outcome.OK if self._status(connection, branch) in ("tried", "confirmed") else Outcome.REJECTED


class RejectionForgotten(AccountService):
    """Keeps no row of a Try that was refused: asked again, it holds (G4)."""

    def _try(self, connection: sa.Connection, branch: Branch, account: str, amount: int) -> Outcome:
        outcome = super()._try(connection, branch, account, amount)
        if outcome is Outcome.REJECTED:
            connection.rollback()
        return outcome


class TryInProgress(AccountService):
    """Claims the branch in a transaction of its own; after a crash it is in progress for ever (G9)."""

    def try_(self, gid: str, branch: str, account: str, amount: int) -> Outcome:
        if amount <= 0:
            return Outcome.REJECTED
        known = Branch(gid, branch)
        with self.engine.begin() as connection:
            if not self._open(connection, known, "trying", account, amount):
                return self._answered(connection, known, account, amount)
        with self.engine.begin() as connection:
            held = self._hold(connection, account, amount)
            connection.execute(_mark, {**known.key, "now": "tried" if held else "refused"})
        return Outcome.OK if held else Outcome.REJECTED

    def _answered(self, connection: sa.Connection, branch: Branch, account: str, amount: int) -> Outcome:
        if self._status(connection, branch) == "trying":
            message = f"the Try of {branch.branch!r} of {branch.gid!r} is in progress"
            raise TimeoutError(message)
        return super()._answered(connection, branch, account, amount)


class ReleasedByTotal(AccountService):
    """Gives back what a branch held whenever it is told to, as long as the account holds so much (T9, G1)."""

    def _cancel(self, connection: sa.Connection, branch: Branch) -> Outcome:
        row = connection.execute(find, branch.key).one_or_none()
        if row is not None and row.status == "cancelled" and row.account is not None:
            enough = accounts.c.held >= sa.bindparam("amount")
            connection.execute(release.where(enough), {"account": row.account, "amount": row.amount})
        return super()._cancel(connection, branch)


class CancelsWholeTransaction(AccountService):
    """Cancels every branch of a transaction when one is to be cancelled (T9, T1)."""

    def _cancel(self, connection: sa.Connection, branch: Branch) -> Outcome:
        others = sa.select(branches.c.branch).where(branches.c.gid == branch.gid, branches.c.status == "tried")
        for name in connection.execute(others).scalars().all():
            super()._cancel(connection, Branch(branch.gid, name))
        return super()._cancel(connection, branch)
