"""Every reference implementation passes every scope of its contract, completely."""

import pytest

from acidtest.patterns import coded
from acidtest.search.check import check_scope
from acidtest.search.harness import Harness
from acidtest.search.verdict import Verdict

CASES = [(entry, scope) for entry in coded() for scope in entry.contract_class().scopes]


@pytest.mark.parametrize(("entry", "scope"), CASES, ids=[f"{entry.stem}-{scope.name}" for entry, scope in CASES])
def test_the_reference_passes_a_scope_completely(entry, scope):
    harness = Harness(entry.contract_class()(), entry.reference_factory())
    try:
        result = check_scope(harness, scope)
    finally:
        harness.close()
    assert result.violation is None
    assert result.reasons == ()
    assert result.verdict == Verdict.PASS
