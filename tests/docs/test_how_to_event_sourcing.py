"""The code on the page about event-sourced accounts is right, of another design than the reference, and passes."""

import pytest
from pages import adapter_of, blocks, how_to, length, verdict_of

from acidtest.properties.event_sourcing.contract import SCOPES, EventSourcingContract
from acidtest.search.check import check_scope, find_scope
from acidtest.search.harness import Harness
from acidtest.search.verdict import Verdict

CODE, ADAPTER = blocks(how_to("check-event-sourcing"), "python")


@pytest.mark.parametrize("scope", SCOPES, ids=[scope.name for scope in SCOPES])
def test_the_code_of_the_page_passes(monkeypatch, scope):
    assert verdict_of(EventSourcingContract(), adapter_of(monkeypatch, "wallets", CODE, ADAPTER), scope) == Verdict.PASS


@pytest.mark.parametrize(
    ("right", "wrong", "scope", "found"),
    [
        ("raise Unheard(fact.kind)", "return wallet._replace(facts=fact.number)", "newer release", "ES5"),
        ("continue  # somebody", "return True  # somebody", "two withdrawals", "G4"),
    ],
    ids=["unknown facts are skipped", "a conflict is taken for success"],
)  # fmt: skip
def test_a_bug_in_it_is_found(monkeypatch, right, wrong, scope, found):
    assert right in CODE
    harness = Harness(EventSourcingContract(), adapter_of(monkeypatch, "wallets", CODE.replace(right, wrong), ADAPTER))
    try:
        result = check_scope(harness, find_scope(EventSourcingContract(), scope))
    finally:
        harness.close()
    assert result.violation.property == found


def test_the_adapter_is_as_short_as_the_pages_say():
    assert length(ADAPTER) < 40
