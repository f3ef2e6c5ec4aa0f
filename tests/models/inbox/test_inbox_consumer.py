"""The inbox: the runs that lose or double an effect, and what its record is good for."""

from __future__ import annotations

import pytest
from runs import run, witness

from acidtest.checker.machine import Action
from acidtest.models.inbox import consumer
from acidtest.models.inbox import consumer_study as study
from acidtest.models.inbox.consumer import SWITCHES
from acidtest.models.inbox.consumer_study import STUDY

SMALL, LARGE = STUDY.sizes


def names(prop, size=SMALL, **turned):
    return witness(STUDY.model(size, turned), prop)


def test_n1_a_message_that_outlives_its_record_is_applied_again():
    steps = names(study.N1, unbounded=True)
    assert steps[4:7] == ["Forget(0)", "Purge(0)", "Resend(0)"]


def test_n2_a_mail_before_the_commit_doubles_and_one_after_it_gets_lost():
    assert names(study.N2, mail_before=True).count("Mail(0)") == 1
    lost = names(study.N2_LOSS, mail_after=True)
    assert not [step for step in lost if step.startswith("Mail")] and lost[-1].startswith("Crash")


def test_n3_the_record_of_one_payment_swallows_another_of_the_same_amount():
    model = STUDY.model(LARGE, {"by_content": True})
    state = run(model, ("Deliver", 0, 0), ("Begin", 0), ("Commit", 0), ("Ack", 0), ("Deliver", 0, 1), ("Begin", 0))
    assert state.workers[0].phase == consumer.DUPLICATE
    assert state.effects == (1, 0, 0)


def test_an_imposter_is_set_aside_and_the_first_to_come_is_kept():
    model = STUDY.model(LARGE)
    state = run(
        model, ("Deliver", 0, 2), ("Begin", 0), ("Commit", 0), ("Ack", 0), ("Deliver", 0, 0), ("Begin", 0), ("Alarm", 0)
    )
    assert state.broker == (consumer.ALARMED, consumer.QUEUED, consumer.ACKED)


def test_a_second_delivery_waits_for_the_first_and_gets_its_answer():
    model = STUDY.model(SMALL)
    both = run(model, ("Deliver", 0, 0), ("Redeliver", 1, 0), ("Begin", 0))
    assert Action("Begin", (1,)) not in model.actions(both)
    end = run(
        model, ("Deliver", 0, 0), ("Redeliver", 1, 0), ("Begin", 0), ("Commit", 0), ("Begin", 1), ("Ack", 1), ("Ack", 0)
    )
    assert end.answers[0] == frozenset({1}) and end.effects[0] == 1


def test_a_claim_that_runs_out_under_its_owner_needs_a_fence():
    steps = names(study.N4_TWICE, claim_first=True, expiry=True, fenced=False)
    assert "Expire(0)" in steps and "Crash(0)" not in steps


@pytest.mark.parametrize("switch", SWITCHES, ids=[switch.name for switch in SWITCHES])
def test_every_switch_appears_in_a_theorem(switch):
    assert any(switch.name in theorem.exhibited for theorem in STUDY.theorems)
