"""Witnesses that a predicate over one state cannot pick out: runs in which named actions take part, and pairs of runs.

A state does not tell how it came about. Where a theorem says who did what, `along` adds to a model a finger on the list
of actions that have to occur, in their order; so the shortest run is one in which all of them did.

That somebody cannot tell takes two runs: one in which a thing is so, another in which it is not, and after which whoever
cannot tell has seen the same (Halpern & Moses, "Knowledge and common knowledge in a distributed environment", JACM 37(3),
1990: what holds in one of two runs that look alike to somebody is not known to them).
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.checker.breadth_first import Search, Trace
from acidtest.checker.check import Finding, check
from acidtest.checker.machine import Kind, Model, Property, Transition

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from acidtest.checker.check import Verdict
    from acidtest.checker.theory import Theorem, Twin


class Sought(NamedTuple):
    """What the search for a witness found.

    Arguments:
        finding: of the theorem's property.
        states: of the model, as far as it was explored.
        fired: actions by name with their counts.
        other: the second run of a pair.
        alike: what whoever cannot tell has seen in both.
    """

    finding: Finding
    states: int
    fired: Mapping[str, int]
    other: Trace | None = None
    alike: Hashable = None


class Along(NamedTuple):
    """A state of a model, and how many of the actions that have to occur did."""

    state: Any
    done: int = 0


class _AlongModel(Model[Along]):
    """A model with a finger on a list of actions."""

    def __init__(self, model: Model[Any], actions: Sequence[str]) -> None:
        self.model, self.along = model, tuple(actions)
        self.name, self.faults = model.name, model.faults

    def initial_states(self) -> Iterable[Along]:
        """Those of the model."""
        return [Along(state) for state in self.model.initial_states()]

    def transitions(self) -> Sequence[Transition]:
        """Those of the model, which move the finger where they are what it points to."""
        rows = self.model.table()
        return [Transition(action.name, self._moving(str(action), effect), [args]) for action, effect, args in rows]

    def _moving(self, label: str, effect: Callable[..., Any]) -> Callable[..., Along | None]:
        def moved(at: Along, *args: Hashable) -> Along | None:
            following = effect(at.state, *args)
            if following is None:
                return None
            return Along(following, at.done + (self.along[at.done : at.done + 1] == (label,)))

        return moved

    def view(self, state: Along) -> Along:
        """The view of the model, and the finger."""
        return Along(self.model.view(state.state), state.done)


def seek(model: Model[Any], theorem: Theorem) -> Sought:
    """Look for the witness of a theorem in a model.

    Raises:
        ValueError: an action that is to occur is none of the model's, or the theorem is of a kind that has no such witness.
    """
    if not theorem.along and theorem.twin is None:
        found = check(model, (theorem.property,))
        return Sought(found.findings[0], found.states, found.fired)
    _refuse_unknown(model, theorem)
    search = _searched(_AlongModel(model, theorem.along))
    ends = [at for at in search.found if at.done == len(theorem.along)]
    states = len({at.state for at in search.found})
    if theorem.twin is not None:
        return _pair(search, ends, states, theorem.property, theorem.twin)
    return _along(search, ends, states, theorem.property)


def _refuse_unknown(model: Model[Any], theorem: Theorem) -> None:
    claim, labels = theorem.property, {str(action) for action, _, _ in model.table()}
    unknown = [action for action in theorem.along if action not in labels]
    if unknown or claim.kind not in (Kind.SOMETIMES, Kind.ALWAYS):
        what = f"no action {unknown[0]}" if unknown else f"no run of kind {claim.kind} that can be told by its actions"
        message = f"{claim.id} ({claim.name}): {model.name} has {what}. Its actions: {', '.join(sorted(labels))}."
        raise ValueError(message)


def _along(search: Search[Along], ends: Sequence[Along], states: int, claim: Property) -> Sought:
    """The shortest run that decides a property, of those in which all the actions took part."""
    sought = claim.kind is Kind.SOMETIMES
    view = search.model.view
    first = next((at for at in ends if bool(claim.predicate(view(at).state)) is sought), None)
    verdicts: tuple[Verdict, Verdict] = ("reached", "unreached") if sought else ("violated", "holds")
    if first is None:
        return Sought(Finding(claim, verdicts[1], states), states, _fired(search))
    return Sought(Finding(claim, verdicts[0], states, _run(search, first)), states, _fired(search))


def _run(search: Search[Along], end: Along) -> Trace:
    return Trace(tuple((action, at.state) for action, at in search.trace(end).steps))


def _searched(model: Model[Any]) -> Search[Any]:
    """A search that has found every state."""
    search = Search(model)
    for _ in search:
        pass
    return search


def _fired(search: Search[Any]) -> dict[str, int]:
    fired: dict[str, int] = {}
    for (action, _, _), count in zip(search.model.table(), search.fired, strict=True):
        fired[action.name] = fired.get(action.name, 0) + count
    return fired


def _pair(search: Search[Along], ends: Sequence[Along], states: int, claim: Property, twin: Twin) -> Sought:
    """The shortest two runs after which whoever cannot tell has seen the same."""
    model: Any = search.model
    first: dict[Hashable, int] = {}
    second: dict[Hashable, int] = {}
    for number, at in enumerate(ends):
        view = model.view(at).state
        for holds, kept in ((claim.predicate(view), first), (twin.otherwise.predicate(view), second)):
            if holds:
                kept.setdefault(twin.sees(model.model, at.state), number)
    both = [seen for seen in first if seen in second]
    if not both:
        return Sought(Finding(claim, "unreached", states), states, _fired(search))
    alike = min(both, key=lambda seen: (first[seen] + second[seen], first[seen]))
    one, other = (_run(search, ends[kept[alike]]) for kept in (first, second))
    return Sought(Finding(claim, "reached", states, one), states, _fired(search), other, alike)


def replayed(model: Model[Any], trace: Trace) -> bool:
    """Whether a run is one of the model: each step of it, taken again, leads where it says."""
    state = trace.steps[0][1]
    if state not in list(model.initial_states()):
        return False
    for action, following in islice(trace.steps, 1, None):
        taken = [after for each, after in model.successors(state) if each == action]
        if following not in taken:
            return False
        state = following
    return True

