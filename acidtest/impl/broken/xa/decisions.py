"""Mutants of the decision: how votes are counted, when it is logged, whose it is, and what the client is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from acidtest.environment import Outcome, Xa, XaError, Xid
from acidtest.impl.xa import ABORT, COMMIT, FORMAT, NODE, Decision, Log, TransactionManager, fingerprint

if TYPE_CHECKING:
    from collections.abc import Sequence

    Operations = Sequence[tuple[str, str, int]]


class NoPrepare(TransactionManager):
    """Tells one branch after the other to commit in one phase, and calls that XA (XA4)."""

    def _execute(self, key: str, payload: str, operations: Operations) -> Decision:
        decision = Decision(key, self._new_gtrid(key, payload), payload, ABORT)
        enlisted = self._work(decision.gtrid, operations)
        for xid in enlisted or ():
            self.resources[xid.bqual].commit(xid, one_phase=True)
        return self.log.decide(decision if enlisted is None else decision._replace(outcome=COMMIT))


class LastResource(TransactionManager):
    """Prepares all branches but the last, which is told to commit in one phase: its answer is the decision (XA4)."""

    def _vote(self, enlisted: Sequence[Xid]) -> tuple[bool, list[Xid]]:
        *others, last = enlisted
        promised, left = super()._vote(others)
        if not promised:
            return False, [*left, last]
        try:
            self.resources[last.bqual].commit(last, one_phase=True)
        except XaError:
            return False, left
        return True, left


class EnlistedCountedEarly(TransactionManager):
    """Chooses one phase by the first resource manager that a run comes to, before others are enlisted (XA4)."""

    def _work(self, gtrid: str, operations: Operations) -> list[Xid] | None:
        enlisted = super()._work(gtrid, operations)
        self.one_phase = len({name for name, _, _ in operations[:2]}) == 1
        return enlisted

    def _vote(self, enlisted: Sequence[Xid]) -> tuple[bool, list[Xid]]:
        if not self.one_phase:
            return super()._vote(enlisted)
        first, *others = enlisted
        try:
            self.resources[first.bqual].commit(first, one_phase=True)
        except XaError:
            return False, others
        return super()._vote(others)


class FailedVoteCounts(TransactionManager):
    """A call to prepare that fails counts as a yes: branches that were never prepared are told to commit (AC3, XA2, XA6)."""

    def _vote(self, enlisted: Sequence[Xid]) -> tuple[bool, list[Xid]]:
        prepared = []
        for xid in enlisted:
            try:
                vote = self.resources[xid.bqual].prepare(xid)
            except XaError:
                vote = Xa.OK
            if vote != Xa.RDONLY:
                prepared.append(xid)
        return True, prepared


class LastVoteTakenForGranted(TransactionManager):
    """Decides when all but the last have voted yes, and asks the last no more (AC3)."""

    def _vote(self, enlisted: Sequence[Xid]) -> tuple[bool, list[Xid]]:
        *others, last = enlisted
        promised, left = super()._vote(others)
        return promised, [*left, last]


class UnanimousAborted(TransactionManager):
    """Logs abort although every branch has voted yes, where there are more than two (AC4, G11)."""

    def _vote(self, enlisted: Sequence[Xid]) -> tuple[bool, list[Xid]]:
        promised, left = super()._vote(enlisted)
        return promised and len(left) <= 2, left  # noqa: PLR2004 - that is the bug


class UnknownResourceSkipped(TransactionManager):
    """Leaves out operations on resource managers that it does not know, and does the others (G12)."""

    def run(self, key: str, operations: Operations) -> Outcome:
        """Run what is known."""
        return super().run(key, [operation for operation in operations if operation[0] in self.resources])


class OperationsOverwritten(TransactionManager):
    """Keeps one change per account: of two operations on one the first is lost (G1)."""

    def _work(self, gtrid: str, operations: Operations) -> list[Xid] | None:
        last = {(name, account): (name, account, change) for name, account, change in operations}
        return super()._work(gtrid, list(last.values()))


class DecideBeforeLog(TransactionManager):
    """Tells the branches to commit before the decision is durable (XA2)."""

    def _execute(self, key: str, payload: str, operations: Operations) -> Decision:
        decision = Decision(key, self._new_gtrid(key, payload), payload, ABORT)
        enlisted = self._work(decision.gtrid, operations)
        if enlisted is None or len(enlisted) == 1:
            return self.log.decide(decision) if enlisted is None else self._in_one_phase(decision, *enlisted)
        promised, left = self._vote(enlisted)
        decision = decision._replace(outcome=COMMIT if promised else ABORT)
        for xid in left:
            self._finish(decision, xid, first=True)
        return self.log.decide(decision)


class LoserGoesOnLog(Log):
    """A log that does not look whether its decision was written."""

    def decide(self, decision: Decision) -> Decision:
        """Write a decision unless there is one."""
        standing = super().decide(decision)
        return decision if decision.outcome == COMMIT else standing


class CommitAfterTimeoutAbort(TransactionManager):
    """Recovery has given a run up and logged abort, and the run commits all the same (XA2, XA6, G4)."""

    log_type = LoserGoesOnLog


class ReuseXid(TransactionManager):
    """Names branches by a counter in memory, which starts again after a crash (XA9)."""

    count = 0

    def _new_gtrid(self, key: str, payload: str) -> str:
        self.count += 1
        return f"{NODE}:{key}#{fingerprint(payload)}.{self.count}"


class EndForgotten(TransactionManager):
    """Prepares a branch to which two resource managers were enlisted without ending the first (G11)."""

    def _work(self, gtrid: str, operations: Operations) -> list[Xid] | None:
        started: list[Xid] = []
        try:
            for name, account, change in operations:
                xid = Xid(FORMAT, gtrid, name)
                if xid not in started:
                    self.resources[name].start(xid)
                    started.append(xid)
                self.resources[name].change(account, change)
            self.resources[started[-1].bqual].end(started[-1])
        except XaError:
            self._undo(started)
            return None
        return started


class UndoStopsAtError(TransactionManager):
    """The first branch that cannot be rolled back keeps the others from it: they stay until the process dies (G9)."""

    def _undo(self, started: Sequence[Xid]) -> None:
        for xid in started:
            self.resources[xid.bqual].end(xid)
            self.resources[xid.bqual].rollback(xid)


class OnlyBranchNotRecorded(TransactionManager):
    """Tells an only branch to commit without writing down that it does: who asks again is served again (G3)."""

    def _in_one_phase(self, decision: Decision, xid: Xid) -> Decision:
        self.resources[xid.bqual].commit(xid, one_phase=True)
        return self.log.decide(decision._replace(outcome=COMMIT))


class OnlyBranchPresumedAborted(TransactionManager):
    """Takes an only branch that did not answer for rolled back (G4)."""

    def _in_one_phase(self, decision: Decision, xid: Xid) -> Decision:
        mine = super()._in_one_phase(decision, xid)
        return self.log.conclude(mine.key, ABORT) if mine.outcome == "delegated" else mine


class RefusalMeansHazard(TransactionManager):
    """Takes an only branch that refuses to commit for one of which nobody knows: a run that was rolled back is reported (XA6)."""

    def _in_one_phase(self, decision: Decision, xid: Xid) -> Decision:
        mine = super()._in_one_phase(decision, xid)
        if mine.outcome == ABORT and mine.gtrid == decision.gtrid:
            self.log.report(decision.key, xid.bqual, Xa.HEURHAZ)
        return mine


class AnswersAtDecision(TransactionManager):
    """Answers ok as soon as the decision is logged, while a branch may still be decided otherwise (G4, XA7)."""

    def _in_doubt(self, decision: Decision) -> bool:  # noqa: ARG002 - that is the bug
        return False


class FailedScanMeansNone(TransactionManager):
    """Takes a scan that failed for one that found nothing: what is in doubt there is taken to be done (G4, XA7)."""

    def _in_doubt(self, decision: Decision) -> bool:
        return any(xid.gtrid == decision.gtrid for resource in self.resources.values() for xid in self._scan(resource))


class SwallowedError(TransactionManager):
    """Answers ok after any error (G4, XA7)."""

    def run(self, key: str, operations: Operations) -> Outcome:
        """Run, whatever happens."""
        try:
            return super().run(key, operations)
        except (SQLAlchemyError, XaError):
            return Outcome.OK


class PayloadNotCompared(TransactionManager):
    """A key with another payload gets the first answer (G4, G7)."""

    def _answer(self, decision: Decision, payload: str) -> Outcome:  # noqa: ARG002 - that is the bug
        return super()._answer(decision, decision.payload) if decision.payload else Outcome.REJECTED


class RejectionForgotten(TransactionManager):
    """Only commits are logged, so a rejected key is executed when it comes again (G4, G7)."""

    def _execute(self, key: str, payload: str, operations: Operations) -> Decision:
        decision = Decision(key, self._new_gtrid(key, payload), payload, ABORT)
        enlisted = self._work(decision.gtrid, operations)
        if enlisted is None:
            return decision
        if len(enlisted) == 1:
            return self._in_one_phase(decision, *enlisted)
        promised, left = self._vote(enlisted)
        if promised:
            decision = self.log.decide(decision._replace(outcome=COMMIT))
        for xid in left:
            self._finish(decision, xid, first=True)
        return decision
