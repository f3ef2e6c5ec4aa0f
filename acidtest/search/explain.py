"""From a violation to a failure: replay it with a record, and find out since when it was too late."""

from __future__ import annotations

import platform
import time
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from acidtest.search.exhaustive import Explorer
from acidtest.search.failure import Failure, Row
from acidtest.search.hashing import hash_seed
from acidtest.search.replay import Step, replay
from acidtest.workload import scope_to_json
from acidtest.world.core import journal
from acidtest.world.core.backups import split
from acidtest.world.core.effects import BACKUP, TIMEOUT, Decision
from acidtest.world.core.patience import hurried

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from acidtest.properties.shared.contract import Contract
    from acidtest.search.harness import Harness
    from acidtest.search.run import Violation
    from acidtest.search.verdict import Result
    from acidtest.workload import Scope

#: How many runs it may take to find out whether a prefix can end well.
PROBES = 80
#: How long it may take to explain what is known already.
SECONDS = 10.0

#: Fields of a view that explain nothing.
_DULL = {"opening", "poison", "provider", "happened", "excused", "window", "read", "keys", "certain", "executors"}


def explain_failure(harness: Harness, result: Result, implementation: str, seconds: float = SECONDS) -> Failure:
    """The failure of a result that has a violation, with all that can be found out about it in time.

    Arguments:
        harness: the implementation under its contract.
        result: what the search found.
        implementation: how to import the implementation.
        seconds: how long it may take to find out more than the schedule shows.
    """
    return explained(harness, result, told(harness, result, implementation), seconds)


def told(harness: Harness, result: Result, implementation: str) -> Failure:
    """The failure as far as one replay shows it: the verdict, the property and the schedule, at once."""
    assert result.violation is not None  # noqa: S101 - the caller's duty
    violation = result.violation
    seen = replay(harness, result.scope, result.schedule)
    resting = seen.resting if violation.before is not None else []
    return Failure(
        pattern=harness.contract.pattern,
        implementation=implementation,
        property_id=violation.property,
        name=violation.name,
        source=next((p.source for p in harness.properties if (p.id, p.name) == violation[:2]), ""),
        scope=scope_to_json(result.scope),
        search=result.search,
        rows=tuple(map(row_of, seen.steps)),
        processes=_columns([*seen.steps, *resting]),
        at_rest=violation.before is None,
        rest=tuple(seen.rest) if violation.before is None else (),
        difference=difference(harness.contract, violation),
        too_late=None,
        holds=(),
        broken=(violation.property,),
        schedule=tuple(map(str, result.schedule)),
        bound=result.bound,
        coverage=result.coverage.to_json(),
        capabilities=tuple(sorted(harness.capabilities)),
        versions=versions(harness),
        backend=harness.cluster.backend.name,
        resting=tuple(map(row_of, resting)),
        raised=tuple(seen.raised),
        excepted=tuple(sorted(harness.without)),
        hash_seed=hash_seed(),
        adapter=implementation == f"{type(harness.contract).__module__}:{type(harness.contract).__qualname__}",
    )


def explained(harness: Harness, result: Result, failure: Failure, seconds: float = SECONDS) -> Failure:
    """A failure with what takes longer to find out: what else is violated, what still holds, and since when it was too late."""
    journal.tell(journal.FOUND, failure.property_id)
    until, only = time.monotonic() + seconds, harness.only
    with hurried():
        broken = replay(harness, result.scope, result.schedule, all_properties=True).broken | {failure.property_id}
        late, stopped, beside = _too_late(harness, result.scope, result.schedule, failure.property_id, until)
    harness.prepare(result.scope, only)
    return replace(
        failure,
        too_late=late,
        holds=tuple(dict.fromkeys(p.id for p in harness.properties if p.id not in broken)),  # several may share one
        broken=tuple(sorted(broken)),
        unexplained=stopped and f"{stopped} within {seconds:g} s",
        beside=tuple(map(str, beside)),
    )


def row_of(step: Step) -> Row:
    """A step as a row of a failure."""
    decision = step.decision
    fault, action = decision.fault, decision.effect.removeprefix("begin ")
    if decision.kind == "rest":
        return Row(step.process, step.process, action, fault, step.changes, step.events)
    if decision.kind == "crash":
        fault, action = "crash", "idle"
    elif decision.kind == "victim":
        fault = "waits for a lock in vain" if decision.fault == TIMEOUT else "deadlock victim"
    elif decision.restarts_database:
        fault, action = "killed", f"the {f'{decision.server} server' if decision.server else 'database'} restarts"
    elif decision.kind == BACKUP:
        service, number = split(decision.target)
        fault, action = "backup restored", f"{service}, as it was {f'after change {number}' if number else 'at the beginning'}"
    elif decision.mishap:
        fault, action = ("evicted", decision.target) if decision.kind == "evict" else ("killed", f"the {decision.target} restarts")
    elif decision.kind != "advance":
        action = f"{decision.kind} {decision.target if decision.kind == 'jump' else action}".strip()
    return Row(step.process, decision.target if decision.kind == "advance" else step.process, action, fault, step.changes, step.events)


