"""Refinement: every run of a protocol, mapped, is a run of its specification.

The mapping takes a state of the protocol to the state of the specification that it stands for (a refinement
mapping in the sense of Abadi & Lamport, "The existence of refinement mappings", 1991). Initial states must
map to initial states, and each step to a step or to none at all: a stutter, by which the protocol does what
the specification does not see. Only safety is checked: a protocol that never moves refines everything, so
look at `steps` too.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acidtest.checker.breadth_first import Memo, Search, Trace

if TYPE_CHECKING:
    from collections.abc import Callable

    from acidtest.checker.machine import Action, Model, State


@dataclass(frozen=True)
class Violation:
    """A shortest run of the protocol that the specification does not allow, and its image.

    The two have the same length. In the image the action is None where the protocol stutters, and at the last
    step, for which the specification has none.
    """

    protocol: Trace
    specification: Trace


@dataclass(frozen=True)
class Refinement:
    """The result of `refines`; `holds` is None where the budget ran out before anything was found.

    `steps` counts the steps of the protocol that are steps of the specification, and `stutters` the others.
    """

    holds: bool | None
    states: int
    steps: int
    stutters: int
    violation: Violation | None = None


class _Images:
    """A run of the protocol as the specification sees it."""

    def __init__(self, specification: Model[Any], mapping: Callable[[Any], Any]) -> None:
        self.of: Memo[Any, Any] = Memo(mapping)
        self.initial = frozenset(specification.initial_states())
        #: The actions that lead from a state of the specification to each of its successors.
        self._ways: Memo[Any, dict[Any, Action]] = Memo(
            lambda state: {following: action for action, following in specification.successors(state)}
        )

    def action(self, before: Any, after: Any) -> Action | None:
        """Find the action between two images; None where there is none, as for a stutter."""
        return None if before == after else self._ways[before].get(after)

    def trace(self, protocol: Trace) -> Trace:
        """Map a run."""
        first, *others = map(self.of.__getitem__, protocol.states)
        image = Trace(((None, first),))
        for state in others:
            image = image.then(self.action(image.last, state), state)
        return image


def refines(
    protocol: Model[State],
    specification: Model[Any],
    mapping: Callable[[State], Any],
    *,
    max_states: int | None = None,
) -> Refinement:
    """Check that `protocol` implements `specification` under `mapping`.

    The specification is explored only where the protocol takes it, so it may be infinite.
    """
    images = _Images(specification, mapping)
    search = Search(protocol, max_states=max_states)
    tally: Counter[bool] = Counter()
    offence = _wrong_start(search, images) or _wrong_step(search, images, tally)
    violation = Violation(offence, images.trace(offence)) if offence else None
    holds = False if violation else True if search.complete else None
    return Refinement(holds, len(search.found), tally[True], tally[False], violation)


def _wrong_start(search: Search[Any], images: _Images) -> Trace | None:
    """Find an initial state whose image is not one."""
    starts = search.found[: search.initial]
    return next((search.trace(state) for state in starts if images.of[state] not in images.initial), None)


def _wrong_step(search: Search[Any], images: _Images, tally: Counter[bool]) -> Trace | None:
    """Find a step whose image is neither a step nor a stutter; count which of the two the others are."""
    for state, outcomes in search:
        image = images.of[state]
        for row, following in enumerate(outcomes):
            if following is None:
                continue
            moves = images.of[following] != image
            if moves and not images.action(image, images.of[following]):
                return search.trace(state).then(search.model.table()[row][0], following)
            tally[moves] += 1
    return None
