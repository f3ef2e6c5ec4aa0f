"""The code on the page about chains is right, of another design than the reference, and passes, also where it does not say what it owes."""

import pytest
from pages import adapter_of, blocks, how_to, length, verdict_of

from acidtest.properties.outbox_inbox.contract import SCOPES, OutboxInboxContract
from acidtest.search.verdict import Verdict

CODE, ADAPTER = blocks(how_to("check-outbox-inbox"), "python")
QUICK = [
    scope for scope in SCOPES
    if scope.name in ("invalid requests", "same key", "equal transfers", "out of order", "before the relay", "outage", "late relays", "forty days")
]  # fmt: skip


@pytest.fixture
def adapter(monkeypatch):
    """The class of the page."""
    return adapter_of(monkeypatch, "branch", CODE, ADAPTER)


@pytest.mark.parametrize("scope", QUICK, ids=[scope.name for scope in QUICK])
def test_the_code_of_the_page_passes(adapter, scope):
    assert verdict_of(OutboxInboxContract(), adapter, scope) == Verdict.PASS


def test_the_code_passes_without_saying_what_it_owes(adapter):
    del adapter.owed
    scope = next(scope for scope in SCOPES if scope.name == "before the relay")
    assert verdict_of(OutboxInboxContract(), adapter, scope) == Verdict.PASS


def test_the_adapter_is_as_short_as_the_pages_say():
    assert length(ADAPTER) < 40
