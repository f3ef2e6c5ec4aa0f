"""The code on the page about orchestrators is right, of another design than the reference, and passes."""

import re
import sys
import types
from pathlib import Path

import pytest

from acidtest.properties.saga_orchestration.contract import SCOPES, SagaOrchestrationContract
from acidtest.search.check import check_scope
from acidtest.search.harness import Harness
from acidtest.search.stateful import check_statefully
from acidtest.search.verdict import Verdict

PAGE = Path(__file__).parents[2] / "docs/how-to/check-saga-orchestrator.md"
CODE, ADAPTER = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
#: The line that guards the cursor of the page's code, and the same without the guard.
GUARDED = 'WHERE id = ? AND state = ? AND step = ?", values)'
UNGUARDED = 'WHERE id = ?", values[:3])'


def adapter(monkeypatch, code=CODE):
    """The class of the page."""
    fulfilment, test = types.ModuleType("fulfilment"), types.ModuleType("test_fulfilment")
    monkeypatch.setitem(sys.modules, "fulfilment", fulfilment)
    exec(code, fulfilment.__dict__)  # noqa: S102 - the page's own code
    exec(ADAPTER, test.__dict__)  # noqa: S102
    return test.FulfilmentAdapter


@pytest.mark.parametrize("scope", SCOPES[:6], ids=[scope.name for scope in SCOPES[:6]])
def test_the_code_of_the_page_passes(monkeypatch, scope):
    harness = Harness(SagaOrchestrationContract(), adapter(monkeypatch))
    try:
        assert check_scope(harness, scope).verdict == Verdict.PASS
    finally:
        harness.close()


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
    assert len([line for line in ADAPTER.splitlines() if line]) < 40
