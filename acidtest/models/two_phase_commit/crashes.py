"""Two-phase commit with crashes, durable logs and recovery; what it guarantees and what it cannot.

`TwoPhaseCrash` adds to `TwoPhase` what that leaves out: log writes apart from sends, processes that lose
their memory, and recovery by presumed abort (Mohan, Lindsay & Obermarck, "Transaction Management in the R*
Distributed Database Management System", ACM TODS 11(4), 1986). Each rule of the protocol has a switch that
breaks it, so that the checker shows why it is there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from acidtest.checker.machine import Action, Kind, Model, Property, Transition
from acidtest.checker.theory import Diagram, Size, Study, Switch, Theorem, Twin
from acidtest.models.shared.atomic_commitment import (
    ABORTED,
    AC1,
    AC3,
    COMMITTED,
    HALF,
    PREPARED,
    READERS_LOCK,
    WORKING,
    CommitView,
    Statuses,
    answers,
    have_all_decided,
    with_status,
)
from acidtest.models.shared.atomic_commitment import properties as commitment_properties
from acidtest.models.two_phase_commit.phases import (
    ABORT_MSG,
    COMMIT_MSG,
    INIT,
    PREPARED_MSG,
    members,
    on_the_wire,
    told,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

#: A process that has crashed and not restarted.
DOWN = "down"
#: What the environment does. Nobody may count on it to happen.
FAULTS = frozenset({"RMCrash", "TMCrash"})

#: `(rms, rm_logs, tm, tm_log, votes, msgs, crashes)`
CrashState: TypeAlias = tuple[Statuses, Statuses, str, str, int, int, int]


class TwoPhaseCrash(Model[CrashState]):
    """Two-phase commit with presumed abort; a state is `(rms, rm_logs, tm, tm_log, votes, msgs, crashes)`.

    `rms`, `tm` and `votes` are memory, which a crash destroys; `rm_logs` and `tm_log` are durable. Only
    prepared records and the coordinator's commit record are forced: what is not in a log is presumed aborted.

    Arguments:
        n: how many participants.
        crashes: how many crashes there may be in all, of anybody, in recovery too.
        recovery: whether a crashed coordinator comes back. Participants always do.
        decide_before_log: a bug: COMMIT may be sent before the decision is durable.
        vote_before_log: a bug: YES may be sent before the prepared record is durable.
        abort_after_yes: a bug: a participant may still abort alone after it voted yes.
        readers_lock: whether who reads takes locks, and so waits for what is prepared.

    """

    name = "TwoPhaseCrash"
    events = faults = FAULTS
    fields = ("rms", "rm_logs", "tm", "tm_log", "votes", "msgs", "crashes")

    def __init__(  # noqa: PLR0913 - each switch is an assumption of its own
        self,
        n: int,
        crashes: int = 1,
        *,
        recovery: bool = True,
        decide_before_log: bool = False,
        vote_before_log: bool = False,
        abort_after_yes: bool = False,
        readers_lock: bool = False,
    ) -> None:
        """Set the size, and which assumptions are off."""
        self.readers_lock = readers_lock
        self.n, self.max_crashes, self.recovery = n, crashes, recovery
        self.everyone = (1 << n) - 1
        self.decide_before_log = decide_before_log
        self.vote_before_log = vote_before_log
        self.abort_after_yes = abort_after_yes

    def initial_states(self) -> list[CrashState]:
        """Start with everybody working, empty logs and no message sent."""
        working = (WORKING,) * self.n
        return [(working, working, INIT, INIT, 0, 0, 0)]

    def transitions(self) -> Sequence[Transition]:
        """List the actions of TwoPhase, with log writes and sends apart, and then crashes and restarts."""
        each = [(rm,) for rm in range(self.n)]
        return (
            Transition("TMRcvPrepared", self.tm_rcv_prepared, each),
            Transition("TMCommit", self.tm_commit),
            Transition("TMLogCommit", self.tm_log_commit),
            Transition("TMSendCommit", self.tm_send_commit),
            Transition("TMAbort", self.tm_abort),
            Transition("RMPrepare", self.rm_prepare, each),
            Transition("RMLogPrepared", self.rm_log_prepared, each),
            Transition("RMVote", self.rm_vote, each),
            Transition("RMChooseToAbort", self.rm_choose_to_abort, each),
            Transition("RMRcvCommitMsg", self.rm_rcv_commit_msg, each),
            Transition("RMRcvAbortMsg", self.rm_rcv_abort_msg, each),
            Transition("TMCrash", self.tm_crash),
            Transition("TMRestart", self.tm_restart),
            Transition("RMCrash", self.rm_crash, each),
            Transition("RMRestart", self.rm_restart, each),
        )

    def tm_rcv_prepared(self, state: CrashState, rm: int) -> CrashState | None:
        """Count a vote."""
        rms, rm_logs, tm, tm_log, votes, msgs, crashes = state
        if tm != INIT or votes >> rm & 1 or not msgs & PREPARED_MSG << rm:
            return None
        return rms, rm_logs, tm, tm_log, votes | 1 << rm, msgs, crashes

    def tm_commit(self, state: CrashState) -> CrashState | None:
        """Decide to commit, in memory only."""
        rms, rm_logs, tm, tm_log, votes, msgs, crashes = state
        if tm != INIT or votes != self.everyone:
            return None
        return rms, rm_logs, COMMITTED, tm_log, votes, msgs, crashes

    def tm_log_commit(self, state: CrashState) -> CrashState | None:
        """Force the commit record: from now on the transaction is committed."""
        rms, rm_logs, tm, tm_log, votes, msgs, crashes = state
        if tm != COMMITTED or tm_log == COMMITTED:
            return None
        return rms, rm_logs, tm, COMMITTED, votes, msgs, crashes

    def tm_send_commit(self, state: CrashState) -> CrashState | None:
        """Tell everybody, but not before the decision is durable."""
        rms, rm_logs, tm, tm_log, votes, msgs, crashes = state
        durable = tm_log == COMMITTED or self.decide_before_log
        if tm != COMMITTED or not durable or msgs & COMMIT_MSG:
            return None
        return rms, rm_logs, tm, tm_log, votes, msgs | COMMIT_MSG, crashes

    def tm_abort(self, state: CrashState) -> CrashState | None:
        """Abort and tell everybody; presumed abort needs no record of that."""
        rms, rm_logs, tm, tm_log, votes, msgs, crashes = state
        if tm != INIT:
            return None
        return rms, rm_logs, ABORTED, tm_log, votes, msgs | ABORT_MSG, crashes

    def rm_prepare(self, state: CrashState, rm: int) -> CrashState | None:
        """Finish the work, in memory only."""
        rms, rm_logs, tm, tm_log, votes, msgs, crashes = state
        if rms[rm] != WORKING:
            return None
        return with_status(rms, rm, PREPARED), rm_logs, tm, tm_log, votes, msgs, crashes

    def rm_log_prepared(self, state: CrashState, rm: int) -> CrashState | None:
        """Force the prepared record: a promise that survives a crash."""
        rms, rm_logs, tm, tm_log, votes, msgs, crashes = state
        if rms[rm] != PREPARED or rm_logs[rm] != WORKING:
            return None
        return rms, with_status(rm_logs, rm, PREPARED), tm, tm_log, votes, msgs, crashes

    def rm_vote(self, state: CrashState, rm: int) -> CrashState | None:
        """Say yes, but not before the promise is durable."""
        rms, rm_logs, tm, tm_log, votes, msgs, crashes = state
        durable = rm_logs[rm] == PREPARED or self.vote_before_log
        if rms[rm] != PREPARED or not durable or msgs & PREPARED_MSG << rm:
            return None
        return rms, rm_logs, tm, tm_log, votes, msgs | PREPARED_MSG << rm, crashes

    def rm_choose_to_abort(self, state: CrashState, rm: int) -> CrashState | None:
        """Abort alone, which is allowed until the vote is out."""
        rms, _, _, _, _, msgs, _ = state
        promised = msgs & PREPARED_MSG << rm and not self.abort_after_yes
        # Prepared in memory is not yet promised: until the vote is out nobody counts on it.
        if rms[rm] not in {WORKING, PREPARED} or promised:
            return None
        return self._decided(state, rm, ABORTED)

    def rm_rcv_commit_msg(self, state: CrashState, rm: int) -> CrashState | None:
        """Commit as told, durably and in one step, as a database does."""
        rms, _, _, _, _, msgs, _ = state
        if not msgs & COMMIT_MSG or rms[rm] != PREPARED:
            return None
        return self._decided(state, rm, COMMITTED)

    def rm_rcv_abort_msg(self, state: CrashState, rm: int) -> CrashState | None:
        """Abort as told."""
        rms, _, _, _, _, msgs, _ = state
        if not msgs & ABORT_MSG or rms[rm] not in {WORKING, PREPARED}:
            return None
        return self._decided(state, rm, ABORTED)

    def tm_crash(self, state: CrashState) -> CrashState | None:
        """Lose the coordinator's memory."""
        rms, rm_logs, tm, tm_log, _, msgs, crashes = state
        if tm == DOWN or crashes == self.max_crashes:
            return None
        return rms, rm_logs, DOWN, tm_log, 0, msgs, crashes + 1

    def tm_restart(self, state: CrashState) -> CrashState | None:
        """Recover: a commit record means commit, and none means abort."""
        rms, rm_logs, tm, tm_log, votes, msgs, crashes = state
        if tm != DOWN or not self.recovery:
            return None
        if tm_log == COMMITTED:
            return rms, rm_logs, COMMITTED, tm_log, votes, msgs, crashes
        return rms, rm_logs, ABORTED, tm_log, votes, msgs | ABORT_MSG, crashes

    def rm_crash(self, state: CrashState, rm: int) -> CrashState | None:
        """Lose a participant's memory."""
        rms, rm_logs, tm, tm_log, votes, msgs, crashes = state
        if rms[rm] == DOWN or crashes == self.max_crashes:
            return None
        return with_status(rms, rm, DOWN), rm_logs, tm, tm_log, votes, msgs, crashes + 1

    def rm_restart(self, state: CrashState, rm: int) -> CrashState | None:
        """Recover: with a prepared record wait to be told, without one abort."""
        rms, rm_logs, tm, tm_log, votes, msgs, crashes = state
        if rms[rm] != DOWN:
            return None
        if rm_logs[rm] == WORKING:
            return self._decided(state, rm, ABORTED)
        return with_status(rms, rm, rm_logs[rm]), rm_logs, tm, tm_log, votes, msgs, crashes

    def _decided(self, state: CrashState, rm: int, decision: str) -> CrashState:
        rms, rm_logs, tm, tm_log, votes, msgs, crashes = state
        decided, logged = with_status(rms, rm, decision), with_status(rm_logs, rm, decision)
        return decided, logged, tm, tm_log, votes, msgs, crashes

    def view(self, state: CrashState) -> CommitView:
        """Show what is durable or on the wire, and whether the coordinator is up.

        A YES counts as voted where it was said *and* a record was forced: a promise that a crash undoes is
        none.
        """
        _, rm_logs, tm, tm_log, _, msgs, crashes = state
        voted = tuple(log != WORKING and bool(msgs & PREPARED_MSG << rm) for rm, log in enumerate(rm_logs))
        given = answers(rm_logs, readers_lock=self.readers_lock)
        return CommitView(rm_logs, voted, told(msgs), tm_log == COMMITTED, tm != DOWN, crashes, given)

    def shown(self, state: CrashState) -> tuple[object, ...]:
        """Unpack the sets."""
        rms, rm_logs, tm, tm_log, votes, msgs, crashes = state
        return rms, rm_logs, tm, tm_log, members(votes), on_the_wire(msgs), crashes

    def actor(self, action: Action) -> str:
        """The transaction manager, or a resource manager."""
        return f"RM {action.args[0]}" if action.args and action.name != "TMRcvPrepared" else "TM"


