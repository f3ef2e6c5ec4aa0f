"""Two-phase commit without crashes: the published counts, and what it guarantees."""

from __future__ import annotations

import pytest

from acidtest.checker.check import check, reachable
from acidtest.checker.refinement import refines
from acidtest.models.shared.atomic_commitment import (
    ABORTED,
    AC1,
    AC2,
    COMMITTED,
    PREPARED,
    Statuses,
    TransactionCommit,
    with_status,
)
from acidtest.models.shared.atomic_commitment import properties as commitment_properties
from acidtest.models.two_phase_commit.phases import TwoPhase, canonical, two_phase_to_commit


class AbortsAfterYes(TwoPhase):
    """A participant may abort alone although it voted yes."""

    def rm_choose_to_abort(
        self, state: tuple[Statuses, str, int, int], rm: int
    ) -> tuple[Statuses, str, int, int] | None:
        """Break the promise."""
        rms, tm, prepared, msgs = state
        if rms[rm] == PREPARED:
            return with_status(rms, rm, ABORTED), tm, prepared, msgs
        return super().rm_choose_to_abort(state, rm)


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


def test_two_phase_commit_implements_transaction_commit() -> None:
    """THEOREM TPSpec => TC!TCSpec, of TwoPhase.tla."""
    refinement = refines(TwoPhase(3), TransactionCommit(3), two_phase_to_commit)
    assert refinement.holds is True
    assert refinement.states == 288
    assert refinement.steps > 0
    assert refinement.stutters > 0
    assert refinement.violation is None


def test_a_participant_that_breaks_its_promise_implements_it_no_longer() -> None:
    """No participant may commit once another has aborted: the specification has no such step."""
    refinement = refines(AbortsAfterYes(2), TransactionCommit(2), two_phase_to_commit)
    assert refinement.holds is False
    violation = refinement.violation
    assert violation is not None
    before, after = violation.specification.states[-2:]
    assert ABORTED in before
    assert COMMITTED in after


def test_a_budget_of_one_state_less_than_there_are_proves_no_refinement() -> None:
    """Nothing was found, and nothing is claimed."""
    refinement = refines(TwoPhase(3), TransactionCommit(3), two_phase_to_commit, max_states=287)
    assert refinement.holds is None
    assert refines(TwoPhase(3), TransactionCommit(3), two_phase_to_commit, max_states=288).holds is True
