"""The checks that users ask for: every scope exhaustively, longer workloads by Hypothesis, or both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acidtest.errors import UsageError
from acidtest.search.coverage import Coverage, findings, measure
from acidtest.search.exhaustive import Explorer, Search
from acidtest.search.harness import Harness
from acidtest.search.rounds import Rounds
from acidtest.search.run import REFINEMENT, TERMINATION
from acidtest.search.verdict import Result, Verdict, conclude
from acidtest.world.databases.table import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from acidtest.properties.shared.contract import Contract
    from acidtest.workload import Scope


def find_scope(contract: Contract, name: str) -> Scope:
    """The scope of `contract` with that name.

    Raises:
        UsageError: there is none; lists those that there are.
    """
    scopes = *contract.scopes, *contract.slow_scopes
    for scope in scopes:
        if scope.name == name:
            return scope
    what = f"scope of {contract.pattern}"
    raise UsageError.unknown(what, name, (scope.name for scope in scopes))


def beginning_with(contract: Contract, name: str) -> tuple[Scope, ...]:
    """The scopes of `contract`, the one with that name before all others; an empty name leaves them in their order.

    Raises:
        UsageError: there is none with that name.
    """
    first = (find_scope(contract, name),) if name else ()
    return (*first, *(scope for scope in contract.scopes if scope not in first))


def find_properties(contract: Contract | type[Contract], ids: Iterable[str]) -> frozenset[str]:
    """Those ids, if each is of something that a search of `contract` can find violated.

    Raises:
        UsageError: one is not; lists those that there are.
    """
    known = dict.fromkeys([*(p.id for p in contract.properties), TERMINATION, REFINEMENT])
    for name in ids:
        if name not in known:
            what = f"property of {contract.pattern}"
            raise UsageError.unknown(what, name, known)
    return frozenset(ids)


def check_scope(
    harness: Harness,
    scope: Scope,
    *,
    only: frozenset[str] = frozenset(),
    seconds: float | None = None,
    progress: Callable[[Search], None] | None = None,
) -> Result:
    """Explore one scope completely.

    Arguments:
        harness: the implementation under its contract.
        scope: what to explore.
        only: look for violations of these properties alone; empty for all.
        seconds: give up after this time, be it in the middle of a run; None for never. Giving up is inconclusive.
        progress: called now and then with the search so far.
    """
    search = Explorer(harness, scope, only=only, seconds=seconds, progress=progress).explore()
    return conclude_search(harness, search)


def conclude_search(harness: Harness, search: Search) -> Result:
    """What an exhaustive search amounts to."""
    if search.missing:
        why = (search.missing,)
        return Result("exhaustive", search.scope, Verdict.INCONCLUSIVE, why, bound_of(search.scope, -1), 0, 0, 0, 0, 0.0, Coverage())
    coverage = measure(
        harness, faults=search.fired, crashed=len(search.crashed), points=len(search.crash_points), outcomes=search.outcomes,
        count=not search.given_up and search.violation is None,
    )  # fmt: skip
    missing = findings(harness, coverage, harness.reached) if search.complete else []
    if search.complete and not search.schedules:
        missing.append("no schedule came to its end")
    verdict, reasons = conclude(violated=search.violation is not None, complete=search.complete, findings=missing)
    return Result(
        "exhaustive", search.scope, verdict, reasons, _bound(search), search.schedules, search.runs,
        search.effects, len(search.states), search.seconds, coverage, search.violation, tuple(search.schedule),
        tuple(p.id for p in harness.properties if search.violation is None or p.id != search.violation.property),
        excepted=tuple(sorted(harness.without)), reached=frozenset(harness.reached), unasked=harness.unasked, waivers=harness.waivers,
    )  # fmt: skip


def _bound(search: Search) -> str:
    """What the verdict of a search is limited to."""
    bound, again = bound_of(search.scope, search.bound, search.faults), search.reordered
    if not again:
        return bound
    runs = f"{again} run{'s' * (again != 1)}"
    return f"{bound}; {runs} came to the same in another order (of addresses?) and had to be made again, and other orders were not explored"


def bound_of(scope: Scope, faults: int, found: int | None = None) -> str:
    """What a verdict on `scope` is limited to; `found` is the number of faults of a schedule that violates something."""
    if found is not None:
        return f"no schedule with fewer than {found} fault{'s' * (found != 1)} violates anything in this scope" if found else "no fault is needed"
    operations = sum(len(client.operations) for client in scope.clients)
    done = "no schedule completely" if faults < 0 else f"every schedule with at most {faults} fault{'s' * (faults != 1)}"
    processes = len(scope.processes())
    return f"{done}, of {operations} operation{'s' * (operations != 1)} in {processes} process{'es' * (processes != 1)}"


def check_exhaustively(
    contract: Contract,
    factory: Callable[[Any], Any],
    *,
    scopes: tuple[Scope, ...] = (),
    seconds: float | None = None,
    progress: Callable[[Search], None] | None = None,
    backend: str = DEFAULT,
    without: frozenset[str] = frozenset(),
) -> Iterator[tuple[Harness, Result]]:
    """Explore the scopes of a contract up to the first failure: one after the other, or level by level within a budget.

    Arguments:
        contract: the pattern's contract.
        factory: makes an implementation from an environment.
        scopes: which; none for all.
        seconds: the time for all of them together; None for no limit.
        progress: called now and then with the search so far.
        backend: the kind of its databases.
        without: ids of properties that are left out.

    Yields:
        the harness, still prepared for the scope, and the result.
    """
    chosen = scopes or contract.scopes
    if seconds is not None:
        rounds = Rounds(contract, factory, backend, seconds, progress, without)
        try:
            for explorer in rounds.explore(chosen):
                yield explorer.harness, conclude_search(explorer.harness, explorer.found)
                if explorer.found.violation is not None:
                    return
        finally:
            rounds.close()
        return
    harness = Harness(contract, factory, backend, without)
    try:
        for scope in chosen:
            result = check_scope(harness, scope, progress=progress)
            yield harness, result
            if result.violation is not None:
                return
    finally:
        harness.close()
