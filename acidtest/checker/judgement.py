"""Which claims of a study fall where its model is mutated, and which mutants no claim notices.

A mutant is judged at the study's smallest size: by the properties and the refinement, by what was never put to the test,
then by the theorems at that size, and at the next size if nothing has fallen. What has the same states and steps as the model
is no other model there, with the switches at their defaults. What differs, and nothing notices, can do more, or less, or is
a gap.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.checker.breadth_first import Search
from acidtest.checker.check import check
from acidtest.checker.mutation import functions_of, mutants_of, put_in
from acidtest.checker.proof import show
from acidtest.checker.refinement import refines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import FunctionType

    from acidtest.checker.machine import Model, Property
    from acidtest.checker.mutation import Mutant
    from acidtest.checker.theory import Size, Study

#: What noticed a mutant, in the order in which it is asked; the letters stand in tables.
PROPERTY, REFINEMENT, VACUITY, RAISED, ENDLESS, THEOREM = "p", "r", "v", "e", "n", "t"
#: What nothing noticed: no other model; one that can do more, or less, and keeps all claims; another one altogether.
SAME, MORE, LESS, OTHER = "s", "+", "-", "!"
#: Those that are found out.
KILLED = frozenset({PROPERTY, REFINEMENT, VACUITY, RAISED, ENDLESS, THEOREM})
#: What stands for a mutant that was not judged.
NOT_JUDGED = "."
#: How many states more than the model a mutant may have before it is taken to have no end.
_MORE, _TIMES = 2_000, 3
#: The most states of a size at which properties are asked one by one.
_FEW = 8_000
#: Seconds of the processor after which a mutant is taken to loop.
_SECONDS = 20.0


def score(letters: str) -> tuple[int, int]:
    """How many mutants are noticed, of how many that were judged and are another model; each is a letter."""
    return sum(letter in KILLED for letter in letters), sum(letter not in (SAME, NOT_JUDGED) for letter in letters)


class Judged(NamedTuple):
    """What became of a mutant: what noticed it, and the names of the claims that fell."""

    how: str
    fallen: tuple[str, ...] = ()


class Graph(NamedTuple):
    """All states of a model with what each leads to, and how often each action fired."""

    steps: Mapping[Any, tuple[Any, ...]]
    fired: Mapping[str, int]


def label(p: Property) -> str:
    """A property as tables name it: several may share an id."""
    return f"{p.id}: {p.name}"


def graph(model: Model[Any], max_states: int | None = None) -> Graph | None:
    """Explore a model; None where it has more states than it may."""
    search = Search(model, max_states=max_states)
    # A step that changes nothing is none: nobody can see it, and it delays nothing.
    steps = {state: tuple([None if to == state else to for to in outcomes]) for state, outcomes in search}
    if not search.complete:
        return None
    fired: Counter[str] = Counter()
    for (action, _, _), count in zip(model.table(), search.fired, strict=True):
        fired[action.name] += count
    return Graph(steps, fired)


class _EndlessError(Exception):
    """A mutant goes on and on within one step."""


@contextmanager
def _limited() -> Iterator[None]:
    """End what takes more than its share of the processor: a mutant may well loop for ever."""

    def ring(*_: object) -> None:
        raise _EndlessError

    previous = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, _SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, previous)


class Judge:
    """Judges the mutants of a study.

    Arguments:
        study: whose properties and theorems are asked.
        package: where the functions of models are, for example "acidtest.models".
    """

    def __init__(self, study: Study, package: str) -> None:
        """Explore the model as it is."""
        self.study, self.package = study, package
        self.functions: dict[str, FunctionType] = functions_of(study.model(study.sizes[0]), package)
        self._own: dict[str, Graph] = {}

    def mutants(self) -> Iterator[tuple[str, FunctionType, Mutant]]:
        """Every mutant of every function by which the model steps, with that function and its name."""
        for name, function in self.functions.items():
            for mutant in mutants_of(function):
                yield name, function, mutant

    def judge(self, function: FunctionType, mutant: Mutant) -> Judged:
        """Put a mutant in place and ask all claims."""
        smallest, following = self.study.sizes[:2]
        own = self._graph(smallest)
        found = self._with(function, mutant, lambda: self._judged(smallest, own))
        if found.how in KILLED or found.how == SAME:
            return found
        own = self._graph(following)
        second = self._with(function, mutant, lambda: self._at(following, own))
        return second if second.how in KILLED else found

    def falls(self, function: FunctionType, mutant: Mutant, properties: tuple[Property, ...], size: Size) -> list[Property]:
        """Those of some properties that a mutant violates, or does not reach, at a size."""
        bound = _TIMES * size.states + _MORE
        fallen: list[Property] = []

        def ask() -> Judged:
            found = check(self.study.model(size), properties, max_states=bound)
            fallen.extend(f.property for f in found.findings if f.verdict in ("violated", "unreached"))
            return Judged(PROPERTY)

        self._with(function, mutant, ask)
        return fallen

    def _with(self, function: FunctionType, mutant: Mutant, ask: Callable[[], Judged]) -> Judged:
        with put_in(function, mutant, self.package):
            try:
                with _limited():
                    return ask()
            except _EndlessError:
                return Judged(ENDLESS)
            except Exception:  # noqa: BLE001 - whatever a mutant raises, it does not pass
                return Judged(RAISED)

    def _graph(self, size: Size) -> Graph:
        if size.name not in self._own:
            self._own[size.name] = graph(self.study.model(size)) or Graph({}, {})
        return self._own[size.name]

    def _judged(self, size: Size, own: Graph) -> Judged:
        first = self._at(size, own)
        if first.how in KILLED or first.how == SAME:
            return first
        for theorem in self.study.theorems:
            # At the smallest size, or at one of their own, which is small as well: the others would take most of the time.
            if not (isinstance(theorem.size, int) and theorem.size) and any(show(self.study, theorem).faults()):
                return Judged(THEOREM, (label(theorem.property),))
        return first

    def _at(self, size: Size, own: Graph) -> Judged:
        """Ask the properties, the refinement, and whether anything was put to the test, at one size."""
        bound = _TIMES * len(own.steps) + _MORE
        found = graph(self.study.model(size), bound)
        if found is not None and found.steps == own.steps:
            return Judged(SAME)
        seen = check(self.study.model(size), self.study.properties, max_states=bound)
        fallen = [f.property for f in seen.findings if f.verdict in ("violated", "unreached")]
        if fallen:
            return Judged(PROPERTY, tuple(map(label, fallen)))
        if self._no_refinement(size, bound):
            return Judged(REFINEMENT)
        idle = [label(f.property) for f in seen.findings if not f.constrained and f.verdict != "unknown"]
        idle += [name for name, count in seen.fired.items() if not count and own.fired.get(name)]
        if idle:
            return Judged(VACUITY, tuple(idle))
        return Judged(ENDLESS if found is None else _beside(found.steps, own.steps))

    def _no_refinement(self, size: Size, bound: int) -> bool:
        if self.study.refines is None:
            return False
        specification = self.study.refines.specification(**size.arguments)
        return refines(self.study.model(size), specification, self.study.refines.mapping, max_states=bound).holds is False


def shown_to_fall(study: Study, p: Property) -> bool:
    """Whether a theorem shows that a property falls where a switch is turned, which is a mutant made by hand."""
    falls = [theorem.property for theorem in study.theorems if theorem.exhibited]
    return any(each.id == p.id or each.predicate is p.predicate for each in falls)


def first_to_violate(study: Study, package: str, seconds: float) -> dict[str, tuple[str, int, int]]:
    """For each property that no theorem shows to fall, a mutant that violates it: function, number among its mutants, and size.

    Sizes are tried from the smallest on, those of a few thousand states only.

    Arguments:
        study: whose properties.
        package: where the functions of models are.
        seconds: of the processor, after which those that are left are given up.
    """
    judge, began = Judge(study, package), time.process_time()
    left = tuple(p for p in study.properties if not shown_to_fall(study, p))
    found: dict[str, tuple[str, int, int]] = {}
    for place, size in enumerate(study.sizes):
        for name, function in judge.functions.items():
            for number, mutant in enumerate(mutants_of(function)):
                if not left or size.states > _FEW or time.process_time() > began + seconds:
                    return found
                for p in judge.falls(function, mutant, left, size):
                    found[label(p)] = (name, number, place)
                left = tuple(p for p in left if label(p) not in found)
    return found


def _beside(found: Mapping[Any, tuple[Any, ...]], own: Mapping[Any, tuple[Any, ...]]) -> str:
    """Whether a mutant can do all that the model can and more, or only less."""
    if all(_within(own[state], found.get(state)) for state in own):
        return MORE
    return LESS if all(_within(found[state], own.get(state)) for state in found) else OTHER


def _within(fewer: tuple[Any, ...], more: tuple[Any, ...] | None) -> bool:
    return more is not None and all(a is None or a == b for a, b in zip(fewer, more, strict=True))


def judge_all(study: Study, package: str, chosen: Callable[[int], bool] = lambda _: True) -> dict[str, list[tuple[Mutant, Judged | None]]]:
    """Judge the mutants of a study, by function.

    Arguments:
        study: whose.
        package: where the functions of models are.
        chosen: which are judged, by their number; of the others nothing is said.
    """
    judge = Judge(study, package)
    found: dict[str, list[tuple[Mutant, Judged | None]]] = {}
    for number, (name, function, mutant) in enumerate(judge.mutants()):
        found.setdefault(name, []).append((mutant, judge.judge(function, mutant) if chosen(number) else None))
    return found
