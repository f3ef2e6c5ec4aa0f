"""The code on the page about coordinators of TCC is right, of another design than the reference, and passes."""

import pytest
from pages import adapter_of, blocks, how_to, length, verdict_of

from acidtest.properties.tcc_coordinator.contract import SCOPES, TccCoordinatorContract
from acidtest.search.verdict import Verdict

CODE, ADAPTER = blocks(how_to("check-tcc-coordinator"), "python")


@pytest.fixture
def adapter(monkeypatch):
    """The class of the page."""
    return adapter_of(monkeypatch, "trips", CODE, ADAPTER)


@pytest.mark.parametrize("scope", SCOPES[:6], ids=[scope.name for scope in SCOPES[:6]])
def test_the_code_of_the_page_passes(adapter, scope):
    assert verdict_of(TccCoordinatorContract(), adapter, scope) == Verdict.PASS


def test_the_adapter_is_as_short_as_the_pages_say():
    assert length(ADAPTER) < 40
