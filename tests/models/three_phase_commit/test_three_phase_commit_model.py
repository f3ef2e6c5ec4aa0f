"""Three-phase commit: a run by hand, what the key witnesses look like, and recovery beyond the pinned sizes."""

from __future__ import annotations

import pytest

from acidtest.checker.check import check
from acidtest.checker.machine import Action
from acidtest.checker.proof import show
from acidtest.checker.refinement import refines
from acidtest.models.shared.atomic_commitment import AC1, COMMITTED, PREPARED, TransactionCommit
from acidtest.models.three_phase_commit.crashes import ThreePhaseCrash
from acidtest.models.three_phase_commit.crashes_study import LIVE, N2, N3, STUDY, TOTAL_FAILURE
from acidtest.models.three_phase_commit.phases import ThreePhase, three_phase_to_commit

VOTES = ["VoteYes(0)", "VoteYes(1)", "VoteYes(2)", "RcvYes(0, 1)", "RcvYes(0, 2)"]


def witness(study, property_id, switch):
    """The shortest witness of a theorem, as the names of its actions."""
    found = [t for t in study.theorems if t.property.id == property_id and t.exhibited == {switch: True}]
    trace = show(study, found[0]).witness.trace
    return [str(action) for action in trace.actions if action]


def walk(model, *actions):
    """The states along a run, the initial one first."""
    (state,) = model.initial_states()
    states = [state]
    for name, *args in actions:
        states.append(model.step(states[-1], Action(name, tuple(args))))
    return states


def test_two_sites_commit_in_three_phases():
    states = walk(
        ThreePhase(2), ("VoteYes", 0), ("VoteYes", 1), ("RcvYes", 0, 1), ("PreCommit",), ("RcvPreCommit", 1, 0),
        ("RcvAck", 0, 1), ("Commit", 0), ("RcvCommit", 1, 0),
    )  # fmt: skip
    seen = ["".join(f"{site.status:3}" for site in state.sites).strip() for state in states]
    assert seen == ["I  I", "W  I", "W  W", "W  W", "PC W", "PC PC", "PC PC", "C  PC", "C  C"]
    assert three_phase_to_commit(states[-2]) == (COMMITTED, PREPARED)


def test_the_textbook_timeouts_fail_by_one_crash_in_the_middle_of_a_broadcast():
    assert witness(STUDY, N3.id, "textbook_timeouts") == [
        *VOTES, "PreCommit", "RcvPreCommit(1, 0)", "Crash(0)", "Lose(0, 2)",
        "TimeOut(1, 0)", "TimeOut(2, 0)", "DecideAlone(1)", "DecideAlone(2)",
    ]  # fmt: skip


def test_a_late_message_is_enough_without_any_crash_or_loss():
    actions = witness(STUDY, N2.id, "unbounded_delay")
    assert actions[-6:] == ["PreCommit", "TimeOut(0, 1)", "Commit(0)", "TimeOut(1, 0)", "Elect(1)", "Terminate(1)"]
    assert not {"Crash", "Lose"} & {action.partition("(")[0] for action in actions}


def test_a_site_that_failed_in_pc_misleads_those_who_know_only_that_the_last_to_fail_is_among_them():
    actions = witness(TOTAL_FAILURE, AC1.id, "mourning_is_enough")
    assert actions[5:8] == ["PreCommit", "Crash(0)", "Lose(0, 1)"]  # site 0 is in PC, and nobody knows
    assert actions[actions.index("Restart(0)") :][:3] == ["Restart(0)", "Restart(2)", "Regroup"]  # 2 failed last, in W
    assert actions[-1] == "Commit(0)"  # while site 1 has aborted


@pytest.mark.parametrize("crashes", [3, 4])
def test_two_sites_recover_from_a_second_total_failure_as_well(crashes):
    found = check(ThreePhaseCrash(2, crashes, repair=True), [AC1, LIVE])
    assert [finding.verdict for finding in found.findings] == ["holds", "holds"]


@pytest.mark.parametrize("rule", ["textbook_timeouts", "pc_means_abort", "skip_precommit_acks"])
def test_a_protocol_that_leaves_a_rule_out_does_not_refine_the_specification(rule):
    found = refines(ThreePhaseCrash(3, 1, **{rule: True}), TransactionCommit(3), three_phase_to_commit)
    assert found.holds is False
