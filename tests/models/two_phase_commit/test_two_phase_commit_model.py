"""Two-phase commit: the published counts, what it guarantees, what it cannot, and what breaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from acidtest.checker.check import Trace, check, reachable
from acidtest.checker.machine import Action, Kind, Model, Transition
from acidtest.models.shared.atomic_commitment import (
    ABORTED,
    AC1,
    AC2,
    AC5,
    COMMITTED,
    G6,
    PREPARED,
    WORKING,
    CommitView,
    Statuses,
    TransactionCommit,
    with_status,
)
from acidtest.models.shared.atomic_commitment import properties as commitment_properties
from acidtest.models.two_phase_commit.crashes import N1, N2, N3, N3_OTHERWISE, TwoPhaseCrash
from acidtest.models.two_phase_commit.phases import TwoPhase, canonical

PROPERTIES = (*commitment_properties(), N1, N2)

if TYPE_CHECKING:
    from collections.abc import Sequence

Coarse = tuple[Statuses, str]


class CoarseTwoPhase(Model[Coarse]):
    """Two participants without messages, who cannot refuse, but may abort after they voted yes: the bug."""

    def initial_states(self) -> list[Coarse]:
        """Start with both working."""
        return [((WORKING, WORKING), "init")]

    def transitions(self) -> Sequence[Transition]:
        """Vote, decide, obey, or do not."""
        each = [(0,), (1,)]
        return (
            Transition("vote_yes", self.vote_yes, each),
            Transition("decide", self.decide),
            Transition("obey", self.obey, each),
            Transition("abort_alone", self.abort_alone, each),
        )

    def vote_yes(self, state: Coarse, rm: int) -> Coarse | None:
        """Promise to commit."""
        rms, tm = state
        return (with_status(rms, rm, PREPARED), tm) if rms[rm] == WORKING else None

    def decide(self, state: Coarse) -> Coarse | None:
        """Commit once both have promised."""
        rms, tm = state
        return (rms, COMMITTED) if tm == "init" and set(rms) == {PREPARED} else None

    def obey(self, state: Coarse, rm: int) -> Coarse | None:
        """Commit as decided."""
        rms, tm = state
        return (with_status(rms, rm, tm), tm) if tm == COMMITTED and rms[rm] == PREPARED else None

    def abort_alone(self, state: Coarse, rm: int) -> Coarse | None:
        """Abort before having committed, promise or not."""
        rms, tm = state
        return (with_status(rms, rm, ABORTED), tm) if rms[rm] in {WORKING, PREPARED} else None

    def view(self, state: Coarse) -> CommitView:
        """Show the participants."""
        return CommitView(state[0], (True, True))


def local_history(trace: Trace, rm: int) -> list[str]:
    """List what participant `rm` did in a run."""
    actions = (action for action in trace.actions if action is not None)
    return [action.name for action in actions if action.name.startswith("RM") and action.args == (rm,)]


def verdicts(model: TwoPhaseCrash) -> dict[str, str]:
    """Check everything that is claimed of two-phase commit, by id."""
    return {finding.property.id: finding.verdict for finding in check(model, PROPERTIES).findings}


def test_transaction_commit_has_the_published_states() -> None:
    """TLC: 34 distinct states, 94 generated, depth 7."""
    exploration = check(TransactionCommit(3), [AC1, AC2])
    assert (exploration.states, exploration.generated, exploration.depth) == (34, 94, 7)
    assert [finding.verdict for finding in exploration.findings] == ["holds", "holds"]


@pytest.mark.parametrize(
    ("n", "states", "generated", "depth"),
    [(3, 288, 1146, 11), (5, 8_832, 58_146, 17), (7, 296_448, 2_744_706, 23)],
)
def test_two_phase_has_the_published_states(n: int, states: int, generated: int, depth: int) -> None:
    """TLC and Stateright agree on these. Agreement with 7 is checked on the orbits, which are fewer."""
    exploration = check(TwoPhase(n))
    assert (exploration.states, exploration.generated, exploration.depth) == (states, generated, depth)
    assert all(exploration.fired.values())


def test_two_phase_keeps_agreement_and_can_commit() -> None:
    """TPSpec implies TCConsistent, and is not vacuous."""
    exploration = check(TwoPhase(3), commitment_properties())
    found = {finding.property.id: finding.verdict for finding in exploration.findings}
    assert [found[name] for name in ("AC1", "AC3", "AC4")] == ["holds", "holds", "reached"]
    assert exploration.deadlocks == 0


def test_two_phase_leaves_a_participant_free_to_obey_whatever_it_is_told() -> None:
    """As specified, a participant that aborted alone would still commit if told to; nobody ever tells it."""
    model = TwoPhase(2)
    assert model.rm_rcv_commit_msg(((ABORTED, PREPARED), COMMITTED, 0b11, 0b1101), 0) is not None
    assert check(model, [AC2]).findings[0].verdict == "holds"


@pytest.mark.parametrize(("n", "orbits"), [(3, 80), (5, 314), (7, 920)])
def test_two_phase_has_as_many_orbits_as_counted_elsewhere(n: int, orbits: int) -> None:
    """Resource managers have no names as far as the protocol is concerned."""
    exploration = check(TwoPhase(n), [AC1], symmetry=canonical)
    assert exploration.states == orbits
    assert exploration.findings[0].verdict == "holds"


def test_the_orbits_are_those_of_all_permutations() -> None:
    """The canonicaliser neither splits an orbit nor joins two, and leaves representatives alone."""
    states = reachable(TwoPhase(3)).states
    representatives = {canonical(state) for state in states}
    assert len(representatives) == 80
    assert representatives <= set(states)
    assert {canonical(state) for state in representatives} == representatives


def test_an_abort_after_yes_is_found_in_five_steps_within_18_states() -> None:
    """The bug that random testing misses in 16 of 20 runs."""
    finding = check(CoarseTwoPhase(), [AC1], max_states=18).findings[0]
    assert finding.verdict == "violated"
    assert finding.trace is not None
    assert len(finding.trace.actions) == 5
    assert set(finding.trace.last[0]) == {COMMITTED, ABORTED}


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
