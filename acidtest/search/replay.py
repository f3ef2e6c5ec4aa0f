"""Replay: one schedule again, step for step, with a record of what every step did."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.checker.machine import Kind
from acidtest.search.moves import Position, follow, moves
from acidtest.search.run import Run, Violation
from acidtest.search.settle import NOTICED, settle
from acidtest.workload import ENVIRONMENT
from acidtest.world.core import journal
from acidtest.world.core.effects import CANCELLED, CRASH, Decision

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from acidtest.search.film import Camera
    from acidtest.search.harness import Harness
    from acidtest.workload import Scope
    from acidtest.world.core.backend import Contents
    from acidtest.world.core.events import Event
    from acidtest.world.core.raised import Raised


class Step(NamedTuple):
    """What one decision did.

    Arguments:
        decision: the decision.
        process: the process that it concerns; the environment's name for one of its own.
        changes: what became durable, one line per row or message.
        events: what clients learned, one line each.
    """

    decision: Decision
    process: str
    changes: tuple[str, ...]
    events: tuple[str, ...]


@dataclass
class Replayed:
    """What a replay showed.

    Arguments:
        steps: what every decision did, in order.
        rest: what became durable while coming to rest.
        resting: what each step of coming to rest did, up to a violation.
        violation: what was violated, if anything.
        diverged: the number of the first decision that could not be carried out; None if all could.
        broken: ids of all properties that were violated at some time.
        raised: what the code under test has raised, each that is distinct once.
    """

    steps: list[Step] = field(default_factory=list)
    rest: list[str] = field(default_factory=list)
    resting: list[Step] = field(default_factory=list)
    violation: Violation | None = None
    diverged: int | None = None
    broken: set[str] = field(default_factory=set)
    raised: list[Raised] = field(default_factory=list)

    def add_raised(self, events: Iterable[Event]) -> None:
        """Take note of what was raised; what differs only in what ended by it is the same."""
        known = {replace(error, by="") for error in self.raised}
        for event in events:
            if event.error is not None and replace(event.error, by="") not in known:
                known.add(replace(event.error, by=""))
                self.raised.append(event.error)


def replay(
    harness: Harness, scope: Scope, schedule: Sequence[Decision], *, lenient: bool = False, all_properties: bool = False,
    camera: Camera | None = None,
) -> Replayed:  # fmt: skip
    """Run a schedule again.

    Arguments:
        harness: the implementation under its contract.
        scope: the scope that the schedule is of.
        schedule: the decisions.
        lenient: leave out what can no longer be done, and go on by default: for regression tests, which outlive the
            code that they were found in.
        all_properties: go on after a violation, to see which other properties fail.
        camera: takes a shot after each step.
    """
    harness.prepare(scope, frozenset({"none"}) if all_properties else harness.only)
    journal.tell(journal.DOING, "replay")
    run = Run(harness)
    run.world.records = True
    result = Replayed()
    watch = _Watch(harness) if all_properties else None
    if camera is not None:
        camera.begin(run)
        run.on_effect = camera.aim
    try:
        for number, decision in enumerate(schedule):
            if not _possible(run, decision):
                result.diverged = number if result.diverged is None else result.diverged
                if lenient:
                    continue
                break
            _step(run, decision, watch, result)
            if camera is not None:
                camera.take(run)
            if run.is_over:
                break
        if not run.is_over and (lenient or result.diverged is None):
            _to_rest(run, result, watch, lenient=lenient, camera=camera)
        result.violation = run.violation
        result.broken = watch.broken if watch is not None else {run.violation.property} if run.violation else set()
    finally:
        run.close()
    return result


def _possible(run: Run, decision: Decision) -> bool:
    """Whether a decision can be carried out now: its target is there, and about to do what it did."""
    world, target = run.world, decision.target
    if decision.kind == "advance":
        late = world.idle() if decision.fault else ()
        there = target in [*world.runnable(), *late] or (decision.fault == CANCELLED and target in world.actors.waiting())
        return there and _matches(run, decision)
    if decision.mishap:
        mishaps = [*(mishap for _, mishap in world.devices.mishaps()), *world.backups.decisions()]
        return decision.restarts_database or decision in mishaps
    if decision.kind in ("crash", "restart"):
        process = world.processes.get(target)
        return process is not None and process.alive == (decision.kind == "crash")
    targets = {"victim": [*world.actors.waiting(), *world.runnable()], "land": list(world.late)}
    return world.devices.knows(decision.kind) or target in targets.get(decision.kind, ())


def _matches(run: Run, decision: Decision) -> bool:
    """Whether an actor is about to perform the effect that the decision names."""
    effect = run.world.pending(decision.target)
    if effect is None:
        return decision.effect.startswith("begin ") and decision.fault in ("", *run.world.faults_of_start(decision.target))
    return effect.label == decision.effect and decision.fault in ("", CRASH, *effect.faults)


def _step(run: Run, decision: Decision, watch: _Watch | None, result: Replayed) -> bool:
    """Carry out a decision, and take down what it did; False where it would have to wait for a lock."""
    if run.on_effect is not None:
        run.on_effect(run.world.pending(decision.target) if decision.kind in ("advance", "victim") else None)
    process = ENVIRONMENT if run.world.devices.knows(decision.kind) or decision.mishap else decision.target
    if decision.kind in ("advance", "victim"):
        process = run.world.actors.process_of(decision.target)
    before, outside = run.world.cluster.values(), run.world.devices.seen()
    events: list[Event] = []
    run.on_events = events.extend
    performed = run.perform(decision)
    result.add_raised(events)
    if watch is not None:
        watch.look(run)
    result.steps.append(Step(decision, process, tuple(changes(run, before, outside)), tuple(_told(events))))
    return performed


def _to_rest(run: Run, result: Replayed, watch: _Watch | None, *, lenient: bool, camera: Camera | None = None) -> None:
    at = Position()
    while lenient and (options := [m for m in moves(run, at) if not m.faults]):
        if not _step(run, options[0].decision, watch, result):
            result.steps.pop()  # it waits for a lock, and nothing has happened
            continue
        at = follow(run, options[0].decision)
        if run.is_over:
            return
    before, outside = run.world.cluster.values(), run.world.devices.seen()
    run.harness.settled.clear()
    rest = _Rest(run, result, camera)
    settle(run)
    result.resting = rest.steps[: rest.end]
    if watch is not None:
        watch.rest(run)
    result.rest = list(changes(run, before, outside))


def changes(run: Run, before: dict[str, Contents], outside: dict[str, Any]) -> Iterable[str]:
    """What became durable since: rows that came, went or changed, and what devices show of themselves."""
    for name, contents in run.world.cluster.values().items():
        old = dict(before.get(name, ()))
        database = run.world.cluster.database(name)
        for table, rows in contents:
            if rows == old.get(table):
                continue
            gone = [row for row in old.get(table, ()) if row not in rows]
            come = [row for row in rows if row not in old.get(table, ())]
            yield from (f"{name}.{table}: {change}" for change in _pair(database.columns(table), gone, come))
    yield from run.world.devices.changed(outside)


def _pair(columns: list[str], gone: list[tuple[Any, ...]], come: list[tuple[Any, ...]]) -> Iterable[str]:
    """Rows with the same first column are one row that changed."""
    for row in come:
        old = next((r for r in gone if r[0] == row[0]), None)
        if old is None:
            yield f"+ {_row(row)}"
        else:
            gone.remove(old)
            trio = zip(columns, old, row, strict=True)
            differing = [f"{column} {_short(a)} → {_short(b)}" for column, a, b in trio if a != b]
            yield f"{_short(row[0])}: {', '.join(differing)}"
    for row in gone:
        yield f"- {_row(row)}"


def _row(row: tuple[Any, ...]) -> str:
    return ", ".join(_short(value) for value in row)


def _short(value: object) -> str:
    text = "null" if value is None else str(value)
    return text if len(text) <= 24 else f"{text[:23]}…"  # noqa: PLR2004 - a column's width


def _told(events: Iterable[Event]) -> Iterable[str]:
    for event in events:
        if event.kind == "reply" and event.value is not None:
            yield f"{event.subject} ⇒ {event.value}"
        elif event.kind == "unknown":
            yield f"{event.subject} ⇒ unknown ({event.value})"
        elif event.kind == "raised":
            yield f"{event.subject} raised {event.value}"
        elif event.kind == "error":
            yield f"{event.subject}: {event.value or 'an error of the database'}"


class _Rest:
    """Takes down what each step of coming to rest did.

    `end` is the number of steps up to the last violation that was found; None where there was none.
    """

    def __init__(self, run: Run, result: Replayed, camera: Camera | None = None) -> None:
        """Be told by the run."""
        self._camera = camera
        self._run = run
        self._result = result
        self._violation = run.violation
        self._events: list[Event] = []
        self._remember()
        self.steps: list[Step] = []
        self.end: int | None = None
        run.on_events, run.on_rest = self._events.extend, self.note

    def note(self, process: str, action: str) -> None:
        """Take down a step, or add to the last one what was noticed of it since."""
        run = self._run
        changed = tuple(changes(run, self._values, self._outside)) if run.world.durable_key() != self._key else ()
        told = tuple(_told(self._events))
        self._result.add_raised(self._events)
        self._events.clear()
        if action == NOTICED and self.steps:
            last = self.steps[-1]
            self.steps[-1] = last._replace(changes=last.changes + changed, events=last.events + told)
        elif action != NOTICED:
            self.steps.append(Step(Decision("rest", process, "", action), process, changed, told))
        if self._camera is not None and self.steps:
            self._camera.take(run, resting=True, again=action == NOTICED)
        if changed or run.world.durable_key() != self._key:
            self._remember()
        if run.violation is not self._violation:
            self._violation, self.end = run.violation, len(self.steps)

    def _remember(self) -> None:
        world = self._run.world
        self._key, self._values, self._outside = world.durable_key(), world.cluster.values(), world.devices.seen()


class _Watch:
    """Evaluates every property along a run, beside the search's own checks."""

    def __init__(self, harness: Harness) -> None:
        self._harness = harness
        self._before: Any = None
        self.broken: set[str] = set()

    def look(self, run: Run) -> None:
        for p in self._harness.properties:
            always = p.kind == Kind.ALWAYS and not p.predicate(run.view)
            step = p.kind == Kind.STEP and self._before is not None and not p.predicate(self._before, run.view)
            if always or step:
                self.broken.add(p.id)
        self._before = run.view

    def rest(self, run: Run) -> None:
        self.look(run)
        self.broken.update(p.id for p in self._harness.properties if p.kind == Kind.AT_REST and not p.predicate(run.view))
