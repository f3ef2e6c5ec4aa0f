"""Event sourcing: what the witnesses are made of, and hand-written runs of the three machines."""

from __future__ import annotations

import pytest

from acidtest.checker.check import check, reachable
from acidtest.checker.machine import Action
from acidtest.models.event_sourcing.schema import ES5, EventSchema, Memory
from acidtest.models.event_sourcing.streams import OK, TWO_STREAMS, EventStreams
from acidtest.models.event_sourcing.streams_study import N1, decided_on_its_prefix
from acidtest.models.event_sourcing.subscription import Subscription
from acidtest.models.event_sourcing.subscription_study import ES8, GONE, IN_FLIGHT, N2, N3_ORDER


def run(model, *names):
    """The state after these actions, each written as in a trace."""
    (state,) = model.initial_states()
    for name in names:
        state = next(following for action, following in model.successors(state) if str(action) == name)
    return state


def witness(model, claim):
    """The actions of the shortest run that decides `claim`."""
    trace = check(model, [claim]).findings[0].trace
    return trace and [str(action) for action in trace.actions]


def test_two_streams_each_in_its_expected_version_break_a_rule_about_both():
    model = EventStreams(TWO_STREAMS, joint_rule=True)
    assert witness(model, N1) == ["Load(0)", "Load(2)", "Append(0)", "Append(2)"]


def test_a_lost_reply_is_made_good_by_the_ids_of_the_events():
    model = EventStreams()
    end = run(model, "Load(0)", "Append(0)", "LoseReply(0)", "Recognise(0)", "Reply(0)")
    assert end.replies[0] == OK
    assert [event.part for event in end.streams[0]] == [0, 1]


def test_without_an_expected_version_a_decision_misses_what_came_between():
    model = EventStreams(expected_version=False)
    end = run(model, "Load(0)", "Load(1)", "Append(0)", "Append(1)")
    assert [event.on for event in end.streams[0]] == [0, 0, 0, 0]
    assert not decided_on_its_prefix(model.view(end))


@pytest.mark.parametrize("patience", [1, 2, 5, 9])
def test_any_finite_patience_at_a_gap_skips_an_event(patience):
    begun = ["Begin(1)", "Begin(2)", "Insert(1)", "Insert(2)", "Commit(2)"]
    model = Subscription(patience=patience, gap_timeout=True)
    assert witness(model, N2) == [*begun, *["Wait"] * patience, "SkipGap", "Commit(1)"]


def test_a_gap_in_flight_looks_to_the_subscriber_like_one_that_was_rolled_back():
    model = Subscription(wait_at_gaps=True)
    in_flight, gone = (check(model, [claim]).findings[0].trace.last for claim in (IN_FLIGHT, GONE))
    seen = [model.poll(state) for state in (in_flight, gone)]
    assert seen == [None, None]
    assert in_flight.reader == gone.reader


def test_the_writers_of_one_stream_cannot_overtake_each_other():
    """A unique key makes the second insert wait, so that a gap below a visible event is gone for good."""
    model = Subscription((0, 0), gap_timeout=True)
    assert check(model, [ES8, IN_FLIGHT]).findings[0].verdict == "holds"
    assert witness(model, IN_FLIGHT) is None


def test_the_order_of_transaction_numbers_is_not_even_that_of_one_stream():
    model = Subscription((0, 0))
    last = check(model, [N3_ORDER]).findings[0].trace.last
    assert last.reader.processed == (1, 2)
    assert [tx.position for tx in last.txs] == [2, 1]


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
