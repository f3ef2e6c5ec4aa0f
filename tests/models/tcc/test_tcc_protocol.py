"""Try-Confirm/Cancel: the runs behind its theorems, and what it is as a commit protocol."""

from __future__ import annotations

import pytest
from runs import run, witness

from acidtest.checker.check import check, reachable
from acidtest.checker.refinement import refines
from acidtest.models.tcc.protocol import Row, Tcc, tcc_to_commit
from acidtest.models.tcc.protocol_study import G9, N1, N2_FORGOTTEN, N5_UNFENCED, STUDY, T1
from acidtest.models.tcc.several_commits import TransactionCommits

LATE_TRY = ("TMTry", 0, 0), ("TMCancel", 0), ("TMCall", 0), ("RcvCancel", 0, 0)
BOTH_OK = tuple((name, 0, i) for i in (0, 1) for name in ("TMTry", "RcvTry", "TMRcvOk"))


def test_a_try_that_comes_after_its_cancel_finds_a_tombstone():
    model = Tcc(1)
    state = run(model, *LATE_TRY)
    assert state.rows[0][0] == Row("tombstone")
    assert model.rcv_try(state, 0, 0) is None


@pytest.mark.parametrize("property_", [N2_FORGOTTEN, N5_UNFENCED], ids=lambda p: p.id)
def test_without_tombstones_a_late_try_holds_for_ever(property_):
    actions = ["TMTry(0, 0)", "TMCancel(0)", "TMCall(0)", "RcvCancel(0, 0)", "RcvTry(0, 0)"]
    assert witness(STUDY.model(STUDY.sizes[0], {"tombstones": False}), property_) == actions


def test_the_coordinator_confirms_from_its_log_after_a_crash():
    model = Tcc(1)
    state = run(model, *BOTH_OK, ("TMConfirm", 0), ("TMCrash",), ("TMRestart",), ("TMCall", 0))
    assert [model.rcv_confirm(state, 0, i) is not None for i in (0, 1)] == [True, True]


def test_an_ok_that_a_crash_made_forgotten_ends_in_cancel_or_is_heard_again():
    model = Tcc(1)
    state = run(model, *BOTH_OK, ("TMCrash",), ("TMRestart",))
    names = {action.name for action in model.actions(state)}
    assert "TMConfirm" not in names
    assert {"TMCancel", "TMRcvOk"} <= names


def test_one_confirm_is_seen_before_the_other():
    assert witness(STUDY.model(STUDY.sizes[0]), N1)[-3:] == ["TMConfirm(0)", "TMCall(0)", "RcvConfirm(0, 0)"]


def test_of_two_transactions_for_the_same_money_one_at_most_is_confirmed_and_both_may_be_cancelled():
    ends = {tcc_to_commit(state) for state in reachable(Tcc(2, crashes=0)).states}
    both = {(rms[0][0], rms[1][0]) for rms in ends}
    assert ("committed", "aborted") in both
    assert ("aborted", "aborted") in both
    assert ("committed", "committed") not in both


def test_without_compare_and_set_it_is_no_atomic_commitment():
    found = refines(Tcc(1, cas=False), TransactionCommits(1), tcc_to_commit)
    assert found.holds is False
    assert check(Tcc(1, cas=False), [T1]).finding("T1").verdict == "violated"


def test_it_is_live_only_because_the_coordinator_comes_back():
    found = check(Tcc(1, recovery=False), [G9]).findings[0]
    assert [action.name for action in found.trace.actions] == ["TMCrash"]
    assert not found.cycle.actions
