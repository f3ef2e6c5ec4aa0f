"""The naive versions show their defects, each with a schedule of its own."""

import pytest

from acidtest.patterns import coded
from acidtest.search.check import check_scope, find_scope
from acidtest.search.harness import Harness

CASES = [(entry, defect) for entry in coded() for defect in entry.defects()]


@pytest.mark.parametrize(("entry", "defect"), CASES, ids=[f"{entry.stem}-{defect.id}" for entry, defect in CASES])
def test_a_defect_of_the_naive_version_shows_in_its_scope(entry, defect):
    contract = entry.contract_class()()
    harness = Harness(contract, defect.factory)
    try:
        result = check_scope(harness, find_scope(contract, defect.scope), only=frozenset(defect.violates))
    finally:
        harness.close()
    assert result.violation is not None
    assert result.violation.property in defect.violates


@pytest.mark.parametrize("entry", coded(), ids=lambda entry: entry.stem)
def test_defects_that_do_not_show_are_listed_with_a_reason(entry):
    assert all(len(reason) > 20 for reason in entry.hidden_defects().values())
    assert not set(entry.hidden_defects()) & {defect.id for defect in entry.defects()}
