"""The protocol of two-phase commit where nobody crashes.

`TwoPhase` is the TLA+ module of that name of Gray & Lamport, "Consensus on Transaction Commit" (ACM TODS
31(1), 2006), action by action, with the mapping under which it implements TCommit.

States are plain tuples, taken apart at the top of each action: cheaper than named fields, and the names read
as the variables of the TLA+ text. Sets of participants are bit masks. Messages are only ever added to the set
`msgs`, so they may be late, reordered and received twice; one that is never received is lost.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from acidtest.checker.machine import Action, Kind, Model, Transition
from acidtest.checker.theory import Diagram, Refines, Size, Study
from acidtest.models.shared.atomic_commitment import (
    ABORTED,
    COMMITTED,
    PREPARED,
    WORKING,
    CommitView,
    Statuses,
    TransactionCommit,
    properties,
    with_status,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The coordinator before it has decided.
INIT = "init"
#: Members of the set of messages: two broadcasts, and `PREPARED_MSG << rm` for the YES of participant `rm`.
COMMIT_MSG, ABORT_MSG, PREPARED_MSG = 1, 2, 4

TwoPhaseState: TypeAlias = tuple[Statuses, str, int, int]


def told(msgs: int) -> str:
    """Name the decision that is on the wire, if any."""
    return COMMITTED if msgs & COMMIT_MSG else ABORTED if msgs & ABORT_MSG else ""


def on_the_wire(msgs: int) -> frozenset[str]:
    """Name the messages of a set."""
    votes = {f"yes({rm})" for rm in range(msgs.bit_length()) if msgs & PREPARED_MSG << rm}
    return frozenset(votes | {name for bit, name in ((COMMIT_MSG, "commit"), (ABORT_MSG, "abort")) if msgs & bit})


def members(mask: int) -> frozenset[int]:
    """List the participants of a bit mask."""
    return frozenset(rm for rm in range(mask.bit_length()) if mask >> rm & 1)


@cache
def who_voted(msgs: int, n: int) -> tuple[bool, ...]:
    """Tell of every participant whether its YES is out."""
    return tuple(bool(msgs & PREPARED_MSG << rm) for rm in range(n))


class TwoPhase(Model[TwoPhaseState]):
    """TwoPhase, exactly as specified; a state is `(rmState, tmState, tmPrepared, msgs)`.

    As there, receiving a message again is a step that changes nothing, so no state is a deadlock.
    """

    name = "TwoPhase"
    fields = ("rmState", "tmState", "tmPrepared", "msgs")

    def __init__(self, n: int) -> None:
        """Take `n` resource managers."""
        self.n = n
        self.everyone = (1 << n) - 1

    def initial_states(self) -> list[TwoPhaseState]:
        """Start with everybody working and no message sent."""
        return [((WORKING,) * self.n, INIT, 0, 0)]

    def transitions(self) -> Sequence[Transition]:
        """List the disjuncts of TPNext."""
        each = [(rm,) for rm in range(self.n)]
        return (
            Transition("TMCommit", self.tm_commit),
            Transition("TMAbort", self.tm_abort),
            Transition("TMRcvPrepared", self.tm_rcv_prepared, each),
            Transition("RMPrepare", self.rm_prepare, each),
            Transition("RMChooseToAbort", self.rm_choose_to_abort, each),
            Transition("RMRcvCommitMsg", self.rm_rcv_commit_msg, each),
            Transition("RMRcvAbortMsg", self.rm_rcv_abort_msg, each),
        )

    def tm_rcv_prepared(self, state: TwoPhaseState, rm: int) -> TwoPhaseState | None:
        """Count the vote of `rm`: as a member of a set, so twice is once."""
        rms, tm, prepared, msgs = state
        if tm != INIT or not msgs & PREPARED_MSG << rm:
            return None
        return rms, tm, prepared | 1 << rm, msgs

    def tm_commit(self, state: TwoPhaseState) -> TwoPhaseState | None:
        """Decide to commit, all votes being in."""
        rms, tm, prepared, msgs = state
        if tm != INIT or prepared != self.everyone:
            return None
        return rms, COMMITTED, prepared, msgs | COMMIT_MSG

    def tm_abort(self, state: TwoPhaseState) -> TwoPhaseState | None:
        """Decide to abort, for whatever reason."""
        rms, tm, prepared, msgs = state
        if tm != INIT:
            return None
        return rms, ABORTED, prepared, msgs | ABORT_MSG

    def rm_prepare(self, state: TwoPhaseState, rm: int) -> TwoPhaseState | None:
        """Prepare and say so."""
        rms, tm, prepared, msgs = state
        if rms[rm] != WORKING:
            return None
        return with_status(rms, rm, PREPARED), tm, prepared, msgs | PREPARED_MSG << rm

    def rm_choose_to_abort(self, state: TwoPhaseState, rm: int) -> TwoPhaseState | None:
        """Abort alone, which is allowed before voting only."""
        rms, tm, prepared, msgs = state
        if rms[rm] != WORKING:
            return None
        return with_status(rms, rm, ABORTED), tm, prepared, msgs

    def rm_rcv_commit_msg(self, state: TwoPhaseState, rm: int) -> TwoPhaseState | None:
        """Do as told."""
        # No guard on the status here or below, as in the TLA+ text; the published counts of steps include these.
        rms, tm, prepared, msgs = state
        if not msgs & COMMIT_MSG:
            return None
        return with_status(rms, rm, COMMITTED), tm, prepared, msgs

    def rm_rcv_abort_msg(self, state: TwoPhaseState, rm: int) -> TwoPhaseState | None:
        """Do as told."""
        rms, tm, prepared, msgs = state
        if not msgs & ABORT_MSG:
            return None
        return with_status(rms, rm, ABORTED), tm, prepared, msgs

    def shown(self, state: TwoPhaseState) -> tuple[Statuses, str, frozenset[int], frozenset[str]]:
        """Unpack the sets."""
        rms, tm, prepared, msgs = state
        return rms, tm, members(prepared), on_the_wire(msgs)

    def actor(self, action: Action) -> str:
        """The transaction manager, or a resource manager."""
        return f"RM {action.args[0]}" if action.name.startswith("RM") else "TM"

    def view(self, state: TwoPhaseState) -> CommitView:
        """Show what is durable: here, where nobody crashes, everything."""
        rms, tm, _, msgs = state
        return CommitView(rms, who_voted(msgs, self.n), told(msgs), tm == COMMITTED)


def two_phase_to_commit(state: TwoPhaseState) -> Statuses:
    """Map TwoPhase to TCommit: forget the transaction manager and the messages."""
    return state[0]


def canonical(state: TwoPhaseState) -> TwoPhaseState:
    """Choose the representative of the orbit of `state` under renaming of the resource managers."""
    rms, tm, prepared, msgs = state
    columns = sorted(
        (status, prepared >> rm & 1, bool(msgs & PREPARED_MSG << rm)) for rm, status in enumerate(rms)
    )
    statuses, received, sent = zip(*columns, strict=True)
    msgs = msgs & (COMMIT_MSG | ABORT_MSG) | sum(PREPARED_MSG << rm for rm, out in enumerate(sent) if out)
    return statuses, tm, sum(bit << rm for rm, bit in enumerate(received)), msgs


STUDY = Study(
    name="TwoPhase",
    make=TwoPhase,
    sizes=(Size("3 resource managers", {"n": 3}, 288, 11), Size("5 resource managers", {"n": 5}, 8_832, 17)),
    properties=tuple(p for p in properties() if p.kind is not Kind.AT_REST),  # nobody has to decide in this protocol
    refines=Refines("TCommit", TransactionCommit, two_phase_to_commit),
    symmetry=lambda n: canonical,  # noqa: ARG005 - the same for all sizes
    orbits=(80, 314),
    diagram=Diagram({"n": 2}, lambda state: f"TM {state[1]}\n" + ", ".join(sorted(state[0]))),
)
