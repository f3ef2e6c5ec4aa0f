"""The saga: what both of its styles must implement, and what is claimed of them.

`Saga` is the specification of Garcia-Molina & Salem, "Sagas" (SIGMOD 1987): what is executed is T1..Tn, or T1..Tj Cj..C1
for some j < n. With a pivot the second is ruled out once the pivot is done (Mehrotra, Rastogi, Silberschatz & Korth, "A
transaction model for multidatabase systems", ICDCS 1992). Sagas do not exclude each other: that is the point of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from acidtest.checker.machine import Kind, Model, Property, Transition
from acidtest.checker.theory import Diagram, Size, Study, Theorem
from acidtest.models.shared.steps import (
    COMPENSATED,
    COMPLETED,
    LEGEND,
    PARKED,
    RUNNING,
    SagaSeen,
    SagaView,
    in_words,
    marked,
    of_sagas,
    seen,
    view_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Of each saga its marks, of which only "-", "T" and "C" occur here, and its outcome.
SagaStates: TypeAlias = tuple[tuple[str, str], ...]


class Saga(Model[SagaStates]):
    """Sagas side by side; a state has the marks and the outcome of each.

    Arguments:
        sagas: how many.
        steps: of each.
        pivot: which step is the last that may be refused; after it there is no way back.
        faults: taken for the sake of the protocols, and not used: here nobody fails.
    """

    name = "Saga"

    def __init__(self, sagas: int, steps: int, pivot: int, faults: int = 0) -> None:  # noqa: ARG002
        """Set the size."""
        self.sagas, self.steps, self.pivot = sagas, steps, pivot

    def initial_states(self) -> list[SagaStates]:
        """Start with nothing done."""
        return [(("-" * self.steps, RUNNING),) * self.sagas]

    def transitions(self) -> Sequence[Transition]:
        """Forward, backward, and the end of either."""
        sagas = range(self.sagas)
        return (
            Transition("T", self.do, [(saga, step) for saga in sagas for step in range(self.steps)]),
            Transition("C", self.undo, [(saga, step) for saga in sagas for step in range(self.pivot)]),
            Transition("End", self.end, [(saga,) for saga in sagas]),
        )

    def do(self, state: SagaStates, saga: int, step: int) -> SagaStates | None:
        """Do the next step, if nothing has been undone."""
        marks, outcome = state[saga]
        if outcome != RUNNING or marks[step] != "-" or marks[:step] != "T" * step:
            return None
        return _with(state, saga, marked(marks, step, "T"), outcome)

    def undo(self, state: SagaStates, saga: int, step: int) -> SagaStates | None:
        """Undo the last step that is in effect, unless the pivot is done."""
        marks, outcome = state[saga]
        if outcome != RUNNING or marks[step] != "T" or "T" in marks[step + 1 :]:
            return None
        return _with(state, saga, marked(marks, step, "C"), outcome)

    def end(self, state: SagaStates, saga: int) -> SagaStates | None:
        """Say how it ended: everything is in effect, or nothing is."""
        marks, outcome = state[saga]
        if outcome != RUNNING or ("T" in marks and marks != "T" * self.steps):
            return None
        return _with(state, saga, marks, COMPLETED if "T" in marks else COMPENSATED)

    def shown(self, state: SagaStates) -> tuple[tuple[tuple[str, ...], str], ...]:
        """The marks in words."""
        return tuple((in_words(marks), outcome) for marks, outcome in state)

    def view(self, state: SagaStates) -> SagaView:
        """Show everything."""
        return view_of(seen(marks, self.pivot, outcome) for marks, outcome in state)


def _with(state: SagaStates, saga: int, marks: str, outcome: str) -> SagaStates:
    return (*state[:saga], (marks, outcome), *state[saga + 1 :])


def ended(saga: SagaSeen, _: SagaSeen | None = None) -> bool:
    """It has an outcome for good."""
    return saga.outcome in {COMPLETED, COMPENSATED}


def all_or_nothing(saga: SagaSeen) -> bool:
    """Completed: every step once and no compensation. Compensated: whatever was done was undone as often."""
    if saga.outcome == COMPLETED:
        return all(did == 1 for did in saga.did) and not any(saga.undid)
    return saga.did == saga.undid


def goes_back(before: SagaSeen, after: SagaSeen) -> bool:
    """A compensation took effect."""
    return before.undid != after.undid


def last_first(before: SagaSeen, after: SagaSeen) -> bool:
    """Nothing after the step that was undone is still in effect."""
    step = next(i for i, (was, now) in enumerate(zip(before.undid, after.undid, strict=True)) if was != now)
    return before.did[step + 1 :] == before.undid[step + 1 :]


def moves(before: SagaSeen, after: SagaSeen) -> bool:
    """A step or a compensation took effect."""
    return before[1:3] != after[1:3]


def in_its_turn(before: SagaSeen, after: SagaSeen) -> bool:
    """No compensation without its step, and no step after its compensation."""
    undone = all(undid <= did for did, undid in zip(after.did, after.undid, strict=True))
    steps = zip(before.did, after.did, before.undid, before.cancelled, strict=True)
    return undone and not any(now > was and (undid or barred) for was, now, undid, barred in steps)


def was_in_effect(before: SagaSeen, after: SagaSeen) -> bool:
    """What is undone in this step was in effect before it."""
    compensations = zip(before.did, before.undid, after.undid, strict=True)
    return all(now == was or did > was for did, was, now in compensations)


def at_most_once(saga: SagaSeen) -> bool:
    """Neither a step nor a compensation took effect twice."""
    return max(saga.did) <= 1 and max(saga.undid) <= 1


def past_pivot(saga: SagaSeen, _: SagaSeen | None = None) -> bool:
    """The pivot is done."""
    return saga.did[saga.pivot] > 0


def nothing_left(saga: SagaSeen) -> bool:
    """Whatever was done was undone."""
    return saga.did == saga.undid


def conserves(view: SagaView) -> bool:
    """What left the payer has come to the payee."""
    return view.payer + view.payee + view.spent == view.opening


def half_done(view: SagaView) -> bool:
    """A reader sees that one step of a saga is in effect, and another, of the same saga, is not."""
    in_effect = ([d > u for d, u in zip(saga.did, saga.undid, strict=True)] for saga in view.sagas)
    return any(any(steps) and not all(steps) for steps in in_effect)


_GMS = "Garcia-Molina & Salem 1987; PATTERNS 5"
_HERE = "PATTERNS 5"
S1 = of_sagas("S1", "a saga that has ended is in effect wholly or not at all", Kind.AT_REST, ended, all_or_nothing, _GMS)
S2 = of_sagas("S2", "what was done last is undone first", Kind.STEP, goes_back, last_first, _GMS)
S3 = of_sagas("S3", "nothing is undone that was not done, nor done after it was undone", Kind.STEP, moves, in_its_turn, _HERE)
S3_EFFECT = of_sagas("S3.effect", "only what is in effect is undone", Kind.STEP, goes_back, was_in_effect, _GMS)
S4 = of_sagas("S4", "no step and no compensation takes effect twice", Kind.ALWAYS, lambda s: any(s.did), at_most_once, _HERE)
S5 = of_sagas(
    "S5", "nothing is undone once the pivot is done", Kind.STEP,
    past_pivot, lambda before, after: before.undid == after.undid, "Mehrotra et al. 1992; PATTERNS 5",
)  # fmt: skip
S5_TAIL = of_sagas(
    "S5.tail", "what has passed the pivot completes", Kind.AT_REST,
    past_pivot, lambda saga: saga.outcome == COMPLETED, "Mehrotra et al. 1992; PATTERNS 5",
)  # fmt: skip
S6 = of_sagas("S6", "an outcome never changes", Kind.STEP, ended, lambda b, a: a.outcome == b.outcome, "PATTERNS 5; G5")
S8 = of_sagas("S8", "a saga that has ended is not resurrected", Kind.STEP, ended, lambda b, a: not moves(b, a), _HERE)
S10 = of_sagas(
    "S10", "none is called compensated while something is left to compensate", Kind.ALWAYS,
    lambda saga: saga.outcome == COMPENSATED, nothing_left, _HERE,
)  # fmt: skip
G1 = Property("G1", "no money is made or lost", Kind.AT_REST, conserves, "PATTERNS 0")
G2 = Property("G2", "no account is overdrawn", Kind.ALWAYS, lambda v: v.payer >= 0 and v.payee >= 0, "PATTERNS 0")
G6 = of_sagas("G6", "no saga is left pending", Kind.AT_REST, lambda _: True, lambda s: s.outcome != RUNNING, "PATTERNS 0")
G9 = Property(
    "G9", "every saga ends, or is parked for all to see", Kind.EVENTUALLY,
    lambda view: all(saga.outcome in {COMPLETED, COMPENSATED, PARKED} for saga in view.sagas), "PATTERNS 0",
)  # fmt: skip
G11 = Property(
    "G11", "without faults every saga can complete", Kind.SOMETIMES,
    lambda view: not view.faults and all(saga.outcome == COMPLETED for saga in view.sagas), "PATTERNS 0",
)  # fmt: skip
UNDONE = Property(
    "SOME-UNDONE", "a saga is compensated after it had begun", Kind.SOMETIMES,
    lambda view: any(saga.outcome == COMPENSATED and any(saga.undid) for saga in view.sagas), _HERE,
)  # fmt: skip
REFUSED_ONE = Property(
    "SOME-REFUSED", "a saga is over as its first step was refused", Kind.SOMETIMES,
    lambda view: any(saga.outcome == COMPENSATED and not any(saga.did) and not any(saga.cancelled) for saga in view.sagas), _HERE,
)  # fmt: skip
N2 = Property("N2", "a reader sees half of a saga", Kind.SOMETIMES, half_done, _HERE)


def properties() -> tuple[Property, ...]:
    """List what every saga must satisfy, whatever its style."""
    return S1, S2, S3, S3_EFFECT, S4, S5, S5_TAIL, S6, S8, S10, G1, G2, G6, G9, G11, UNDONE


STUDY = Study(
    name="Saga",
    make=Saga,
    sizes=(
        Size("2 sagas, 3 steps", {"sagas": 2, "steps": 3, "pivot": 2}, 121, 11),
        Size("2 sagas, 4 steps", {"sagas": 2, "steps": 4, "pivot": 2}, 144, 11),
    ),
    properties=properties(),
    theorems=(Theorem(N2),),
    specification=True,
    diagram=Diagram({"sagas": 1, "steps": 4, "pivot": 2}, lambda state: f"{state[0][0]}\n{state[0][1]}", legend=LEGEND),
)
