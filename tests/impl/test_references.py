"""Every reference implementation passes every scope of its contract, completely."""

import pytest

from acidtest.patterns import coded
from acidtest.search.bench import Bench
from acidtest.search.check import check_scope
from acidtest.search.verdict import Verdict

CASES = [(entry, scope) for entry in coded() for scope in entry.contract_class().scopes]


@pytest.mark.parametrize(("entry", "scope"), CASES, ids=[f"{entry.stem}-{scope.name}" for entry, scope in CASES])
def test_the_reference_passes_a_scope_completely(entry, scope):
    bench = Bench(entry.contract_class()(), entry.reference_factory())
    try:
        result = check_scope(bench, scope)
    finally:
        bench.close()
    assert result.violation is None
    assert result.reasons == ()
    assert result.verdict == Verdict.PASS
