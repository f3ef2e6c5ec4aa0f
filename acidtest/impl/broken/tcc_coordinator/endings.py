"""Mutants of what comes after the decision, and of looking after what was left."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import sqlalchemy as sa

from acidtest.environment import CallTimeout
from acidtest.impl.tcc_coordinator import (
    CANCEL,
    CONFIRM,
    OPEN,
    UNANSWERED,
    Branch,
    Coordinator,
    Row,
    metadata,
    overdue,
    transactions,
)

if TYPE_CHECKING:
    from acidtest.impl.tcc_coordinator import Answer

MOST = 500  #: times, which nobody tries in tests


class StuckInTry(Coordinator):
    """Looks after what was decided, and never after what a crash has left open (T8, G9)."""

    overdue = overdue.where(transactions.c.decision != OPEN)


class DecisionNotRetried(Coordinator):
    """Looks after what is open, and never after what was decided and not yet told to all (T1, T8)."""

    overdue = overdue.where(transactions.c.decision == OPEN)


class NeverOverdue(Coordinator):
    """Marks a transaction as being worked on, and nobody ever takes that mark off when the worker dies (T1, T8, G9)."""

    def _until(self) -> float:
        return float("inf")


class DoneBeforeTold(Coordinator):
    """Writes with the decision that all is over, and tells the services then (T1, T8)."""

    def _decide(self, gid: str, decision: str) -> str:
        stands = super()._decide(gid, decision)
        self._finish(gid)
        return stands


class ConfirmNotRetried(Coordinator):
    """Logs a Confirm that failed, and leaves it to an operator (T1)."""

    def _tell(self, branch: Branch, decision: str) -> bool:
        return super()._tell(branch, decision) or decision == CONFIRM


class CancelNotRetried(Coordinator):
    """Ignores the errors of Cancel (T8)."""

    def _tell(self, branch: Branch, decision: str) -> bool:
        return super()._tell(branch, decision) or decision == CANCEL


class RefusedCallNotRetried(Coordinator):
    """Half a fix: repeats a call that was not answered, but not one that was refused (T1, T8)."""

    def _tell(self, branch: Branch, decision: str) -> bool:
        try:
            self.call(branch.service, decision, branch.gid, branch.branch)
        except CallTimeout:
            return False
        except UNANSWERED:
            return True
        return True


class ContentWithOneAnswer(Coordinator):
    """Is done with a transaction once any of its services has answered (T1, T8)."""

    def _tell_all(self, work: list[Branch], decision: str) -> bool:
        answered = [self._tell(branch, decision) for branch in work]
        return any(answered)


class CancelsAllButFailing(Coordinator):
    """Does not cancel the branch whose Try failed: there is nothing to cancel, it seems (T8)."""

    def _try(self, branch: Branch) -> bool:
        held = super()._try(branch)
        if not held:
            self.__dict__.setdefault("failed", []).append(branch)
        return held

    def _tell_all(self, work: list[Branch], decision: str) -> bool:
        failed = self.__dict__.get("failed", ())
        return super()._tell_all([branch for branch in work if branch not in failed], decision)


_with_held = sa.MetaData()
for _table in metadata.sorted_tables:
    _table.to_metadata(_with_held)
held = sa.Table("held", _with_held, sa.Column("gid", sa.Text, primary_key=True), sa.Column("branch", sa.Text, primary_key=True))


class CancelsWhatItKnowsHeld(Coordinator):
    """Half a fix: notes durably which Try was answered ok, and cancels those (T8, T11)."""

    metadata = _with_held

    def _try(self, branch: Branch) -> bool:
        ok = super()._try(branch)
        if ok:
            with self.engine.begin() as connection:
                connection.execute(sa.insert(held), {"gid": branch.gid, "branch": branch.branch})
        return ok

    def _tell_all(self, work: list[Branch], decision: str) -> bool:
        with self.engine.connect() as connection:
            known = connection.execute(sa.select(held.c.gid, held.c.branch)).all()
        return super()._tell_all([b for b in work if decision == CONFIRM or (b.gid, b.branch) in known], decision)


class BusyForEver(Coordinator):
    """Keeps in memory what this process is at work on, and does not take out what ended with an error (G9)."""

    def _execute(self, gid: str, work: list[Branch]) -> Answer:
        busy: set[str] = self.__dict__.setdefault("busy", set())
        busy.add(gid)
        answer = super()._execute(gid, work)
        busy.discard(gid)
        return answer

    def _take_over(self, row: Row) -> tuple[list[Branch], str] | None:
        return None if row.gid in self.__dict__.get("busy", ()) else super()._take_over(row)


class LooksOnlyAtStart(Coordinator):
    """Looks after what is overdue whenever a process starts, and at no other time (G9, T1, T8)."""

    def tick(self) -> None:
        """Do nothing: there is recovery."""

    def recover(self) -> None:
        """Bring to an end what is overdue."""
        super().tick()


class GivesUpAfterOnce(Coordinator):
    """Takes over what is overdue, and writes at once that all is over, whether or not the services answer (T1, T8, T11)."""

    def _take_over(self, row: Row) -> tuple[list[Branch], str] | None:
        taken = super()._take_over(row)
        self._finish(row.gid)
        return taken


class NoLongerTold(Coordinator):
    """Takes a transaction over five hundred times, and then waits for a restart (G9, T8)."""

    def _take_over(self, row: Row) -> tuple[list[Branch], str] | None:
        taken: Counter[str] = self.__dict__.setdefault("taken", Counter())
        taken[row.gid] += 1
        return super()._take_over(row) if taken[row.gid] <= MOST else None
