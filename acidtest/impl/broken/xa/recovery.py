"""Mutants of recovery: whose branches it finishes, by what it goes, and what keeps it from going on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.environment import XaError, Xid
from acidtest.impl.xa import ABORT, COMMIT, Decision, TransactionManager, key_of

if TYPE_CHECKING:
    from acidtest.environment import Resource


class ForeignNodeRolledBack(TransactionManager):
    """Rolls back whatever it has no record of, also branches of another transaction manager (XA5)."""

    def _is_ours(self, xid: Xid) -> bool:  # noqa: ARG002 - that is the bug
        return True


class ForeignBranchStopsRecovery(TransactionManager):
    """A branch of another transaction manager stops recovery, which never comes to its own (G6, G9, G11)."""

    def _is_ours(self, xid: Xid) -> bool:
        if not super()._is_ours(xid):
            message = f"{xid} is not ours"
            raise ValueError(message)
        return True


class FailedScanStopsRecovery(TransactionManager):
    """One resource manager that cannot be reached keeps recovery from all that come after it, and the process from starting (G9)."""

    def _scan(self, resource: Resource) -> tuple[Xid, ...]:
        found = resource.recover()
        if not found:
            raise XaError(resource)
        return found


class PresumedAbortNotRecorded(TransactionManager):
    """Recovery rolls back what it finds no decision for, and does not write that down (XA2, XA6)."""

    def _resolve(self, xid: Xid) -> None:
        decision = self.log.find(key_of(xid)) or Decision(key_of(xid), xid.gtrid, "", ABORT)
        if decision.outcome == COMMIT and not decision.recovered:
            self.log.take_over(decision.key)
        self._finish(decision, xid, first=False)


class AttemptNotCompared(TransactionManager):
    """Commits every attempt at a key that was decided to commit, not the one that won (G3)."""

    def _resolve(self, xid: Xid) -> None:
        key = key_of(xid)
        decision = self.log.decide(Decision(key, xid.gtrid, "", ABORT))
        if decision.outcome == COMMIT and not decision.recovered:
            self.log.take_over(key)
        self._finish(decision._replace(gtrid=xid.gtrid), xid, first=False)


class CommitNotRetried(TransactionManager):
    """Recovery rolls back what has no decision, and leaves alone what is to be committed (AC5, G6, G10)."""

    def _resolve(self, xid: Xid) -> None:
        decision = self.log.decide(Decision(key_of(xid), xid.gtrid, "", ABORT))
        if decision.outcome != COMMIT:
            self._finish(decision, xid, first=False)


class CommittedRolledBack(TransactionManager):
    """Recovery rolls back whatever it finds, whatever the log says (G4, XA2)."""

    def _resolve(self, xid: Xid) -> None:
        self._finish(Decision(key_of(xid), xid.gtrid, "", ABORT), xid, first=False)
