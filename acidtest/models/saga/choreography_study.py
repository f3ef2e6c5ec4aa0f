"""What is claimed of the choreographed saga: that failures reach everybody, in whatever order events come.

Sources: PATTERNS 5 (N2, N5) and 5A, whose two theorems are N6 and N7 here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from acidtest.checker.machine import Kind, Property
from acidtest.checker.theory import Diagram, Refines, Size, Study, Switch, Theorem, Twin
from acidtest.models.saga.choreography import FAILED, UNDONE, WENT_ON, Choreography
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
    nothing_left,
    properties,
)
from acidtest.models.shared.steps import COMPLETED, LEGEND, RUNNING, SagaSeen, SagaView, of_sagas

if TYPE_CHECKING:
    from acidtest.models.saga.choreography import ChoreographyState


def choreography_to_saga(state: ChoreographyState) -> tuple[tuple[str, str], ...]:
    """Map to the specification: what was refused or barred has not happened, and service 0 says how it ended."""
    return tuple(("".join(mark if mark in "TC" else "-" for mark in one.marks), one.outcome) for one in state.sagas)


def turned(saga: SagaSeen) -> bool:
    """Somebody has compensated, or was cancelled before having done anything."""
    return any(saga.undid) or any(saga.cancelled)


def goes_on(before: SagaSeen, after: SagaSeen) -> bool:
    """A step took effect."""
    return before.did != after.did


def not_from_compensation(before: SagaSeen, after: SagaSeen) -> bool:
    """Neither the step nor the one that it follows has been compensated."""
    step = next(i for i, (was, now) in enumerate(zip(before.did, after.did, strict=True)) if was != now)
    return not any(before.undid[max(step - 1, 0) : step + 1])


def early(saga: SagaSeen) -> bool:
    """A cancellation came to a service before the step did."""
    return any(saga.cancelled)


def cannot_tell(view: SagaView, *, done: bool) -> bool:
    """Service 0 has done its step and heard no more of the saga; all others are done, or are not."""
    waiting = (saga for saga in view.sagas if saga.outcome == RUNNING and saga.did[0] and not any(saga.undid))
    return any((min(saga.did) == 1) is done for saga in waiting)


def of_service_0(model: Choreography, state: ChoreographyState) -> tuple[object, ...]:
    """Its own rows, what its outbox has published, and what has reached it: the last step's success, the failure of the next."""
    heard = {(WENT_ON, model.steps - 1), (FAILED, 1), (UNDONE, 1)}
    known = ((one.marks[0], frozenset(e for e in one.events if e[1] == 0 or e in heard), one.outcome) for one in state.sagas)
    return (*known, state.down == 0)


def overtaken(view: SagaView) -> bool:
    """The pivot is cancelled while the step that it waits for has not even been done."""
    return any(saga.cancelled[saga.pivot] and not saga.did[saga.pivot - 1] for saga in view.sagas)


_HERE = "PATTERNS 5A"
S11 = of_sagas("S11", "a failure reaches everybody who has done a step", Kind.AT_REST, turned, nothing_left, _HERE)
S12 = of_sagas("S12", "no step follows from a compensation", Kind.STEP, goes_on, not_from_compensation, _HERE)
S13 = Property(
    "S13", "in the end service 0 knows how every saga ended", Kind.EVENTUALLY,
    lambda view: all(saga.outcome != RUNNING for saga in view.sagas), _HERE,
)  # fmt: skip
S14 = of_sagas("S14", "events in any order end in all or nothing", Kind.AT_REST, early, nothing_left, _HERE)
G3 = of_sagas(
    "G3", "in a completed saga every step took effect once", Kind.AT_REST,
    lambda saga: saga.outcome == COMPLETED, lambda saga: set(saga.did) == {1}, "PATTERNS 0",
)  # fmt: skip
G8 = Property("G8", "no event tells of a step that is not done", Kind.ALWAYS, lambda view: not view.phantom, "PATTERNS 0; S7")
N5 = replace(
    S1, id="N5", name="what is cancelled on a timeout does not happen afterwards", source="Seata, TCC fence (suspension); PATTERNS 5"
)
N6 = Property(
    "N6", "service 0 cannot tell whether all steps are done, or none but its own", Kind.SOMETIMES,
    lambda view: cannot_tell(view, done=True), _HERE,
)  # fmt: skip
N6_OTHERWISE = replace(N6, name="none but its own is done", predicate=lambda view: cannot_tell(view, done=False))
N7 = Property("N7", "the cancellation comes before what it cancels", Kind.SOMETIMES, overtaken, _HERE)


