"""Mutants of the money: what a Try holds, what a Confirm books, and what a Cancel gives back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from acidtest.environment import Outcome
from acidtest.impl.tcc import AccountService, Branch, Row, accounts, branches, find, metadata, refuse

if TYPE_CHECKING:
    from acidtest.environment import Environment

TIMEOUT = 3_600.0  #: seconds after which a service that is not patient takes a transaction for abandoned

_account = accounts.c.id == sa.bindparam("account")
_amount: sa.BindParameter[int] = sa.bindparam("amount")
_held = sa.update(accounts).where(_account).values(held=accounts.c.held + _amount)
_debit = sa.update(accounts).where(_account).values(balance=accounts.c.balance - _amount)
_credit = sa.update(accounts).where(_account).values(balance=accounts.c.balance + _amount)


# Holding.


class FundsUnchecked(AccountService):
    """Holds whatever is asked for (G2)."""

    hold = _held


class HoldNotDeducted(AccountService):
    """Asks whether the balance suffices, without what is held of it already (G2)."""

    hold = _held.where(accounts.c.balance >= _amount)


class FundsCheckedBefore(AccountService):
    """Looks at what may be spent in a transaction of its own, before the one that holds (G2)."""

    hold = _held

    def try_(self, gid: str, branch: str, account: str, amount: int) -> Outcome:
        self.funded = self.available().get(account, 0) >= amount
        return super().try_(gid, branch, account, amount)

    def _hold(self, connection: sa.Connection, account: str, amount: int) -> bool:
        return self.funded and super()._hold(connection, account, amount)


class LastUnitKept(AccountService):
    """Wants more than the amount in the account: the last unit cannot be held (G11)."""

    hold = _held.where(accounts.c.balance - accounts.c.held > _amount)


class NegativeAmount(AccountService):
    """Refuses to hold nothing, but holds less than nothing (G12)."""

    def try_(self, gid: str, branch: str, account: str, amount: int) -> Outcome:
        if amount == 0:
            return Outcome.REJECTED
        with self.engine.begin() as connection:
            return self._try(connection, Branch(gid, branch), account, amount)


class LostUpdate(AccountService):
    """Reads what is held in one transaction and writes the sum in the next: another hold is overwritten (G4, T1)."""

    def try_(self, gid: str, branch: str, account: str, amount: int) -> Outcome:
        with self.engine.connect() as connection:
            self.seen = connection.execute(sa.select(accounts.c.held).where(accounts.c.id == account)).scalar_one_or_none()
        return super().try_(gid, branch, account, amount)

    def _hold(self, connection: sa.Connection, account: str, amount: int) -> bool:
        if self.seen is None:
            return False
        funded = sa.update(accounts).where(accounts.c.id == account, accounts.c.balance >= self.seen + amount)
        return connection.execute(funded.values(held=self.seen + amount)).rowcount == 1


class HoldReadInside(AccountService):
    """Reads what is held without locking it and writes the sum, in one transaction: another hold is overwritten (T1, G4)."""

    def _hold(self, connection: sa.Connection, account: str, amount: int) -> bool:
        row = connection.execute(sa.select(accounts).where(accounts.c.id == account)).one_or_none()
        if row is None or row.balance - row.held < amount:
            return False
        connection.execute(sa.update(accounts).where(accounts.c.id == account).values(held=row.held + amount))
        return True


class RowcountUnchecked(AccountService):
    """Takes every UPDATE that raised no error for a hold (G4)."""

    def _hold(self, connection: sa.Connection, account: str, amount: int) -> bool:
        connection.execute(self.hold, {"account": account, "amount": amount})
        return True


class SwallowedError(AccountService):
    """Answers ok although the Try had failed (G4)."""

    def try_(self, gid: str, branch: str, account: str, amount: int) -> Outcome:
        try:
            return super().try_(gid, branch, account, amount)
        except SQLAlchemyError:
            return Outcome.OK


class ErrorIsRejection(AccountService):
    """Answers rejected where a Try has failed, although nothing was decided: the funds suffice (G4)."""

    def try_(self, gid: str, branch: str, account: str, amount: int) -> Outcome:
        try:
            return super().try_(gid, branch, account, amount)
        except SQLAlchemyError:
            return Outcome.REJECTED


class DebitedAtTry(AccountService):
    """Debits at Try, and refunds at Cancel: what is held is seen as spent (T9)."""

    hold = _debit.where(accounts.c.balance >= _amount)
    release = _credit

    def _book(self, connection: sa.Connection, held: Row) -> None:
        """It was debited before."""


_timed = sa.MetaData()
for _table in (accounts, branches):
    _table.to_metadata(_timed)
_begun = sa.Table(
    "begun", _timed,
    sa.Column("gid", sa.Text, primary_key=True), sa.Column("branch", sa.Text, primary_key=True), sa.Column("at", sa.Float),
)  # fmt: skip
_begin = sa.text("INSERT INTO begun VALUES (:gid, :branch, :now) ON CONFLICT DO NOTHING")
_old = sa.text(
    "SELECT begun.gid, begun.branch FROM begun JOIN branches ON branches.gid = begun.gid AND branches.branch = begun.branch "
    "WHERE branches.status = 'tried' AND at < :now ORDER BY at"
)


class LiveTryCancelled(AccountService):
    """Gives back what has been held for an hour, while the coordinator is about to confirm (T1)."""

    metadata = _timed

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.clock = env.clock

    def try_(self, gid: str, branch: str, account: str, amount: int) -> Outcome:
        outcome = super().try_(gid, branch, account, amount)
        with self.engine.begin() as connection:
            connection.execute(_begin, {"gid": gid, "branch": branch, "now": self.clock.now()})
        return outcome

    def confirm(self, gid: str, branch: str) -> Outcome:
        with self.engine.connect() as connection:
            old = connection.execute(_old, {"now": self.clock.now() - TIMEOUT}).all()
        for row in old:
            self.cancel(row.gid, row.branch)
        return super().confirm(gid, branch)


# Booking and giving back.


class FundsCheckedAtConfirm(AccountService):
    """Checks the funds again at Confirm, against what may be spent beside the hold itself (T2)."""

    def _confirm(self, connection: sa.Connection, branch: Branch) -> Outcome:
        row = connection.execute(find, branch.key).one_or_none()
        if row is not None and row.status == "tried":
            found = connection.execute(sa.select(accounts).where(accounts.c.id == row.account)).one()
            if found.balance - found.held < row.amount:
                return Outcome.REJECTED
        return super()._confirm(connection, branch)


class ReleaseAsCredit(AccountService):
    """Pays a cancelled hold out, as a refund (G1)."""

    release = _credit


class ConfirmInTwoTransactions(AccountService):
    """Debits in one transaction, and gives the hold up in the next (T10)."""

    def confirm(self, gid: str, branch: str) -> Outcome:
        with self.engine.begin() as connection:
            row = connection.execute(find, Branch(gid, branch).key).one_or_none()
            if row is not None and row.status == "tried":
                connection.execute(_debit, {"account": row.account, "amount": row.amount})
        return super().confirm(gid, branch)

    def _book(self, connection: sa.Connection, held: Row) -> None:
        self._release(connection, held)


class CancelInTwoTransactions(AccountService):
    """Marks the branch as cancelled in one transaction, and gives the hold back in the next (T8)."""

    def cancel(self, gid: str, branch: str) -> Outcome:
        self.ended: list[Row] = []
        outcome = super().cancel(gid, branch)
        with self.engine.begin() as connection:
            for held in self.ended:
                super()._release(connection, held)
        return outcome

    def _release(self, connection: sa.Connection, held: Row) -> None:  # noqa: ARG002 - not in this transaction
        self.ended = [held]


class HoldBeforeRow(AccountService):
    """Holds before it writes the row of the branch: after a crash in between, Cancel finds nothing to give back (T8, T3)."""

    def try_(self, gid: str, branch: str, account: str, amount: int) -> Outcome:
        """Hold, then write the row."""
        if amount <= 0:
            return Outcome.REJECTED
        known = Branch(gid, branch)
        with self.engine.begin() as connection:
            if self._status(connection, known) is not None:
                return self._answered(connection, known, account, amount)
            held = self._hold(connection, account, amount)
        with self.engine.begin() as connection:
            if self._open(connection, known, "tried" if held else "refused", account, amount):
                return Outcome.OK if held else Outcome.REJECTED
            if held:
                connection.execute(self.release, {"account": account, "amount": amount})
            return self._answered(connection, known, account, amount)


class BarrierInOtherDatabase(AccountService):
    """Keeps the rows of branches in another database than the money: a crash in between tears them apart (G4, T8)."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.fence = env.engine("fence")

    def install(self, opening: dict[str, int]) -> None:
        super().install(opening)
        metadata.create_all(self.fence)

    def try_(self, gid: str, branch: str, account: str, amount: int) -> Outcome:
        """Write the row there, then hold here."""
        if amount <= 0:
            return Outcome.REJECTED
        known = Branch(gid, branch)
        with self.fence.begin() as fence:
            if not self._open(fence, known, "tried", account, amount):
                return self._answered(fence, known, account, amount)
        with self.engine.begin() as connection:
            if self._hold(connection, account, amount):
                return Outcome.OK
        with self.fence.begin() as fence:
            fence.execute(refuse, known.key)
        return Outcome.REJECTED

    def confirm(self, gid: str, branch: str) -> Outcome:
        with self.fence.begin() as fence:
            return self._confirm(fence, Branch(gid, branch))

    def cancel(self, gid: str, branch: str) -> Outcome:
        with self.fence.begin() as fence:
            return self._cancel(fence, Branch(gid, branch))

    def _book(self, connection: sa.Connection, held: Row) -> None:  # noqa: ARG002 - not in this database
        with self.engine.begin() as money:
            super()._book(money, held)

    def _release(self, connection: sa.Connection, held: Row) -> None:  # noqa: ARG002 - not in this database
        with self.engine.begin() as money:
            super()._release(money, held)
