"""What the model of a scope can reach: the denominator of coverage."""

from __future__ import annotations

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


def reachable(model: Model[Any], properties: tuple[Any, ...]) -> Reachable:
    """Count out what the model can reach, up to MOST_STATES."""
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
