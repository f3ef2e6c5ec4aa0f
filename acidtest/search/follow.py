"""Refinement of running code: the set of model states that are consistent with all that was observed so far.

A step that changes the view must be explained by transitions of the model; internal ones that do not show close the
set. An empty set is a violation: the implementation did what the model does not allow. Sets are interned and every
answer is remembered, since a search asks the same thing over and over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acidtest.checker.machine import Model

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from acidtest.checker.machine import Action

#: The set of no states.
NOTHING = -1


class Follower:
    """Walks a model beside running code.

    Arguments:
        model: the pattern's model for the workload.
        abstract: the part of a view that the model speaks of.

    `fired` and `visited` are the model's actions and states that were consistent with some run.
    """

    def __init__(self, model: Model[Any], abstract: Callable[[Any], Hashable]) -> None:
        """Start with the initial states."""
        self.model = model
        self._abstract = abstract
        self._effects = {action: (effect, args) for action, effect, args in model.table()}
        self._inside = [row for row in model.table() if row[0].name not in model.events]
        self._numbers: dict[frozenset[Any], int] = {}
        self._sets: list[frozenset[Any]] = []
        self._after_event: dict[tuple[int, Action], int] = {}
        self._after_view: dict[tuple[int, Hashable], int] = {}
        self._guided = type(model).leads_to is not Model.leads_to
        self._reach: dict[Any, dict[Any, tuple[Any, Action] | None]] = {}
        self._views: dict[Any, Hashable] = {}
        self.fired: set[Action] = set()
        self.visited: set[Any] = set()
        self.start = self._number(frozenset(model.initial_states()))

    def event(self, number: int, action: Action) -> int:
        """The set after an observed event; NOTHING where the model does not allow it."""
        known = self._after_event.get((number, action))
        if known is None:
            following = set()
            effect, args = self._effects.get(action, (lambda _: None, ()))
            for state in self._unseen(number):
                after = effect(state, *args)
                if after is not None:
                    following.add(after)
                    self._credit(number, state, self._view(state))
            if following:
                self.fired.add(action)
            known = self._after_event[number, action] = self._number(frozenset(following))
        return known

    def view(self, number: int, view: Any) -> int:  # noqa: ANN401 - the pattern's view
        """The set after the view has become `view`; NOTHING where the model does not allow it."""
        wanted = self._abstract(view)
        known = self._after_view.get((number, wanted))
        if known is None:
            states = frozenset(s for s in self._closure(number, wanted) if self._view(s) == wanted)
            for state in states:
                self._credit(number, state, wanted)
            known = self._after_view[number, wanted] = self._number(states)
        return known

    def allowed(self, number: int, most: int) -> list[Hashable]:
        """The views that the model would have allowed next, for a report: so many, those with the fewest steps first."""
        reached = dict.fromkeys(self._sets[number] if number != NOTHING else ())
        queue = list(reached)
        views: dict[Hashable, None] = {}
        for state in queue:
            views[self._view(state)] = None
            if len(views) == most:
                break
            following = [after for _, effect, args in self._inside if (after := effect(state, *args)) is not None]
            queue += [after for after in dict.fromkeys(following) if after not in reached]
            reached.update(dict.fromkeys(following))
        return list(views)

    def consistent(self, number: int) -> frozenset[Any]:
        """The states of a set; none where the model does not allow what was observed."""
        return frozenset() if number == NOTHING else self._sets[number]

    def _number(self, states: frozenset[Any]) -> int:
        if not states:
            return NOTHING
        number = self._numbers.setdefault(states, len(self._sets))
        if number == len(self._sets):
            self._sets.append(states)
            self.visited |= states
        return number

    def _closure(self, number: int, wanted: Hashable = None) -> list[Any]:
        """Every state that internal actions reach from the set; those that lead to the view `wanted`, if it is given."""
        if number == NOTHING:
            return []
        states: dict[Any, None] = {}
        for state in self._sets[number]:
            states.update(dict.fromkeys(self._internal(state, wanted)))
        return list(states)

    def _unseen(self, number: int) -> list[Any]:
        """Those of the closure that look like where they come from: what shows has been seen before an event is."""
        if number == NOTHING:
            return []
        states: dict[Any, None] = {}
        for start in self._sets[number]:
            now = self._view(start)
            states.update((state, None) for state in self._internal(start, now) if self._view(state) == now)
        return list(states)

    def _internal(self, start: Any, wanted: Hashable) -> dict[Any, tuple[Any, Action] | None]:  # noqa: ANN401
        """The states that internal actions reach from `start` on the way to `wanted`, each with the step that led to it."""
        if not self._guided:
            wanted = None
        reached = self._reach.get((start, wanted))
        if reached is None:
            reached = {start: None}
            queue = [start]
            for state in queue:
                for action, effect, args in self._inside:
                    after = effect(state, *args)
                    if after is None or after in reached:
                        continue
                    if wanted is None or self.model.leads_to(after, wanted):
                        reached[after] = (state, action)
                        queue.append(after)
            self._reach[start, wanted] = reached
        return reached

    def _credit(self, number: int, state: Any, wanted: Hashable) -> None:  # noqa: ANN401
        """Note the internal actions that explain how the set came to `state`."""
        for start in self._sets[number]:
            reached = self._internal(start, wanted)
            if state not in reached:
                continue
            step = reached[state]
            while step is not None:
                before, action = step
                self.fired.add(action)
                self.visited.add(before)
                step = reached[before]

    def _view(self, state: Any) -> Hashable:  # noqa: ANN401
        view = self._views.get(state)
        if view is None:
            view = self._views[state] = self._abstract(self.model.view(state))
        return view
