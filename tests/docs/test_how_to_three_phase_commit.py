"""The code on the page about three-phase commit is right, of another design than the reference, and passes; with a rule left out it does not."""

import pytest
from pages import adapter_of, blocks, how_to, length, verdict_of

from acidtest.properties.three_phase_commit.contract import SCOPES, ThreePhaseCommitContract
from acidtest.search.verdict import Verdict

CODE, ADAPTER = blocks(how_to("check-three-phase-commit"), "python")
QUICK = [scope for scope in SCOPES if scope.name in ("three sites", "the last unit", "keys", "delay")]
#: A rule of the page, and what is left where it is left out.
RULE, WITHOUT = '"states" and states == {"waiting"}', '"states" and "waiting" in states'


@pytest.fixture
def adapter(monkeypatch):
    """The class of the page."""
    return adapter_of(monkeypatch, "office", CODE, ADAPTER)


@pytest.mark.parametrize("scope", QUICK, ids=[scope.name for scope in QUICK])
def test_the_code_of_the_page_passes(adapter, scope):
    assert verdict_of(ThreePhaseCommitContract(), adapter, scope) == Verdict.PASS


def test_a_leader_that_lets_the_waiting_outvote_the_precommitted_fails(monkeypatch):
    assert RULE in CODE
    adapter = adapter_of(monkeypatch, "office", CODE.replace(RULE, WITHOUT), ADAPTER)
    scope = next(scope for scope in SCOPES if scope.name == "four sites")
    assert verdict_of(ThreePhaseCommitContract(), adapter, scope) == Verdict.FAIL


def test_the_adapter_is_as_short_as_the_pages_say():
    assert length(ADAPTER) < 40
