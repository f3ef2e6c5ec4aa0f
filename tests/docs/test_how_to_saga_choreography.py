"""The code on the page about choreographed services is right, of another design than the reference, and passes."""

import pytest
from pages import adapter_of, blocks, how_to, length, verdict_of

from acidtest.properties.saga_choreography.contract import SCOPES, SagaChoreographyContract
from acidtest.search.verdict import Verdict

CODE, ADAPTER = blocks(how_to("check-saga-choreography"), "python")
QUICK = [scope for scope in SCOPES if scope.name in ("invalid requests", "cancelled", "two processes", "side by side", "out of order")]


@pytest.fixture
def adapter(monkeypatch):
    """The class of the page."""
    return adapter_of(monkeypatch, "shop", CODE, ADAPTER)


@pytest.mark.parametrize("scope", QUICK, ids=[scope.name for scope in QUICK])
def test_the_code_of_the_page_passes(adapter, scope):
    assert verdict_of(SagaChoreographyContract(), adapter, scope) == Verdict.PASS


def test_the_adapter_is_as_short_as_the_pages_say():
    assert length(ADAPTER) < 40
