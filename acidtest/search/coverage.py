"""What a search exercised, of what there is to exercise: the denominator is the model's, or the scope's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acidtest.search.reachable import NOT_COUNTED

if TYPE_CHECKING:
    from acidtest.search.harness import Harness


@dataclass(frozen=True)
class Coverage:
    """What was exercised.

    Arguments:
        states: model states that were consistent with some run.
        reachable: model states that there are; None where there are too many to count.
        actions: model actions that explain some run.
        missing: model actions that explain none, by name; the model allows more than any one implementation does.
        all_actions: how many actions the model can take.
        faults: how often each fault kind fired.
        allowed: the fault kinds in the scope's budget.
        crash_points: effects after which a process was crashed.
        effects: effects after which a crash makes a difference.
        outcomes: what clients were told.
    """

    states: int = 0
    reachable: int | None = None
    actions: int = 0
    missing: tuple[str, ...] = ()
    all_actions: int = 0
    faults: tuple[tuple[str, int], ...] = ()
    allowed: tuple[str, ...] = ()
    crash_points: int = 0
    effects: int = 0
    outcomes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "model_states": self.states, "model_states_reachable": self.reachable,
            "model_actions": self.actions, "model_actions_reachable": self.all_actions, "model_actions_missing": list(self.missing),
            "faults": dict(self.faults), "fault_kinds": list(self.allowed),
            "crash_points": self.crash_points, "crash_points_existing": self.effects, "outcomes": list(self.outcomes),
        }  # fmt: skip


def measure(
    harness: Harness, *, faults: dict[str, int], crashed: int, points: int, outcomes: set[Any], count: bool = True
) -> Coverage:
    """The coverage of a search on `harness`, which is still prepared for its scope.

    `count` says whether there is time to count out what the model can reach; without, it is unknown.
    """
    follower, there = harness.follower, harness.reachable() if count else NOT_COUNTED
    missing = sorted({action.name for action in there.actions} - {action.name for action in follower.fired})
    return Coverage(
        states=len(follower.visited),
        reachable=there.states if there.complete else None,
        actions=len(follower.fired & there.actions),
        missing=tuple(missing),
        all_actions=len(there.actions),
        faults=tuple(sorted(faults.items())),
        allowed=tuple(sorted(harness.kinds())),
        crash_points=crashed,
        effects=points,
        outcomes=tuple(sorted(str(outcome) for outcome in outcomes)),
    )


def never_fired(coverage: Coverage) -> list[str]:
    """The fault kinds that were in the budget but never befell anything."""
    fired = dict(coverage.faults)
    return [f"the fault kind {kind!r} is in the budget but never fired" for kind in coverage.allowed if not fired.get(kind)]


def findings(harness: Harness, coverage: Coverage, reached: set[str]) -> list[str]:
    """What was never exercised although it should have been: each keeps the verdict from being a pass."""
    missing = sorted(harness.reachable().sometimes - reached)
    names = {p.id: p.name for p in harness.properties}
    return never_fired(coverage) + [f"{name} was never reached: {names.get(name, name)}" for name in missing]
