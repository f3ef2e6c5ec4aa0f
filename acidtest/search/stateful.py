"""Longer workloads by Hypothesis: a state machine over the same world.

An example is a workload and a few plans, each of which says where a run leaves the default schedule (`planned`). So few
choices make a whole schedule, each means something, and what fails shrinks to a handful of numbers. First come
simple examples, with one or two switches or faults, none of them twice; then workloads and plans are drawn (`drawing`).
"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from unittest import SkipTest

from hypothesis import HealthCheck, Phase, settings
from hypothesis.database import InMemoryExampleDatabase
from hypothesis.reporting import with_reporter
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from acidtest.search.budget import Budget, OutOfTime
from acidtest.search.coverage import Coverage, never_fired
from acidtest.search.drawing import Drawn, examples, simple
from acidtest.search.exhaustive import without_collector
from acidtest.search.harness import EMPTY, Harness
from acidtest.search.planned import NO_DEPARTURE, Occasions, Plan, PlannedRun, fault_of
from acidtest.search.verdict import Result, conclude
from acidtest.world.core import journal
from acidtest.world.core.effects import CRASH
from acidtest.world.databases.table import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from acidtest.properties.shared.contract import Contract
    from acidtest.search.run import Violation
    from acidtest.workload import Scope
    from acidtest.world.core.effects import Decision

#: How many rules an example runs: one, which is all that there is. Hypothesis copies parts of an example over others that
#: look alike, and steps of a machine always do.
STEPS = 1
#: How many simple examples there are, for each that is drawn; none comes twice.
TOUR = 4

#: From so many examples on, a search also runs the workloads of a thousand attempts, which take seconds each.
MANY = 50

#: Where hypothesis.seed and hypothesis.reproduce_failure leave what they are given.
_SEED = "_hypothesis_internal_use_seed"
_REPRODUCE = "_hypothesis_internal_use_reproduce_failure"


class Violated(AssertionError):  # noqa: N818 - not an error, a finding
    """A schedule violates the contract; the tally has the smallest one, of which the story is told."""

    def __init__(self, violation: Violation) -> None:
        """Say what is violated, and no more: whoever asks for the text may do so when nothing can be replayed any more."""
        super().__init__(f"{violation.property}: {violation.name}")
        self.violation = violation


@dataclass
class Tally:
    """What all examples of a stateful search did.

    `passed` are the plans, by workload, of which nothing came: they need not run again. `occasions` are those of the
    default schedules; `given_up` says that the time was up before all examples had run. `progress` is called after each run.
    """

    runs: int = 0
    effects: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    points: set[tuple[str, str]] = field(default_factory=set)
    crashed: set[tuple[str, str]] = field(default_factory=set)
    outcomes: set[Any] = field(default_factory=set)
    states: set[Hashable] = field(default_factory=set)
    reached: set[str] = field(default_factory=set)
    passed: set[tuple[str, Plan]] = field(default_factory=set)
    occasions: dict[str, Occasions] = field(default_factory=dict)
    scope: Scope | None = None
    schedule: list[Decision] = field(default_factory=list)
    violation: Violation | None = None
    given_up: bool = False
    progress: Callable[[Tally], None] | None = None

    def add(self, planned: PlannedRun) -> None:
        """Take note of a run."""
        self.runs += 1
        self.effects += len(planned.schedule)
        self.states |= planned.states
        self.reached |= planned.run.harness.reached
        self.outcomes.update(planned.run.status)
        for decision in planned.schedule:
            point = decision.target, decision.effect
            self.points.add(point)
            kind = fault_of(decision)
            if kind:
                self.faults[kind] += 1
            if kind == CRASH:
                self.crashed.add(point)
        if self.progress is not None:
            self.progress(self)

    def found(self, planned: PlannedRun, workload: Scope) -> None:
        """Take note of a run that violates something."""
        self.violation, self.schedule, self.scope = planned.run.violation, planned.schedule, workload


class _ViolatedForEver(BaseException):
    """What is violated takes long to see: it is not shrunk. No `Exception`: Hypothesis lets it pass."""

    def __init__(self, violation: Violation) -> None:
        super().__init__()
        self.violation = violation


class WorkloadMachine(RuleBasedStateMachine):
    """Runs drawn workloads. `machine_for` makes the subclass for a contract and an implementation."""

    harness: Harness
    tally: Tally

    def explore(self, drawn: Drawn) -> None:
        """Run a workload on its default schedule, and then by each plan.

        Raises:
            Violated: something was found.
        """
        for plan in (NO_DEPARTURE, *drawn.plans):
            if (drawn.workload.name, plan) not in self.tally.passed:
                planned = take(self.harness, self.tally, drawn.workload, plan)
                if planned.run.violation is not None:
                    self.fail(drawn.workload, planned)

    def fail(self, workload: Scope, planned: PlannedRun) -> None:
        """Say what was violated.

        Raises:
            Violated: always, in one form or the other.
        """
        violation = planned.run.violation
        assert violation is not None  # noqa: S101 - it is called of violations only
        self.tally.found(planned, workload)
        raise (_ViolatedForEver if planned.run.stuck else Violated)(violation)


def take(harness: Harness, tally: Tally, workload: Scope, plan: Plan) -> PlannedRun:
    """Run a workload by a plan.

    Raises:
        OutOfTime: the harness's budget is spent.
    """
    harness.budget.look()
    harness.prepare_again(workload)
    planned = PlannedRun(harness, plan)
    try:
        planned.follow()
    finally:
        tally.add(planned)
        planned.run.close()
    if plan == NO_DEPARTURE:
        tally.occasions[workload.name] = planned.occasions if planned.run.violation is None else Occasions()
    if planned.run.violation is None:
        tally.passed.add((workload.name, plan))
    return planned


def machine_for(
    contract: Contract,
    factory: Callable[[Any], Any],
    name: str = "Workload",
    backend: str = DEFAULT,
    without: frozenset[str] = frozenset(),
    *,
    examples: int = MANY,
) -> type[WorkloadMachine]:
    """The state machine that puts an implementation to the test.

    Arguments:
        contract: the pattern's contract.
        factory: makes an implementation from an environment.
        name: what the printed program calls it.
        backend: the kind of its databases.
        without: ids of properties that are left out.
        examples: how many it will draw; where they are few, the workloads of a thousand attempts are left out.
    """
    harness = Harness(contract, factory, backend, without)
    harness.brief = examples < MANY
    return _machine(harness, Tally(), name, _examples)


def _machine(harness: Harness, tally: Tally, name: str, strategy: Callable[[Harness, Tally], Any]) -> type[WorkloadMachine]:
    class Machine(WorkloadMachine):
        @initialize(drawn=strategy(harness, tally))
        def explore(self, drawn: Drawn) -> None:
            super().explore(drawn)

        @rule()
        def rest(self) -> None:
            """A machine needs a rule; the one step has been made by then."""

    Machine.__name__ = Machine.__qualname__ = name
    Machine.harness, Machine.tally = harness, tally
    return Machine


def _counter(harness: Harness, tally: Tally) -> Callable[[Scope], Occasions]:
    def count(workload: Scope) -> Occasions:
        """The occasions of the default schedule, which is run for that the first time."""
        if workload.name not in tally.occasions:
            take(harness, tally, workload, NO_DEPARTURE)
        return tally.occasions[workload.name]

    return count


def _examples(harness: Harness, tally: Tally) -> Any:  # noqa: ANN401 - a strategy
    """Every workload, and plans for it."""
    contract = harness.contract
    return examples(harness.workloads(), contract.stateful_changes, _counter(harness, tally))


def _tour(harness: Harness, tally: Tally) -> Any:  # noqa: ANN401 - a strategy
    """The first workloads, with one switch at most, or one fault, or two of these."""
    return simple(harness.workloads(), _counter(harness, tally))


def run_machine(machine: type[WorkloadMachine], chosen: settings) -> None:
    """Run what failed the last time, as far as it was kept; then simple examples; then all sorts; then the long workloads, once each.

    Raises:
        Violated: something was found.
    """
    if hasattr(machine, _REPRODUCE):
        _run_ungrouped(machine, chosen)
        return
    journal.tell(journal.DOING, "stateful search")
    kept, fresh = ([phase for phase in chosen.phases if phase is not left_out] for left_out in (Phase.generate, Phase.reuse))
    if Phase.reuse in kept:
        with suppress(SkipTest):  # Hypothesis says so where nothing was kept
            _run_ungrouped(machine, settings(chosen, phases=kept))
    tour = _machine(machine.harness, machine.tally, machine.__name__, _tour)
    if hasattr(machine, _SEED):
        setattr(tour, _SEED, getattr(machine, _SEED))
    _run_ungrouped(tour, settings(chosen, phases=fresh, max_examples=TOUR * chosen.max_examples))
    _run_ungrouped(machine, settings(chosen, phases=fresh))
    if Phase.generate in chosen.phases:
        _run_long(machine.harness, machine.tally)


def _run_long(harness: Harness, tally: Tally) -> None:
    """Run the workloads of a thousand attempts, last of all: what breaks there takes long to tell.

    Raises:
        Violated: something was found.
    """
    for workload in harness.long_workloads():
        planned = take(harness, tally, workload, NO_DEPARTURE)
        if planned.run.violation is not None:
            tally.found(planned, workload)
            raise Violated(planned.run.violation)


def check_statefully(
    contract: Contract,
    factory: Callable[[Any], Any],
    *,
    examples: int = 200,
    seed: int | None = None,
    backend: str = DEFAULT,
    shrink: bool = True,
    seconds: float | None = None,
    progress: Callable[[Tally], None] | None = None,
    without: frozenset[str] = frozenset(),
) -> tuple[Harness, Result]:
    """Run drawn workloads, and shrink the first that fails.

    Arguments:
        contract: the pattern's contract.
        factory: makes an implementation from an environment.
        examples: how many workloads.
        seed: of the draws; None for a random one.
        backend: the kind of its databases.
        shrink: whether to look for a smaller example when one fails.
        seconds: give up after this time; None for never. Giving up is inconclusive, unless something was found by then.
        progress: called after each run with what was done so far.
        without: ids of properties that are left out.

    Returns:
        the harness, to be closed by the caller, and the result.
    """
    machine = machine_for(contract, factory, backend=backend, without=without, examples=examples)
    if seed is not None:
        setattr(machine, _SEED, seed)
    chosen = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=InMemoryExampleDatabase(),
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate, *([Phase.shrink] if shrink else [])],
    )
    machine.tally.progress = progress
    began = time.monotonic()
    with with_reporter(lambda _: None):  # what it would say is for those who write tests
        program = run_within(machine, chosen, seconds)
    return machine.harness, result_of(machine.harness, machine.tally, examples, time.monotonic() - began, program)


def run_within(machine: type[WorkloadMachine], chosen: settings, seconds: float | None) -> list[str]:
    """Run a machine, up to its first finding or until the time is up; its tally says which.

    Arguments:
        machine: what to run.
        chosen: how Hypothesis is to run it.
        seconds: give up after this time; None for never.

    Returns:
        what Hypothesis says of the smallest failing example: the printed program.
    """
    machine.harness.budget = Budget(seconds)
    try:
        with without_collector():
            run_machine(machine, chosen)
    except Violated as found:
        return list(getattr(found, "__notes__", []))
    except OutOfTime:
        machine.tally.given_up = True
    finally:
        machine.harness.budget = Budget()
    return []


def _run_ungrouped(machine: type[WorkloadMachine], chosen: settings) -> None:
    """Run the machine; of several findings at once one is enough, but an error that is no finding is never lost.

    Raises:
        Violated: something was found.
        OutOfTime: the harness's budget is spent.
    """
    try:
        run_state_machine_as_test(machine, settings=chosen)
    except _ViolatedForEver as seen:
        raise Violated(seen.violation) from None
    except BaseExceptionGroup as group:
        found, others = group.split(Violated)
        raise (others or found or group).exceptions[0] from group


def result_of(harness: Harness, tally: Tally, examples: int, seconds: float, program: Sequence[str] = ()) -> Result:
    """What a stateful search amounts to.

    Arguments:
        harness: what it ran on.
        tally: what its examples did.
        examples: how many it was to run.
        seconds: how long it took.
        program: the printed program of the smallest failing example.
    """
    coverage = Coverage(
        faults=tuple(sorted(tally.faults.items())), allowed=tuple(sorted(harness.that_must_fire(harness.stateful_kinds()))),
        crash_points=len(tally.crashed), effects=len(tally.points), outcomes=tuple(sorted(map(str, tally.outcomes))),
    )  # fmt: skip
    missing = never_fired(coverage) if tally.violation is None and not tally.given_up else []
    verdict, reasons = conclude(
        violated=tally.violation is not None, complete=tally.runs > 0 and not tally.given_up, findings=missing, what="example"
    )
    bound = f"{examples} drawn workloads" if not tally.given_up else f"{tally.runs} runs of what {examples} drawn workloads take"
    scope = tally.scope or replace(harness.scope or EMPTY, name="drawn", summary="drawn workloads")
    return Result(
        "stateful", scope, verdict, reasons, bound, tally.runs, tally.runs, tally.effects,
        len(tally.states), seconds, coverage, tally.violation, tuple(tally.schedule),
        tuple(p.id for p in harness.properties if tally.violation is None or p.id != tally.violation.property),
        {"program": list(program)}, tuple(sorted(harness.without)), frozenset(tally.reached), harness.unasked, harness.waivers,
    )  # fmt: skip
