"""The workloads of the stateful search of the saga without an orchestrator."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from acidtest.properties.saga.stories import ACCOUNTS, workloads_of
from acidtest.properties.saga_choreography.scopes import SCOPES
from acidtest.properties.shared.stories import opened
from acidtest.workload import Operation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.properties.saga.stories import Orders
    from acidtest.workload import Scope


@cache
def workloads(kinds: tuple[str, ...]) -> tuple[tuple[Scope, ...], ...]:
    """One client of payment, beside services that handle their messages and publish what they owe; and, of the scopes, those
    in which time passes, at any moment or over and over.
    """
    relay, tick = Operation("", "relay"), Operation("", "tick")
    turn = Operation("", "handle", (), 1, "message"), relay

    def clients(one: Orders) -> dict[str, Sequence[Operation]]:
        _, first, second = one
        turns = turn * (2 * len(first + second))
        return {"payment-1": (*first, *second, relay, tick, relay, *turns), "stock-1": turns, "booking-1": turns, "shipping-1": turns}

    rows = workloads_of(kinds, {name: name for name in ("payment-1", "stock-1", "booking-1", "shipping-1")}, clients)
    return (*rows, *opened(SCOPES, ("cancelled", "outage"), (), ACCOUNTS))
