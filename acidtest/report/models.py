"""A pattern's models, checked: counts, properties with their verdicts, witnesses and counterexamples."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from acidtest.errors import UsageError
from acidtest.models.checker import Exploration, check
from acidtest.models.refinement import refines
from acidtest.search.verdict import Verdict, conclude, overall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acidtest.models.checker import Trace
    from acidtest.patterns import Pattern
    from acidtest.properties.contract import ModelCase

#: How many steps of a witness are printed.
_LONGEST = 40


def check_models(entry: Pattern, size: int) -> tuple[list[str], dict[str, Any], Verdict]:
    """Check one size of a pattern's models.

    Arguments:
        entry: the pattern.
        size: which of its models, 0 for the smallest.

    Returns:
        what to print, what to write as JSON, and the verdict.

    Raises:
        UsageError: there is no such size.
    """
    cases = entry.contract_class().models
    if size >= len(cases):
        what = f"size of the models of {entry.stem}"
        raise UsageError.unknown(what, size, (f"{i} ({c.name})" for i, c in enumerate(cases)))
    case = cases[size]
    began = time.monotonic()
    found, refined = explore(case)
    verdict = verdict_of(found, refined)
    seconds = time.monotonic() - began
    lines = list(_lines(case, found, refined, seconds))
    value = {
        "verdict": str(verdict), "pattern": entry.stem, "model": case.name, "states": found.states,
        "generated": found.generated, "depth": found.depth, "complete": found.complete, "refines": refined,
        "properties": {f.property.id: str(f.verdict) for f in found.findings},
        "witnesses": {f.property.id: [str(a) for a in f.trace.actions if a] for f in found.findings if f.trace},
    }  # fmt: skip
    return lines, value, verdict


def explore(case: ModelCase) -> tuple[Exploration, bool | None]:
    """Check a model, and its refinement; None where there is nothing to refine."""
    found = check(case.make(), case.properties)
    if case.refines is None:
        return found, None
    specification, mapping = case.refines
    return found, bool(refines(case.make(), specification(), mapping).holds)


def verdict_of(found: Exploration, refined: bool | None) -> Verdict:  # noqa: FBT001 - three values
    """What an exploration amounts to."""
    bad = [f for f in found.findings if f.verdict in ("violated", "unreached")]
    vacuous = [f"{f.property.id} constrained nothing" for f in found.findings if not f.constrained]
    verdict, _ = conclude(violated=bool(bad) or refined is False, complete=found.complete, findings=vacuous)
    return verdict


def verify_models(entry: Pattern) -> tuple[Verdict, int]:
    """Check all models of a pattern; the verdict and the number of distinct states."""
    found = [explore(case) for case in entry.contract_class().models]
    return overall([verdict_of(*pair) for pair in found]), sum(exploration.states for exploration, _ in found)


def _lines(case: ModelCase, found: Exploration, refined: bool | None, seconds: float) -> Iterator[str]:  # noqa: FBT001
    more = "" if found.complete else " (not complete)"
    yield f"{case.name}: {found.states} distinct states, {found.generated} generated, depth {found.depth}{more}, {seconds:.1f} s"
    if refined is not None:
        yield f"  refinement of its specification: {'holds' if refined else 'VIOLATED'}"
    for finding in found.findings:
        p = finding.property
        yield f"  {p.id:<9} {p.kind:<9} {finding.verdict:<9} {p.name} ({finding.constrained} checked)"
        if finding.trace is not None:
            yield from (f"      {line}" for line in _steps(finding.trace))


def _steps(trace: Trace) -> Iterator[str]:
    actions = [str(action) for action in trace.actions if action is not None]
    for number, action in enumerate(actions[:_LONGEST], 1):
        yield f"{number:>3}  {action}"
