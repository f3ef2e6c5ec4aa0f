"""Event sourcing, subscriptions: gaps that cannot be told apart, and orders that differ."""

from __future__ import annotations

import pytest
from runs import witness

from acidtest.checker.check import check
from acidtest.models.event_sourcing.subscription import Subscription
from acidtest.models.event_sourcing.subscription_study import ES8, GONE, IN_FLIGHT, N2, N3_ORDER


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
