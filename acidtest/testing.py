"""The same checks without the command line: as functions that raise, for any test runner."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from acidtest.adopted import Adopted, adopt
from acidtest.errors import UsageError
from acidtest.patterns import own_contract, pattern
from acidtest.report.columns import render
from acidtest.report.inert import inert
from acidtest.search.check import check_exhaustively, find_scope
from acidtest.search.coverage import Coverage
from acidtest.search.explain import explain_failure
from acidtest.search.harness import Harness
from acidtest.search.replay import Replayed, replay
from acidtest.search.verdict import Result, Verdict, conclude, never_happened
from acidtest.workload import Scope, scope_from_json
from acidtest.world.core.effects import Decision
from acidtest.world.databases.table import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from acidtest.properties.shared.contract import Contract


def check(
    stem: str | type[Contract],
    factory: Callable[[Any], Any] | None = None,
    *,
    scopes: Sequence[str] = (),
    seconds: float | None = None,
    backend: str = DEFAULT,
    exceptions: Iterable[str] = (),
) -> list[Result]:
    """Explore the scopes of a pattern's contract completely.

    Arguments:
        stem: the pattern, for example "outbox"; or a contract of your own, a class or "module:TestSeats".
        factory: makes the implementation from an `acidtest.Environment`; or a subclass of the pattern's contract, as pytest runs it.
            None for a contract of your own that makes it itself.
        scopes: names of scopes; none for all.
        seconds: the time for all of them together; None for no limit.
        backend: the kind of its databases: "sqlite", "postgresql" or "mariadb".
        exceptions: ids of properties that are left out, beside those that the subclass leaves out.

    Returns:
        the results, one per scope.

    Raises:
        AssertionError: a schedule violates the contract; the message is the whole failure.
        UsageError: there is no such pattern, scope, backend or property, or the subclass changes what judges it.
        BackendUnavailable: the backend's server cannot be reached.
    """
    adopted = _adopted(stem, factory, exceptions)
    chosen = tuple(find_scope(adopted.contract, name) for name in scopes)
    results = []
    for harness, result in check_exhaustively(
        adopted.contract, adopted.factory, scopes=chosen, seconds=seconds, backend=backend, without=frozenset(adopted.exceptions)
    ):
        results.append(result)
        if result.verdict == Verdict.FAIL:
            raise AssertionError("\n" + render(explain_failure(harness, result, adopted.implementation)))
    missing = [] if scopes else never_happened(adopted.contract.somewhere, results)
    if missing and all(result.verdict == Verdict.PASS for result in results):
        verdict, reasons = conclude(violated=False, complete=True, findings=missing)
        results[-1] = replace(results[-1], verdict=verdict, reasons=reasons)
    return results


def assert_schedule(
    stem: str | type[Contract],
    factory: Callable[[Any], Any] | None = None,
    *,
    scope: str | dict[str, Any],
    schedule: Sequence[str],
    backend: str = DEFAULT,
    exceptions: Iterable[str] = (),
) -> None:
    """Replay a schedule that once violated a contract, and require that it no longer does.

    What can no longer be done (the code has changed since) is left out; the rest runs by default to its end.

    Arguments:
        stem: the pattern, or a contract of your own.
        factory: makes the implementation from an `acidtest.Environment`; or a subclass of the pattern's contract, as pytest runs it.
            None for a contract of your own that makes it itself.
        scope: the name of one of the contract's scopes, or a scope as the failure wrote it.
        schedule: the decisions, as the failure wrote them.
        backend: the kind of the databases on which it was found.
        exceptions: ids of properties that are left out, beside those that the subclass leaves out.

    Raises:
        AssertionError: it is violated still, or again; the message is the whole failure.
        UsageError: the schedule cannot be read, there is no such pattern, scope or property, or the subclass changes what judges it.
    """
    __tracebackhide__ = True
    adopted = _adopted(stem, factory, exceptions)
    chosen = find_scope(adopted.contract, scope) if isinstance(scope, str) else scope_from_json(scope)
    try:
        decisions = [Decision.parse(text) for text in schedule]
    except ValueError as error:
        raise UsageError(str(error)) from None
    harness = Harness(adopted.contract, adopted.factory, backend, frozenset(adopted.exceptions))
    try:
        replayed = replay(harness, chosen, decisions, lenient=True)
        story = _story(harness, chosen, replayed, adopted.implementation) if replayed.violation is not None else ""
    finally:
        harness.close()
    if replayed.violation is not None:
        what = f"{replayed.violation.property}: {replayed.violation.name} is violated by the schedule in scope {chosen.name!r}"
        message = f"{inert(what)}\n\n{story}"
        raise AssertionError(message)


def _adopted(stem: str | type[Contract], factory: Callable[[Any], Any] | None, exceptions: Iterable[str]) -> Adopted:
    """What is put to the test, and what judges it.

    Raises:
        UsageError: there is no such pattern, or nothing to test.
    """
    name = stem if isinstance(stem, str) else stem.pattern
    own = stem if not isinstance(stem, str) else own_contract(stem) if ":" in stem else None
    if factory is None and own is None:
        message = f"What is to be checked by the contract of {name}? Give it after the name of the pattern: check({name!r}, MyCode)."
        raise UsageError(message)
    return adopt(pattern(name), factory or own, without=exceptions, standard=own)


def _story(harness: Harness, scope: Scope, replayed: Replayed, implementation: str) -> str:
    """The failure of a replayed schedule, as far as it was followed."""
    schedule = tuple(step.decision for step in replayed.steps)
    result = Result(
        "exhaustive", scope, Verdict.FAIL, (), "this schedule alone", 1, 1, len(schedule), 0, 0.0, Coverage(), replayed.violation, schedule,
    )  # fmt: skip
    return render(explain_failure(harness, result, implementation), regression=False)
