"""Mutants of recovery: what is done about what was left in doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from acidtest.impl.two_phase_commit import (
    ABORT,
    COMMIT,
    Coordinator,
    Decision,
    Participant,
    decision_of,
    decisions,
    key_of,
)

if TYPE_CHECKING:
    from acidtest.environment import Environment
    from acidtest.impl.broken.two_phase_commit.voting import Work

TIMEOUT = 3600.0  #: seconds after which a participant loses patience


class PrepareErrorSkipsRollback(Coordinator):
    """The handler of a failed prepare fails as well, and recovery leaves alone what is not in the log (G6)."""

    def _all_promise(self, xid: str, work: Work) -> bool:
        try:
            return all(self.participants[name].prepare(xid, changes) for name, changes in work.items())
        except SQLAlchemyError:
            for name in work:
                self.participants[name].rollback(xid)
            return False

    def _resolve(self, participant: Participant, xid: str) -> None:
        decision = self.log.find(key_of(xid))
        if decision is not None:
            self._carry_out(participant, xid, decision)


class RollbackOvertakesPrepare(Coordinator):
    """Takes a run that was aborted for rolled back everywhere, and misses a branch that was prepared later (G6)."""

    def _resolve(self, participant: Participant, xid: str) -> None:
        decision = self.log.find(key_of(xid))
        if decision is None or decision.outcome == COMMIT:
            super()._resolve(participant, xid)


class CommitNotRetried(Coordinator):
    """Recovery aborts what is undecided and leaves what is decided to its coordinator, which is dead (AC5, G6, G10)."""

    def _resolve(self, participant: Participant, xid: str) -> None:
        if self.log.find(key_of(xid)) is None:
            super()._resolve(participant, xid)


class TimeoutAbortsAfterYes(Coordinator):
    """A participant that has voted yes gives up after a timeout, without asking for the decision (AC1, PP)."""

    def __init__(self, env: Environment) -> None:
        """Take a clock as well."""
        super().__init__(env)
        self.clock = env.clock

    def _new_xid(self, key: str) -> str:
        return f"{key}#{self.clock.now()}-{self.new_id()}"

    def _resolve(self, participant: Participant, xid: str) -> None:
        began = float(xid.rpartition("#")[2].partition("-")[0])
        if self.clock.now() - began > TIMEOUT:
            participant.rollback(xid)
        else:
            super()._resolve(participant, xid)


class ForeignBranchStopsRecovery(Coordinator):
    """Recovery ends at the first branch that it has no decision for (G9)."""

    def _resolve(self, participant: Participant, xid: str) -> None:
        with self.log.engine.connect() as connection:
            decision = Decision(*connection.execute(decision_of, {"k": key_of(xid)}).one())
        self._carry_out(participant, xid, decision)


class PresumedAbortNotRecorded(Coordinator):
    """Recovery presumes abort without writing it down, and a coordinator that is alive then commits (AC1, PA)."""

    def _resolve(self, participant: Participant, xid: str) -> None:
        decision = self.log.find(key_of(xid)) or Decision(xid, "", ABORT)
        self._carry_out(participant, xid, decision)


class AbortForgotten(Coordinator):
    """Recovery deletes its record of an abort once it is carried out, as if nobody could come later (AC1, PA)."""

    def _resolve(self, participant: Participant, xid: str) -> None:
        super()._resolve(participant, xid)
        done = sa.delete(decisions).where(decisions.c.xid == xid, decisions.c.outcome == ABORT)
        with self.log.engine.begin() as connection:
            connection.execute(done)


class ResolvedOnce(Coordinator):
    """Recovery remembers what it has seen and does not look at it again, though resolving it failed (G9)."""

    def __init__(self, env: Environment) -> None:
        """Nothing was seen yet."""
        super().__init__(env)
        self.seen: set[str] = set()

    def recover(self) -> None:
        """Resolve what was not seen before."""
        for name, participant in self.participants.items():
            for xid in participant.in_doubt():
                if f"{name}:{xid}" not in self.seen:
                    self.seen.add(f"{name}:{xid}")
                    self._resolve(participant, xid)
