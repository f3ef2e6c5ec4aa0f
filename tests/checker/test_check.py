"""The checker finds every state, the shortest counterexample, and says no more than it knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acidtest.checker.check import Progress, Trace, check, reachable
from acidtest.checker.machine import Action, Kind, Model, Property, Transition

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Digraph(Model[int]):
    """A model given by its edges: `go(k)` follows the k-th edge out of the current node."""

    name = "Digraph"

    def __init__(self, edges: dict[int, list[int]], starts: Sequence[int] = (0,)) -> None:
        """Take the successors of each node, and the initial nodes."""
        self.edges, self.starts = edges, starts

    def initial_states(self) -> list[int]:
        """Start at the given nodes."""
        return list(self.starts)

    def transitions(self) -> list[Transition]:
        """Give one action per position in the longest list of successors."""
        width = max(map(len, self.edges.values()), default=0)
        return [Transition("go", self.go, [(k,) for k in range(width)]), Transition("fly", self.fly)]

    def go(self, node: int, k: int) -> int | None:
        """Follow the k-th edge."""
        targets = self.edges.get(node, [])
        return targets[k] if k < len(targets) else None

    def fly(self, node: int) -> None:
        """Never be enabled."""

    def view(self, node: int) -> int:
        """Show the node."""
        return node


class Unmoved(Model[int]):
    """A model without any transition."""

    def initial_states(self) -> list[int]:
        """Start, and stay, at 0."""
        return [0]

    def transitions(self) -> list[Transition]:
        """Give none."""
        return []

    def view(self, node: int) -> int:
        """Show the node."""
        return node


class Counters(Model[tuple[int, int]]):
    """Two counters that go up to a limit: the smallest model with a symmetry."""

    def __init__(self, limit: int = 4) -> None:
        """Take the limit."""
        self.limit = limit

    def initial_states(self) -> list[tuple[int, int]]:
        """Start at zero."""
        return [(0, 0)]

    def transitions(self) -> list[Transition]:
        """Count up either."""
        return [Transition("up", self.up, [(0,), (1,)])]

    def up(self, state: tuple[int, int], which: int) -> tuple[int, int] | None:
        """Count up one of them; only the second may reach the limit while the first is zero."""
        changed = [*state]
        changed[which] += 1
        return (changed[0], changed[1]) if changed[which] <= self.limit else None

    def view(self, state: tuple[int, int]) -> tuple[int, int]:
        """Show both."""
        return state


DIAMOND = Digraph({0: [1, 2], 1: [3], 2: [3], 3: [4, 0], 4: []})


def make(kind: Kind, predicate: Callable[..., bool]) -> Property:
    """Make a property that is about its predicate only."""
    return Property("P", "the property under test", kind, predicate)


def test_counts_states_successors_levels_and_deadlocks() -> None:
    """The diamond is small enough to count by hand."""
    exploration = check(DIAMOND)
    assert exploration.complete
    assert (exploration.states, exploration.generated, exploration.depth) == (5, 7, 4)
    assert exploration.deadlocks == 1
    assert exploration.deadlock is not None
    assert exploration.deadlock.states == (0, 1, 3, 4)


def test_lists_actions_that_never_fired() -> None:
    """An action that is never enabled is a finding about the model."""
    assert check(DIAMOND).fired == {"go": 6, "fly": 0}


def test_a_model_without_transitions_is_its_initial_states() -> None:
    """Nothing to expand is not nothing to judge."""
    exploration = check(Unmoved(), [make(Kind.ALWAYS, lambda node: node > 0)])
    assert (exploration.states, exploration.depth, exploration.deadlocks) == (1, 1, 1)
    assert exploration.findings[0].verdict == "violated"


def test_an_invariant_that_fails_at_once_has_a_counterexample_without_steps() -> None:
    """The initial states count."""
    finding = check(DIAMOND, [make(Kind.ALWAYS, lambda node: node != 0)]).findings[0]
    assert finding.trace == Trace(((None, 0),))


def test_a_broken_invariant_has_a_shortest_counterexample() -> None:
    """Breadth first, the first is a shortest."""
    finding = check(DIAMOND, [make(Kind.ALWAYS, lambda node: node < 4)]).findings[0]
    assert finding.verdict == "violated"
    assert finding.trace is not None
    assert str(finding.trace) == "1. go(0)\n2. go(0)\n3. go(0)"
    assert finding.trace.last == 4


def test_a_broken_step_property_ends_in_the_step_that_breaks_it() -> None:
    """The step back to 0 leads to a state that was known already."""
    finding = check(DIAMOND, [make(Kind.STEP, lambda before, after: after > before)]).findings[0]
    assert finding.verdict == "violated"
    assert finding.trace is not None
    assert finding.trace.states == (0, 1, 3, 0)
    assert finding.trace.actions[-1] == Action("go", (1,))


def test_what_must_be_possible_has_a_witness() -> None:
    """The guard against vacuity."""
    finding = check(DIAMOND, [make(Kind.SOMETIMES, lambda node: node == 3)]).findings[0]
    assert finding.verdict == "reached"
    assert finding.trace is not None
    assert finding.trace.states == (0, 1, 3)


def test_what_must_be_possible_and_is_not_is_unreached() -> None:
    """A complete search may say so."""
    finding = check(DIAMOND, [make(Kind.SOMETIMES, lambda node: node == 5)]).findings[0]
    assert (finding.verdict, finding.trace) == ("unreached", None)


def test_properties_at_rest_are_not_judged_on_the_way() -> None:
    """By default a state is at rest when no action is enabled."""
    finding = check(DIAMOND, [make(Kind.AT_REST, lambda node: node == 4)]).findings[0]
    assert (finding.verdict, finding.constrained) == ("holds", 1)


def test_a_property_that_applied_to_nothing_says_so() -> None:
    """A cycle never rests: the verdict is vacuous, and the count shows it."""
    finding = check(Digraph({0: [1], 1: [0]}), [make(Kind.AT_REST, lambda _: False)]).findings[0]
    assert (finding.verdict, finding.constrained) == ("holds", 0)


def test_counts_what_a_property_applied_to() -> None:
    """Every state, and every step including those to known states."""
    always, step = make(Kind.ALWAYS, lambda _: True), make(Kind.STEP, lambda _before, _after: True)
    assert [finding.constrained for finding in check(DIAMOND, [always, step]).findings] == [5, 6]


@pytest.mark.parametrize("kind", [Kind.ALWAYS, Kind.SOMETIMES, Kind.AT_REST, Kind.STEP])
@pytest.mark.parametrize("budget", [{"max_states": 4}, {"seconds": 0.0}], ids=["states", "seconds"])
def test_an_incomplete_search_never_says_holds_or_unreached(kind: Kind, budget: dict[str, float]) -> None:
    """A budget that ran out proves nothing."""
    harmless = make(kind, lambda *_: kind is not Kind.SOMETIMES)
    exploration = check(DIAMOND, [harmless], **budget)  # type: ignore[arg-type]
    assert not exploration.complete
    assert exploration.findings[0].verdict == "unknown"


def test_an_incomplete_search_still_reports_what_it_found() -> None:
    """A counterexample is one, however early the search ends."""
    exploration = check(DIAMOND, [make(Kind.ALWAYS, lambda node: node != 2)], max_states=3)
    assert (exploration.complete, exploration.states) == (False, 3)
    assert exploration.findings[0].verdict == "violated"


def test_a_budget_of_exactly_the_reachable_states_suffices() -> None:
    """The search gives up when it would need one more."""
    assert check(DIAMOND, max_states=5).complete
    assert not check(Digraph({}, starts=(0, 1)), max_states=1).complete


def test_eventually_is_refused_under_symmetry_rather_than_guessed() -> None:
    """Fairness is not the same for all states of an orbit."""
    with pytest.raises(ValueError, match=r"P .* is of kind `eventually`"):
        check(DIAMOND, [make(Kind.EVENTUALLY, lambda _: True)], symmetry=lambda state: state)


def test_an_unknown_property_is_answered_with_those_that_were_checked() -> None:
    """Whoever asks wrongly learns what to ask."""
    exploration = check(DIAMOND, [make(Kind.ALWAYS, lambda _: True)])
    assert exploration.finding("P").verdict == "holds"
    with pytest.raises(KeyError, match="Checked: P"):
        exploration.finding("Q")


def test_no_view_is_computed_where_no_property_needs_one() -> None:
    """Counting states is all that coverage asks for."""

    class Blind(Digraph):
        def view(self, node: int) -> int:
            raise AssertionError(node)

    assert check(Blind(DIAMOND.edges)).states == 5


def test_the_search_says_how_far_it_is() -> None:
    """At least once, and truthfully."""
    heard: list[Progress] = []
    check(DIAMOND, progress=heard.append)
    assert heard[0] == Progress(states=1, waiting=1, depth=1)


def test_symmetric_states_are_counted_once_and_traces_remain_runs() -> None:
    """The counterexample is a run of the model although the search saw representatives only."""
    model = Counters()
    apart = make(Kind.ALWAYS, lambda pair: abs(pair[0] - pair[1]) < 3)
    full = check(model, [apart])
    reduced = check(model, [apart], symmetry=lambda pair: (min(pair), max(pair)))
    assert (full.states, reduced.states) == (25, 15)
    trace = reduced.findings[0].trace
    assert trace is not None
    assert len(trace.actions) == 3
    assert_is_a_run(model, trace)


def test_a_step_property_breaks_under_symmetry_as_without() -> None:
    """The last step is looked for from where the rebuilt run really is."""
    model = Counters()
    never_three = make(Kind.STEP, lambda before, after: max(after) < 3 or max(before) >= 3)
    reduced = check(model, [never_three], symmetry=lambda pair: (max(pair), min(pair)))
    trace = reduced.findings[0].trace
    assert trace is not None
    assert max(trace.last) == 3
    assert_is_a_run(model, trace)


def test_the_graph_has_every_step_by_its_action() -> None:
    """Two actions between the same states are two edges."""
    graph = reachable(Digraph({0: [1, 1], 1: [0], 7: [8]}))
    assert graph.initial == (0,)
    assert set(graph.states) == {0, 1}
    assert graph.edges == ((0, Action("go", (0,)), 1), (0, Action("go", (1,)), 1), (1, Action("go", (0,)), 0))
    multigraph = graph.to_networkx()
    assert (multigraph.number_of_nodes(), multigraph.number_of_edges(0, 1)) == (2, 2)


digraphs = st.integers(1, 8).flatmap(
    lambda size: st.builds(
        Digraph,
        st.dictionaries(st.integers(0, size), st.lists(st.integers(0, size), max_size=3)),
        st.lists(st.integers(0, size), min_size=1, max_size=2),
    )
)


def levels(model: Digraph) -> list[set[int]]:
    """Define breadth-first levels naively: what is reachable in k steps and not in fewer."""
    reached, rings = set(model.starts), [set(model.starts)]
    while ring := {target for node in rings[-1] for target in model.edges.get(node, [])} - reached:
        reached |= ring
        rings.append(ring)
    return rings


def assert_is_a_run(model: Model[object] | Digraph | Counters, trace: Trace) -> None:
    """Check a trace against the definition of a run."""
    assert trace.states[0] in model.initial_states()
    for before, (action, after) in zip(trace.states, trace.steps[1:], strict=False):
        assert action is not None
        assert model.step(before, action) == after


@settings(deadline=None)
@given(digraphs)
def test_finds_exactly_the_reachable_states(model: Digraph) -> None:
    """Against a definition that is too slow to be wrong."""
    rings, exploration = levels(model), check(model)
    nodes = set().union(*rings)
    assert exploration.states == len(nodes)
    assert exploration.depth == len(rings)
    assert set(reachable(model).states) == nodes
    assert exploration.fired["go"] == sum(len(model.edges.get(node, [])) for node in nodes)
    assert exploration.deadlocks == sum(not model.edges.get(node) for node in nodes)


@settings(deadline=None)
@given(digraphs, st.sets(st.integers(0, 8)))
def test_a_counterexample_is_a_shortest_run_to_a_bad_state(model: Digraph, bad: set[int]) -> None:
    """The length of a shortest one is the first level with a bad state."""
    finding = check(model, [make(Kind.ALWAYS, lambda node: node not in bad)]).findings[0]
    distance = next((k for k, ring in enumerate(levels(model)) if ring & bad), None)
    assert (finding.verdict == "holds") == (distance is None)
    if finding.trace is not None:
        assert_is_a_run(model, finding.trace)
        assert finding.trace.last in bad
        assert len(finding.trace.actions) == distance


@settings(deadline=None)
@given(digraphs, st.sets(st.tuples(st.integers(0, 8), st.integers(0, 8))))
def test_a_broken_step_property_has_a_shortest_run_to_a_bad_step(
    model: Digraph, bad: set[tuple[int, int]]
) -> None:
    """The shortest one ends with a bad step out of the earliest level that has any."""
    finding = check(model, [make(Kind.STEP, lambda before, after: (before, after) not in bad)]).findings[0]
    offenders = {before for before, after in bad if after in model.edges.get(before, [])}
    distance = next((k for k, ring in enumerate(levels(model)) if ring & offenders), None)
    assert (finding.verdict == "holds") == (distance is None)
    if finding.trace is not None and distance is not None:
        assert_is_a_run(model, finding.trace)
        assert finding.trace.states[-2:] in bad
        assert len(finding.trace.actions) == distance + 1


@settings(deadline=None)
@given(digraphs, st.integers(0, 8), st.sets(st.integers(0, 8)))
def test_a_budget_never_changes_a_verdict_only_withholds_it(
    model: Digraph, budget: int, bad: set[int]
) -> None:
    """Whatever the budget, the answer is the full search's or "unknown"."""
    safe = make(Kind.ALWAYS, lambda node: node not in bad)
    full, partial = check(model, [safe]), check(model, [safe], max_states=budget)
    assert partial.states == min(budget, full.states)
    assert partial.findings[0].verdict in {full.findings[0].verdict, "unknown"}
    assert partial.complete == (budget >= full.states)
