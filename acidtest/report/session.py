"""One `acidtest check`: searches with progress, and what is written of them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from acidtest.errors import UsageError
from acidtest.patterns import Pattern, pattern
from acidtest.report.columns import render, render_story
from acidtest.report.table import result_json, result_line
from acidtest.search.check import check_exhaustively, find_scope
from acidtest.search.explain import explain_failure, explained, told
from acidtest.search.failure import Failure
from acidtest.search.harness import Harness
from acidtest.search.replay import replay
from acidtest.search.stateful import check_statefully
from acidtest.search.verdict import Result, Verdict
from acidtest.workload import scope_from_json
from acidtest.world.core.effects import Decision
from acidtest.world.databases.table import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable

    from acidtest.search.exhaustive import Search


class Session:
    """Checks one implementation, and keeps the results.

    Arguments:
        entry: the pattern.
        factory: makes the implementation from an environment.
        implementation: how to import it.
        echo: prints a line.
        backend: the kind of its databases.
    """

    def __init__(
        self, entry: Pattern, factory: Callable[[Any], Any], implementation: str, echo: Callable[[str], Any], backend: str = DEFAULT
    ) -> None:
        """Nothing has been checked yet."""
        self._backend = backend
        self.contract = entry.contract_class()()
        self.results: list[Result] = []
        self.failure: Failure | None = None
        self._factory = factory
        self._implementation = implementation
        self._echo = echo

    def exhaustive(self, scope_name: str | None, budget: float | None) -> None:
        """Explore one scope, or all up to the first failure."""
        scopes = (find_scope(self.contract, scope_name),) if scope_name else ()
        for harness, result in check_exhaustively(
            self.contract, self._factory, scopes=scopes, seconds=budget, progress=progress, backend=self._backend
        ):
            self._keep(harness, result)

    def stateful(self, examples: int, seed: int | None) -> None:
        """Run drawn workloads."""
        harness, result = check_statefully(self.contract, self._factory, examples=examples, seed=seed, backend=self._backend)
        try:
            self._keep(harness, result)
        finally:
            harness.close()

    def _keep(self, harness: Harness, result: Result) -> None:
        clear_progress()
        self.results.append(result)
        self._echo(result_line(result))
        if result.violation is not None:
            known = told(harness, result, self._implementation)
            self._echo("\n" + render_story(known))  # before anything is looked for that may take time
            self.failure = explained(harness, result, known)


def progress(search: Search) -> None:
    """A line on the terminal that is overwritten; nothing where there is no terminal."""
    if sys.stderr.isatty():
        line = (
            f"{search.scope.name}: {search.runs} runs, {len(search.states)} states, {search.seconds:.0f} s, "
            f"complete up to {max(search.bound, 0)} faults"
        )
        sys.stderr.write(f"\r{line:<100}")
        sys.stderr.flush()


def clear_progress() -> None:
    """Remove the progress line."""
    if sys.stderr.isatty():
        sys.stderr.write("\r" + " " * 100 + "\r")
        sys.stderr.flush()


def check_json(entry: Pattern, results: list[Result], failure: Failure | None, verdict: Verdict) -> dict[str, Any]:
    """What `acidtest check --json` writes."""
    return {
        "verdict": str(verdict),
        "pattern": entry.stem,
        "property": failure.property_id if failure is not None else None,
        "schedule": list(failure.schedule) if failure is not None else None,
        "schedules": sum(result.schedules for result in results),
        "states": sum(result.states for result in results),
        "coverage": [result.coverage.to_json() for result in results],
        "bound": "; ".join(f"{result.scope.name}: {result.bound}" for result in results),
        "results": [result_json(result) for result in results],
        "failure": failure.to_json() if failure is not None else None,
    }


def replay_file(saved: dict[str, Any], factory: Callable[[Any], Any]) -> tuple[int, str]:
    """Replay a failure; the exit code and what to print.

    Raises:
        UsageError: the file does not hold a schedule that can be read.
    """
    contract = pattern(saved["pattern"]).contract_class()()
    try:
        scope = scope_from_json(saved["scope"])
        decisions = [Decision.parse(text) for text in saved["schedule"]]
    except (KeyError, TypeError, ValueError) as error:
        message = f"The failure file is damaged: {type(error).__name__}: {error}. Write it anew with `acidtest check … --json FILE`."
        raise UsageError(message) from error
    harness = Harness(contract, factory, str(saved.get("backend", DEFAULT)))
    try:
        replayed = replay(harness, scope, decisions)
        if replayed.violation is not None:
            result = _as_result(saved, scope, replayed.violation, decisions)
            failure = explain_failure(harness, result, saved["implementation"])
            return 1, render(failure)
    finally:
        harness.close()
    if replayed.diverged is not None:
        step = replayed.diverged + 1
        return 3, f"inconclusive: the schedule cannot be followed beyond step {step - 1}: “{decisions[step - 1]}” is not possible any more."
    return 0, f"pass: {len(decisions)} steps replayed, and {saved.get('property', 'nothing')} is not violated any more."


def _as_result(saved: dict[str, Any], scope: Any, violation: Any, decisions: list[Decision]) -> Result:  # noqa: ANN401
    from acidtest.search.coverage import Coverage

    search, bound = str(saved.get("search", "exhaustive")), str(saved.get("bound", ""))
    return Result(search, scope, Verdict.FAIL, (), bound, 1, 1, len(decisions), 0, 0.0, Coverage(), violation, tuple(decisions))
