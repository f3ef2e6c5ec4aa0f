"""What the search leaves out loses nothing where sites talk by messages: what all of them end with is the same without its reductions."""

from acidtest.impl.three_phase_commit import Site
from acidtest.properties.three_phase_commit.contract import ThreePhaseCommitContract
from acidtest.search.check import find_scope
from acidtest.search.exhaustive import Explorer
from acidtest.search.harness import Harness


def endings(*, reduced):
    """The states and balances with which sites can end that may give each other up too early."""
    contract = ThreePhaseCommitContract()
    harness = Harness(contract, Site)
    try:
        search = Explorer(harness, find_scope(contract, "delay"), seconds=60, reduced=reduced).explore()
    finally:
        harness.close()
    assert search.complete
    return {(view.states, view.balances, view.broken) for view, _ in search.finals}


def test_what_a_site_does_goes_on_to_its_end_without_a_difference():
    assert endings(reduced=True) == endings(reduced=False)
