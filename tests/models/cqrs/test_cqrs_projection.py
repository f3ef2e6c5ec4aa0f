"""CQRS, views that follow a log: what the witnesses are made of, and which remedies help against what."""

from __future__ import annotations

import pytest
from runs import witness

from acidtest.checker.check import check, reachable
from acidtest.models.cqrs.projection import Projection
from acidtest.models.cqrs.projection_study import CQ3, CQ7, N2, N5


def test_two_commands_on_one_stale_view_take_the_last_piece_twice():
    model = Projection(validate_on_view=True)
    assert witness(model, N2) == ["Validate(0)", "Validate(1)", "Handle(0)", "Handle(1)"]


def test_a_session_does_not_help_a_command_that_is_validated_on_the_view():
    assert witness(Projection(validate_on_view=True, session=True), N2) is not None


def test_a_crash_between_view_and_checkpoint_shows_an_event_twice():
    model = Projection(separate_checkpoint=True, row_versions=False)
    assert witness(model, N5) == ["Handle(0)", "WriteView", "Crash", "WriteView"]


def test_without_the_crash_two_writes_are_as_good_as_one():
    model = Projection(separate_checkpoint=True, row_versions=False, faults=0)
    assert check(model, [CQ3]).findings[0].verdict == "holds"


@pytest.mark.parametrize(("row_versions", "wrong"), [(True, (2,)), (False, (1, 1))])
def test_versions_of_rows_turn_what_a_rebuild_over_live_doubles_into_a_loss(row_versions, wrong):
    model = Projection((-1, -1), 2, rebuild_over_live=True, row_versions=row_versions)
    tables = {state.tables[0].applied for state in reachable(model).states}
    assert wrong in tables
    assert check(model, [CQ7]).findings[0].verdict == "violated"
