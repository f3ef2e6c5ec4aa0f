"""A global XA transaction where anybody may crash, and where resource managers may decide alone.

`XaRecovery` adds to `XaTransaction` crashes, recovery, heuristic decisions, and another transaction manager that has
decided to commit its own branch, prepared in resource manager 0. What is prepared, committed or decided heuristically is
durable, and so is the log, which holds only decisions to commit (presumed abort: Mohan, Lindsay & Obermarck, 1986);
what the transaction manager knows of the branches is memory. A branch that is at work is rolled back when its
connection goes. A resource manager that crashes is back at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from acidtest.checker.machine import Transition
from acidtest.models.shared.atomic_commitment import ABORTED, COMMITTED, PREPARED, answers
from acidtest.models.xa.transaction import (
    ABORTING,
    AT_WORK,
    CALL_LOST,
    COMMITTING,
    DELEGATED,
    DONE,
    DOWN,
    GONE,
    HEURCOM,
    HEURRB,
    READS,
    SCAN,
    SHOWN,
    WRITES,
    YES,
    XaState,
    XaTransaction,
    XaView,
    put_branch,
    put_known,
)


class XaRecovery(XaTransaction):
    """One global transaction over `n` resource managers, with at most `faults` crashes and failed calls in all.

    All other arguments are switches; `recovery_study` says what they mean, and what is proved.
    """

    def __init__(
        self, n: int, faults: int = 1, *,
        heuristics: bool = False, tm_returns: bool = True, prepared_not_durable: bool = False,
        commit_not_forced: bool = False, failed_scan_means_none: bool = False, finishes_foreign: bool = False,
        forget_untold: bool = False, readers_lock: bool = False, **rules: bool,
    ) -> None:  # fmt: skip
        """Set the size, which assumptions are off, and which rules are left out."""
        super().__init__(n, faults, **rules)
        self.heuristics, self.tm_returns, self.finishes_foreign = heuristics, tm_returns, finishes_foreign
        self.prepared_not_durable, self.commit_not_forced = prepared_not_durable, commit_not_forced
        self.on_failed_scan = GONE if failed_scan_means_none else SCAN
        self.forget_untold, self.readers_lock = forget_untold, readers_lock

    def transitions(self) -> Sequence[Transition]:
        """List the transaction, then crashes and recovery, and what others decide."""
        table = [
            *super().transitions(),
            Transition("TMCrash", self.tm_crash),
            Transition("Recover", self.recover, self.each),
            Transition("RecoverFails", self.recover_fails, self.each),
            Transition("Disconnect", self.disconnect, self.each),
            Transition("RMCrash", self.rm_crash, self.each),
            Transition("OtherTMCommits", self.other_tm_commits),
        ]
        if self.tm_returns:
            table.append(Transition("TMRestart", self.tm_restart))
        if self.heuristics:
            decisions = [(i, to) for i in range(self.n) for to in (HEURCOM, HEURRB)]
            table += [Transition("DecideAlone", self.decide_alone, decisions), Transition("Forget", self.forget, self.each)]
        if self.finishes_foreign:
            table.append(Transition("RollbackForeign", self.rollback_foreign))
        return table

    def view(self, s: XaState) -> XaView:
        """Show what readers are given as well."""
        seen = super().view(s)
        return seen._replace(answers=answers(seen.participants, readers_lock=self.readers_lock))

    def tm_crash(self, s: XaState) -> XaState | None:
        """Lose the transaction manager's memory."""
        if s.tm == DOWN or s.faults == self.max_faults:
            return None
        return s._replace(tm=DOWN, known=("",) * self.n, faults=s.faults + 1)

    def tm_restart(self, s: XaState) -> XaState | None:
        """Come back: a commit record means commit, none means roll back whatever is found."""
        return s._replace(tm=COMMITTING if s.log else ABORTING, known=(SCAN,) * self.n) if s.tm == DOWN else None

    def recover(self, s: XaState, i: int) -> XaState | None:
        """Ask a resource manager for branches that are prepared or were decided heuristically."""
        if s.known[i] != SCAN or s.branches[i] in AT_WORK | {DELEGATED}:
            return None
        return put_known(s, i, YES if s.branches[i] in {PREPARED, HEURCOM, HEURRB} else GONE)

    def recover_fails(self, s: XaState, i: int) -> XaState | None:
        """Get no answer, and ask again."""
        if s.known[i] != SCAN or not self.can_fail(s, CALL_LOST):
            return None
        return put_known(s, i, self.on_failed_scan)._replace(faults=s.faults + 1)

    def disconnect(self, s: XaState, i: int) -> XaState | None:
        """Roll back what was at work when the transaction manager crashed."""
        gone = s.tm == DOWN or s.known[i] in {SCAN, GONE}
        return put_branch(s, i, ABORTED) if gone and s.branches[i] in AT_WORK else None

    def rm_crash(self, s: XaState, i: int) -> XaState | None:
        """Restart a resource manager: what is not prepared is rolled back."""
        if s.faults == self.max_faults:
            return None
        lost = {WRITES, READS, DELEGATED} | ({PREPARED} if self.prepared_not_durable else set())
        status = ABORTED if s.branches[i] in lost else s.branches[i]
        if self.commit_not_forced and status == COMMITTED:
            status = PREPARED
        return put_branch(s, i, status)._replace(faults=s.faults + 1) if status != s.branches[i] else None

    def other_tm_commits(self, s: XaState) -> XaState | None:
        """Another transaction manager finishes its branch."""
        return s._replace(other=COMMITTED) if s.other == PREPARED else None

    def rollback_foreign(self, s: XaState) -> XaState | None:
        """In recovery roll back another's branch, for want of a record."""
        return s._replace(other=ABORTED) if s.other == PREPARED and s.known[0] == SCAN else None

    def decide_alone(self, s: XaState, i: int, to: str) -> XaState | None:
        """Decide a prepared branch without being told: heuristically."""
        return put_branch(s, i, to)._replace(alone=s.alone | 1 << i) if s.branches[i] == PREPARED else None

    def forget(self, s: XaState, i: int) -> XaState | None:
        """Let a resource manager drop its record of a heuristic decision, once the caller knows."""
        told = s.tm == DONE or (self.forget_untold and s.known[i] in {HEURCOM, HEURRB})
        if not told or s.branches[i] not in {HEURCOM, HEURRB}:
            return None
        return put_branch(s, i, SHOWN[s.branches[i]])
