"""The chain of outboxes and inboxes: that it is an exactly-once channel, and the runs on which a broken one is not."""

from __future__ import annotations

import pytest
from runs import run, witness

from acidtest.checker.machine import Action
from acidtest.checker.refinement import refines
from acidtest.models.outbox_inbox import chain_study as study
from acidtest.models.outbox_inbox.chain import PUBLISHED, SWITCHES, chain_to_channel
from acidtest.models.outbox_inbox.chain_study import STUDY
from acidtest.models.outbox_inbox.channel import Channel

_, FAULTY, _ = STUDY.sizes


def names(prop, **turned):
    return witness(STUDY.model(FAULTY, turned), prop)


ONE_HOP = (("Take",), ("Publish", 0, 0), ("Receive", 0, 0))


def test_the_mapping_forgets_how_a_transfer_travels():
    model = STUDY.model(FAULTY)
    assert chain_to_channel(run(model, *ONE_HOP[:2])) == ((0,), (), ())
    assert chain_to_channel(run(model, *ONE_HOP)) == ((0,), (0,), ())
    assert chain_to_channel(run(model, *ONE_HOP, ("Ack", 0), ("Mark", 0, 0))) == ((0,), (0,), ())


@pytest.mark.parametrize("rule", ["no_record", "random_ids", "short_retention", "unordered", "publish_early", "restore"])
def test_a_chain_without_this_rule_is_no_exactly_once_channel(rule):
    found = refines(STUDY.model(FAULTY, {rule: True}), Channel(2), chain_to_channel)
    assert found.holds is False


def test_a_lost_transfer_breaks_the_channel_only_when_the_next_one_overtakes_it():
    one = STUDY.make(n=1, separate_tx=True)
    assert refines(one, Channel(1), chain_to_channel).holds
    two = refines(STUDY.model(FAULTY, {"separate_tx": True}), Channel(2), chain_to_channel)
    assert two.violation.specification.last == ((0, 1), (0, 1), (1,))
    assert "ConsumerCrash(0)" in names(study.EO1_REST, separate_tx=True)


def test_a_copy_that_is_processed_again_under_a_new_id_arrives_twice():
    assert names(study.EO1, random_ids=True)[-2:] == ["Publish(1, 2)", "Receive(1, 2)"]


def test_a_copy_after_a_crash_changes_nothing():
    model = STUDY.model(FAULTY)
    before = run(model, *ONE_HOP, ("ConsumerCrash", 0))
    after = model.step(before, Action("Receive", (0, 0)))
    assert (after.rows, after.applied, after.inbox) == (before.rows, before.applied, before.inbox)


def test_money_on_the_way_is_counted_once_although_row_and_queue_both_have_it():
    model = STUDY.model(FAULTY)
    state = run(model, *ONE_HOP[:2])
    assert state.rows[0][0] == PUBLISHED and state.queue[0] == (0,)
    assert study.conserved(model.view(state))


@pytest.mark.parametrize("switch", SWITCHES, ids=[switch.name for switch in SWITCHES])
def test_every_switch_appears_in_a_theorem(switch):
    assert any(switch.name in {**t.exhibited, **(t.excluded or {})} for t in STUDY.theorems)
