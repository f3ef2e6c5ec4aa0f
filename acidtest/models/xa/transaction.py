"""A global XA transaction: one transaction manager, and a branch in each of several resource managers.

After X/Open, "Distributed Transaction Processing: The XA Specification" (C193, 1991), with presumed abort as in Mohan,
Lindsay & Obermarck, "Transaction Management in the R* Distributed Database Management System" (ACM TODS 11(4), 1986).

A call to a resource manager is one step, and may fail: it does not arrive, or its reply does not, and the transaction
manager cannot tell which (XAER_RMFAIL). How a single branch answers any call is in `branch`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from acidtest.checker.machine import Action, Model, Transition
from acidtest.models.shared.atomic_commitment import ABORTED, COMMITTED, PREPARED, WORKING, Statuses

#: A branch beside prepared, committed and aborted: not yet used, working, never used, or done as it only read.
FRESH, WRITES, READS, UNUSED, READONLY = "fresh", "writes", "reads", "unused", "readonly"
#: A branch that was told to commit in one phase; and what a resource manager decided alone, remembered until forgotten.
DELEGATED, HEURCOM, HEURRB = "delegated", "heurcom", "heurrb"
AT_WORK = frozenset({FRESH, WRITES, READS})
#: The transaction manager.
RUNNING, PREPARING, ONE_PHASE, COMMITTING, ABORTING, DONE, DOWN = (
    "running", "preparing", "one phase", "committing", "aborting", "done", "down",
)  # fmt: skip
#: What it knows of a branch: its vote, that a call for the outcome failed, that it must look, that nothing is left to do;
#: or its outcome, which may be a hazard: unknown for ever.
YES, NO, RETRY, SCAN, GONE, HAZARD = "yes", "no", "retry", "scan", "gone", "hazard"
FINAL = frozenset({COMMITTED, ABORTED, HEURCOM, HEURRB, HAZARD, GONE, READONLY})
#: What the caller is told.
OK, ROLLED_BACK, HEURMIX, UNKNOWN = "ok", "rolled back", "heurmix", "unknown"
CALL_LOST, REPLY_LOST = "call lost", "reply lost"
FAULTS = frozenset({
    "TimeOut", "GiveUp", "PrepareFails", "OnePhaseFails", "CommitFails", "RollbackFails", "RecoverFails", "Refuse",
    "TMCrash", "RMCrash", "DecideAlone", "OtherTMCommits",
})  # fmt: skip
#: What each status stands for in TCommit; a branch that only read, or was not used, has promised and has no outcome.
SHOWN = {
    FRESH: WORKING, WRITES: WORKING, READS: WORKING, UNUSED: PREPARED, READONLY: PREPARED, DELEGATED: PREPARED,
    PREPARED: PREPARED, COMMITTED: COMMITTED, ABORTED: ABORTED, HEURCOM: COMMITTED, HEURRB: ABORTED,
}  # fmt: skip


class XaState(NamedTuple):
    """`log`, `branches` and `other` are durable, `reply` is the caller's; `tm` and `known` are memory."""

    branches: Statuses
    known: tuple[str, ...]  #: what the transaction manager knows of each branch
    tm: str = RUNNING
    log: str = ""
    reply: str = ""
    other: str = PREPARED  #: the branch of another transaction manager
    faults: int = 0
    alone: int = 0  #: which branches were ever decided heuristically; nobody in the model looks


class XaView(NamedTuple):
    """What an outsider sees of one global transaction."""

    participants: Statuses  #: of the branches that have an outcome to come, as of any commit protocol; else "none"
    voted: tuple[bool, ...]  #: which branches have promised, or need not
    branches: Statuses
    concluded: tuple[str, ...]  #: what the transaction manager takes each branch to be
    tm: str
    logged: bool
    reply: str
    other: str
    crashes: int  #: faults of any kind
    alone: tuple[bool, ...]  #: which branches were ever decided heuristically
    answers: tuple[str, ...] = ()  #: what a reader of each resource manager is given, where readers are looked at


