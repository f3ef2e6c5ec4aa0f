"""Compensation: the witnesses that PATTERNS 7 names, and what order and locks are worth."""

from __future__ import annotations

import pytest
from runs import run, shown

from acidtest.checker.check import check
from acidtest.checker.machine import Action
from acidtest.models.compensation.undo_log import UndoLog
from acidtest.models.compensation.undo_log_study import CT1, CT2, CT6, CT11, G1, N1, STUDY


def verdicts(properties, **rules):
    """What the checker says of properties at the smallest size, under some rules."""
    return [finding.verdict for finding in check(STUDY.model(STUDY.sizes[0], rules), properties).findings]


def test_restoring_a_before_image_loses_the_deposit_of_a_third_party():
    actions = ["T(0)", "GiveUp(0)", "Deposit", "C(0)"]
    assert shown(STUDY, N1.id) == actions
    assert run(UndoLog(1, 1, 1, before_image=True), *actions).row == 0
    assert run(UndoLog(1, 1, 1), *actions).row == 1


def test_before_images_are_sound_under_a_lock_that_every_writer_knows():
    assert verdicts((CT1, CT2, G1), before_image=True, global_lock=True) == ["holds"] * 3
    assert verdicts((CT1,), before_image=True, global_lock=True, bypass=True) == ["violated"]


def test_differences_may_be_taken_back_in_any_order_but_before_images_may_not():
    assert verdicts((CT1, CT2, CT11), last_first=False) == ["holds", "holds", "violated"]
    assert verdicts((CT1,), last_first=False, before_image=True, global_lock=True) == ["violated"]


def test_the_undo_log_tells_which_change_came_last_and_not_the_number_of_its_key():
    model = UndoLog(1, 2, 0)
    state = run(model, "T(1)", "T(0)", "GiveUp(0)")
    assert [action for action in model.actions(state) if action.name == "C"] == [Action("C", (0,))]


def test_an_undo_that_comes_before_the_undo_record_finds_nothing_and_the_change_stays():
    model = UndoLog(1, 1, 0, record_apart=True)
    state = run(model, "T(0)", "GiveUp(0)", "C(0)", "Record(0)", "End(0)")
    assert (state.row, state.outcomes) == (1, ("undone",))
    assert not G1.predicate(model.view(state))


def test_what_third_parties_may_spend_too_early_cannot_be_taken_back():
    model = UndoLog(1, 1, 1, spendable=True)
    state = run(model, "T(0)", "GiveUp(0)", "Withdraw")
    assert [str(action) for action in model.actions(state) if action.name != "Reprice"] == ["Park(0)"]
    assert CT6.predicate(model.view(model.step(state, Action("Park", (0,)))))


@pytest.mark.parametrize("action", ["Deposit", "Withdraw"])
def test_by_default_third_parties_do_as_they_would_have_done_alone(action):
    with_change = UndoLog(1, 1, 2)
    busy, idle = run(with_change, "T(0)", "Deposit"), run(with_change, "Deposit")
    assert (Action(action) in with_change.actions(busy)) == (Action(action) in with_change.actions(idle))
