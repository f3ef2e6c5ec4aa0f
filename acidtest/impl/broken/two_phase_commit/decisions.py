"""Mutants of the decision: when it is logged, whose it is, and what the client is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from acidtest.environment import Outcome
from acidtest.impl.two_phase_commit import (
    ABORT,
    COMMIT,
    Coordinator,
    Decision,
    DecisionLog,
    Participant,
    decisions,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.impl.broken.two_phase_commit.voting import Work


class DecideBeforeLog(Coordinator):
    """Tells the databases to commit before the decision is durable (AC1)."""

    def _execute(self, key: str, payload: str, work: Work) -> Decision:
        xid = self._new_xid(key)
        decision = Decision(xid, payload, COMMIT if self._all_promise(xid, work) else ABORT)
        self._finish(xid, work, decision)
        return self.log.decide(key, decision)


class LoserGoesOn(Coordinator):
    """Writes its decision only where there is none, but does not look whether it was written (AC1, G3, PA)."""

    def _execute(self, key: str, payload: str, work: Work) -> Decision:
        xid = self._new_xid(key)
        decision = Decision(xid, payload, COMMIT if self._all_promise(xid, work) else ABORT)
        self.log.decide(key, decision)
        self._finish(xid, work, decision)
        return decision


class LookThenWriteLog(DecisionLog):
    """A log that looks in one transaction and writes in another."""

    def decide(self, key: str, decision: Decision) -> Decision:
        """Write a decision if there was none a moment ago."""
        known = self.find(key)
        if known is None:
            with self.engine.begin() as connection:
                connection.execute(sa.delete(decisions).where(decisions.c.key == key))
                connection.execute(sa.insert(decisions), {"key": key, **decision._asdict()})
        return known or decision


class DecisionLookedUpThenWritten(Coordinator):
    """Looks whether there is a decision before it writes one: between the two another is written (AC1, G4, PA)."""

    decision_log = LookThenWriteLog


class KeyWithoutAttempt(Coordinator):
    """All attempts at a key share one branch, so a late one is applied beside the one that won (G3)."""

    def _new_xid(self, key: str) -> str:
        return f"{key}#"


class AttemptNotCompared(Coordinator):
    """Commits every attempt at a key that was decided to commit, not the one that won (G3)."""

    def _carry_out(self, participant: Participant, xid: str, decision: Decision) -> None:
        super()._carry_out(participant, xid, decision._replace(xid=xid))


class RejectionForgotten(Coordinator):
    """Only commits are logged, so a rejected key is executed when it comes again (G4, G7)."""

    def _execute(self, key: str, payload: str, work: Work) -> Decision:
        xid = self._new_xid(key)
        decision = Decision(xid, payload, ABORT)
        if self._all_promise(xid, work):
            decision = self.log.decide(key, decision._replace(outcome=COMMIT))
        self._finish(xid, work, decision)
        return decision


class SwallowedError(Coordinator):
    """Answers ok after any error (G4)."""

    def run(self, key: str, operations: Sequence[tuple[str, str, int]]) -> Outcome:
        """Run, whatever happens."""
        try:
            return super().run(key, operations)
        except SQLAlchemyError:
            return Outcome.OK


class PayloadNotCompared(Coordinator):
    """A key with another payload gets the first answer (G4, G7)."""

    def _answer(self, decision: Decision, payload: str) -> Outcome:  # noqa: ARG002 - that is the bug
        return super()._answer(decision, decision.payload)