def is_blocked(view: CommitView) -> bool:
    """All have promised, and the only process that may know the outcome is down and told nobody."""
    in_doubt = all(view.voted) and all(status == PREPARED for status in view.participants)
    return in_doubt and not view.coordinator_up and not view.decision


def of_participants(_: TwoPhaseCrash, state: CrashState) -> tuple[object, ...]:
    """The memory and the log of every participant, and whatever was sent."""
    rms, rm_logs, *_coordinator, msgs, _crashes = state
    return rms, rm_logs, on_the_wire(msgs)


_SKEEN = "Skeen, Nonblocking commit protocols, SIGMOD 1981"
N1 = Property("N1", "all participants are blocked", Kind.SOMETIMES, is_blocked, _SKEEN)
N2 = HALF
N3 = Property(
    "N3", "participants in doubt cannot tell, even together, whether a decision to commit is logged", Kind.SOMETIMES,
    lambda view: is_blocked(view) and view.logged, "Skeen & Stonebraker 1983",
)  # fmt: skip
N3_OTHERWISE = replace(N3, name="no decision is logged", predicate=lambda view: is_blocked(view) and not view.logged)
TERMINATION = Property("AC5.live", "everybody decides", Kind.EVENTUALLY, have_all_decided, "Bernstein, Hadzilacos & Goodman 1987")
NON_BLOCKING = replace(
    TERMINATION, id="N1.live", name="everybody decides, also without the coordinator, where nobody has refused",
    predicate=lambda view: have_all_decided(view) or ABORTED in view.participants, source=_SKEEN,
)  # fmt: skip

