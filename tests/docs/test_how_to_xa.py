"""The code on the page about XA is right, of another design than the reference, and passes; without a line of it, it does not."""

import pytest
from pages import adapter_of, blocks, how_to, length, verdict_of

from acidtest.properties.xa.contract import XaContract
from acidtest.properties.xa.scopes import SCOPES
from acidtest.search.check import check_scope, find_scope
from acidtest.search.harness import Harness
from acidtest.search.verdict import Verdict

CODE, ADAPTER = blocks(how_to("check-xa"), "python")
CHEAP = [scope for scope in SCOPES if scope.name in ("lost replies", "decided alone", "refused for good", "one phase", "crash in recovery")]


@pytest.mark.parametrize("scope", CHEAP, ids=[scope.name for scope in CHEAP])
def test_the_code_of_the_page_passes(monkeypatch, scope):
    assert verdict_of(XaContract(), adapter_of(monkeypatch, "desk", CODE, ADAPTER), scope) == Verdict.PASS


def test_whoever_does_not_ask_what_was_decided_alone_tells_what_is_not_so(monkeypatch):
    code = CODE.replace('if self.read("SELECT kind FROM surprise WHERE key = ?", key):', "if False:")
    assert code != CODE
    harness = Harness(XaContract(), adapter_of(monkeypatch, "desk", code, ADAPTER))
    try:
        result = check_scope(harness, find_scope(XaContract(), "decided alone"))
    finally:
        harness.close()
    assert result.violation.property == "XA7"


def test_the_adapter_is_as_short_as_the_pages_say():
    assert length(ADAPTER) < 40
