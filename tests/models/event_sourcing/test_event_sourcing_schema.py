"""Event sourcing, what a stream loads into: runs by hand, and that a snapshot changes nothing."""

from __future__ import annotations

from runs import run

from acidtest.checker.check import reachable
from acidtest.checker.machine import Action
from acidtest.models.event_sourcing.schema import ES5, EventSchema, Memory


def test_an_event_that_old_code_skips_leaves_it_with_too_little():
    model = EventSchema(skip_unknown=True)
    end = run(model, "Deploy(0)", "Load(0)", "Append(0)", "Load(1)")
    assert end.memory == (Memory(1, 1), Memory(1, 0))
    assert not ES5.predicate(model.view(end))


def test_a_snapshot_is_only_a_shortcut():
    """Whatever was loaded through one is also reached without any."""
    model = EventSchema(processes=1)
    states = reachable(model).states
    loaded = {(state.log, state.code, state.memory) for state in states}
    plain = {(state.log, state.code, state.memory) for state in states if state.snapshot is None}
    assert loaded == plain
    assert Action("SaveSnapshot", (0,)) in model.actions(run(model, "Load(0)"))
