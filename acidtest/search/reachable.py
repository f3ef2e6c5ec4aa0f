"""What the model of a scope can reach: the denominator of coverage."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acidtest.checker.machine import Kind

if TYPE_CHECKING:
    from acidtest.checker.machine import Action, Model

#: Beyond this many states the model of a scope is not counted out.
MOST_STATES = 20_000


@dataclass(frozen=True)
class Reachable:
    """What the model of a scope can reach: states, actions, and the `sometimes` properties that hold somewhere.

    `complete` says that it was counted out.
    """

    states: int
    actions: frozenset[Action]
    sometimes: frozenset[str]
    complete: bool


#: Where nobody counts.
NOT_COUNTED = Reachable(0, frozenset(), frozenset(), complete=False)


#: What was counted out, by the model and the properties: many implementations are checked beside one model.
_counted: dict[tuple[type, bytes, tuple[Any, ...]], Reachable] = {}


def reachable(model: Model[Any], properties: tuple[Any, ...]) -> Reachable:
    """What the model can reach, up to MOST_STATES. Models of equal contents are counted out once."""
    try:
        key = type(model), pickle.dumps(vars(model)), properties
    except (TypeError, AttributeError, pickle.PicklingError):  # it has something whose contents nobody can tell
        return _count_out(model, properties)
    if key not in _counted:
        _counted[key] = _count_out(model, properties)
    return _counted[key]


def _count_out(model: Model[Any], properties: tuple[Any, ...]) -> Reachable:
    wanted = {p.id: p for p in properties if p.kind == Kind.SOMETIMES}
    seen = dict.fromkeys(model.initial_states())
    queue = list(seen)
    actions: set[Any] = set()
    reached: set[str] = set()
    for state in queue:
        for name in [name for name, p in wanted.items() if name not in reached and p.predicate(model.view(state))]:
            reached.add(name)
        for action, following in model.successors(state):
            actions.add(action)
            if following not in seen:
                seen[following] = None
                queue.append(following)
        if len(queue) > MOST_STATES:
            return Reachable(len(queue), frozenset(actions), frozenset(reached), complete=False)
    return Reachable(len(queue), frozenset(actions), frozenset(reached), complete=True)
