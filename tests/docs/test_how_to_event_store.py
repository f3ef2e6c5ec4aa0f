"""The code on the page about event stores is right, of another design than the reference, and passes; also where positions are hard."""

import pytest
from pages import adapter_of, blocks, how_to, length, verdict_of

from acidtest.properties.event_store.contract import SCOPES, EventStoreContract
from acidtest.search.check import check_scope, find_scope
from acidtest.search.harness import Harness
from acidtest.search.verdict import Verdict

CODE, ADAPTER = blocks(how_to("check-event-store"), "python")
WITHOUT_LOCK = CODE.replace('            self.wait(session, "pg_advisory_xact_lock")\n', "")


@pytest.mark.parametrize("scope", SCOPES[:6], ids=[scope.name for scope in SCOPES[:6]])
def test_the_code_of_the_page_passes(monkeypatch, scope):
    assert verdict_of(EventStoreContract(), adapter_of(monkeypatch, "journal", CODE, ADAPTER), scope) == Verdict.PASS


@pytest.mark.usefixtures("postgresql")
@pytest.mark.parametrize(("code", "found"), [(CODE, None), (WITHOUT_LOCK, "ES8")], ids=["the page's", "without the lock"])
def test_readers_wait_for_writers_where_several_write(monkeypatch, code, found):
    assert WITHOUT_LOCK != CODE
    harness = Harness(EventStoreContract(), adapter_of(monkeypatch, "journal", code, ADAPTER), "postgresql")
    try:
        result = check_scope(harness, find_scope(EventStoreContract(), "two streams"), seconds=4)
    finally:
        harness.close()
    assert (result.violation.property if result.violation else None) == found


def test_the_adapter_is_as_short_as_the_pages_say():
    assert length(ADAPTER) < 40
