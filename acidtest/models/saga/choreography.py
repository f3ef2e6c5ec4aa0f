"""The saga without an orchestrator: each service acts on the events of the others.

A service commits its step with the event that says so (an outbox), and a relay publishes it. Events stay published, so
they may come late, out of order and again; one that never comes is a lost one, for nobody may count on a service to do
its step. Step i follows the event that step i-1 is done. Failures go the other way: who refuses says so, who hears that
the step after its own is out of effect compensates its own, or bars it where it has not come yet, and says so. So
compensation runs last first, and reaches everybody, though no event is addressed to all.

Service 0 answers for the saga and owns its timer. When that fires it cancels at the pivot, whose database alone knows
whether the cancellation or the step came first; the failure then runs back through everybody.

Sources: Garcia-Molina & Salem, "Sagas", SIGMOD 1987; Richardson, "Microservices Patterns", 2018, section 4.2; PATTERNS 5
and 5A, whose two theorems are N6 and N7 here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.machine import Action, Model, Transition
from acidtest.models.saga.specification import ended
from acidtest.models.shared.steps import (
    CANCELLED,
    COMPENSATED,
    COMPLETED,
    RUNNING,
    SETTLED,
    SagaSeen,
    SagaView,
    cancelled,
    in_words,
    marked,
    performed,
    seen,
    view_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

#: What service i publishes of a saga: its step is in effect; it refused its step; its step is out of effect.
WENT_ON, FAILED, UNDONE = "done", "failed", "undone"
#: What service 0 publishes when its timer fires.
CANCEL = ("cancel", 0)


class Rules(NamedTuple):
    """The rules of the protocol."""

    tombstones: bool = True
    idempotent: bool = True
    outbox: bool = True
    timer: bool = True
    publish_first: bool = False
    everybody_at_once: bool = False
    only_previous: bool = False
    event_loop: bool = False
    late_timer: bool = False


class Instance(NamedTuple):
    """One saga."""

    marks: str  #: of the services, durable
    events: frozenset[tuple[str, int]] = frozenset()  #: published
    lost: frozenset[tuple[str, int]] = frozenset()  #: never to be published: a crash without an outbox
    outcome: str = RUNNING  #: as service 0 says


class ChoreographyState(NamedTuple):
    """All sagas, which service is down, and how many crashes there were."""

    sagas: tuple[Instance, ...]
    down: int | None = None
    crashes: int = 0


class Choreography(Model[ChoreographyState]):
    """Choreographed sagas side by side.

    Arguments:
        sagas: how many.
        steps: of each; step i is that of service i.
        pivot: the last step that may be refused.
        faults: how many crashes there may be in all; one service at a time.
        rules: those of `Rules` that are not at their default.
    """

    name = "SagaChoreography"
    faults = frozenset({"T", "Refuse", "Crash"})

    def __init__(self, sagas: int, steps: int, pivot: int, faults: int = 1, **rules: bool) -> None:
        """Set the size, and which rules are off."""
        self.sagas, self.steps, self.pivot, self.crashes = sagas, steps, pivot, faults
        self.rules = Rules(**rules)

    def initial_states(self) -> list[ChoreographyState]:
        """Start with nothing done."""
        return [ChoreographyState((Instance("-" * self.steps),) * self.sagas)]

    def transitions(self) -> Sequence[Transition]:
        """The steps, the events, the timer, and crashes."""
        rules, faulty = self.rules, self.crashes > 0
        each = [(saga,) for saga in range(self.sagas)]
        every = [(saga, step) for saga in range(self.sagas) for step in range(self.steps)]
        fallible = [(saga, step) for saga, step in every if step <= self.pivot]
        retriable = [(saga, step) for saga, step in every if step > self.pivot]
        table = (
            (True, Transition("T", self.do, fallible)),
            (retriable, Transition("TRetriable", self.do, retriable)),
            (True, Transition("Refuse", self.refuse, fallible)),
            (True, Transition("C", self.undo, fallible)),
            (True, Transition("Publish", self.publish, every)),
            (rules.publish_first, Transition("PublishFirst", self.publish_first, fallible)),
            (rules.timer, Transition("Timeout", self.timeout, each)),
            (True, Transition("Learn", self.learn, each)),
            (faulty, Transition("Crash", self.crash, [(service,) for service in range(self.steps)])),
            (faulty, Transition("Restart", self.restart)),
        )
        return [transition for exists, transition in table if exists]

    def do(self, state: ChoreographyState, saga: int, step: int) -> ChoreographyState | None:
        """Do the step, when the one before is done and nothing bars it."""
        one = state.sagas[saga]
        if state.down == step:
            return None
        if self.rules.event_loop and step == 0 and one.marks[0] == "C" and (UNDONE, 0) in one.events:
            return _with(state, saga, one._replace(marks=marked(one.marks, 0, "L")))  # a refund, taken for a deposit
        mark = performed(one.marks[step], idempotent=self.rules.idempotent) if _is_asked(one, step) else None
        return None if mark is None else _with(state, saga, one._replace(marks=marked(one.marks, step, mark)))

    def refuse(self, state: ChoreographyState, saga: int, step: int) -> ChoreographyState | None:
        """Say no, for good, by a rule of the business."""
        one = state.sagas[saga]
        if state.down == step or one.marks[step] != "-" or not _is_asked(one, step):
            return None
        return _with(state, saga, one._replace(marks=marked(one.marks, step, "N")))

    def undo(self, state: ChoreographyState, saga: int, step: int) -> ChoreographyState | None:
        """Compensate the step, or bar it, when the one after is out of effect; the pivot, when it is cancelled."""
        one = state.sagas[saga]
        if state.down == step or not self._is_called_back(one, step):
            return None
        if step == self.pivot and one.marks[step] == "T" and not self.rules.late_timer:
            return None
        mark = cancelled(one.marks[step], idempotent=self.rules.idempotent, tombstones=self.rules.tombstones)
        return None if mark is None else _with(state, saga, one._replace(marks=marked(one.marks, step, mark)))

    def _is_called_back(self, one: Instance, step: int) -> bool:
        if step == self.pivot:
            return CANCEL in one.events
        after = range(step + 1, self.pivot + 1 if self.rules.everybody_at_once else step + 2)
        kinds = (FAILED,) if self.rules.only_previous else (FAILED, UNDONE)
        return any((kind, other) in one.events for kind in kinds for other in after)

    def publish(self, state: ChoreographyState, saga: int, step: int) -> ChoreographyState | None:
        """The relay publishes what the service has committed, in that order."""
        one = state.sagas[saga]
        if state.down == step:
            return None
        event = next((e for e in self._owed(one, step) if e not in one.events and e not in one.lost), None)
        return event and _with(state, saga, one._replace(events=one.events | {event}))

    def _owed(self, one: Instance, step: int) -> list[tuple[str, int]]:
        """The events that a service has committed."""
        mark = one.marks[step]
        events = [(WENT_ON, step)] if mark in "T2CDLH" else []
        if mark in SETTLED:
            failed = mark == "N" or (step == self.pivot and mark in CANCELLED)
            events.append((FAILED if failed else UNDONE, step))
        return events

    def publish_first(self, state: ChoreographyState, saga: int, step: int) -> ChoreographyState | None:
        """A bug: say that the step is done, and then try to do it."""
        one = state.sagas[saga]
        if state.down == step or one.marks[step] != "-" or not _is_asked(one, step) or (WENT_ON, step) in one.events:
            return None
        return _with(state, saga, one._replace(events=one.events | {(WENT_ON, step)}))

    def timeout(self, state: ChoreographyState, saga: int) -> ChoreographyState | None:
        """Service 0 knows no outcome yet: cancel, and see."""
        one = state.sagas[saga]
        late = self.rules.late_timer and one.outcome == COMPLETED
        if state.down == 0 or CANCEL in one.events or not (one.outcome == RUNNING or late):
            return None
        return _with(state, saga, one._replace(events=one.events | {CANCEL}))

    def learn(self, state: ChoreographyState, saga: int) -> ChoreographyState | None:
        """Service 0 learns the outcome: from the last event, or because its own step, the last undone, is out of effect."""
        one = state.sagas[saga]
        completed = (WENT_ON, self.steps - 1) in one.events
        outcome = COMPENSATED if one.marks[0] in SETTLED else COMPLETED if completed else RUNNING
        if state.down == 0 or outcome == one.outcome or (ended(self._seen(one)) and not self.rules.late_timer):
            return None
        return _with(state, saga, one._replace(outcome=outcome))

    def crash(self, state: ChoreographyState, service: int) -> ChoreographyState | None:
        """A service stops; without an outbox, what it has not published yet is forgotten."""
        if state.down is not None or state.crashes == self.crashes:
            return None
        sagas = state.sagas
        if not self.rules.outbox:
            sagas = tuple(o._replace(lost=o.lost.union(self._owed(o, service)) - o.events) for o in sagas)
        return ChoreographyState(sagas, service, state.crashes + 1)

    def restart(self, state: ChoreographyState) -> ChoreographyState | None:
        """It comes back; all that it knows is in its database."""
        return None if state.down is None else state._replace(down=None)

    def _seen(self, one: Instance) -> SagaSeen:
        return seen(one.marks, self.pivot, one.outcome)

    def view(self, state: ChoreographyState) -> SagaView:
        """Show what the services have done, and what service 0 says."""
        phantom = any((WENT_ON, i) in one.events and mark in "-NXA" for one in state.sagas for i, mark in enumerate(one.marks))
        return view_of(map(self._seen, state.sagas))._replace(faults=state.crashes, phantom=phantom)

    def shown(self, state: ChoreographyState) -> ChoreographyState:
        """The marks in words."""
        return state._replace(sagas=tuple(one._replace(marks=in_words(one.marks)) for one in state.sagas))  # type: ignore[arg-type]

    def actor(self, action: Action) -> str:
        """One of the services."""
        if action.name == "Restart":
            return "services"
        return f"service {0 if action.name in {'Learn', 'Timeout'} else action.args[-1]}"


def _is_asked(one: Instance, step: int) -> bool:
    return step == 0 or (WENT_ON, step - 1) in one.events


def _with(state: ChoreographyState, saga: int, one: Instance) -> ChoreographyState:
    return state._replace(sagas=(*state.sagas[:saga], one, *state.sagas[saga + 1 :]))
