"""What is claimed of the orchestrated saga: of its cursor and executors, of sagas side by side, and what cannot be had.

Sources: PATTERNS 5 (N1-N5) and 6, whose two theorems are N8 and N9 here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from acidtest.checker.machine import Kind, Property, implied
from acidtest.checker.theory import Diagram, Refines, Size, Study, Switch, Theorem, Twin
from acidtest.models.saga.orchestration import DO, UNDO, Orchestration, outcome
from acidtest.models.saga.specification import (
    G1,
    G2,
    G6,
    G9,
    N2,
    REFUSED_ONE,
    S1,
    S2,
    S3,
    S4,
    S5,
    S5_TAIL,
    S6,
    S8,
    S10,
    Saga,
    at_most_once,
    nothing_left,
    properties,
)
from acidtest.models.shared.steps import COMPENSATED, COMPLETED, PARKED, RUNNING, SagaView, of_sagas

if TYPE_CHECKING:
    from acidtest.models.saga.orchestration import Cursor, Instance, OrchestrationState


def orchestration_to_saga(state: OrchestrationState) -> tuple[tuple[str, str], ...]:
    """Map to the specification: what was refused or barred has not happened, and the log says how it ended."""
    return tuple(
        ("".join(mark if mark in "TC" else "-" for mark in one.marks), outcome(one)) for one in state.sagas
    )


#: What may become of a saga that has decided.
LATER = {
    UNDO: {UNDO, COMPENSATED, PARKED},
    COMPLETED: {COMPLETED},
    COMPENSATED: {COMPENSATED},
    PARKED: {PARKED},
}


def moved(before: SagaView, after: SagaView) -> bool:
    """A durable cursor was written."""
    return before.log != after.log


def cursors_go_on(before: SagaView, after: SagaView) -> bool:
    """Forward by one step at a time, backward by one at a time, and never from an end."""
    return all(was == now or _follows(was, now) for was, now in zip(before.log, after.log, strict=True))


def _follows(was: Cursor, now: Cursor) -> bool:
    if was[0] == DO and now[0] == DO:
        return now[1] == was[1] + 1
    if was[0] == UNDO and now[0] == UNDO:
        return now[1] == was[1] - 1
    return was[0] in {DO, UNDO} and now[0] != DO


def has_decided(before: SagaView, _: SagaView) -> bool:
    """A saga is on its way back, or at an end."""
    return any(cursor[0] != DO for cursor in before.log)


def keeps_direction(before: SagaView, after: SagaView) -> bool:
    """What was decided stays: back is not forward again, and completed is not back."""
    pairs = zip(before.log, after.log, strict=True)
    return all(was[0] == DO or now[0] in LATER[was[0]] for was, now in pairs)


def two_executors(view: SagaView) -> bool:
    """Two processes believe that one saga is theirs."""
    return max(view.executors) == 2  # noqa: PLR2004 - two are two


def two_act(before: SagaView, after: SagaView) -> bool:
    """Something took effect while two executors were there."""
    return two_executors(before) and before.sagas != after.sagas


def none_twice(_: SagaView, after: SagaView) -> bool:
    """Whatever the executors command, participants do it once."""
    return all(map(at_most_once, after.sagas))


def in_agreement(view: SagaView) -> bool:
    """Every saga has ended as its participants have it."""
    return S1.predicate(view) and all(saga.outcome != RUNNING for saga in view.sagas)


def reads_what_is_undone(view: SagaView) -> bool:
    """A saga has acted on what another did and then compensated."""
    gone = [saga.outcome == COMPENSATED and any(saga.undid) for saga in view.sagas]
    return any(stain and any(gone[:i] + gone[i + 1 :]) for i, stain in enumerate(view.stained))


def cannot_tell(view: SagaView, *, done: bool) -> bool:
    """An executor has just come back to the first command, which was carried out, or was not."""
    back = view.faults > 0 and view.executors[0] == 1
    return back and view.log[0] == (DO, 0) and (view.sagas[0].did[0] > 0) is done


def of_executors(_: Orchestration, state: OrchestrationState) -> tuple[object, ...]:
    """The log of every saga, and where executors believe it to be; what participants did they have not been told."""
    return tuple((one.log, one.executors) for one in state.sagas)


_HERE = "PATTERNS 6"
O1 = implied("O1", "a cursor goes on from where it is, step by step", Kind.STEP, moved, cursors_go_on, _HERE)
O2 = implied("O2", "two executors of one saga do nothing twice", Kind.STEP, two_act, none_twice, _HERE)
O4 = implied("O4", "recovery beside a live executor ends as without it", Kind.AT_REST, two_executors, in_agreement, _HERE)
O5 = implied("O5", "a late reply does not undo what a timeout decided, nor a timer an end", Kind.STEP, has_decided, keeps_direction, _HERE)
S7 = implied(
    "S7", "what is commanded is in the log", Kind.ALWAYS,
    lambda view: any(direction == DO for direction, _ in view.log), lambda view: not view.phantom, "PATTERNS 5",
)  # fmt: skip
S9 = Property(
    "S9", "no saga acts on rows that another is not done with", Kind.ALWAYS, lambda view: not any(view.stained),
    "Richardson, Microservices Patterns, 2018, section 4.3 (semantic lock)",
)  # fmt: skip
N1 = Property("N1", "a saga acts on what another then compensates", Kind.SOMETIMES, reads_what_is_undone, "PATTERNS 5")
N3 = of_sagas(
    "N3", "a saga that fails leaves nothing behind", Kind.AT_REST,
    lambda saga: saga.outcome in {COMPENSATED, PARKED}, nothing_left, "PATTERNS 5",
)  # fmt: skip
N4 = implied(
    "N4", "a saga that fails leaves nothing behind, and overdraws nobody", Kind.AT_REST,
    N3.when or N3.predicate, lambda view: N3.predicate(view) and G2.predicate(view), "PATTERNS 5",
)  # fmt: skip
N5 = replace(
    S1, id="N5", name="what is compensated on a timeout does not happen afterwards", source="Seata, TCC fence (suspension); PATTERNS 5"
)
ALONE = replace(G9, id="G9.alone", name="every saga ends, also without its orchestrator")
N8 = Property("N8", "two executors believe that one saga is theirs", Kind.SOMETIMES, two_executors, _HERE)
N9 = Property(
    "N9", "an executor that comes back cannot tell whether its command was carried out", Kind.SOMETIMES,
    lambda view: cannot_tell(view, done=True), _HERE,
)  # fmt: skip
N9_OTHERWISE = replace(N9, name="it was not", predicate=lambda view: cannot_tell(view, done=False))

SWITCHES = (
    Switch("tombstones", "a compensation of what was never done bars it from then on", default=True),
    Switch("idempotent", "a participant knows a command that comes again", default=True),
    Switch("compare_and_set", "a cursor is written only where it is as the executor read it", default=True),
    Switch("durable_cursor", "the cursor survives a crash", default=True),
    Switch("recovery", "an executor that crashed comes back", default=True),
    Switch("timeouts", "a step that is not answered is given up", default=True),
    Switch("failure_detector", "nobody takes over from an executor that is alive"),
    Switch("semantic_lock", "a step waits for rows that another saga has marked as pending"),
    Switch("command_before_log", "a command may be sent before the cursor is durable"),
    Switch("skip_ambiguous", "a step that was not answered is not compensated"),
    Switch("undo_in_parallel", "all compensations are commanded at once"),
    Switch("done_when_sent", "a compensation counts as done when it was sent"),
    Switch("late_timer", "a timer that fires late compensates a completed saga"),
    Switch("irreversible", "step 0 cannot be undone: cash was dispensed, mail was sent"),
    Switch("spendable", "what step 1 credited may be spent while the saga is pending"),
    Switch("overdraw", "a compensation overdraws the payee rather than fail"),
)


def _label(state: OrchestrationState) -> str:
    one: Instance = state.sagas[0]
    direction, step = one.log
    return f"{direction} {step}" if direction in {DO, UNDO} else direction


EXECUTORS = Study(
    name="orchestrated saga: crashes and takeovers",
    make=Orchestration,
    switches=SWITCHES,
    sizes=(
        Size("1 saga, 3 steps, 1 fault", {"sagas": 1, "steps": 3, "pivot": 2, "faults": 1}, 502, 14),
        Size("1 saga, 4 steps, 1 fault", {"sagas": 1, "steps": 4, "pivot": 2, "faults": 1}, 546, 14),
        Size("1 saga, 4 steps, 2 faults", {"sagas": 1, "steps": 4, "pivot": 2, "faults": 2}, 1_398, 15),
    ),
    properties=(*properties(), S7, O1, O2, O4, O5, REFUSED_ONE),
    theorems=(
        Theorem(S1, {"skip_ambiguous": True}, {}),
        Theorem(S2, {"undo_in_parallel": True}, {}),
        Theorem(S3, {"tombstones": False}, {}),
        Theorem(S4, {"idempotent": False}, {}),
        Theorem(S5, {"late_timer": True}, {}),
        Theorem(S5_TAIL, {"recovery": False}, {}),
        Theorem(S6, {"late_timer": True}, {}),
        Theorem(S7, {"command_before_log": True}, {}),
        Theorem(S8, {"tombstones": False}, {}),
        Theorem(S10, {"done_when_sent": True}, {}),
        Theorem(O1, {"durable_cursor": False}, {}),
        Theorem(O2, {"idempotent": False}, {}),
        Theorem(O4, {"compare_and_set": False}, {}),
        Theorem(O5, {"compare_and_set": False}, {}),
        Theorem(G1, {"idempotent": False}, {}),
        Theorem(G2, {"spendable": True, "overdraw": True}, {"spendable": True}),
        Theorem(G6, {"recovery": False}, {}),
        Theorem(G9, {"timeouts": False}, {}),
        Theorem(ALONE, {"recovery": False}, {}),
        Theorem(N2),
        Theorem(N3, {"irreversible": True}, {}),
        Theorem(N4, {"spendable": True}, {}),
        Theorem(N4, {"spendable": True, "overdraw": True}, {}),
        Theorem(N5, {"tombstones": False}, {"tombstones": False, "timeouts": False}),
        Theorem(N8, {}, {"failure_detector": True}),
        Theorem(N9, twin=Twin(N9_OTHERWISE, "the executor", of_executors)),
    ),
    refines=Refines("Saga", Saga, orchestration_to_saga),
    diagram=Diagram({"sagas": 1, "steps": 3, "pivot": 2, "faults": 0}, _label),
)

SIDE_BY_SIDE = Study(
    name="orchestrated sagas side by side",
    make=Orchestration,
    switches=SWITCHES,
    sizes=(
        Size("2 sagas, 2 steps", {"sagas": 2, "steps": 2, "pivot": 1, "faults": 0}, 1_724, 15),
        Size("2 sagas, 3 steps", {"sagas": 2, "steps": 3, "pivot": 2, "faults": 0}, 6_844, 23),
    ),
    properties=(*properties(), S7, O1, O5, REFUSED_ONE),
    theorems=(
        Theorem(S9, {}, {"semantic_lock": True}),
        Theorem(N1, {}, {"semantic_lock": True}),
    ),
    refines=Refines("Saga", Saga, orchestration_to_saga),
    about="""The same machine with two sagas over the same accounts, and without crashes: what one does the other sees before the
first has ended. The switches are those of the model above.""",
)