def _label(state: ChoreographyState) -> str:
    (marks, outcome), own = choreography_to_saga(state)[0], state.sagas[0].marks
    if outcome == RUNNING:
        outcome = "forward" if set(own) <= {"-", "T"} else "backward"
    return f"{marks}\n{outcome}"


STUDY = Study(
    name="choreographed saga",
    make=Choreography,
    switches=(
        Switch("tombstones", "a compensation of what was never done bars it from then on", default=True),
        Switch("idempotent", "a service knows an event that comes again", default=True),
        Switch("outbox", "an event is committed together with the step that it tells of", default=True),
        Switch("timer", "service 0 gives up a saga of which it hears nothing", default=True),
        Switch("publish_first", "an event may be published before the step is committed"),
        Switch("everybody_at_once", "all services compensate as soon as anybody fails"),
        Switch("only_previous", "only the service before the one that failed hears of it"),
        Switch("event_loop", "the event that a debit was refunded is taken for a new order"),
        Switch("late_timer", "a timer that fires late undoes a completed saga"),
    ),
    sizes=(
        Size("1 saga, 3 services, 1 crash", {"sagas": 1, "steps": 3, "pivot": 2, "faults": 1}, 565, 15),
        Size("1 saga, 4 services, 1 crash", {"sagas": 1, "steps": 4, "pivot": 2, "faults": 1}, 702, 15),
        Size("2 sagas, 2 services", {"sagas": 2, "steps": 2, "pivot": 1, "faults": 0}, 3_136, 17),
    ),
    properties=(*properties(), S11, S12, S13, S14, G3, G8, REFUSED_ONE),
    theorems=(
        Theorem(S1, {"tombstones": False}, {}),
        Theorem(S2, {"everybody_at_once": True}, {}),
        Theorem(S3, {"tombstones": False}, {}),
        Theorem(S4, {"idempotent": False}, {}),
        Theorem(S5, {"late_timer": True}, {}),
        Theorem(S5_TAIL, {"outbox": False}, {}),
        Theorem(S6, {"late_timer": True}, {}),
        Theorem(S8, {"tombstones": False}, {}),
        Theorem(S10, {"tombstones": False}, {}),
        Theorem(S11, {"only_previous": True}, {}),
        Theorem(S12, {"event_loop": True}, {}),
        Theorem(S13, {"timer": False}, {}),
        Theorem(S14, {"tombstones": False}, {}),
        Theorem(G1, {"idempotent": False}, {}),
        Theorem(G2, {"idempotent": False}, {}),
        Theorem(G3, {"idempotent": False}, {}),
        Theorem(G6, {"outbox": False}, {}),
        Theorem(G8, {"publish_first": True}, {}),
        Theorem(G9, {"outbox": False}, {}),
        Theorem(N2),
        Theorem(N5, {"tombstones": False}, {"tombstones": False, "timer": False}),
        Theorem(N6, twin=Twin(N6_OTHERWISE, "service 0", of_service_0)),
        Theorem(N7),
    ),
    refines=Refines("Saga", Saga, choreography_to_saga),
    diagram=Diagram({"sagas": 1, "steps": 3, "pivot": 2, "faults": 0}, _label, hidden=frozenset({"Publish"}), legend=LEGEND),
)
