"""The workloads of the stateful search of sagas: what becomes of orders, whichever style fills them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from acidtest.properties.shared.stories import Story, clients_of, opened, pairs
from acidtest.workload import Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

#: What there is in every workload: two places with the carrier, and accounts and goods for two stories.
ACCOUNTS = (
    ("payment/A", 100), ("payment/B", 100), ("stock/book", 9), ("stock/pen", 9), ("booking/place", 2),
)  # fmt: skip
#: What one client, and another, order in a story.
Orders = tuple[str, tuple[Operation, ...], tuple[Operation, ...]]


def order(key: str, account: str, amount: Any, item: str, quantity: Any, retries: int = 1) -> Operation:  # noqa: ANN401
    """A client places an order."""
    return Operation("", "start", (key, account, amount, item, quantity), retries)


def orders(first: int, a: str, item: str) -> tuple[Orders, ...]:
    """What is ordered, story by story.

    Arguments:
        first: the number of the first key.
        a: an account that holds 100.
        item: goods of which there are 9.
    """
    k1, k2, k3 = (f"k{number}" for number in range(first, first + 3))
    return (
        ("filled", (order(k1, a, 41, item, 2), order(k2, a, 13, item, 1)), ()),
        ("refused by payment", (order(k1, a, 161, item, 1), order(k2, a, 9, item, 1)), ()),
        ("refused by stock", (order(k1, a, 37, item, 19), order(k2, a, 3, item, 2)), ()),
        ("one more than there are places", (order(k1, a, 31, item, 2), order(k2, a, 11, item, 1), order(k3, a, 7, item, 3)), ()),
        ("placed twice", (order(k1, a, 43, item, 4),), (order(k1, a, 43, item, 4),)),
        ("another under its key", (order(k1, a, 29, item, 3), order(k1, a, 19, item, 3)), (order(k1, a, 29, item, 5),)),
        ("two that the account cannot both pay", (order(k1, a, 61, item, 2),), (order(k2, a, 52, item, 1),)),
        ("two that stock cannot both fill", (order(k1, a, 17, item, 5),), (order(k2, a, 23, item, 8),)),
        ("all that there is", (order(k1, a, 100, item, 9),), ()),
        (
            "what is invalid, and unknown",
            (order(k1, a, 0, item, 1), order(k1, a, 5, item, -1), order(k2, "nobody", 3, item, 1), order(k3, a, 13, "none", 1)), (),
        ),
    )  # fmt: skip


def workloads(
    kinds: Iterable[str], processes: Mapping[str, str], clients: Callable[[Orders], Mapping[str, Sequence[Operation]]]
) -> tuple[tuple[Scope, ...], ...]:
    """Each story, and each after each other.

    Arguments:
        kinds: the fault kinds.
        processes: per client, in their order, the process that it calls.
        clients: makes of what is ordered what each client does.
    """
    own, others = ([Story(one[0], clients(one)) for one in orders(*of)] for of in ((1, "A", "book"), (4, "B", "pen")))
    return tuple(tuple(_workload(story, frozenset(kinds), processes) for story in row) for row in pairs(own, others))


def _workload(story: Story, kinds: frozenset[str], processes: Mapping[str, str]) -> Scope:
    return Scope(story.name, "a drawn workload", ACCOUNTS, clients_of(story, processes), faults=2, kinds=kinds, unsteady=True)


def _answers(*sources: str) -> tuple[Operation, ...]:
    """Answers of services that come once more."""
    return tuple(Operation("", "on_reply", (), 1, source) for source in sources)


#: The stories in which answers come once more: to what was done, and to what was taken back since.
_ANSWERED = {
    "filled": _answers("payment reply 0", "booking reply 0"),
    "one more than there are places": _answers("stock reply 2", "payment reply 2"),
}


@cache
def orchestrated(kinds: tuple[str, ...], scopes: tuple[Scope, ...]) -> tuple[tuple[Scope, ...], ...]:
    """Two clients, beside a process that looks after what is pending, and answers that come once more; and, of the scopes, those
    in which time passes, at any moment or over and over.
    """
    tick = Operation("", "tick")
    rows = workloads(
        kinds, {name: name for name in ("app-1", "app-2", "hook-1", "desk-1")},
        lambda one: {"app-1": one[1], "app-2": one[2], "hook-1": _ANSWERED.get(one[0], ()), "desk-1": (tick,)},
    )  # fmt: skip
    return (*rows, *opened(scopes, ("two executors", "crash in recovery", "outage"), kinds, ACCOUNTS))


@cache
def choreographed(kinds: tuple[str, ...], scopes: tuple[Scope, ...]) -> tuple[tuple[Scope, ...], ...]:
    """One client of payment, beside services that handle their messages and publish what they owe; and, of the scopes, those
    in which time passes, at any moment or over and over.
    """
    relay, tick = Operation("", "relay"), Operation("", "tick")
    turn = Operation("", "handle", (), 1, "message"), relay

    def clients(one: Orders) -> dict[str, Sequence[Operation]]:
        _, first, second = one
        turns = turn * (2 * len(first + second))
        return {"payment-1": (*first, *second, relay, tick, relay, *turns), "stock-1": turns, "booking-1": turns, "shipping-1": turns}

    rows = workloads(kinds, {name: name for name in ("payment-1", "stock-1", "booking-1", "shipping-1")}, clients)
    return (*rows, *opened(scopes, ("cancelled", "outage"), (), ACCOUNTS))
