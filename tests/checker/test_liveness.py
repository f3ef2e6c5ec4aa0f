"""Liveness against a definition that could not be more naive, on random small graphs."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from acidtest.checker.check import check
from acidtest.checker.machine import Kind, Model, Property, Transition

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NODES = range(4)


class Edge(NamedTuple):
    """One labelled step."""

    source: int
    label: str
    target: int


class Drawn(Model[int]):
    """A graph from its edges; an action leads to one state only. The label "fault" is nobody's duty."""

    faults = frozenset({"fault"})

    def __init__(self, edges: dict[tuple[int, str], int]) -> None:
        self.edges = edges

    def initial_states(self) -> list[int]:
        return [0]

    def transitions(self) -> Sequence[Transition]:
        return [Transition(label, lambda s, label=label: self.edges.get((s, label))) for label in ("a", "b", "fault")]

    def view(self, state: int) -> int:
        return state


@st.composite
def graphs(draw: st.DrawFn) -> Drawn:
    """Draw a small graph."""
    keys = st.tuples(st.sampled_from(NODES), st.sampled_from(("a", "b", "fault")))
    return Drawn(draw(st.dictionaries(keys, st.sampled_from(NODES), max_size=9)))


def walks(steps: list[Edge], start: int) -> set[int]:
    """Give the nodes that can be reached."""
    found = {start}
    for _ in NODES:
        found |= {e.target for e in steps if e.source in found}
    return found


def sets_of_steps(steps: list[Edge]) -> Iterator[tuple[set[int], set[Edge]]]:
    """Give every set of nodes with every set of steps by which a run may go round among all of them for ever."""
    for size in range(1, len(NODES) + 1):
        for nodes in map(set, combinations(NODES, size)):
            own = [e for e in steps if e.source in nodes and e.target in nodes]
            for count in range(len(own) + 1):
                for taken in map(list, combinations(own, count)):
                    if all(walks(taken, node) == nodes for node in nodes):
                        yield nodes, set(taken)


def has_fair_run(model: Drawn, goal: set[int]) -> bool:
    """Tell by the definition whether some fair run avoids the goal: try every set of steps taken for ever."""
    steps = [Edge(s, label, t) for (s, label), t in model.edges.items() if s != t]
    if 0 in goal:
        return False
    avoiding = [e for e in steps if e.source not in goal and e.target not in goal]
    reached = walks(avoiding, 0)
    for nodes, taken in sets_of_steps(avoiding):
        if not nodes <= reached:
            continue
        done = {e.label for e in taken}
        enabled = [{e.label for e in steps if e.source == node} for node in nodes]
        if all(label in done or any(label not in some for some in enabled) for label in ("a", "b")):
            return True
    return False


@given(graphs(), st.sets(st.sampled_from(NODES)))
def test_the_verdict_is_that_of_the_definition(model: Drawn, goal: set[int]) -> None:
    claim = Property("L", "gets there", Kind.EVENTUALLY, lambda node: node in goal)
    found = check(model, (claim,)).finding("L")
    assert (found.verdict == "violated") == has_fair_run(model, goal)


@given(graphs(), st.sets(st.sampled_from(NODES)))
def test_a_lasso_is_a_fair_run_of_the_model(model: Drawn, goal: set[int]) -> None:
    claim = Property("L", "gets there", Kind.EVENTUALLY, lambda node: node in goal)
    found = check(model, (claim,)).finding("L")
    if found.trace is None or found.cycle is None:
        assert found.verdict == "holds"
        return
    for run in (found.trace, found.cycle):
        for (_, before), (action, after) in zip(run.steps, run.steps[1:], strict=False):
            assert action is not None
            assert model.step(before, action) == after
    assert found.trace.states[0] == 0
    assert found.trace.last == found.cycle.states[0] == found.cycle.last
    assert not goal & {*found.trace.states, *found.cycle.states}
    taken = {action.name for action in found.cycle.actions if action}
    for label in ("a", "b"):
        moves = [model.edges.get((s, label), s) != s for s in found.cycle.states]
        assert label in taken or not all(moves)


class Ping(Model[str]):
    """Two players who may pass a ball for ever, and one who may keep it."""

    def __init__(self, *, may_drop: bool) -> None:
        self.may_drop = may_drop

    def initial_states(self) -> list[str]:
        return ["left"]

    def transitions(self) -> list[Transition]:
        return [
            Transition("pass", lambda s: {"left": "right", "right": "left"}.get(s)),
            Transition("drop", lambda s: "floor" if self.may_drop and s == "right" else None),
        ]

    def view(self, state: str) -> str:
        return state


def test_an_action_that_is_enabled_now_and_then_only_need_not_be_taken() -> None:
    on_floor = Property("L", "the ball falls", Kind.EVENTUALLY, lambda where: where == "floor")
    found = check(Ping(may_drop=True), (on_floor,)).finding("L")
    assert found.verdict == "violated"
    assert [str(a) for a in found.cycle.actions] == ["pass", "pass"] if found.cycle else False


def test_what_is_continuously_enabled_is_taken() -> None:
    on_right = Property("L", "the ball is passed", Kind.EVENTUALLY, lambda where: where == "right")
    finding = check(Ping(may_drop=False), (on_right,)).finding("L")
    assert (finding.verdict, finding.constrained) == ("holds", 1)
