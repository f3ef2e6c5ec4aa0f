"""The exhaustive search: first the schedules with the fewest faults, every one of a scope, and never more than was asked."""

import itertools
from dataclasses import replace

import pytest

from acidtest.errors import NondeterminismError
from acidtest.impl.outbox import Outbox
from acidtest.properties.outbox.contract import OutboxContract
from acidtest.search.check import check_scope, find_scope
from acidtest.search.exhaustive import Explorer
from acidtest.search.harness import Harness
from acidtest.search.verdict import Verdict

CONTRACT = OutboxContract()
SMALL = find_scope(CONTRACT, "one withdrawal")


@pytest.fixture
def harness():
    made = Harness(CONTRACT, Outbox)
    yield made
    made.close()


def test_two_searches_of_one_scope_do_exactly_the_same(harness):
    one, other = Explorer(harness, SMALL).explore(), Explorer(harness, SMALL).explore()
    assert (one.schedules, one.runs, one.effects, one.finals) == (other.schedules, other.runs, other.effects, other.finals)
    assert one.complete


def test_every_fault_kind_in_the_budget_fires(harness):
    search = Explorer(harness, SMALL).explore()
    assert {kind for kind, count in search.fired.items() if count} == set(SMALL.kinds)


def test_without_a_budget_of_faults_there_is_none(harness):
    search = Explorer(harness, replace(SMALL, faults=0)).explore()
    assert search.fired == {}
    assert search.complete


def test_a_larger_budget_of_faults_reaches_more_endings(harness):
    none = Explorer(harness, replace(SMALL, faults=0)).explore()
    one = Explorer(harness, SMALL).explore()
    assert len(none.finals) < len(one.finals)


def test_time_that_runs_out_is_inconclusive_and_says_what_was_completed(harness):
    result = check_scope(harness, find_scope(CONTRACT, "two withdrawals"), seconds=0.01)
    assert result.verdict == Verdict.INCONCLUSIVE
    assert result.reasons
    assert "no schedule completely" in result.bound or "at most 0 faults" in result.bound


def test_the_first_counterexample_has_no_fault_where_none_is_needed():
    class PublishesTwice(Outbox):
        def _publish(self, row):
            super()._publish(row)
            super()._publish(row)

    harness = Harness(CONTRACT, PublishesTwice)
    try:
        result = check_scope(harness, SMALL)
    finally:
        harness.close()
    assert result.violation.property == "OB5"
    assert not any(decision.fault for decision in result.schedule)
    assert all(decision.kind != "crash" for decision in result.schedule)


def test_code_that_is_not_deterministic_is_reported_as_such():
    outliving = itertools.count()

    class Random(Outbox):
        def _enqueue(self, connection, key, account, amount):
            super()._enqueue(connection, f"{key}-{next(outliving)}", account, amount)

    harness = Harness(CONTRACT, Random)
    try:
        with pytest.raises(NondeterminismError, match="outlives a process"):
            check_scope(harness, SMALL)
    finally:
        harness.close()


def test_coverage_has_denominators(harness):
    coverage = check_scope(harness, SMALL).coverage
    assert 0 < coverage.states <= coverage.reachable
    assert 0 < coverage.actions <= coverage.all_actions
    assert 0 < coverage.crash_points <= coverage.effects
    assert set(coverage.allowed) == set(SMALL.kinds)
