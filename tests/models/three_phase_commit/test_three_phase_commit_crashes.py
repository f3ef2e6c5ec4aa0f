"""Three-phase commit with failures: what the key witnesses look like, and recovery beyond the pinned sizes."""

from __future__ import annotations

import pytest
from runs import shown

from acidtest.checker.check import check
from acidtest.checker.refinement import refines
from acidtest.models.shared.atomic_commitment import AC1, TransactionCommit
from acidtest.models.three_phase_commit.crashes import ThreePhaseCrash
from acidtest.models.three_phase_commit.crashes_study import LIVE, N2, N3, STUDY, TOTAL_FAILURE
from acidtest.models.three_phase_commit.phases import three_phase_to_commit

VOTES = ["VoteYes(0)", "VoteYes(1)", "VoteYes(2)", "RcvYes(0, 1)", "RcvYes(0, 2)"]


def test_the_textbook_timeouts_fail_by_one_crash_in_the_middle_of_a_broadcast():
    assert shown(STUDY, N3.id, textbook_timeouts=True) == [
        *VOTES, "PreCommit", "RcvPreCommit(1, 0)", "Crash(0)", "Lose(0, 2)",
        "TimeOut(1, 0)", "TimeOut(2, 0)", "DecideAlone(1)", "DecideAlone(2)",
    ]  # fmt: skip


def test_a_late_message_is_enough_without_any_crash_or_loss():
    actions = shown(STUDY, N2.id, unbounded_delay=True)
    assert actions[-6:] == ["PreCommit", "TimeOut(0, 1)", "Commit(0)", "TimeOut(1, 0)", "Elect(1)", "Terminate(1)"]
    assert not {"Crash", "Lose"} & {action.partition("(")[0] for action in actions}


def test_a_site_that_failed_in_pc_misleads_those_who_know_only_that_the_last_to_fail_is_among_them():
    actions = shown(TOTAL_FAILURE, AC1.id, mourning_is_enough=True)
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
