"""The saga as clients and services show it: orders that are placed once, and are wholly filled or wholly taken back.

Each order is a saga over the same services, one step at each. What an outsider sees is what the services have done for an
order and undone again, whether a service was told to undo what it had not done (which bars the step), and how whoever answers
for the order says that it stands. How the services learn of their turn is internal: commands of an orchestrator, or events
of each other. The two protocols are in `orchestration` and `choreography`; running code is followed here.

Sources: Garcia-Molina & Salem, "Sagas", SIGMOD 1987; Mehrotra et al., ICDCS 1992 (pivot).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.checker.machine import Model, Transition
from acidtest.models.shared.ledger import EVENTS, Call, Ledger, LedgerState, Request, lifted
from acidtest.models.shared.steps import (
    COMPENSATED,
    COMPLETED,
    PARKED,
    RUNNING,
    SagaSeen,
    in_words,
    marked,
    seen,
)
from acidtest.models.shared.tuples import put

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: How an order stands that nobody durably knows of.
UNKNOWN = ""


class OrdersView(NamedTuple):
    """What an outsider sees.

    Arguments:
        calls: what clients know of the orders that they have placed.
        sagas: what has become of them, one by one, in the order in which their keys first occur.
        keys: the keys of the orders, likewise.
        strangers: what services have done for no order that was placed, or otherwise than it was placed.
        unbalanced: the services whose balances are not what they have done makes of them.
        overdrawn: the services that have given away more than they had.
        certain: of each order, whether the services can fill it whatever else was ordered.
        happened: what befell the run so far.
        executors: how many processes may be at work on one order.
        stuck: whether a lock was waited for in vain.
    """

    calls: tuple[Call, ...]
    sagas: tuple[SagaSeen, ...]
    keys: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()
    unbalanced: tuple[str, ...] = ()
    overdrawn: tuple[str, ...] = ()
    certain: tuple[bool, ...] = ()
    happened: frozenset[str] = frozenset()
    executors: int = 1
    stuck: bool = False


class OrdersState(NamedTuple):
    """The requests; of each order the marks of its steps, and how it stands."""

    ledger: LedgerState
    marks: tuple[str, ...]
    outcomes: tuple[str, ...]


class Orders(Model[OrdersState]):
    """Orders over a fixed workload.

    Arguments:
        requests: what clients ask for; several may share a key.
        steps: of each order.
        pivot: the last step that may be refused or barred.
        certain: nothing can go wrong and nobody can refuse: every order that is valid is filled.
        bars: it shows that a service was told to undo what it has not done.
        late: a command that nobody was answered may take effect later, also of an order that was parked meanwhile.
    """

    name = "orders"
    events = EVENTS

    def __init__(self, requests: Sequence[Request], steps: int, pivot: int, *, certain: bool = False, bars: bool = True, late: bool = False) -> None:  # noqa: PLR0913 - switches
        """Number the orders by their keys."""
        self.moving = (RUNNING, PARKED) if late else (RUNNING,)
        self.ledger = Ledger((), requests)
        self.certain, self.bars = certain, bars
        self.steps, self.pivot = steps, pivot
        self.keys = tuple(dict.fromkeys(request.key for request in requests))
        self._order = [self.keys.index(request.key) for request in requests]

    def initial_states(self) -> Iterable[OrdersState]:
        """Nothing has been ordered."""
        count = len(self.keys)
        yield OrdersState(self.ledger.initial(), ("-" * self.steps,) * count, (UNKNOWN,) * count)

    def transitions(self) -> Sequence[Transition]:
        """Clients, services, and the end of an order."""
        each = [(order,) for order in range(len(self.keys))]
        every = [(order, step) for (order,) in each for step in range(self.steps)]
        back = (
            Transition("C", self.undo, [(order, step) for order, step in every if step < self.pivot]),
            Transition("Park", self.park, each),
            *([Transition("Bar", self.bar, [(order, step) for order, step in every if step <= self.pivot])] if self.bars else []),
        )
        return [
            *[t._replace(effect=lifted(self.decline)) if t.name == "decline" else t for t in self.ledger.transitions(accept=self.accept)],
            Transition("T", self.do, every),
            Transition("End", self.end, each),
            *(() if self.certain else back),
        ]

    def accept(self, s: OrdersState, i: int) -> OrdersState | None:
        """An order is placed: it will be brought to an end."""
        ledger = self.ledger.accept(s.ledger, i)
        if ledger is None:
            return None
        return s._replace(ledger=ledger, outcomes=put(s.outcomes, self._order[i], RUNNING))

    def decline(self, s: LedgerState, i: int) -> LedgerState | None:
        """An order is not taken, for good."""
        if self.certain or not self.ledger.undecided(s, i):
            return None
        return s._replace(bound=put(s.bound, self._order[i], (self.ledger.first[i], "rejected")))

    def do(self, s: OrdersState, order: int, step: int) -> OrdersState | None:
        """A service does its step, after all those before it."""
        marks = s.marks[order]
        if s.outcomes[order] not in self.moving or (s.outcomes[order] == PARKED and step >= self.pivot) or marks[step] != "-" or marks[:step] != "T" * step:
            return None
        return self._marked(s, order, step, "T")

    def undo(self, s: OrdersState, order: int, step: int) -> OrdersState | None:
        """A service compensates its step, after all those behind it, and never once the pivot is done."""
        marks = s.marks[order]
        if s.outcomes[order] not in self.moving or marks[step] != "T" or "T" in marks[step + 1 :]:
            return None
        return self._marked(s, order, step, "C")

    def bar(self, s: OrdersState, order: int, step: int) -> OrdersState | None:
        """A service is told to undo what it has not done, and will never do."""
        if s.outcomes[order] in (UNKNOWN, COMPLETED) or s.marks[order][step] != "-":
            return None
        return self._marked(s, order, step, "X")

    def end(self, s: OrdersState, order: int) -> OrdersState | None:
        """Everything is in effect, or nothing is."""
        marks = s.marks[order]
        if s.outcomes[order] != RUNNING or ("T" in marks and marks != "T" * self.steps):
            return None
        if self.certain and "T" not in marks:
            return None
        return s._replace(outcomes=put(s.outcomes, order, COMPLETED if "T" in marks else COMPENSATED))

    def park(self, s: OrdersState, order: int) -> OrdersState | None:
        """It is left to people: not before the pivot is ruled out, but never after it is done."""
        if s.outcomes[order] != RUNNING or s.marks[order][self.pivot] == "T":
            return None
        return s._replace(outcomes=put(s.outcomes, order, PARKED))

    def _marked(self, s: OrdersState, order: int, step: int, mark: str) -> OrdersState:
        return s._replace(marks=put(s.marks, order, marked(s.marks[order], step, mark)))

    def leads_to(self, state: OrdersState, view: Any) -> bool:  # noqa: ANN401 - an OrdersView
        """What was done stays done, what was undone undone, and an outcome is for good."""
        for marks, outcome, saga in zip(state.marks, state.outcomes, view.sagas, strict=True):
            mine = seen(marks, self.pivot, outcome)
            ahead = any(a > b for a, b in zip((*mine.did, *mine.undid), (*saga.did, *saga.undid), strict=True))
            barred = any(a and not b for a, b in zip(mine.cancelled, saga.cancelled, strict=True))
            if ahead or barred or (outcome not in (UNKNOWN, RUNNING) and outcome != saga.outcome):
                return False
        return True

    def at_rest(self, state: OrdersState) -> bool:
        """No call is open, and every order that was placed has come to an end."""
        return "open" not in state.ledger.status and RUNNING not in state.outcomes

    def shown(self, state: OrdersState) -> OrdersState:
        """The marks in words."""
        return state._replace(marks=tuple(map(in_words, state.marks)))  # type: ignore[arg-type]

    def view(self, state: OrdersState) -> OrdersView:
        """What services have done, and what clients know."""
        sagas = [seen(marks, self.pivot, outcome) for marks, outcome in zip(state.marks, state.outcomes, strict=True)]
        return OrdersView(self.ledger.calls(state.ledger), tuple(sagas), self.keys)
