"""The saga's reference on PostgreSQL: several processes, row locks, and the same verdicts."""

import pytest

from acidtest.impl.broken.saga_orchestration.keys import ConflictEscapes
from acidtest.impl.broken.saga_orchestration.recovery import ComparesNothing
from acidtest.patterns import pattern
from acidtest.search.check import check_scope, find_scope
from acidtest.search.harness import Harness
from acidtest.search.stateful import check_statefully
from acidtest.search.verdict import Verdict

ENTRY = pattern("saga_orchestration")

pytestmark = pytest.mark.usefixtures("postgresql")


def explored(factory, scope, seconds=None):
    contract = ENTRY.contract_class()()
    harness = Harness(contract, factory, "postgresql")
    try:
        return check_scope(harness, find_scope(contract, scope), seconds=seconds)
    finally:
        harness.close()


@pytest.mark.parametrize("scope", ["invalid requests", "late answers"])
def test_the_reference_passes_a_scope_completely(scope):
    result = explored(ENTRY.reference_factory(), scope)
    assert (result.violation, result.reasons, result.verdict) == (None, (), Verdict.PASS)


@pytest.mark.parametrize("scope", ["two executors", "side by side"])
def test_nothing_is_found_in_a_larger_scope_in_a_few_seconds(scope):
    assert explored(ENTRY.reference_factory(), scope, seconds=1.5).violation is None


@pytest.mark.parametrize(
    ("mutant", "scope", "found"),
    [(ComparesNothing, "late answers", {"S6", "S10"}), (ConflictEscapes, "invalid requests", {"G9", "MODEL"})],
    ids=["compares nothing", "conflict escapes"],
)
def test_what_is_wrong_is_found_there_as_well(mutant, scope, found):
    result = explored(mutant, scope)
    assert result.violation is not None
    assert result.violation.property in found


def test_the_stateful_search_runs_there_as_well():
    harness, result = check_statefully(ENTRY.contract_class()(), ENTRY.reference_factory(), examples=5, seed=1, backend="postgresql")
    harness.close()
    assert result.violation is None
