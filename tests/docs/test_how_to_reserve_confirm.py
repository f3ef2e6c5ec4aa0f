"""The code on the page about reserve/confirm is right, of another design than the reference, and passes."""

import pytest
from pages import adapter_of, blocks, how_to, length, verdict_of

from acidtest.properties.reserve_confirm.contract import ReserveConfirmContract
from acidtest.search.check import find_scope
from acidtest.search.verdict import Verdict

CODE, ADAPTER = blocks(how_to("check-reserve-confirm"), "python")


@pytest.fixture
def adapter(monkeypatch):
    """The class of the page."""
    return adapter_of(monkeypatch, "bank", CODE, ADAPTER)


@pytest.mark.parametrize("scope", ["invalid requests", "callbacks alone", "statement"])
def test_the_code_of_the_page_passes(adapter, scope):
    contract = ReserveConfirmContract()
    assert verdict_of(contract, adapter, find_scope(contract, scope)) == Verdict.PASS


def test_the_adapter_is_short():
    assert length(ADAPTER) < 50
