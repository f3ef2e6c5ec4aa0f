"""The code on the page about compensating transactions is right, of another design than the reference, and passes."""

import pytest
from pages import adapter_of, blocks, how_to, length, verdict_of

from acidtest.properties.compensation.contract import SCOPES, CompensationContract
from acidtest.search.verdict import Verdict

CODE, ADAPTER = blocks(how_to("check-compensation"), "python")


@pytest.fixture
def adapter(monkeypatch):
    """The class of the page."""
    return adapter_of(monkeypatch, "wallet", CODE, ADAPTER)


@pytest.mark.parametrize("scope", SCOPES, ids=[scope.name for scope in SCOPES])
def test_the_code_of_the_page_passes(adapter, scope):
    assert verdict_of(CompensationContract(), adapter, scope) == Verdict.PASS


def test_the_adapter_is_as_short_as_the_pages_say():
    assert length(ADAPTER) < 40
