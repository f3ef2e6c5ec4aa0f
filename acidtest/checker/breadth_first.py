"""Breadth-first search through the states of a model, and the runs that it finds.

Only the parent of a state is kept. A trace is rebuilt from parents when somebody wants it, as in TLC (Yu,
Manolios & Lamport, "Model checking TLA+ specifications", CHARME 1999); so the first run to a state is a
shortest one.

With `symmetry` a state is replaced by the representative of its orbit (Clarke et al., "Exploiting symmetry in
temporal logic model checking", 1996). That is sound where the canonicaliser is induced by automorphisms of
the model, and the properties do not distinguish states of one orbit. Traces are still runs of the model, not
of representatives.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from acidtest.checker.machine import Action, Model, State

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

Key = TypeVar("Key", bound="Hashable")
Value = TypeVar("Value")

#: States expanded at a time: enough to amortise the work per row, few enough to stay in the CPU's cache.
BATCH = 64
#: Seconds between two calls of `progress`.
REPORT_EVERY = 0.1


@dataclass(frozen=True)
class Trace:
    """A run of a model: pairs of an action and the state after it. The first action is None."""

    steps: tuple[tuple[Action | None, Any], ...]

    def __str__(self) -> str:
        """Render the actions, numbered, one a line."""
        return "\n".join(
            f"{number}. {action or '(no step)'}" for number, action in enumerate(self.actions, 1)
        )

    @property
    def actions(self) -> tuple[Action | None, ...]:
        """The actions taken."""
        return tuple(action for action, _ in self.steps[1:])

    @property
    def states(self) -> tuple[Any, ...]:
        """The states passed through, the initial one included."""
        return tuple(state for _, state in self.steps)

    @property
    def last(self) -> Any:
        """The state at the end."""
        return self.steps[-1][1]

    def then(self, action: Action | None, state: Any) -> Trace:
        """Lengthen the run by one step."""
        return Trace((*self.steps, (action, state)))


class Progress(NamedTuple):
    """How far a search is: distinct states, how many of them wait to be expanded, and levels begun."""

    states: int
    waiting: int
    depth: int


class Memo(dict[Key, Value]):
    """A function with its results kept; a hit costs one dictionary look-up."""

    def __init__(self, function: Callable[[Key], Value]) -> None:
        """Remember `function`, which must be pure."""
        self._function = function

    def __missing__(self, key: Key) -> Value:
        """Compute what was not asked for before."""
        value = self[key] = self._function(key)
        return value


class Search(Generic[State]):
    """One breadth-first pass. Iterate over it once; the other attributes grow meanwhile.

    Each item is an expanded state with its outcomes: one per row of the model's table, None where not
    enabled. `found` holds the states in order of discovery; what a state leads to is found before that state
    is yielded.
    """

    def __init__(
        self,
        model: Model[State],
        *,
        max_states: int | None = None,
        seconds: float | None = None,
        progress: Callable[[Progress], None] | None = None,
        symmetry: Callable[[State], State] | None = None,
    ) -> None:
        """Find the initial states."""
        self.model, self.symmetry = model, symmetry
        self.parents: dict[State, State | None] = {}
        self.found: list[State] = []
        self.fired = [0] * len(model.table())
        self.stuck: list[State] = []
        self.depth, self.complete = 1, True
        self._expanded, self._max_states, self._progress = 0, max_states, progress
        self._deadline = None if seconds is None else monotonic() + seconds
        self._next_report = monotonic()
        self._admit(None, list(model.initial_states()))
        self._level_end = self.initial = len(self.found)

    def __iter__(self) -> Iterator[tuple[State, tuple[State | None, ...]]]:
        """Expand state after state until none is left or a budget runs out."""
        nothing = (None,) * len(self.fired)
        while self._expanded < len(self.found) and self._may_go_on():
            batch = self._next_batch()
            for state, outcomes in zip(batch, self._outcomes(batch), strict=True):
                self._admit(state, outcomes)
                if outcomes == nothing:
                    self.stuck.append(state)
                yield state, outcomes
                if not self.complete:
                    return

    def trace(self, target: State) -> Trace:
        """Rebuild a shortest run to a state that was found (under symmetry: to one of its orbit)."""
        path: list[State] = []
        ancestor: State | None = target
        while ancestor is not None:
            path.append(ancestor)
            ancestor = self.parents[ancestor]
        path.reverse()
        start = next(s for s in self.model.initial_states() if self._representative(s) == path[0])
        trace = Trace(((None, start),))
        for following in path[1:]:
            trace = trace.then(*self._step_towards(trace.last, following))
        return trace

    def _step_towards(self, state: State, target: State) -> tuple[Action, State]:
        return next(s for s in self.model.successors(state) if self._representative(s[1]) == target)

    def _representative(self, state: State) -> State:
        return self.symmetry(state) if self.symmetry else state

    def _next_batch(self) -> list[State]:
        """Take waiting states, never of two levels at once."""
        if self._expanded == self._level_end:
            self.depth, self._level_end = self.depth + 1, len(self.found)
        batch = self.found[self._expanded : min(self._expanded + BATCH, self._level_end)]
        self._expanded += len(batch)
        return batch

    def _outcomes(self, batch: list[State]) -> Iterable[tuple[State | None, ...]]:
        """Apply the table row by row, not state by state, so that `map` calls each function many times."""
        columns = [list(map(effect, batch, *map(repeat, args))) for _, effect, args in self.model.table()]
        for row, column in enumerate(columns):
            self.fired[row] += len(column) - column.count(None)
        return zip(*columns, strict=True) if columns else repeat((), len(batch))

    def _admit(self, parent: State | None, outcomes: Iterable[State | None]) -> None:
        """Keep what is new. On overflow the search ends with exactly `max_states` states."""
        parents, found = self.parents, self.found
        if self.symmetry:
            outcomes = [None if state is None else self.symmetry(state) for state in outcomes]
        for state in outcomes:
            if state is not None and state not in parents:
                parents[state] = parent
                found.append(state)
        while self._max_states is not None and len(found) > self._max_states:
            del parents[found.pop()]
            self.complete = False

    def _may_go_on(self) -> bool:
        """Look at the clock: report progress, and end the search when its time is over."""
        now = monotonic()
        if self._progress and now >= self._next_report:
            self._next_report = now + REPORT_EVERY
            self._progress(Progress(len(self.found), len(self.found) - self._expanded, self.depth))
        if self._deadline is not None and now >= self._deadline:
            self.complete = False
        return self.complete
