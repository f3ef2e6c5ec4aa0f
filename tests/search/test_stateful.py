"""The stateful search: what a plan does to a run, what is drawn, and that it finds what it used to miss."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, groupby
from typing import TYPE_CHECKING, Any

import pytest
import tiny_contract as tiny
from hypothesis import HealthCheck, Phase, settings
from hypothesis.database import InMemoryExampleDatabase
from tiny_contract import Tiny, add, alone, scope

from acidtest.patterns import coded, pattern
from acidtest.search.harness import Harness
from acidtest.search.planned import LATE_EFFECT, NEXT, Plan, PlannedRun
from acidtest.search.stateful import STEPS, Violated, check_statefully, machine_for, run_machine
from acidtest.workload import Operation

if TYPE_CHECKING:
    from acidtest.impl.broken import Mutant
    from acidtest.patterns import Pattern

EVERY = pytest.mark.parametrize("entry", coded(), ids=lambda entry: entry.stem)


def follow(plan: Plan, *names: str, kinds: tuple[str, ...] = ()) -> tuple[PlannedRun, list[str]]:
    """Run clients by a plan, who add something, or, if names are given, read; the course, and who went on, in order."""
    harness = Harness(tiny.TinyContract(), Tiny)
    readers = [alone(name, *(Operation(f"{name} {i}", "total") for i in range(3))) for name in names]
    try:
        harness.prepare(scope(*(readers or (alone(name, add(f"of {name}", 1)) for name in "ab")), faults=2, kinds=kinds))
        course = PlannedRun(harness, plan)
        course.follow()
        course.run.close()
    finally:
        harness.close()
    return course, [key for key, _ in groupby(d.target if d.kind == "advance" else d.kind for d in course.schedule)]


def test_without_a_plan_one_client_finishes_before_the_next_begins() -> None:
    course, went_on = follow(Plan())
    assert went_on == ["a", "b"]
    assert course.occasions.effects == len(course.schedule)


def test_a_switch_lets_another_client_go_on_and_the_first_comes_again_when_that_has_finished() -> None:
    assert follow(Plan(switches=((1, "b"),)), "a", "b")[1] == ["a", "b", "a"]


def test_a_client_that_was_left_comes_again_after_all_that_follow_it() -> None:
    assert follow(Plan(switches=((1, "b"),)), "a", "b", "c")[1] == ["a", "b", "c", "a"]


def test_a_switch_to_the_next_goes_round() -> None:
    assert follow(Plan(switches=((1, NEXT), (1, NEXT), (1, NEXT))), "a", "b", "c")[1] == ["a", "b", "c", "a", "b", "c"]


def test_a_second_switch_comes_back_earlier() -> None:
    assert follow(Plan(switches=((1, "b"), (1, "a"))), "a", "b", "c")[1] == ["a", "b", "a", "b", "c"]


def test_there_is_no_occasion_to_switch_after_the_last() -> None:
    occasions = follow(Plan())[0].occasions.switches
    assert occasions > 0
    assert follow(Plan(switches=((occasions + 1, "b"),)))[1] == ["a", "b"]


def test_a_fault_befalls_the_occasion_that_is_planned_and_no_other() -> None:
    course, _ = follow(Plan(faults=((2, "unacknowledged"),)), kinds=("unacknowledged",))
    assert [d.target for d in course.schedule if d.fault] == ["b"]
    assert course.occasions.faults == {"unacknowledged": 2}


def test_what_is_late_takes_effect_when_that_is_planned() -> None:
    late = Plan(faults=((1, "late"),))
    assert follow(late, kinds=("late",))[1] == ["a", "b", "land", "b"]  # the other one waits for the lock
    assert follow(late._replace(switches=((2, LATE_EFFECT),)), kinds=("late",))[1] == ["a", "land", "b"]


def test_what_was_seen_before_others_accounts_were_opened_is_not_remembered() -> None:
    """Contents are numbered as they are first seen, and other accounts begin anew."""
    harness = Harness(tiny.TinyContract(), Tiny)
    two, one = scope(alone("a", add("w1", 1), add("w2", 2))), scope(alone("a", add("w3", 4)))
    totals = []
    for workload in (one, two, replace(one, accounts=(("B", 7),)), two, one):
        harness.prepare_again(workload)
        course = PlannedRun(harness, Plan())
        course.follow()
        totals.append([course.run.view.total, course.run.violation])
        course.run.close()
    harness.close()
    assert totals == [[total, None] for total in (4, 3, 4, 3, 4)]


def test_time_jumps_where_that_is_planned() -> None:
    course, _ = follow(Plan(changes=((3, "jump", 60.0),)))
    assert [d.kind for d in course.schedule].index("jump") == 3


@EVERY
def test_every_workload_has_a_name_of_its_own_and_the_same_accounts(entry: Pattern) -> None:
    workloads = {workload for row in entry.contract_class().stateful_workloads() for workload in row}
    assert len({workload.name for workload in workloads}) == len(workloads)
    assert len({workload.accounts for workload in workloads}) == 1


@pytest.mark.parametrize("entry", [entry for entry in coded() if hasattr(entry.contract_class(), "requests")], ids=lambda entry: entry.stem)
def test_the_requests_of_a_workload_can_be_told_apart_by_what_they_do_to_balances(entry: Pattern) -> None:
    contract: Any = entry.contract_class()()
    for workload in {workload for row in contract.stateful_workloads() for workload in row if not workload.serial and not workload.systems}:
        known = {name for name, _ in workload.accounts}
        changes = {r.ask: tuple(sorted(c for c in r.deltas if c[0] in known)) for r in contract.requests(workload) if r.valid}
        alike = [pair for pair in combinations(changes.items(), 2) if pair[0][1] == pair[1][1] != ()]
        assert all(one[0] == other[0] for (one, _), (other, _) in alike), workload.name


def run(machine: Any, examples: int, database: InMemoryExampleDatabase) -> None:
    """As pytest would."""
    phases = [Phase.reuse, Phase.generate]
    run_machine(
        machine,
        settings(
            max_examples=examples, stateful_step_count=STEPS, deadline=None, database=database, phases=phases,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


def test_what_the_first_workloads_find_is_kept_and_tried_first_the_next_time() -> None:
    entry, database = pattern("compensation"), InMemoryExampleDatabase()
    factory = next(mutant.factory for mutant in entry.mutants() if mutant.name == "last-unit-kept")
    runs = []
    for examples in (20, 1):  # of one example, the simplest workload, nothing would come
        machine = machine_for(entry.contract_class()(), factory)
        with pytest.raises(Violated):
            run(machine, examples, database)
        runs.append(machine.tally.runs)
        machine.harness.close()
    assert runs[1] < runs[0]
    assert runs[1] <= 4


def test_no_plan_runs_twice() -> None:
    entry = pattern("acid")
    machine = machine_for(entry.contract_class()(), entry.reference_factory())
    try:
        run(machine, 12, InMemoryExampleDatabase())
    finally:
        machine.harness.close()
    assert machine.tally.runs == len(machine.tally.passed)


#: Bugs that a search by one rule per step, or of workloads drawn request by request, missed in most seeds: what is refused
#: and asked for again, the last unit, five attempts in vain, a batch full of what is refused, two replies that are lost,
#: two executors that overtake each other.
MISSED = [
    ("compensation", "last-unit-kept"),
    ("compensation", "rejection-forgotten (X3)"),
    ("compensation", "rmw-lost-update"),
    ("tcc", "funds-checked-before"),
    ("tcc", "hold-not-deducted-from-available"),
    ("reserve_confirm", "refused-is-final"),
    ("reserve_confirm", "void-not-confirmed"),
    ("outbox", "failed-is-terminal"),
    ("outbox", "poison-starves"),
    ("outbox", "drop-empty-payload"),
    ("saga_orchestration", "cursor-compares-direction-only"),
    ("saga_choreography", "cancel-before-create-dropped"),
]

#: Hypothesis draws what constants of loaded modules suggest, too, so what a seed comes to depends on the tests before it; the hardest
#: of these is missed by one search in some twenty.
SEEDS = (1, 2, 3)


@pytest.mark.parametrize(("stem", "name"), MISSED, ids=[f"{stem}-{name}" for stem, name in MISSED])
def test_what_used_to_be_missed_is_found(stem: str, name: str) -> None:
    entry = pattern(stem)
    mutant = next(mutant for mutant in entry.mutants() if mutant.name == name)
    assert any(violated(entry, mutant, seed) for seed in SEEDS)


def violated(entry: Pattern, mutant: Mutant, seed: int) -> bool:
    harness, result = check_statefully(entry.contract_class()(), mutant.factory, seed=seed, shrink=False)
    harness.close()
    return result.violation is not None
