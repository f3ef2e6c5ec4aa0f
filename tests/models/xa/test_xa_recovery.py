"""XA with crashes: runs by hand through the ambiguous replies, and the key witnesses."""

from __future__ import annotations

import pytest
from runs import run, shown

from acidtest.checker.check import check
from acidtest.checker.machine import Action
from acidtest.checker.refinement import refines
from acidtest.models.shared.atomic_commitment import ABORTED, AC1, COMMITTED, TransactionCommit
from acidtest.models.xa.recovery import XaRecovery
from acidtest.models.xa.recovery_study import HEURISTICS, N2, N3, STUDY
from acidtest.models.xa.transaction import HEURMIX, HEURRB, OK, ROLLED_BACK, UNKNOWN, xa_to_commit

WRITES = (("Work", 0, "writes"), ("Work", 1, "writes"), ("RequestCommit",))
ONE_BRANCH = (("Work", 0, "writes"), ("Work", 1, "unused"), ("RequestCommit",), ("OnePhase", 0), ("Finish", 0))
VOTES = ["Work(0, writes)", "Work(1, writes)", "RequestCommit", "Prepare(0)"]


def test_a_commit_whose_reply_was_lost_is_repeated_and_then_taken_for_done():
    repeated = (*WRITES, ("Prepare", 0), ("Prepare", 1), ("LogCommit",), ("CommitFails", 0, "reply lost"), ("Commit", 0))
    state = run(XaRecovery(2), *repeated, ("Commit", 1), ("Reply",))
    assert (state.branches, state.reply) == ((COMMITTED, COMMITTED), OK)


def test_an_only_branch_commits_in_one_phase_and_a_lost_reply_leaves_the_caller_without_an_answer():
    assert run(XaRecovery(2), *ONE_BRANCH, ("OnePhaseReply", 0), ("Reply",)).reply == OK
    assert run(XaRecovery(2), *ONE_BRANCH, ("OnePhaseFails", 0), ("Reply",)).reply == UNKNOWN


def test_without_a_record_recovery_cannot_say_that_a_transaction_was_rolled_back():
    crash = (("TMCrash",), ("TMRestart",), ("Recover", 0), ("Recover", 1))
    state = run(XaRecovery(2), *ONE_BRANCH, *crash, ("Reply",))
    assert (state.branches[0], state.reply) == (COMMITTED, UNKNOWN)  # rolled back would be a lie
    prepared = (*WRITES, ("Prepare", 0), ("Prepare", 1), *crash, ("Rollback", 0), ("Rollback", 1), ("Reply",))
    assert run(XaRecovery(2), *prepared).reply == ROLLED_BACK


def test_a_heuristic_decision_is_found_after_a_crash_told_and_only_then_forgotten():
    model = XaRecovery(2, heuristics=True)
    found = run(
        model, *WRITES, ("Prepare", 0), ("Prepare", 1), ("LogCommit",), ("Commit", 0), ("DecideAlone", 1, HEURRB),
        ("TMCrash",), ("TMRestart",), ("Recover", 0), ("Recover", 1), ("Commit", 1),
    )  # fmt: skip
    assert [str(action) for action in model.actions(found) if action.name == "Forget"] == []
    told = model.step(found, Action("Reply"))
    assert told.reply == HEURMIX
    assert model.step(told, Action("Forget", (1,))).branches == (COMMITTED, ABORTED)


def test_a_last_resource_whose_reply_is_lost_leaves_a_mixed_outcome():
    assert shown(STUDY, N3.id) == [*VOTES, "OnePhase(1)", "Finish(1)", "OnePhaseFails(1)", "Rollback(0)"]


def test_a_resource_manager_can_roll_back_what_the_log_commits():
    assert shown(HEURISTICS, N2.id) == [*VOTES, "Prepare(1)", "LogCommit", "Commit(0)", "DecideAlone(1, heurrb)"]


@pytest.mark.parametrize("switch", ["heuristics", "last_resource", "prepared_not_durable", "commit_after_giving_up"])
def test_without_its_rules_it_does_not_refine_the_specification(switch):
    assert refines(XaRecovery(2, 1, **{switch: True}), TransactionCommit(2), xa_to_commit).holds is False


def test_three_branches_agree_though_the_reply_of_any_call_is_lost():
    assert check(XaRecovery(3, 1), [AC1]).findings[0].verdict == "holds"
