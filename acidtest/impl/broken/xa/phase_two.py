"""Mutants of the second phase: what answers of resource managers mean, and what is told of what they decided alone."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from acidtest.environment import HeuristicOutcome, Outcome, Xa, XaError, Xid
from acidtest.impl.xa import HEURISTIC, Decision, Log, TransactionManager

if TYPE_CHECKING:
    from collections.abc import Sequence


class RmerrForRmfail(TransactionManager):
    """Takes a resource manager that cannot be reached for one that has rolled back (XA6)."""

    def _came_to(self, key: str, xid: Xid, code: Xa, *, commits: bool, first: bool) -> None:
        super()._came_to(key, xid, Xa.RMERR if code == Xa.RMFAIL else code, commits=commits, first=first)


class RmerrMeansDone(TransactionManager):
    """Takes an error in the second phase for a branch that is done (XA7)."""

    def _came_to(self, key: str, xid: Xid, code: Xa, *, commits: bool, first: bool) -> None:
        if code != Xa.RMERR:
            super()._came_to(key, xid, code, commits=commits, first=first)


class RetryMeansRefused(TransactionManager):
    """Takes a branch that cannot commit now for one that refuses to, and rolls it back (XA2)."""

    def _came_to(self, key: str, xid: Xid, code: Xa, *, commits: bool, first: bool) -> None:
        super()._came_to(key, xid, code, commits=commits, first=first)
        if code == Xa.RETRY:
            self.resources[xid.bqual].rollback(xid)


class NotaMeansDone(TransactionManager):
    """Takes a branch that is not known for complete, also where nobody else can have finished it (XA7)."""

    def _was_taken_over(self, key: str) -> bool:  # noqa: ARG002 - that is the bug
        return True


class NotaMeansHazard(TransactionManager):
    """Takes a branch that is not known for a hazard, also where recovery may have finished it (XA6)."""

    def _was_taken_over(self, key: str) -> bool:  # noqa: ARG002 - that is the bug
        return False


class ReadOnlyStillCommitted(TransactionManager):
    """Tells a branch that only read to commit as well (XA3)."""

    def _vote(self, enlisted: Sequence[Xid]) -> tuple[bool, list[Xid]]:
        promised, _ = super()._vote(enlisted)
        return promised, list(enlisted)


class SwallowHeurmix(TransactionManager):
    """Answers by the decision, whatever resource managers have decided alone (XA7)."""

    def _answer(self, decision: Decision, payload: str) -> Outcome:
        try:
            return super()._answer(decision, payload)
        except HeuristicOutcome:
            return Outcome.OK if decision.outcome == "commit" else Outcome.REJECTED


class MixedCalledRejected(TransactionManager):
    """Tells a client that a run whose outcome is mixed was rolled back (G4, XA7)."""

    def _answer(self, decision: Decision, payload: str) -> Outcome:
        try:
            return super()._answer(decision, payload)
        except HeuristicOutcome:
            return Outcome.REJECTED


class HeuristicCommitIgnored(TransactionManager):
    """Looks at what was decided alone only where it commits, not where it rolls back (XA7)."""

    def _came_to(self, key: str, xid: Xid, code: Xa, *, commits: bool, first: bool) -> None:
        if commits or code not in HEURISTIC:
            super()._came_to(key, xid, code, commits=commits, first=first)
            return
        with suppress(XaError):
            self.resources[xid.bqual].forget(xid)


class ForgetUntold(TransactionManager):
    """Has a decision forgotten before it has written it down (XA7)."""

    def _came_to(self, key: str, xid: Xid, code: Xa, *, commits: bool, first: bool) -> None:
        if code in HEURISTIC:
            with suppress(XaError):
                self.resources[xid.bqual].forget(xid)
        super()._came_to(key, xid, code, commits=commits, first=first)


class NeverForgotten(TransactionManager):
    """Writes down what was decided alone, and never has it forgotten (G6)."""

    def _came_to(self, key: str, xid: Xid, code: Xa, *, commits: bool, first: bool) -> None:
        if code not in HEURISTIC:
            super()._came_to(key, xid, code, commits=commits, first=first)
        elif code != (Xa.HEURCOM if commits else Xa.HEURRB):
            self.log.report(key, xid.bqual, code)


class ReportInMemory(Log):
    """A log that keeps what was decided alone in memory."""

    def __init__(self, engine: object) -> None:
        """Nothing was decided alone."""
        super().__init__(engine)  # type: ignore[arg-type]
        self.reported: set[tuple[str, str]] = set()

    def report(self, key: str, resource: str, kind: Xa) -> None:  # noqa: ARG002 - one per key will do
        """Keep it."""
        self.reported.add((key, kind.value))

    def heuristics(self) -> set[tuple[str, str]]:
        """What is kept."""
        return super().heuristics() | self.reported


class HeuristicsInMemory(TransactionManager):
    """Keeps what resource managers have decided alone in memory: after a crash nobody knows it (XA7)."""

    log_type = ReportInMemory
