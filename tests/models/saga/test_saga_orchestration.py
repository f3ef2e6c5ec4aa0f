"""Orchestrated sagas: what their shortest failures look like, and runs by hand."""

from __future__ import annotations

from runs import run, shown

from acidtest.checker.machine import Action
from acidtest.models.saga.orchestration import Orchestration
from acidtest.models.saga.orchestration_study import EXECUTORS, N4, SIDE_BY_SIDE, orchestration_to_saga
from acidtest.models.saga.specification import G2


def test_a_late_step_hangs_for_ever_where_its_compensation_left_no_tombstone():
    assert shown(EXECUTORS, "S8") == ["Timeout(0, 0)", "C(0, 0)", "Retreat(0, 0)", "T(0, 0)"]


def test_a_credit_that_was_spent_leaves_the_saga_parked():
    assert shown(EXECUTORS, "N4") == ["T(0, 0)", "Advance(0, 0)", "T(0, 1)", "Timeout(0, 0)", "Spend(0)", "Park(0, 0)"]
    model = Orchestration(1, 3, 2, 0, spendable=True)
    parked = model.view(run(model, *shown(EXECUTORS, "N4")))
    assert parked.sagas[0].outcome == "parked"
    assert G2.predicate(parked) and not N4.predicate(parked)


def test_two_sagas_of_two_steps_show_a_dirty_read():
    actions = shown(SIDE_BY_SIDE, "N1")
    assert actions == ["T(0, 0)", "T(1, 0)", "Timeout(0, 0)", "C(0, 0)", "Retreat(0, 0)"]


def test_an_executor_whose_cursor_was_moved_by_another_is_refused_and_reads_it_again():
    model = Orchestration(1, 3, 2, 1)
    state = run(model, "T(0, 0)", "TakeOver(0)", "Timeout(0, 0)")
    assert Action("Advance", (0, 1)) not in model.actions(state)
    assert model.step(state, Action("Reload", (0, 1))).sagas[0].executors == (("undo", 0), ("undo", 0))


def test_the_mapping_forgets_what_was_refused_or_barred():
    model = Orchestration(1, 3, 2, 0)
    state = run(model, "T(0, 0)", "Advance(0, 0)", "Timeout(0, 0)", "C(0, 1)")
    assert state.sagas[0].marks == "TX-"
    assert orchestration_to_saga(state) == (("T--", "running"),)
