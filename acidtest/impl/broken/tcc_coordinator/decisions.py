"""Mutants of the decision: what it rests on, when it falls, and how often."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from acidtest.environment import CallRefused, CallTimeout, Outcome
from acidtest.impl.tcc_coordinator import (
    CANCEL,
    CONFIRM,
    OPEN,
    UNANSWERED,
    Branch,
    Coordinator,
    Row,
    branches_of,
    find,
    transactions,
)

if TYPE_CHECKING:
    from acidtest.impl.tcc_coordinator import Answer

_this = transactions.c.gid == sa.bindparam("g")
_set = sa.update(transactions).where(_this).values(decision=sa.bindparam("now"), due=sa.bindparam("until"))


def _taking(decision: sa.ColumnElement[str] | str) -> sa.Executable:
    """A statement that takes over what is overdue, and writes this decision."""
    mine = sa.update(transactions).where(_this, transactions.c.due == sa.bindparam("seen"))
    return mine.values(decision=decision, due=sa.bindparam("until")).returning(transactions.c.decision)


# What it rests on.


class AmbiguousTryCountsAsOk(Coordinator):
    """Takes a Try that was not answered for one that went well (T2, T7)."""

    def _try(self, branch: Branch) -> bool:
        try:
            return bool(self.call(branch.service, "try_", *_arguments(branch)) == Outcome.OK)
        except CallTimeout:
            return True
        except CallRefused:
            return False


class TryAnswerUnread(Coordinator):
    """Goes by whether a Try raised, and does not read what it answered (T2, T7)."""

    def _try(self, branch: Branch) -> bool:
        try:
            self.call(branch.service, "try_", *_arguments(branch))
        except UNANSWERED:
            return False
        return True


class ConfirmOnMajority(Coordinator):
    """Confirms when most of the services have said ok (T2, T7)."""

    def _try_all(self, work: list[Branch]) -> bool:
        return 2 * sum([self._try(branch) for branch in work]) > len(work)


class ConfirmsAsItGoes(Coordinator):
    """Confirms each branch right after its Try, to keep holds short (T1, T7)."""

    def _try_all(self, work: list[Branch]) -> bool:
        return all(self._try(branch) and self._tell(branch, CONFIRM) for branch in work)


class AlwaysCancels(Coordinator):
    """Reads the answers wrong way round, and so never confirms anything (G11)."""

    def _try(self, branch: Branch) -> bool:
        return not super()._try(branch)


class RecoveryConfirms(Coordinator):
    """Brings what is overdue to a good end instead of cancelling it: its branches are registered, after all (T2, T7)."""

    take_over = _taking(sa.case((transactions.c.decision == OPEN, CONFIRM), else_=transactions.c.decision))


# When it falls.


class ConfirmBeforeLogged(Coordinator):
    """Tells the services to confirm, and writes the decision down afterwards (T1, T7)."""

    def _decide(self, gid: str, decision: str) -> str:
        if decision == CONFIRM:
            self._tell_all(self._at_work, decision)
        return super()._decide(gid, decision)

    def _try_all(self, work: list[Branch]) -> bool:
        self._at_work = work
        return super()._try_all(work)


class DecisionInMemory(Coordinator):
    """Keeps the decision in memory, and logs it when all is over (T1, T7)."""

    def _decide(self, gid: str, decision: str) -> str:
        decided: dict[str, str] = self.__dict__.setdefault("decided", {})
        return decided.setdefault(gid, decision)

    def _finish(self, gid: str) -> None:
        super()._decide(gid, self._decide(gid, CANCEL))
        super()._finish(gid)


class ReplyBeforeDecision(Coordinator):
    """Says ok once every Try has gone well, and leaves the decision to the next tick, which is late for a crash (G5)."""

    def _execute(self, gid: str, work: list[Branch]) -> Answer:
        if not self._try_all(work):
            self._carry_out(gid, work, self._decide(gid, CANCEL))
            return Outcome.REJECTED
        self.__dict__.setdefault("ready", []).append((gid, work))
        return Outcome.OK

    def tick(self) -> None:
        for gid, work in self.__dict__.pop("ready", []):
            self._carry_out(gid, work, self._decide(gid, CONFIRM))
        super().tick()


class LostDecisionIgnored(Coordinator):
    """Confirms although the COMMIT of the decision failed: all services have said ok, after all (T1, T7, G9)."""

    def _decide(self, gid: str, decision: str) -> str:
        try:
            return super()._decide(gid, decision)
        except SQLAlchemyError:
            return decision


class UnknownDecisionIsCancel(Coordinator):
    """Takes a COMMIT of the decision that was not answered for one that failed, and cancels (T1, T7)."""

    def _execute(self, gid: str, work: list[Branch]) -> Answer:
        try:
            return super()._execute(gid, work)
        except SQLAlchemyError:
            self._tell_all(work, CANCEL)
            return Outcome.REJECTED


# How often it falls.


class DecisionReadThenWritten(Coordinator):
    """Looks whether the transaction is open, and writes the decision in another transaction (T1, T7)."""

    def _decide(self, gid: str, decision: str) -> str:
        with self.engine.connect() as connection:
            stands = str(connection.execute(find, {"g": gid}).one().decision)
        if stands != OPEN:
            return stands
        with self.engine.begin() as connection:
            connection.execute(_set, {"g": gid, "now": decision, "until": self._until()})
        return decision


class RowcountUnchecked(Coordinator):
    """Does not look whether its decision was the one that was written (T1, T7, G5)."""

    def _decide(self, gid: str, decision: str) -> str:
        super()._decide(gid, decision)
        return decision


class TicksReadThenWrite(Coordinator):
    """Half a fix: runs decide by compare and set, ticks read the decision and write what they make of it (T1, T7)."""

    def _take_over(self, row: Row) -> tuple[list[Branch], str] | None:
        with self.engine.connect() as connection:
            decision = str(connection.execute(find, {"g": row.gid}).one().decision)
            work = [Branch(*known) for known in connection.execute(branches_of, {"g": row.gid})]
        stands = CANCEL if decision == OPEN else decision
        with self.engine.begin() as connection:
            connection.execute(_set, {"g": row.gid, "now": stands, "until": self._until()})
        return work, stands


class TimeoutCancelsAll(Coordinator):
    """Cancels what is overdue, whatever was decided about it (T1, T7, G5)."""

    take_over = _taking(CANCEL)


class RecoveryCancelsLive(Coordinator):
    """Takes whatever is open when a process starts for left over by a crash, and tells the services to cancel (T1, T7, G4)."""

    def recover(self) -> None:
        with self.engine.connect() as connection:
            open_ = sa.select(transactions.c.gid).where(transactions.c.decision == OPEN).order_by(transactions.c.gid)
            found = {gid: connection.execute(branches_of, {"g": gid}).all() for gid in connection.execute(open_).scalars().all()}
        for gid, rows in found.items():
            if self._tell_all([Branch(*row) for row in rows], CANCEL):
                self._decide(gid, CANCEL)
                self._finish(gid)
        super().recover()


class ConfirmErrorIsCancel(Coordinator):
    """Cancels the whole transaction when a Confirm fails (T1, T7, G4)."""

    def _tell_all(self, work: list[Branch], decision: str) -> bool:
        if decision == CONFIRM and not all(self._tell(branch, CONFIRM) for branch in work):
            return super()._tell_all(work, CANCEL)
        return super()._tell_all(work, decision)


def _arguments(branch: Branch) -> tuple[str, str, str, int]:
    return branch.gid, branch.branch, branch.account, branch.amount
