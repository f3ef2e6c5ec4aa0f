"""Choreographed sagas: runs by hand, forward and back."""

from __future__ import annotations

import pytest
from runs import run

from acidtest.checker.check import check
from acidtest.checker.machine import Action
from acidtest.models.saga.choreography import Choreography
from acidtest.models.saga.choreography_study import S11, S14, choreography_to_saga
from acidtest.models.saga.choreography_study import STUDY as CHOREOGRAPHY
from acidtest.models.saga.specification import S1, S8


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


def test_every_step_is_settled_once_however_many_are_on_their_way():
    found = check(Choreography(2, 2, 1, 0), [S1, S8])
    assert [finding.verdict for finding in found.findings] == ["holds", "holds"]
    assert CHOREOGRAPHY.sizes[-1].states == found.states
