"""The checker: every reachable state of a model, and what holds in all of them.

An answer is a value with its evidence: the shortest counterexample or witness. A search that a budget ended
early answers "unknown" where it found nothing, never "holds" and never "unreached".
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias

from acidtest.checker.breadth_first import Memo, Progress, Search, Trace
from acidtest.checker.liveness import Lasso, find_lasso
from acidtest.checker.machine import Action, Kind, Model, Property, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import networkx as nx

__all__ = ["Exploration", "Finding", "Graph", "Progress", "Search", "Trace", "Verdict", "check", "reachable"]

Verdict: TypeAlias = Literal["holds", "violated", "reached", "unreached", "unknown"]

#: How many states wait before they are judged; more only delays the verdict.
STATES_AT_A_TIME = 1024


@dataclass(frozen=True)
class Finding:
    """What the search found out about one property.

    `constrained` counts the states or steps to which the property applied until it was decided: 0 means that
    it was vacuous. For `eventually` these are the states in which what must come has not come yet. `trace` is the
    shortest counterexample (violated) or the shortest witness (reached); a counterexample to `eventually` goes on
    with `cycle` for ever, which without any step means that nothing happens any more.
    """

    property: Property
    verdict: Verdict
    constrained: int
    trace: Trace | None = None
    cycle: Trace | None = None


@dataclass(frozen=True)
class Exploration:
    """The result of `check`.

    `generated` counts the initial states and all successors, as TLC does. `fired` counts the successors by
    action name, with 0 for actions that were never enabled. `deadlocks` counts the states without any
    successor, and `deadlock` leads to the first of them.
    """

    states: int
    generated: int
    depth: int
    complete: bool
    findings: tuple[Finding, ...]
    fired: dict[str, int]
    deadlocks: int
    deadlock: Trace | None

    def finding(self, property_id: str) -> Finding:
        """Look up the finding of a property.

        Raises:
            KeyError: no such property was checked; the message lists those that were.

        """
        for finding in self.findings:
            if finding.property.id == property_id:
                return finding
        checked = ", ".join(finding.property.id for finding in self.findings) or "none"
        message = f"No property {property_id!r} was checked. Checked: {checked}."
        raise KeyError(message)


@dataclass(frozen=True)
class Graph:
    """All reachable states of a model and its labelled steps: the denominator of coverage."""

    initial: tuple[Any, ...]
    states: tuple[Any, ...]
    edges: tuple[tuple[Any, Action, Any], ...]

    def to_networkx(self) -> nx.MultiDiGraph[Any]:
        """Give the graph to networkx, each edge keyed by its action."""
        import networkx as nx  # noqa: PLC0415 - heavy, and most users of the checker never need it

        graph: nx.MultiDiGraph[Any] = nx.MultiDiGraph()
        graph.add_nodes_from(self.states)
        for state, action, following in self.edges:
            graph.add_edge(state, following, key=action)
        return graph


class _Docket:
    """The undecided properties over one kind of subject: states, states at rest, or steps."""

    def __init__(self, properties: Sequence[Property], *kinds: Kind) -> None:
        # A witness decides `sometimes`, a counterexample all other kinds.
        own = [claim for claim in properties if claim.kind in kinds]
        self.undecided = [(claim, claim.predicate, claim.kind is Kind.SOMETIMES, claim.when) for claim in own]
        self.subjects = 0
        self._tested: Counter[Property] = Counter()
        #: What decided a property: the state (where the step began), and how many subjects it took.
        self.decided: dict[Property, tuple[Any, int]] = {}

    def judge(self, state: Any, *views: Any) -> None:
        """Try every undecided property on one subject."""
        self.subjects += 1
        for claim, predicate, decisive, when in self.undecided:
            if when is not None and when(*views):
                self._tested[claim] += 1
            if bool(predicate(*views)) is decisive:
                self.decided[claim] = (state, self.tested(claim))
                self.undecided = [entry for entry in self.undecided if entry[0] != claim]

    def tested(self, claim: Property) -> int:
        """Count the subjects so far of which the property demands anything."""
        return self._tested[claim] if claim.when is not None else self.subjects


class _Court(Generic[State]):
    """Judges what a search finds, while it goes on."""

    def __init__(self, search: Search[State], properties: Sequence[Property]) -> None:
        self._search = search
        self._view = search.model.view
        self._states = _Docket(properties, Kind.ALWAYS, Kind.SOMETIMES)
        self._rests = _Docket(properties, Kind.AT_REST)
        self._steps = _Docket(properties, Kind.STEP)
        self._judged = 0
        # Steps are far more than states, and many look the same: each look is judged once. As views may be
        # large, their numbers are compared.
        self._views: list[Any] = []
        self._number_of_view: Memo[Any, int] = Memo(self._next_number)
        self._number_of: Memo[State, int] = Memo(lambda state: self._number_of_view[self._view(state)])
        self._known_steps: set[tuple[int, int]] = set()

    def _next_number(self, view: Any) -> int:
        self._views.append(view)
        return len(self._views) - 1

    def hear(self, state: State, outcomes: Iterable[State | None]) -> None:
        """Judge the steps out of `state`, and now and then the states found."""
        if self._steps.undecided:
            self._judge_steps(state, outcomes)
        if len(self._search.found) >= self._judged + STATES_AT_A_TIME:
            self.catch_up()

    def _judge_steps(self, state: State, outcomes: Iterable[State | None]) -> None:
        start, number_of, known = self._number_of[state], self._number_of, self._known_steps
        for following in outcomes:
            if following is not None:
                step = start, number_of[following]
                if step in known:
                    self._steps.subjects += 1
                else:
                    known.add(step)
                    self._steps.judge(state, self._views[start], self._views[step[1]])

    def catch_up(self) -> None:
        """Judge the states that were found since the last call."""
        fresh = self._search.found[self._judged :]
        self._judged += len(fresh)
        if self._states.undecided:
            for state in fresh:
                self._states.judge(state, self._view(state))
        if self._rests.undecided:
            for state in filter(self._search.model.at_rest, fresh):
                self._rests.judge(state, self._view(state))

    def finding(self, claim: Property) -> Finding:
        """Sum up. Only a complete search says that something is so everywhere or nowhere."""
        if claim.kind is Kind.EVENTUALLY:
            return self._liveness(claim)
        sometimes = claim.kind is Kind.SOMETIMES
        docket = {Kind.STEP: self._steps, Kind.AT_REST: self._rests}.get(claim.kind, self._states)
        if claim not in docket.decided:
            exhausted: Verdict = "unreached" if sometimes else "holds"
            return Finding(claim, exhausted if self._search.complete else "unknown", docket.tested(claim))
        state, constrained = docket.decided[claim]
        trace = self._search.trace(state)
        if claim.kind is Kind.STEP:
            trace = trace.then(*self._offence(claim, trace.last))
        return Finding(claim, "reached" if sometimes else "violated", constrained, trace)

    def _liveness(self, claim: Property) -> Finding:
        """Judge infinite runs, which takes all states."""
        if not self._search.complete:
            return Finding(claim, "unknown", 0)
        lasso, waiting = find_lasso(self._search.model, claim)
        if isinstance(lasso, Lasso):
            return Finding(claim, "violated", waiting, lasso.stem, lasso.cycle)
        return Finding(claim, "holds", waiting)

    def _offence(self, claim: Property, state: State) -> tuple[Action, State]:
        """Find the step that breaks a `step` property; the search remembers only where it began."""
        steps = self._search.model.successors(state)
        return next(step for step in steps if not claim.predicate(self._view(state), self._view(step[1])))


def check(  # noqa: PLR0913 - every option has a default, and none makes sense grouped
    model: Model[State],
    properties: Iterable[Property] = (),
    *,
    max_states: int | None = None,
    seconds: float | None = None,
    progress: Callable[[Progress], None] | None = None,
    symmetry: Callable[[State], State] | None = None,
) -> Exploration:
    """Explore all reachable states of a model and judge properties in them.

    Arguments:
        model: what to explore.
        properties: of any kind; `eventually` not together with `symmetry`.
        max_states: give up rather than keep more distinct states than this.
        seconds: give up after this time.
        progress: called now and then with how far the search is.
        symmetry: maps a state to the representative of its orbit.

    Raises:
        ValueError: a property of kind `eventually` is to be checked under symmetry.

    """
    claims = tuple(properties)
    _refuse_unsupported(claims, symmetry)
    search = Search(model, max_states=max_states, seconds=seconds, progress=progress, symmetry=symmetry)
    court = _Court(search, claims)
    for state, outcomes in search:
        if claims:
            court.hear(state, outcomes)
    court.catch_up()
    return Exploration(
        states=len(search.found),
        generated=search.initial + sum(search.fired),
        depth=search.depth,
        complete=search.complete,
        findings=tuple(map(court.finding, claims)),
        fired=_by_name(search),
        deadlocks=len(search.stuck),
        deadlock=search.trace(search.stuck[0]) if search.stuck else None,
    )


def reachable(model: Model[State]) -> Graph:
    """Collect all reachable states and steps of a model, which must fit into memory."""
    search = Search(model)
    actions = [action for action, _, _ in model.table()]
    edges = tuple(
        (state, action, following)
        for state, outcomes in search
        for action, following in zip(actions, outcomes, strict=True)
        if following is not None
    )
    return Graph(tuple(search.found[: search.initial]), tuple(search.found), edges)


def _refuse_unsupported(properties: Iterable[Property], symmetry: object) -> None:
    for claim in properties:
        if claim.kind is Kind.EVENTUALLY and symmetry is not None:
            message = (
                f"{claim.id} ({claim.name}) is of kind `eventually`. Which actions are fair differs within an orbit, so "
                "it cannot be checked under symmetry. Leave one of the two out."
            )
            raise ValueError(message)


def _by_name(search: Search[State]) -> dict[str, int]:
    # From the transitions, not the table: one whose domain is empty has no row, and never fires either.
    fired = dict.fromkeys((transition.name for transition in search.model.transitions()), 0)
    for (action, _, _), count in zip(search.model.table(), search.fired, strict=True):
        fired[action.name] += count
    return fired
