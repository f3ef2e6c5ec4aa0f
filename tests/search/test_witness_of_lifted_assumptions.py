"""What cannot hold where a scope lifts an assumption is shown by a schedule, and is no failure."""

import pytest

from acidtest.errors import UsageError
from acidtest.impl.acid import Transfers
from acidtest.impl.three_phase_commit import Site
from acidtest.properties.acid.contract import AcidContract
from acidtest.properties.three_phase_commit.contract import ThreePhaseCommitContract
from acidtest.report.witnesses import tell_witnesses
from acidtest.search.check import check_scope, find_scope
from acidtest.search.harness import Harness
from acidtest.search.verdict import Verdict
from acidtest.search.witness import witnesses


@pytest.fixture(scope="module")
def harness():
    """The reference, among sites."""
    made = Harness(ThreePhaseCommitContract(), Site)
    yield made
    made.close()


def test_sites_that_may_be_late_end_differently_and_the_scope_passes(harness):
    scope = find_scope(harness.contract, "delay")
    (found,) = witnesses(harness, scope, "Site")
    assert (found.property_id, found.scope["name"]) == ("N2", "delay")
    assert {name: text for name, _, text in found.difference}["broken"] == "bounded delay"
    assert check_scope(harness, scope).verdict == Verdict.PASS


def test_where_every_assumption_holds_nothing_is_looked_for(harness):
    assert list(witnesses(harness, find_scope(harness.contract, "keys"), "Site")) == []


def test_a_pattern_without_such_scopes_is_told_which_have_them():
    with pytest.raises(UsageError, match="Known: three_phase_commit"):
        tell_witnesses(AcidContract(), Transfers, "Transfers", print)
