"""The code on the page about CQRS is right, of another design than the reference, and passes."""

import pytest
from pages import adapter_of, blocks, how_to, length, verdict_of

from acidtest.properties.cqrs.contract import SCOPES, CqrsContract
from acidtest.search.verdict import Verdict

CODE, ADAPTER = blocks(how_to("check-cqrs"), "python")


@pytest.fixture
def adapter(monkeypatch):
    """The class of the page."""
    return adapter_of(monkeypatch, "statements", CODE, ADAPTER)


@pytest.mark.parametrize("scope", SCOPES, ids=[scope.name for scope in SCOPES])
def test_the_code_of_the_page_passes(adapter, scope):
    assert verdict_of(CqrsContract(), adapter, scope) == Verdict.PASS


def test_a_cache_whose_keys_have_no_versions_is_found_to_be_stale(monkeypatch):
    stale = CODE.replace('f"{account} as of {row[0]}"', "account").replace('f"{account} as of {version}"', "account")
    assert stale != CODE
    found = adapter_of(monkeypatch, "statements", stale, ADAPTER)
    scope = next(scope for scope in SCOPES if scope.name == "rebuild that dies")
    assert verdict_of(CqrsContract(), found, scope) == Verdict.FAIL


def test_the_adapter_is_as_short_as_the_pages_say():
    assert length(ADAPTER) < 40