STUDY = Study(
    name="two-phase commit with crashes",
    make=TwoPhaseCrash,
    switches=(
        Switch("recovery", "a coordinator that crashed comes back", default=True),
        Switch("decide_before_log", "COMMIT may be sent before the decision is durable"),
        Switch("vote_before_log", "YES may be sent before the prepared record is durable"),
        Switch("abort_after_yes", "a participant may abort alone after it voted yes"),
        READERS_LOCK,
    ),
    sizes=(
        Size("2 participants, 1 crash", {"n": 2, "crashes": 1}, 463, 16),
        Size("3 participants, 1 crash", {"n": 3, "crashes": 1}, 3_741, 21),
        Size("3 participants, 2 crashes", {"n": 3, "crashes": 2}, 9_274, 23),
    ),
    properties=(*commitment_properties(), TERMINATION),
    theorems=(
        Theorem(N1),
        Theorem(NON_BLOCKING, {"recovery": False}, {}),
        Theorem(N2, {}, {"readers_lock": True}),
        Theorem(N3, twin=Twin(N3_OTHERWISE, "the participants", of_participants)),
        Theorem(AC1, {"decide_before_log": True}, {}),
        Theorem(AC3, {"vote_before_log": True}, {}),
        Theorem(AC1, {"vote_before_log": True}, {}),
        Theorem(AC1, {"abort_after_yes": True}, {}),
    ),
    diagram=Diagram({"n": 2, "crashes": 0}, lambda s: f"TM {s[2]}\n" + ", ".join(sorted(s[0]))),
)
