"""Two-phase commit with crashes: what it guarantees, what it cannot, and what breaks it."""

from __future__ import annotations

import pytest

from acidtest.checker.check import Trace, check, reachable
from acidtest.checker.machine import Action, Kind
from acidtest.models.shared.atomic_commitment import ABORTED, AC1, AC5, COMMITTED, G6, PREPARED
from acidtest.models.shared.atomic_commitment import properties as commitment_properties
from acidtest.models.two_phase_commit.crashes import N1, N2, N3, N3_OTHERWISE, TwoPhaseCrash

PROPERTIES = (*commitment_properties(), N1, N2)


def local_history(trace: Trace, rm: int) -> list[str]:
    """List what participant `rm` did in a run."""
    actions = (action for action in trace.actions if action is not None)
    return [action.name for action in actions if action.name.startswith("RM") and action.args == (rm,)]


def verdicts(model: TwoPhaseCrash) -> dict[str, str]:
    """Check everything that is claimed of two-phase commit, by id."""
    return {finding.property.id: finding.verdict for finding in check(model, PROPERTIES).findings}


def test_without_faults_everything_holds_and_nobody_blocks() -> None:
    """N1 needs a crash; N2 does not."""
    found = verdicts(TwoPhaseCrash(2, crashes=0))
    assert found.pop("N1") == "unreached"
    assert set(found.values()) == {"holds", "reached"}


@pytest.mark.parametrize(("n", "crashes"), [(2, 1), (2, 2), (3, 1)])
def test_with_crashes_and_recovery_agreement_holds_and_every_branch_is_decided(n: int, crashes: int) -> None:
    """AC1 always, AC5 and G6 at rest, wherever the crashes fall."""
    assert verdicts(TwoPhaseCrash(n, crashes)) == {
        "AC1": "holds",
        "AC2": "holds",
        "AC3": "holds",
        "AC4": "reached",
        "AC5": "holds",
        "G6": "holds",
        "N1": "reached",
        "N2": "reached",
    }


def test_rest_is_reached_in_more_than_one_way_so_that_its_properties_mean_something() -> None:
    """Both outcomes occur at rest."""
    model = TwoPhaseCrash(2)
    outcomes = {model.view(state).participants for state in reachable(model).states if model.at_rest(state)}
    assert outcomes == {(COMMITTED, COMMITTED), (ABORTED, ABORTED)}


def test_every_action_of_the_model_with_crashes_fires() -> None:
    """A model that cannot crash would prove nothing about crashes."""
    assert all(check(TwoPhaseCrash(2)).fired.values())


def test_a_coordinator_that_never_comes_back_blocks_participants_for_ever() -> None:
    """N1: agreement survives, termination does not."""
    exploration = check(TwoPhaseCrash(2, recovery=False), [AC1, AC5, G6, N1])
    assert [finding.verdict for finding in exploration.findings] == [
        "holds",
        "violated",
        "violated",
        "reached",
    ]


def test_once_blocked_nothing_but_a_crash_can_happen() -> None:
    """Participants that restart learn nothing either (N3: there is no independent recovery)."""
    model = TwoPhaseCrash(2, crashes=2, recovery=False)
    blocked = [state for state in reachable(model).states if N1.predicate(model.view(state))]
    assert any(model.at_rest(state) for state in blocked)
    following = {
        model.view(target).participants for state in blocked for _, target in model.successors(state)
    }
    assert following == {(PREPARED, PREPARED)}


@pytest.mark.parametrize("n", [2, 3])
def test_blocked_participants_cannot_know_what_was_decided(n: int) -> None:
    """Skeen's argument: two runs, the same local histories, different decisions in the coordinator's log."""
    committed, aborted = (finding.trace for finding in check(TwoPhaseCrash(n), (N3, N3_OTHERWISE)).findings)
    assert committed is not None
    assert aborted is not None
    for rm in range(n):
        assert local_history(committed, rm) == local_history(aborted, rm)
    view = TwoPhaseCrash(n).view
    assert view(committed.last).participants == view(aborted.last).participants
    assert (view(committed.last).logged, view(aborted.last).logged) == (True, False)


def test_a_reader_can_see_half_of_a_commit() -> None:
    """N2, even where nothing fails."""
    trace = check(TwoPhaseCrash(2, crashes=0), [N2]).findings[0].trace
    assert trace is not None
    assert trace.actions[-1] == Action("RMRcvCommitMsg", (0,))


def test_agreement_should_fail_by_deciding_before_the_log() -> None:
    """The coordinator forgets what it told one participant, and presumes abort for the other."""
    finding = check(TwoPhaseCrash(2, decide_before_log=True), PROPERTIES).finding("AC1")
    assert finding.verdict == "violated"
    assert finding.trace is not None
    assert Action("TMLogCommit") not in finding.trace.actions
    assert finding.trace.actions[-2:] == (Action("TMRestart"), Action("RMRcvAbortMsg", (1,)))


def test_agreement_should_fail_by_voting_before_the_log() -> None:
    """First a commit without a durable promise (AC3), then a participant that forgot its vote (AC1)."""
    exploration = check(TwoPhaseCrash(2, vote_before_log=True), PROPERTIES)
    validity, agreement = exploration.finding("AC3"), exploration.finding("AC1")
    assert (validity.verdict, agreement.verdict) == ("violated", "violated")
    assert validity.trace is not None
    assert agreement.trace is not None
    assert len(validity.trace.actions) < len(agreement.trace.actions)
    assert agreement.trace.actions[-1] == Action("RMRestart", (1,))


def test_agreement_should_fail_by_aborting_after_yes() -> None:
    """It takes no crash: a heuristic decision, in the words of XA."""
    finding = check(TwoPhaseCrash(2, crashes=0, abort_after_yes=True), PROPERTIES).finding("AC1")
    assert finding.verdict == "violated"


def test_logging_before_telling_costs_nothing_where_nobody_crashes() -> None:
    """Both orders of log and message are safe without crashes: only a crash tells them apart."""
    careless = TwoPhaseCrash(2, crashes=0, decide_before_log=True, vote_before_log=True)
    assert verdicts(careless)["AC1"] == "holds"


def test_every_property_names_its_source_and_has_its_own_id() -> None:
    """Reports cite both."""
    listed = PROPERTIES
    assert len({claim.id for claim in listed}) == len(listed)
    assert all(claim.source for claim in listed)
    assert any(claim.kind is Kind.SOMETIMES for claim in listed)
