"""Results in a line each, for the terminal and for pytest's summary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from acidtest.search.verdict import Result


def result_line(result: Result) -> str:
    """One search in one line: the scope, the verdict, what was run and what was covered."""
    coverage = result.coverage
    model = f", model {coverage.states}/{coverage.reachable} states" if (coverage.reachable or 0) > 1 else ""
    faults = ", ".join(f"{kind} {count}" for kind, count in coverage.faults) or "none"
    return (
        f"{result.scope.name}: {result.told} - {result.schedules} schedules, {result.states} states, "
        f"{result.seconds:.1f} s{model}; faults: {faults}"
    )


def result_json(result: Result) -> dict[str, Any]:
    """A result as JSON values."""
    return {
        "search": result.search, "scope": result.scope.name, "verdict": result.told, "reasons": list(result.reasons),
        "bound": result.bound, "schedules": result.schedules, "runs": result.runs, "effects": result.effects,
        "states": result.states, "seconds": round(result.seconds, 3), "coverage": result.coverage.to_json(),
        "held": list(result.held), "except": list(result.excepted), "unasked": dict(result.unasked), "waived_by": list(result.waivers),
    }  # fmt: skip
