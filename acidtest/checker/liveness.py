"""Liveness: what must come on every weakly fair run, and the run on which it never does.

Weak fairness is that of TLA+: an action that is not a fault does not stay enabled for ever without being taken, where a
step that changes nothing counts neither as enabled nor as taken (Lamport, "The temporal logic of actions", ACM TOPLAS
16(3), 1994). A run may stop only where no such action is enabled.

What must come stays away on some fair run if and only if there is a strongly connected part of the states without it,
reachable through such states, in which every fair action is somewhere disabled or taken. The larger the part the easier
that is, so the maximal ones decide (Lichtenstein & Pnueli, POPL 1985).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.checker.breadth_first import Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from acidtest.checker.machine import Action, Model, Property


@dataclass(frozen=True)
class Lasso:
    """A run that goes on for ever: `stem`, then `cycle` again and again, from the last state of the stem to itself."""

    stem: Trace
    cycle: Trace


class _Region(NamedTuple):
    """The states where what must come has not come, as reached through such states: their steps, all and inside."""

    enabled: dict[Any, frozenset[Action]]
    inside: dict[Any, list[tuple[Action, Any]]]
    parents: dict[Any, tuple[Any, Action | None]]


def find_lasso(model: Model[Any], claim: Property) -> tuple[Lasso | None, int]:
    """Look for a fair run on which the predicate of `claim` never holds.

    Arguments:
        model: finite.
        claim: a property of kind `eventually`.

    Returns:
        a run with a shortest stem, or None if there is none; and the number of states in which the predicate has not
        held yet.
    """
    region = _region(model, claim.predicate)
    fair = {action for actions in region.enabled.values() for action in actions if action.name not in model.faults}
    trap_of = {state: part for part in _components(region) if _is_fair(part, region, fair) for state in part}
    entry = next((state for state in region.inside if state in trap_of), None)
    if entry is None:
        return None, len(region.inside)
    return Lasso(_stem(region, entry), _cycle(region, entry, trap_of[entry], fair)), len(region.inside)


def _region(model: Model[Any], predicate: Callable[[Any], bool]) -> _Region:
    """Explore breadth first where the predicate does not hold."""
    region = _Region({}, {}, {})
    waiting: deque[Any] = deque()

    def admit(state: Any, parent: Any, action: Action | None) -> bool:
        if predicate(model.view(state)):
            return False
        if state not in region.parents:
            region.parents[state] = (parent, action)
            waiting.append(state)
        return True

    for state in model.initial_states():
        admit(state, None, None)
    while waiting:
        state = waiting.popleft()
        steps = [(action, following) for action, following in model.successors(state) if following != state]
        region.enabled[state] = frozenset(action for action, _ in steps)
        region.inside[state] = [step for step in steps if admit(step[1], state, step[0])]
    return region


def _components(region: _Region) -> Iterable[frozenset[Any]]:
    """The maximal strongly connected parts; a single state is one, as a run may stop there."""
    import networkx as nx  # noqa: PLC0415 - heavy, and only liveness needs it

    graph: nx.DiGraph[Any] = nx.DiGraph()
    graph.add_nodes_from(region.inside)
    graph.add_edges_from((state, following) for state, steps in region.inside.items() for _, following in steps)
    return map(frozenset, nx.strongly_connected_components(graph))


def _is_fair(part: frozenset[Any], region: _Region, fair: set[Action]) -> bool:
    """Whether every fair action is disabled somewhere in the part, or taken within it."""
    always = set(fair).intersection(*(region.enabled[state] for state in part))
    return always <= {action for state in part for action, following in region.inside[state] if following in part}


def _stem(region: _Region, entry: Any) -> Trace:
    """The shortest run to a state."""
    path: list[tuple[Action | None, Any]] = []
    state = entry
    while state is not None:
        parent, action = region.parents[state]
        path.append((action, state))
        state = parent
    return Trace(tuple(reversed(path)))


def _cycle(region: _Region, entry: Any, part: frozenset[Any], fair: set[Action]) -> Trace:
    """A closed run within the part that does every fair action justice, or visits a state that disables it."""

    def settled(action: Action, state: Any, done: Action | None) -> bool:
        return done == action or action not in region.enabled[state]

    run = Trace(((None, entry),))
    for action in sorted(fair.intersection(region.enabled[entry]), key=str):
        if not any(settled(action, state, done) for done, state in run.steps):
            run = _extend(run, region, part, partial(settled, action))
    return run if run.last == entry else _extend(run, region, part, lambda state, _: state == entry)


def _extend(run: Trace, region: _Region, part: frozenset[Any], enough: Callable[[Any, Action | None], bool]) -> Trace:
    """Lengthen a run within the part until `enough` says so of a state and the action that led there, by few steps."""
    parents: dict[Any, tuple[Any, Action]] = {}
    waiting = deque([run.last])
    while waiting:
        state = waiting.popleft()
        for action, following in region.inside[state]:
            if following not in part:
                continue
            if enough(following, action):
                return _joined(run, parents, (state, action, following))
            if following not in parents and following != run.last:
                parents[following] = (state, action)
                waiting.append(following)
    message = "a strongly connected part of the states is not connected"
    raise AssertionError(message)


def _joined(run: Trace, parents: dict[Any, tuple[Any, Action]], last: tuple[Any, Action, Any]) -> Trace:
    """The run, and the way that was found from its end."""
    way = [last[1:]]
    state = last[0]
    while state != run.last:
        before, action = parents[state]
        way.append((action, state))
        state = before
    for action, following in reversed(way):
        run = run.then(action, following)
    return run
