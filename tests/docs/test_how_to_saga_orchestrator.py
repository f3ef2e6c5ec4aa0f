"""The code on the page about orchestrators is right, of another design than the reference, and passes."""

import pytest
from pages import adapter_of, blocks, how_to, length, verdict_of

from acidtest.properties.saga_orchestration.contract import SCOPES, SagaOrchestrationContract
from acidtest.search.check import check_scope
from acidtest.search.harness import Harness
from acidtest.search.stateful import check_statefully
from acidtest.search.verdict import Verdict

CODE, ADAPTER = blocks(how_to("check-saga-orchestrator"), "python")
#: The line that guards the cursor of the page's code, and the same without the guard.
GUARDED = 'WHERE id = ? AND state = ? AND step = ?", values)'
UNGUARDED = 'WHERE id = ?", values[:3])'


def adapter(monkeypatch, code=CODE):
    """The class of the page."""
    return adapter_of(monkeypatch, "fulfilment", code, ADAPTER)


@pytest.mark.parametrize("scope", SCOPES[:6], ids=[scope.name for scope in SCOPES[:6]])
def test_the_code_of_the_page_passes(monkeypatch, scope):
    assert verdict_of(SagaOrchestrationContract(), adapter(monkeypatch), scope) == Verdict.PASS


def test_the_code_of_the_page_passes_the_stateful_search(monkeypatch):
    harness, result = check_statefully(SagaOrchestrationContract(), adapter(monkeypatch), examples=60, seed=1)
    harness.close()
    assert result.violation is None


def test_the_code_of_the_page_without_its_guard_is_found_out(monkeypatch):
    assert GUARDED in CODE
    factory = adapter(monkeypatch, CODE.replace(GUARDED, UNGUARDED))
    harness = Harness(SagaOrchestrationContract(), factory)
    try:
        verdicts = [check_scope(harness, scope).verdict for scope in SCOPES]
    finally:
        harness.close()
    assert Verdict.FAIL in verdicts


def test_the_adapter_is_as_short_as_the_pages_say():
    assert length(ADAPTER) < 40
