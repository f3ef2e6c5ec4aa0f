"""The workloads of the stateful search of sagas: what becomes of orders, whichever style fills them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from acidtest.properties.saga.scopes import order
from acidtest.properties.shared.stories import Story, clients_of, pairs
from acidtest.workload import Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

#: What there is in every workload: two places with the carrier, and accounts and goods for two stories.
ACCOUNTS = (
    ("payment/A", 100), ("payment/B", 100), ("stock/book", 9), ("stock/pen", 9), ("booking/place", 2),
)  # fmt: skip
#: What one client, and another, order in a story.
Orders = tuple[str, tuple[Operation, ...], tuple[Operation, ...]]
_order = partial(order, "")


def orders(first: int, a: str, item: str) -> tuple[Orders, ...]:
    """What is ordered, story by story.

    Arguments:
        first: the number of the first key.
        a: an account that holds 100.
        item: goods of which there are 9.
    """
    k1, k2, k3 = (f"k{number}" for number in range(first, first + 3))
    return (
        ("filled", (_order(k1, a, 41, item, 2), _order(k2, a, 13, item, 1)), ()),
        ("refused by payment", (_order(k1, a, 161, item, 1), _order(k2, a, 9, item, 1)), ()),
        ("refused by stock", (_order(k1, a, 37, item, 19), _order(k2, a, 3, item, 2)), ()),
        ("one more than there are places", (_order(k1, a, 31, item, 2), _order(k2, a, 11, item, 1), _order(k3, a, 7, item, 3)), ()),
        ("placed twice", (_order(k1, a, 43, item, 4),), (_order(k1, a, 43, item, 4),)),
        ("another under its key", (_order(k1, a, 29, item, 3), _order(k1, a, 19, item, 3)), (_order(k1, a, 29, item, 5),)),
        ("two that the account cannot both pay", (_order(k1, a, 61, item, 2),), (_order(k2, a, 52, item, 1),)),
        ("two that stock cannot both fill", (_order(k1, a, 17, item, 5),), (_order(k2, a, 23, item, 8),)),
        ("all that there is", (_order(k1, a, 100, item, 9),), ()),
        (
            "what is invalid, and unknown",
            (_order(k1, a, 0, item, 1), _order(k1, a, 5, item, -1), _order(k2, "nobody", 3, item, 1), _order(k3, a, 13, "none", 1)), (),
        ),
    )  # fmt: skip


def workloads_of(
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
