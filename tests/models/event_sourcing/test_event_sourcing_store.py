"""The model of an event store: what is promised of it holds, and nothing more is forbidden."""

from __future__ import annotations

import pytest
from runs import enabled, run

from acidtest.checker.check import check
from acidtest.models.event_sourcing.store import Append, Event, EventStore
from acidtest.properties.event_sourcing.theory import STORE

E1, E2, F1 = Event("e1", "", ""), Event("e2", "", ""), Event("f1", "", "")
FIRST, RIVAL, AGAIN = Append("a1", "a", 0, (E1, E2)), Append("b1", "a", 0, (F1,)), Append("b1", "a", None, (E1, E2))
OTHER = Append("b1", "a", None, (E2._replace(data="other"),))


def test_of_two_appends_on_one_version_one_is_refused():
    model = EventStore("a", [FIRST, RIVAL])
    steps = [("invoke", 0), ("invoke", 1), ("append", 1)]
    assert enabled(model, run(model, *steps), "append", "refuse") == {"refuse(0)"}
    assert enabled(model, run(model, *steps, ("refuse", 0)), "reply") == {"reply(0, conflict)", "reply(1, 1)"}


def test_what_is_stored_already_is_told_its_version():
    model = EventStore("a", [FIRST, AGAIN])
    state = run(model, ("invoke", 0), ("append", 0), ("reply", 0, "2"), ("invoke", 1))
    assert enabled(model, state, "append", "refuse", "reply") == {"reply(1, 2)"}


def test_an_id_that_is_used_for_something_else_is_refused():
    model = EventStore("a", [FIRST, OTHER])
    state = run(model, ("invoke", 0), ("append", 0), ("reply", 0, "2"), ("invoke", 1))
    assert enabled(model, state, "append", "refuse", "reply") == {"refuse(1)"}


def test_what_was_refused_takes_effect_no_more():
    model = EventStore("a", [FIRST, RIVAL])
    state = run(model, ("invoke", 0), ("invoke", 1), ("append", 1), ("refuse", 0), ("reply", 0, "conflict"))
    assert enabled(model, state, "append") == set()


def test_subscribers_are_handed_a_stream_in_its_order():
    model = EventStore("a", [FIRST])
    state = run(model, ("invoke", 0), ("append", 0), ("hand", 0), ("hand", 0))
    assert [row.version for row in model.view(state).handed] == [1, 2]
    assert enabled(model, state, "hand") == set()


@pytest.mark.parametrize("appends", [[FIRST, RIVAL], [FIRST, OTHER]])
def test_everything_that_the_contract_demands_holds(appends):
    exploration = check(EventStore("a", appends, 1), STORE.properties)
    assert [f.property.id for f in exploration.findings if f.verdict == "violated"] == []
