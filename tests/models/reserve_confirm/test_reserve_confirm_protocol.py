"""Reserve/confirm: the runs behind its theorems."""

from __future__ import annotations

import pytest
from runs import names, run

from acidtest.checker.check import check, reachable
from acidtest.models.reserve_confirm.protocol import Hold, ReserveConfirm
from acidtest.models.reserve_confirm.protocol_study import (
    MUTE,
    N1_RETRY,
    N1_SENT,
    N1_UNSENT,
    N1_WAIT,
    N4_BOOKS,
    RC1,
    RC6,
    STUDY,
)
from acidtest.models.reserve_confirm.provider import Order


def found(property_, size=0, **switches):
    return check(STUDY.model(STUDY.sizes[size], switches), [property_]).findings[0]


CALLED = ("Reserve", 0), ("Call", 0)


def test_a_bank_that_crashed_has_the_same_books_whether_its_order_was_sent_or_not():
    unsent, sent = (found(each, **MUTE).trace for each in (N1_UNSENT, N1_SENT))
    assert names(unsent) == ["Reserve(0)", "Crash", "Recover(0)"]
    assert "Dispense(0, 2)" in names(sent)
    assert unsent.last.holds == sent.last.holds


def test_with_a_mute_provider_both_calling_again_and_not_calling_again_fail():
    assert found(N1_RETRY, **MUTE, blind_retry=True).verdict == "violated"
    assert found(N1_WAIT, **MUTE).verdict == "violated"


@pytest.mark.parametrize("spared", ["idempotent", "voidable"])
def test_a_provider_needs_to_be_idempotent_or_else_queryable_and_voidable(spared):
    other = {"idempotent": "voidable", "voidable": "idempotent"}[spared]
    assert found(RC1, **{other: False}).verdict == "holds"
    assert found(RC1, idempotent=False, voidable=False).verdict == "violated"


def test_what_was_voided_is_refused_when_it_arrives_late():
    model = ReserveConfirm(1)
    state = run(model, *CALLED, ("Timeout", 0), ("Void", 0), ("Inquire", 0), ("Accept", 0))
    assert state.holds == (Hold("released"),)
    assert state.orders == (Order("voided"),)


def test_an_order_paid_in_part_releases_the_rest_for_another():
    model = ReserveConfirm(2)
    state = run(model, *CALLED, ("Accept", 0), ("Dispense", 0, 1), ("Reply", 0), ("Reserve", 1))
    assert state.holds == (Hold("posted", 1), Hold("held", 0, "ready"))
    assert model.available(state) == 0


def test_reconciliation_mends_the_books_but_not_the_overdraft_of_a_hold_released_by_mistake():
    assert found(RC1, timeout_is_failure=True).verdict == "holds"
    overdraft = found(RC6, 1, timeout_is_failure=True)
    assert names(overdraft.trace)[-3:] == ["Accept(0)", "Dispense(0, 2)", "Reconcile(0)"]


def test_a_callback_may_come_before_the_reply_and_after_it_and_counts_once():
    model = ReserveConfirm(1)
    paid = *CALLED, ("Accept", 0), ("Dispense", 0, 2)
    ends = [
        run(model, *paid, ("Callback", 0), ("CallbackWorking", 0), ("Reply", 0)),
        run(model, *paid, ("Reply", 0), ("Callback", 0), ("CallbackWorking", 0)),
    ]
    assert [state.holds for state in ends] == [(Hold("posted", 2),)] * 2


def test_a_refund_leaves_two_entries_that_a_release_does_not_show():
    model = ReserveConfirm(1, refund_is_release=True)
    state = run(model, *CALLED, ("Timeout", 0), ("Accept", 0), ("Dispense", 0, 2), ("Refund", 0), ("Reconcile", 0))
    assert (state.holds, state.orders) == ((Hold("released"),), (Order("done", 1, 2, 1),))
    assert found(N4_BOOKS, refund_is_release=True).verdict == "violated"


@pytest.mark.parametrize(("switch", "booked"), [({}, "posted"), ({"by_amount": True}, "refunded")])
def test_entries_are_matched_by_authorisation_for_by_amount_one_reversal_undoes_both(switch, booked):
    model = ReserveConfirm(1, device_duplicates=True, **switch)
    twice = *CALLED, ("DuplicateByDevice", 0), ("Accept", 0), ("Dispense", 0, 2), ("Reply", 0), ("AcceptStray", 0), ("Refund", 0)
    state = run(model, *twice)
    assert state.orders == (Order("done", 2, 4, 1),)
    reconciled = [following for action, following in model.successors(state) if action.name == "Reconcile"]
    assert {each.holds[0].status for each in reconciled or [state]} == {booked}


@pytest.mark.parametrize(
    ("turned", "states"), [(("device_duplicates",), 1_364), (("device_duplicates", "by_amount"), 1_382), (("refund_is_release",), 280)]
)
def test_the_number_of_states_where_entries_are_counted_is(turned, states):
    assert len(reachable(STUDY.model(STUDY.sizes[0], dict.fromkeys(turned, True))).states) == states


def test_an_unknown_switch_is_refused_by_name():
    with pytest.raises(TypeError, match="no switch 'idempotence'"):
        ReserveConfirm(1, idempotence=False)


def test_the_pages_diagram_has_few_nodes():
    diagram = STUDY.diagram
    nodes = {diagram.label(state) for state in reachable(STUDY.make(**diagram.arguments)).states} - {None}
    assert 4 <= len(nodes) <= 16, sorted(nodes)
