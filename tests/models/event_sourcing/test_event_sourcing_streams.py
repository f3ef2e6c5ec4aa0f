"""Event sourcing, streams: what the witnesses are made of, and runs by hand."""

from __future__ import annotations

from runs import run, witness

from acidtest.models.event_sourcing.streams import OK, TWO_STREAMS, EventStreams
from acidtest.models.event_sourcing.streams_study import N1, decided_on_its_prefix


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
