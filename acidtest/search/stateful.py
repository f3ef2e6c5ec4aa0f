"""Longer workloads by Hypothesis: a rule-based state machine over the same world.

Few rules, few draws. A rule says *where* a run leaves its default course, which is to let one client finish before the
next begins: after how many effects it switches to another lane, and after how many which fault befalls it. That shrinks
to a handful of numbers, where one draw per step would shrink for minutes.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.database import InMemoryExampleDatabase
from hypothesis.reporting import with_reporter
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from acidtest.search.bench import Bench
from acidtest.search.coverage import Coverage, never_fired
from acidtest.search.exhaustive import without_collector
from acidtest.search.moves import Move, Position, follow, moves
from acidtest.search.run import Run, Violation
from acidtest.search.settle import settle
from acidtest.search.verdict import Result, conclude
from acidtest.world.database.backend import DEFAULT
from acidtest.world.effects import CANCELLED, CRASH, REFUSED, RESTART_DATABASE, Decision

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from acidtest.properties.contract import Contract
    from acidtest.workload import Scope

#: How many effects a rule performs, at most, where it is not to go on to the end.
FARTHEST = 14
#: A switch happens at one of the first so many occasions.
OCCASIONS = 6
#: A crash or a refusal befalls one of the first so many effects: nearly all of a small workload.
EFFECTS = 16
#: The faults of replies befall one of the first so many of COMMIT and publish, of which a workload has few.
REPLIES = 4
#: How many effects a rule performs, at most, where it is to go on to the end.
LONGEST = 400
#: How many rules one example runs, at most: the first few do all the work of a small workload.
STEPS = 4
#: How far time may jump at once, in seconds.
PAUSES = (60.0, 7_200.0, 3_456_000.0)


#: Where hypothesis.seed and hypothesis.reproduce_failure leave what they are given.
_SEED = "_hypothesis_internal_use_seed"
_REPRODUCE = "_hypothesis_internal_use_reproduce_failure"


class Violated(AssertionError):  # noqa: N818 - not an error, a finding
    """A schedule violates the contract; `failure` makes the whole story when it is asked for."""

    def __init__(self, violation: Violation, tell: Callable[[], str]) -> None:
        """Keep what is needed to tell the story: it is told only of the smallest example."""
        super().__init__(f"{violation.property}: {violation.name}")
        self.violation = violation
        self._tell = tell

    def __str__(self) -> str:
        return self._tell()


@dataclass
class Tally:
    """What all examples of a stateful search did."""

    runs: int = 0
    effects: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    points: set[tuple[str, str]] = field(default_factory=set)
    crashed: set[tuple[str, str]] = field(default_factory=set)
    outcomes: set[Any] = field(default_factory=set)
    keys: set[int] = field(default_factory=set)
    coverage: Coverage = field(default_factory=Coverage)
    scope: Scope | None = None
    schedule: list[Decision] = field(default_factory=list)
    violation: Violation | None = None


class WorkloadMachine(RuleBasedStateMachine):
    """Runs a drawn workload. `machine_for` makes the subclass for a contract and an implementation."""

    bench: Bench
    tally: Tally
    tell: Any = None

    def __init__(self) -> None:
        """Wait for the workload."""
        super().__init__()
        self.running: Run | None = None
        self.at = Position()
        self.schedule: list[Decision] = []
        self.settled = False

    def begin(self, scope: Scope) -> None:
        """Start the world of a workload, in which rules may change the environment at any moment."""
        self.bench.prepare(replace(scope, unsteady=True))
        self.running = Run(self.bench)
        self.tally.runs += 1

    def go(self, switches: list[tuple[int, str]], faults: list[tuple[int, str]], effects: int) -> None:
        """Run by default, but switch lanes where that was drawn, and let faults befall what was drawn.

        Arguments:
            switches: (at which of the occasions to go on elsewhere, to which lane) pairs; another lane where that one
                cannot go on. Each is counted from the one before.
            faults: (which of the effects that it can befall, kind) pairs, counted likewise.
            effects: how many effects at most.
        """
        plan, due, since = list(switches), list(faults), 0
        for _ in range(effects):
            options = moves(self.run, self.at)
            others = _others(options, self.at.lane)
            since += bool(others)
            if plan and others and since >= plan[0][0]:
                options = _preferring(others, plan[0][1])
                plan, since = plan[1:], 0
            faulty = [m for m in options if due and due[0][1] in (m.decision.fault, m.decision.kind, str(m.decision))]
            if faulty:
                left, kind = due[0]
                options, due = (faulty, due[1:]) if left == 1 else (options, [(left - 1, kind), *due[1:]])
            if not options or (options[0].faults and not faulty):
                return
            self.perform(options[0])

    def perform(self, move: Move) -> bool:
        """Carry out a move and look; False where it waits for a lock."""
        run, decision = self.run, move.decision
        if not run.perform(decision):
            return False
        self.schedule.append(decision)
        self.at = follow(run, decision)
        self.tally.effects += 1
        self.tally.keys.add(hash(run.key()))
        self.tally.points.add((decision.target, decision.effect))
        kind = decision.fault or (CRASH if decision.kind == CRASH else RESTART_DATABASE if decision.restarts_database else "")
        if kind:
            self.tally.faults[kind] = self.tally.faults.get(kind, 0) + 1
        if kind == CRASH:
            self.tally.crashed.add((decision.target, decision.effect))
        self.check()
        return True

    def come_to_rest(self) -> None:
        """Finish what was begun, come to rest and check."""
        self.settled = True
        for _ in range(LONGEST):
            options = [m for m in moves(self.run, self.at) if not m.faults]
            if not options:
                break
            self.perform(options[0])
        settle(self.run)
        self.tally.outcomes.update(self.run.status)
        self.check()

    def check(self) -> None:
        """Raise what was violated."""
        violation = self.run.violation
        if violation is not None:
            self.settled = True
            tally = self.tally
            tally.violation, tally.schedule, tally.scope = violation, list(self.schedule), self.bench.scope
            raise Violated(violation, lambda: self.tell(self) if self.tell is not None else f"{violation.property}: {violation.name}")

    @property
    def run(self) -> Run:
        """The run of this example."""
        assert self.running is not None  # noqa: S101 - the initialize rule comes first
        return self.running

    def teardown(self) -> None:
        """Come to rest if that has not been done, and give the world back."""
        if self.running is None:
            return
        try:
            if not self.settled:
                self.come_to_rest()
        finally:
            self.run.close()


def _others(options: list[Move], lane: str) -> list[Move]:
    """The moves that go on with another lane, and are no faults; none at the start, where every lane is another."""
    return [m for m in options if m.decision.kind == "advance" and m.decision.target != lane and not m.faults] if lane else []


def _preferring(options: list[Move], lane: str) -> list[Move]:
    """The moves with those of a lane first."""
    return sorted(options, key=lambda move: move.decision.target != lane)


def _fault(kind: str) -> st.SearchStrategy[tuple[int, str]]:
    """At which of the effects that it can befall a fault does so."""
    farthest = EFFECTS if kind in (CRASH, REFUSED, CANCELLED) else REPLIES
    return st.tuples(st.integers(1, farthest), st.just(kind))


def machine_for(
    contract: Contract, factory: Callable[[Any], Any], name: str = "Workload", backend: str = DEFAULT
) -> type[WorkloadMachine]:
    """The state machine that puts an implementation to the test.

    Arguments:
        contract: the pattern's contract.
        factory: makes an implementation from an environment.
        name: what the printed program calls it.
        backend: the kind of its databases.
    """
    bench = Bench(contract, factory, backend)
    return _machine(bench, Tally(), name, bench.stateful_kinds())


def _machine(bench: Bench, tally: Tally, name: str, kinds: Sequence[str]) -> type[WorkloadMachine]:
    contract = bench.contract
    lanes = st.sampled_from(contract.stateful_lanes)
    when = st.integers(1, OCCASIONS)
    switches = st.lists(st.tuples(when, lanes), max_size=3)
    faults = st.lists(st.one_of([_fault(kind) for kind in kinds]), max_size=2)
    effects = st.sampled_from((LONGEST, *range(1, FARTHEST + 1)))
    changes = [*((seconds, "jump") for seconds in PAUSES), (0.0, "outage"), (0.0, "restore")]
    then = st.sampled_from((*[None] * len(changes), *changes))

    class Machine(WorkloadMachine):
        @initialize(workload=st.composite(contract.stateful_scope)())
        def start(self, workload: Scope) -> None:
            self.begin(workload)

        @rule(switches=switches, faults=faults, effects=effects, then=then)
        def run_clients(
            self, switches: list[tuple[int, str]], faults: list[tuple[int, str]], effects: int, then: tuple[float, str] | None
        ) -> None:
            self.go(switches, faults, effects)
            if then is not None:
                self.perform(Move(Decision(then[1], str(then[0]))))

    Machine.__name__ = Machine.__qualname__ = name
    Machine.bench, Machine.tally = bench, tally
    return Machine


def run_machine(machine: type[WorkloadMachine], chosen: settings) -> None:
    """Run drawn workloads, and then, if nothing was found, some more with the fault kinds that never fired.

    Hypothesis varies what it drew before, so that even of many examples all may leave out one kind.

    Raises:
        Violated: something was found.
    """
    _run_ungrouped(machine, chosen)
    missing = sorted(machine.bench.that_must_fire(machine.bench.stateful_kinds()) - machine.tally.faults.keys())
    if hasattr(machine, _REPRODUCE) or not missing:
        return
    narrowed = _machine(machine.bench, machine.tally, machine.__name__, missing)
    narrowed.tell = staticmethod(machine.tell) if machine.tell is not None else None
    if hasattr(machine, _SEED):
        setattr(narrowed, _SEED, getattr(machine, _SEED))
    _run_ungrouped(narrowed, settings(chosen, max_examples=max(chosen.max_examples // 4, 1), database=InMemoryExampleDatabase()))


def check_statefully(
    contract: Contract,
    factory: Callable[[Any], Any],
    *,
    examples: int = 200,
    seed: int | None = None,
    backend: str = DEFAULT,
) -> tuple[Bench, Result]:
    """Run drawn workloads, and shrink the first that fails.

    Arguments:
        contract: the pattern's contract.
        factory: makes an implementation from an environment.
        examples: how many workloads.
        seed: of the draws; None for a random one.
        backend: the kind of its databases.

    Returns:
        the bench, to be closed by the caller, and the result.
    """
    machine = machine_for(contract, factory, backend=backend)
    if seed is not None:
        setattr(machine, _SEED, seed)
    chosen = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=InMemoryExampleDatabase(),
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
    )
    began = time.monotonic()
    program: list[str] = []
    with ExitStack() as stack:
        stack.enter_context(without_collector())
        stack.enter_context(with_reporter(lambda text: program.append(str(text))))
        with suppress(Violated):
            run_machine(machine, chosen)
    seconds_taken = time.monotonic() - began
    return machine.bench, result_of(machine.bench, machine.tally, examples, seconds_taken, program)


def _run_ungrouped(machine: type[WorkloadMachine], chosen: settings) -> None:
    """Run the machine; of several findings at once one is enough, but an error that is no finding is never lost.

    Raises:
        Violated: something was found.
    """
    try:
        run_state_machine_as_test(machine, settings=chosen)
    except ExceptionGroup as group:
        found, others = group.split(Violated)
        raise (others or found or group).exceptions[0] from group


def result_of(bench: Bench, tally: Tally, examples: int, seconds: float, program: Sequence[str] = ()) -> Result:
    """What a stateful search amounts to.

    Arguments:
        bench: what it ran on.
        tally: what its examples did.
        examples: how many it was to run.
        seconds: how long it took.
        program: the printed program of the smallest failing example.
    """
    coverage = Coverage(
        faults=tuple(sorted(tally.faults.items())), allowed=tuple(sorted(bench.that_must_fire(bench.stateful_kinds()))),
        crash_points=len(tally.crashed), effects=len(tally.points), outcomes=tuple(sorted(map(str, tally.outcomes))),
    )  # fmt: skip
    missing = never_fired(coverage) if tally.violation is None else []
    verdict, reasons = conclude(violated=tally.violation is not None, complete=tally.runs > 0, findings=missing)
    scope: Any = tally.scope or bench.scope
    return Result(
        "stateful", scope, verdict, reasons, f"{examples} drawn workloads", tally.runs, tally.runs, tally.effects,
        len(tally.keys), seconds, coverage, tally.violation, tuple(tally.schedule),
        tuple(p.id for p in bench.properties if tally.violation is None or p.id != tally.violation.property),
        {"program": list(program)},
    )  # fmt: skip
