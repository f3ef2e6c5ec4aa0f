"""CQRS, views that are told by messages: what the copy of a message does to a row that is gone."""

from __future__ import annotations

from runs import witness

from acidtest.models.cqrs.messages import CQ10, MessageProjection


def test_a_row_comes_back_where_a_late_copy_of_its_creation_finds_no_tombstone():
    actions = witness(MessageProjection(tombstones=False), CQ10)
    assert actions[-2:] == ["Deliver(0, 3)", "Deliver(0, 1)"]
    assert "DeliverAgain(0, 1)" in actions