class XaTransaction(Model[XaState]):
    """One global transaction over `n` resource managers, with at most `faults` crashes and failed calls in all.

    Crashes and recovery are in `recovery`. All other arguments are switches; `recovery_study` says what they mean, and
    what is proved.
    """

    name = "XA"
    faults = FAULTS

    def __init__(
        self, n: int, faults: int = 1, *,
        last_resource: bool = False, timeout_after_prepare: bool = False, commit_after_giving_up: bool = False,
        decide_before_log: bool = False, failed_vote_counts: bool = False, rdonly_still_committed: bool = False,
        rmfail_means_rmerr: bool = False, swallow_heurmix: bool = False,
    ) -> None:  # fmt: skip
        """Set the size, and which rules are left out."""
        self.n, self.max_faults = n, faults
        self.each = [(i,) for i in range(n)]
        self.last = n - 1 if last_resource else -1
        self.timeouts = {WRITES, READS, PREPARED} if timeout_after_prepare else {WRITES, READS}
        self.deciding = {PREPARING, ABORTING} if commit_after_giving_up else {PREPARING}
        self.overlooked = ABORTED if commit_after_giving_up else YES
        self.decide_before_log, self.rdonly_still_committed = decide_before_log, rdonly_still_committed
        self.on_rmfail = ABORTED if rmfail_means_rmerr else RETRY
        self.on_failed_vote = YES if failed_vote_counts else NO
        self.swallow_heurmix = swallow_heurmix

    def initial_states(self) -> Iterable[XaState]:
        """No branch is used yet."""
        yield XaState((FRESH,) * self.n, ("",) * self.n)

    def transitions(self) -> Sequence[Transition]:
        """List what the application, the transaction manager and the resource managers do, and calls that fail."""
        failing = [(i, how) for i in range(self.n) for how in (CALL_LOST, REPLY_LOST)]
        return [
            Transition("Work", self.work, [(i, kind) for i in range(self.n) for kind in (WRITES, READS, UNUSED)]),
            Transition("RequestCommit", self.request_commit),
            Transition("GiveUp", self.give_up),
            Transition("Prepare", self.prepare, self.each),
            Transition("PrepareFails", self.prepare, failing),
            Transition("OnePhase", self.one_phase, self.each),
            Transition("Finish", self.finish, self.each),
            Transition("Refuse", self.refuse, self.each),
            Transition("OnePhaseReply", self.one_phase_reply, self.each),
            Transition("OnePhaseFails", self.one_phase_fails, self.each),
            Transition("LogCommit", self.log_commit),
            Transition("Abort", self.abort),
            Transition("Commit", self.commit, self.each),
            Transition("CommitFails", self.commit, failing),
            Transition("Rollback", self.rollback, self.each),
            Transition("RollbackFails", self.rollback, failing),
            Transition("Reply", self.answer),
            Transition("TimeOut", self.time_out, self.each),
        ]

    def work(self, s: XaState, i: int, kind: str) -> XaState | None:
        """Enlist branch `i` and write or read there, or end without it."""
        return put_branch(s, i, kind) if s.tm == RUNNING and s.branches[i] == FRESH else None

    def request_commit(self, s: XaState) -> XaState | None:
        """Ask to commit: in one phase if just one branch is enlisted by now."""
        if s.tm != RUNNING or FRESH in s.branches:
            return None
        used = self.n - s.branches.count(UNUSED)
        known = tuple(READONLY if status == UNUSED else "" for status in s.branches)
        return s._replace(tm=ONE_PHASE if used == 1 else PREPARING, known=known)

    def give_up(self, s: XaState) -> XaState | None:
        """Decide to roll back, as the application wants it or the timer is over."""
        return s._replace(tm=ABORTING) if s.tm in {RUNNING, PREPARING} else None

    def prepare(self, s: XaState, i: int, how: str = "") -> XaState | None:
        """Ask for a vote; without an answer it counts as a refusal."""
        if s.tm != PREPARING or s.known[i] or i == self.last or not self.can_fail(s, how):
            return None
        status = {WRITES: PREPARED, READS: READONLY}.get(s.branches[i], ABORTED)
        vote = {PREPARED: YES, READONLY: READONLY}.get(status, NO)
        return self._called(s, i, how, status, self.on_failed_vote if how else vote)

    def one_phase(self, s: XaState, i: int) -> XaState | None:
        """Leave the decision to the only branch, or to the one that cannot prepare once all others have voted."""
        others = all(vote in {YES, READONLY} for j, vote in enumerate(s.known) if j != i)
        in_turn = s.tm == ONE_PHASE or (s.tm == PREPARING and i == self.last)
        if not in_turn or not others or s.known[i] or s.branches[i] not in {WRITES, READS}:
            return None
        return put_branch(s, i, DELEGATED if s.branches[i] == WRITES else READONLY)._replace(tm=ONE_PHASE)

    def finish(self, s: XaState, i: int) -> XaState | None:
        """Commit, as was left to the resource manager."""
        return put_branch(s, i, COMMITTED) if s.branches[i] == DELEGATED else None

    def refuse(self, s: XaState, i: int) -> XaState | None:
        """Roll back, as was left to the resource manager as well."""
        return put_branch(s, i, ABORTED) if s.branches[i] == DELEGATED else None

    def one_phase_reply(self, s: XaState, i: int) -> XaState | None:
        """Learn what the branch decided."""
        if not self._has_decided(s, i):
            return None
        outcome, voted = s.branches[i], PREPARING if YES in s.known else COMMITTING
        return put_known(s, i, outcome)._replace(tm=ABORTING if outcome == ABORTED else voted)

    def one_phase_fails(self, s: XaState, i: int) -> XaState | None:
        """Never learn it: with no other branch that is a hazard, with others they are rolled back."""
        if not self._has_decided(s, i) or not self.can_fail(s, REPLY_LOST):
            return None
        return put_known(s, i, HAZARD)._replace(tm=ABORTING, faults=s.faults + 1)

    def log_commit(self, s: XaState) -> XaState | None:
        """With every vote decide, durably, to commit; there is nothing to log if all only read."""
        votes = set(s.known)
        if s.tm not in self.deciding or not votes <= {YES, READONLY, COMMITTED, self.overlooked}:
            return None
        return s._replace(tm=COMMITTING, log=COMMITTED if YES in votes and not self.decide_before_log else "")

    def abort(self, s: XaState) -> XaState | None:
        """Roll back as not all votes are yes."""
        return s._replace(tm=ABORTING) if s.tm == PREPARING and {NO, ABORTED} & set(s.known) else None

    def commit(self, s: XaState, i: int, how: str = "") -> XaState | None:
        """Have a branch commit. That it is not known is no wonder after a failed call, and a hazard otherwise."""
        due = {YES, RETRY, READONLY} if self.rdonly_still_committed and s.branches[i] == READONLY else {YES, RETRY}
        if s.tm != COMMITTING or s.known[i] not in due or not self.can_fail(s, how):
            return None
        nota = COMMITTED if s.known[i] == RETRY else HAZARD
        known = {PREPARED: COMMITTED, HEURCOM: HEURCOM, HEURRB: HEURRB}.get(s.branches[i], nota)
        status = COMMITTED if s.branches[i] == PREPARED else s.branches[i]
        return self._called(s, i, how, status, self.on_rmfail if how else known)

    def rollback(self, s: XaState, i: int, how: str = "") -> XaState | None:
        """Have a branch roll back; if it is not known it has done so already."""
        if s.tm != ABORTING or s.known[i] in FINAL | {SCAN} or not self.can_fail(s, how):
            return None
        known = s.branches[i] if s.branches[i] in {HEURCOM, HEURRB} else ABORTED
        status = ABORTED if s.branches[i] in AT_WORK | {PREPARED} else s.branches[i]
        return self._called(s, i, how, status, self.on_rmfail if how else known)

    def answer(self, s: XaState) -> XaState | None:
        """Tell the caller, once every branch is done with; without any record of the transaction that it is unknown."""
        if s.tm not in {COMMITTING, ABORTING} or not set(s.known) <= FINAL:
            return None
        contrary = (HEURRB if s.tm == COMMITTING else HEURCOM) in s.known and not self.swallow_heurmix
        vague = HAZARD in s.known or (GONE in s.known and not s.log)
        plain = OK if s.tm == COMMITTING else ROLLED_BACK
        return s._replace(tm=DONE, reply=s.reply or (HEURMIX if contrary else UNKNOWN if vague else plain))

    def time_out(self, s: XaState, i: int) -> XaState | None:
        """Roll back a branch that nobody asks about: only before it is prepared."""
        return put_branch(s, i, ABORTED) if s.branches[i] in self.timeouts else None

    def _has_decided(self, s: XaState, i: int) -> bool:
        """Whether the branch that was told to commit in one phase is through."""
        return s.tm == ONE_PHASE and not s.known[i] and s.branches[i] in {COMMITTED, ABORTED, READONLY}

    def can_fail(self, s: XaState, how: str) -> bool:
        """Whether a call may fail in this way; no way is none."""
        return not how or s.faults < self.max_faults

    def _called(self, s: XaState, i: int, how: str, status: str, known: str) -> XaState:
        after = put_known(s, i, known)
        after = after if how == CALL_LOST else put_branch(after, i, status)
        return after._replace(faults=s.faults + 1) if how else after

    def view(self, s: XaState) -> XaView:
        """Show what is durable, and what the transaction manager and the caller take for true."""
        effective = tuple("none" if status in {UNUSED, READONLY} else SHOWN[status] for status in s.branches)
        voted = tuple(SHOWN[status] in {PREPARED, COMMITTED} for status in s.branches)
        alone = tuple(bool(s.alone >> i & 1) for i in range(self.n))
        return XaView(effective, voted, s.branches, s.known, s.tm, bool(s.log), s.reply, s.other, s.faults, alone)

    def actor(self, action: Action) -> str:
        """The application, the transaction manager, the other one, or a resource manager."""
        if action.name in {"Work", "RequestCommit"}:
            return "application"
        own = {"Finish", "Refuse", "TimeOut", "Disconnect", "RMCrash", "DecideAlone"}
        return f"RM {action.args[0]}" if action.name in own else "other TM" if action.name == "OtherTMCommits" else "TM"


def xa_to_commit(s: XaState) -> Statuses:
    """Map to TCommit: forget the transaction manager."""
    return tuple(SHOWN[status] for status in s.branches)


def put_branch(s: XaState, i: int, status: str) -> XaState:
    """Change branch `i`."""
    return s._replace(branches=(*s.branches[:i], status, *s.branches[i + 1 :]))


def put_known(s: XaState, i: int, known: str) -> XaState:
    """Change what the transaction manager knows of branch `i`."""
    return s._replace(known=(*s.known[:i], known, *s.known[i + 1 :]))
