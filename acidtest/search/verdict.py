"""What a search concludes: pass, fail or inconclusive, with the evidence.

`conclude` is the one function that may say pass. It says so only of a search that left nothing out: every schedule of
the scope was run, every fault kind in its budget really fired, and everything that must be reached was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.checker.machine import Property
    from acidtest.search.coverage import Coverage
    from acidtest.search.run import Violation
    from acidtest.workload import Scope
    from acidtest.world.core.effects import Decision


class Verdict(StrEnum):
    """What is known of an implementation within the bound that is told with it."""

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Result:
    """The outcome of one search of one scope.

    Arguments:
        search: exhaustive or stateful.
        scope: what was searched.
        verdict: pass, fail or inconclusive.
        reasons: why it is not a pass; empty for a pass.
        bound: what the verdict is limited to, in words.
        schedules: whole schedules run to rest.
        runs: runs of the world, those included that met a state seen before.
        effects: effects performed.
        states: distinct states.
        seconds: how long it took.
        coverage: what was exercised, of what there is.
        violation: what was violated, if anything.
        schedule: the schedule that violates it.
        held: ids of the properties that no schedule violated.
        excepted: ids of the properties that were left out.
        reached: ids of what must happen sometimes, and did.
        unasked: what was not asked of the implementation, each with the capability that it does not declare.
        waivers: what the implementation declares, and is asked for less because of it.
    """

    search: str
    scope: Scope
    verdict: Verdict
    reasons: tuple[str, ...]
    bound: str
    schedules: int
    runs: int
    effects: int
    states: int
    seconds: float
    coverage: Coverage
    violation: Violation | None = None
    schedule: tuple[Decision, ...] = ()
    held: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)
    excepted: tuple[str, ...] = ()
    reached: frozenset[str] = frozenset()
    unasked: tuple[tuple[str, str], ...] = ()
    waivers: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """The verdict in words."""
        return with_exceptions(self.verdict, self.excepted, self.waivers)


def conclude(*, violated: bool, complete: bool, findings: Sequence[str], what: str = "schedule") -> tuple[Verdict, tuple[str, ...]]:
    """The verdict on a search, and why it is not a pass.

    Arguments:
        violated: a schedule broke something.
        complete: nothing within the bound was left out.
        findings: what was never exercised, in words.
        what: what there is one of in each run.
    """
    if violated:
        return Verdict.FAIL, ()
    if not complete:
        return Verdict.INCONCLUSIVE, (f"the budget ran out before every {what} was run", *findings)
    if findings:
        return Verdict.INCONCLUSIVE, tuple(findings)
    return Verdict.PASS, ()


def never_happened(somewhere: Sequence[Property], results: Sequence[Result]) -> list[str]:
    """What must happen in some scope, and did in none, in words: each keeps the verdict on all of them from being a pass.

    Arguments:
        somewhere: what must.
        results: of all scopes, and perhaps of the stateful search.
    """
    reached = {name for result in results for name in result.reached}
    undeclared = {capability for result in results for _, capability in result.unasked}
    return [f"in no schedule of any scope: {p.name}" for p in somewhere if p.id not in reached and p.capability not in undeclared]


def not_asked(results: Sequence[Result]) -> str:
    """What was not asked of an implementation, since it does not declare to be able to do it; empty where it was asked everything."""
    unasked = dict.fromkeys(pair for result in results for pair in result.unasked)
    named = ", ".join(f"{what} ({capability})" for what, capability in unasked)
    return f"not asked of it, since its capabilities do not name what is in brackets: {named}" if named else ""


def with_exceptions(verdict: Verdict, excepted: Sequence[str] | Mapping[str, str], waivers: Sequence[str] = ()) -> str:
    """A verdict in words: a pass says which properties were left out, and why as far as that is known, and what is declared to waive some.

    Arguments:
        verdict: the verdict.
        excepted: the properties that were left out, with reasons or without.
        waivers: what the implementation declares, and is asked for less because of it.
    """
    if verdict != Verdict.PASS:
        return str(verdict)
    reasons = excepted if isinstance(excepted, Mapping) else dict.fromkeys(excepted, "")
    without = f" except {', '.join(f'{name} ({why})' if why else name for name, why in reasons.items())}" if reasons else ""
    declared = f" with {', '.join(waivers)}" if waivers else ""
    return f"{verdict}{declared}{without}"


def in_part(verdict: Verdict, done: int, possible: int) -> str:
    """A verdict in words, of a quick look at some checks of many: a pass says how few they were."""
    if verdict != Verdict.PASS:
        return str(verdict)
    return f"{verdict} (quick: {done} of {possible} checks)"


def overall(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict on several searches: the worst of them; inconclusive for none."""
    for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
        if verdict in verdicts:
            return verdict
    return verdicts[0] if verdicts else Verdict.INCONCLUSIVE