def _columns(steps: Iterable[Step]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(step.process for step in steps))


def _too_late(
    harness: Harness, scope: Scope, schedule: Sequence[Decision], property_id: str, until: float
) -> tuple[int | None, str, tuple[Decision, ...]]:
    """The smallest number of steps after which no continuation keeps the property, by bisection; where that stopped, if it did;
    and the schedule that keeps it and goes the same way for longest, of those that were found.
    """
    if scope.serial and not scope.faults:
        return None, "", ()  # there is one schedule: it was too late from the beginning
    low, high = 0, len(schedule)  # good at low (as far as known), bad at high
    beside: tuple[Decision, ...] = ()
    while high - low > 1:
        middle = (low + high) // 2
        if time.monotonic() >= until:
            return None, f"it lies in steps {low + 1} to {high}; which was not found out", beside
        explorer = Explorer(harness, scope, only=frozenset({property_id}))
        good = explorer.can_end_well(schedule[:middle], PROBES, until)
        if good is None:
            stopped = f"it lies in steps {low + 1} to {high}; which was not found out"
            return None, stopped if time.monotonic() >= until else "", beside
        beside = explorer.ending or beside
        low, high = (middle, high) if good else (low, middle)
    return high or None, "", beside


def difference(contract: Contract, violation: Violation) -> tuple[tuple[str, str, str], ...]:
    """What of the observed view differs from the nearest one that the model allows, by name.

    Where the model says nothing (a property of rest), or of nothing that differs, the observed view alone.
    """
    observed = _shown(contract, violation.after)
    modelled = _shown(contract, contract.abstract(violation.after))
    allowed = [shown for view in violation.allowed if (shown := _shown(contract, view))]
    differing = [[name for name in {**modelled, **shown} if shown.get(name) != modelled.get(name)] for shown in allowed]
    nearest = min(range(len(allowed)), key=lambda i: len(differing[i]), default=None)
    if nearest is None or not differing[nearest]:
        return tuple((name, "", text) for name, text in observed.items() if text != str(False))
    return tuple((name, allowed[nearest].get(name, "none"), modelled.get(name, "none")) for name in differing[nearest])


def _shown(contract: Contract, view: Any) -> dict[str, str]:  # noqa: ANN401 - the pattern's view
    """A view by name, without what explains nothing."""
    return {name: pretty(value) for name, value in contract.shown(view).items() if name not in _DULL} if view is not None else {}


def pretty(value: Any) -> str:  # noqa: ANN401 - any part of a view
    """A part of a view in one line."""
    if isinstance(value, tuple) and value and all(hasattr(v, "request") for v in value):
        return ", ".join(f"{call.request.name} {call.status}" for call in value if call.status != "new") or "none"
    if isinstance(value, tuple) and all(hasattr(v, "about") for v in value):
        return ", ".join(map(_record, value)) or "none"
    if isinstance(value, tuple) and value and all(isinstance(v, tuple) and len(v) == 2 for v in value):  # noqa: PLR2004
        return ", ".join(f"{a} {b}" for a, b in value)
    if isinstance(value, (tuple, frozenset)):
        return ", ".join(map(str, sorted(value, key=str) if isinstance(value, frozenset) else value)) or "none"
    return str(value)


def _record(record: Any) -> str:  # noqa: ANN401 - a named tuple
    """A record about a request: the request, and where it says so, how that stands."""
    if not hasattr(record, "status"):
        return str(record.about)
    more = [f"{name} {pretty(value)}" for name, value in record._asdict().items() if value and name not in ("about", "status")]
    return " ".join([str(record.about), str(record.status), *more])


def versions(harness: Harness) -> dict[str, str]:
    """What was involved."""
    names = ("acidtest", "SQLAlchemy", "hypothesis")
    found = {"python": platform.python_version(), **harness.cluster.versions()}
    for name in names:
        try:
            found[name.lower()] = version(name)
        except ModuleNotFoundError:
            found[name.lower()] = "unknown"
    return found
