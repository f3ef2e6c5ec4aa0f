"""Sagas: what their shortest failures look like, and runs by hand."""

from __future__ import annotations

import pytest

from acidtest.checker.check import check
from acidtest.checker.machine import Action
from acidtest.checker.proof import show
from acidtest.models.saga.choreography import Choreography
from acidtest.models.saga.choreography_study import S11, S14, choreography_to_saga
from acidtest.models.saga.choreography_study import STUDY as CHOREOGRAPHY
from acidtest.models.saga.orchestration import Orchestration
from acidtest.models.saga.orchestration_study import EXECUTORS, N4, SIDE_BY_SIDE, orchestration_to_saga
from acidtest.models.saga.specification import G2, S1, S8, Saga
from acidtest.models.shared.steps import MARKS, cancelled, performed


def run(model, *actions):
    """The state after the actions, each written as in a report."""
    state = next(iter(model.initial_states()))
    for action in actions:
        name, _, args = action.partition("(")
        state = model.step(state, Action(name, tuple(int(arg) for arg in args.rstrip(")").split(", ") if arg)))
    return state


def witness(study, property_id):
    """The actions of the shortest witness of a theorem of the study."""
    theorem = next(theorem for theorem in study.theorems if theorem.property.id == property_id)
    return [str(action) for action in show(study, theorem).witness.trace.actions]


def test_a_late_step_hangs_for_ever_where_its_compensation_left_no_tombstone():
    assert witness(EXECUTORS, "S8") == ["Timeout(0, 0)", "C(0, 0)", "Retreat(0, 0)", "T(0, 0)"]


def test_a_credit_that_was_spent_leaves_the_saga_parked():
    assert witness(EXECUTORS, "N4") == ["T(0, 0)", "Advance(0, 0)", "T(0, 1)", "Timeout(0, 0)", "Spend(0)", "Park(0, 0)"]
    model = Orchestration(1, 3, 2, 0, spendable=True)
    parked = model.view(run(model, *witness(EXECUTORS, "N4")))
    assert parked.sagas[0].outcome == "parked"
    assert G2.predicate(parked) and not N4.predicate(parked)


def test_two_sagas_of_two_steps_show_a_dirty_read():
    actions = witness(SIDE_BY_SIDE, "N1")
    assert actions == ["T(0, 0)", "T(1, 0)", "Timeout(0, 0)", "C(0, 0)", "Retreat(0, 0)"]


def test_an_executor_whose_cursor_was_moved_by_another_is_refused_and_reads_it_again():
    model = Orchestration(1, 3, 2, 1)
    state = run(model, "T(0, 0)", "TakeOver(0)", "Timeout(0, 0)")
    assert Action("Advance", (0, 1)) not in model.actions(state)
    assert model.step(state, Action("Reload", (0, 1))).sagas[0].executors == (("undo", 0), ("undo", 0))


def test_a_failure_runs_back_through_every_service():
    model = Choreography(1, 3, 2, 0)
    forward = ("T(0, 0)", "Publish(0, 0)", "T(0, 1)", "Publish(0, 1)", "Refuse(0, 2)", "Publish(0, 2)")
    state = run(model, *forward, "C(0, 1)", "Publish(0, 1)", "C(0, 0)", "Learn(0)")
    assert state.sagas[0].marks == "CCN"
    assert choreography_to_saga(state) == (("CC-", "compensated"),)
    assert S11.predicate(model.view(state)) and model.at_rest(model.step(state, Action("Publish", (0, 0))))


def test_a_cancellation_that_overtakes_every_step_bars_them_all():
    model = Choreography(1, 3, 2, 0)
    backward = ("Timeout(0)", "C(0, 2)", "Publish(0, 2)", "C(0, 1)", "Publish(0, 1)", "C(0, 0)", "Learn(0)")
    state = run(model, *backward)
    assert state.sagas[0].marks == "XXX"
    assert Action("T", (0, 0)) not in model.actions(state)
    assert S14.predicate(model.view(state))


@pytest.mark.parametrize("steps", [3, 4])
def test_a_lost_event_before_the_pivot_is_made_up_for_by_the_timer(steps):
    without = Choreography(1, steps, 2, 1, outbox=False)
    lost = run(without, "T(0, 0)", "Crash(0)", "Restart")
    assert Action("Publish", (0, 0)) not in without.actions(lost)
    backward = ("Timeout(0)", "C(0, 2)", "Publish(0, 2)", "C(0, 1)", "Publish(0, 1)", "C(0, 0)", "Learn(0)")
    view = without.view(run(without, "T(0, 0)", "Crash(0)", "Restart", *backward))
    assert view.sagas[0].outcome == "compensated" and S1.predicate(view)


def test_the_mapping_forgets_what_was_refused_or_barred():
    model = Orchestration(1, 3, 2, 0)
    state = run(model, "T(0, 0)", "Advance(0, 0)", "Timeout(0, 0)", "C(0, 1)")
    assert state.sagas[0].marks == "TX-"
    assert orchestration_to_saga(state) == (("T--", "running"),)


def test_the_specification_allows_no_way_back_from_the_pivot():
    after_pivot = (("TTT-", "running"),)
    assert Saga(1, 4, 2).actions(after_pivot) == [Action("T", (0, 3))]


def test_a_mark_says_what_happened_so_far():
    for mark, (did, undid, _) in MARKS.items():
        following = performed(mark, idempotent=False)
        assert following is None or MARKS[following][:2] == (did + 1, undid)
        following = cancelled(mark, idempotent=False)
        assert following in {None, "X"} or MARKS[following][:2] == (did, undid + 1)


def test_every_step_is_settled_once_however_many_are_on_their_way():
    found = check(Choreography(2, 2, 1, 0), [S1, S8])
    assert [finding.verdict for finding in found.findings] == ["holds", "holds"]
    assert CHOREOGRAPHY.sizes[-1].states == found.states
