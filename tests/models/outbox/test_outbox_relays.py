"""Relays of an outbox: the runs that show what cannot be had, and what each rule is for."""

from __future__ import annotations

import pytest
from runs import run, witness

from acidtest.checker.machine import Action
from acidtest.models.outbox.relays import DELETED, PARKED, SWITCHES
from acidtest.models.outbox.relays_study import N1, N1_LOSS, STUDY

SMALL, POISONED, _ = STUDY.sizes
BY_ID = {p.id: p for p in STUDY.properties}


def test_n1_publishing_and_marking_cannot_be_one_step_whichever_comes_first():
    twice = witness(STUDY.model(SMALL), N1)
    assert len(twice) == 6 and twice[-1].startswith("Publish")
    lost = witness(STUDY.model(SMALL, {"mark_first": True}), N1_LOSS)
    assert lost == ["Execute(0)", "Claim(0)", "MarkFirst(0)", "Crash(0)"]


def test_n3_two_relays_that_skip_each_others_rows_publish_one_key_out_of_order():
    found = witness(STUDY.model(SMALL, {"serial_keys": False}), BY_ID["OB4"])
    assert [name for name in found if name.startswith("Publish")] == ["Publish(1)", "Publish(0)"]


def test_order_and_isolation_of_poison_conflict_once_the_poison_is_repaired():
    found = witness(STUDY.model(POISONED, {"block_key": False}), BY_ID["OB4"])
    assert "Repair" in found


def test_a_stale_relay_still_publishes_but_its_mark_does_nothing():
    model = STUDY.model(SMALL)
    before = run(model, ("Execute", 0), ("Claim", 0), ("Stall", 0), ("Claim", 1), ("Publish", 0))
    after = model.step(before, Action("Settle", (0,)))
    assert before.published == (0,)
    assert (after.rows, after.owners) == (before.rows, before.owners)


def test_a_refused_message_is_parked_and_published_in_order_after_its_repair():
    model = STUDY.model(POISONED)
    parked = run(model, ("Execute", 0), ("Execute", 1), ("Claim", 0), ("Refuse", 0), ("Settle", 0))
    assert parked.rows[0] == PARKED
    assert Action("Claim", (0,)) not in model.actions(parked)
    assert Action("Claim", (0,)) in model.actions(model.step(parked, Action("Repair")))


def test_cleanup_deletes_only_what_was_sent():
    model = STUDY.model(SMALL)
    assert Action("Cleanup", (0,)) not in model.actions(run(model, ("Execute", 0)))
    sent = run(model, ("Execute", 0), ("Claim", 0), ("Publish", 0), ("Settle", 0), ("Cleanup", 0))
    assert sent.rows[0] == DELETED


@pytest.mark.parametrize("switch", SWITCHES, ids=[switch.name for switch in SWITCHES])
def test_every_switch_appears_in_a_theorem(switch):
    assert any(switch.name in theorem.exhibited for theorem in STUDY.theorems)
