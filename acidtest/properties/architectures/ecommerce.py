"""The contract of a shop on the net: goods, cards and letters, from the order to its end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from acidtest.environment import Outcome
from acidtest.properties.own.contract import Contract
from acidtest.properties.own.declared import background, handler, operation, read
from acidtest.properties.own.invariants import always, at_rest, sometimes
from acidtest.properties.own.scopes import Scope, client
from acidtest.workload import System

if TYPE_CHECKING:
    from acidtest.properties.own.seen import Seen
    from acidtest.workload import Scope as Built

SERVICES = ("orders", "payments", "warehouse", "catalogue")
ITEM, LETTERS, COMPLETED, COMPENSATED = "book", "letters", "completed", "compensated"
#: What the gateway declines.
TOO_MUCH = 13
PRICES = {"k1": 10, "k2": 20, "k3": TOO_MUCH}


class EcommerceContract(Contract):
    """Orders for goods, paid by card."""

    services = SERVICES
    asks_again = True
    start = {"payments/ann": 100, "warehouse/book": 2, "catalogue/book": 2}  # noqa: RUF012 - it is never changed

    order = operation("start", key=("k1", "k2"), account=("ann",), amount=(10,), item=(ITEM,), quantity=(1,)).of("orders")
    handle = handler("handle").of("catalogue")
    relay = background("relay")
    tick = background("tick").of("orders", "payments", "warehouse")
    status = read("status", key=tuple(PRICES)).of("orders")
    books, held = read("balances").of("payments"), read("held").of("payments")
    goods, available = read("balance").of("warehouse"), read("available").of("warehouse")
    catalogue = read("shown", item=(ITEM,)).of("catalogue")

    first, second = order("k1", "ann", PRICES["k1"], ITEM, 1), order("k2", "ann", PRICES["k2"], ITEM, 1)
    declined = order("k3", "ann", TOO_MUCH, ITEM, 1)
    whole = {  # noqa: RUF012 - it is never changed
        "called": ("payments", "warehouse", "catalogue"), "idle": ("payments-1", "warehouse-1", "catalogue-1"),
        "systems": (System("gateway", declines=(TOO_MUCH,)),),
    }  # fmt: skip
    scopes = (
        Scope("two for the last one", client("orders-1", first), client("orders-2", second), start={**start, "warehouse/book": 1, "catalogue/book": 1}, serial=True, **whole),
        Scope("a crash", client("orders-1", first), crashes=1, **whole),
        Scope("no reply", client("orders-1", first), faults=1, kinds=("lost", "unacknowledged", "late", "twice"), **whole),
        Scope("declined", client("orders-1", declined), faults=1, kinds=("crash", "unacknowledged"), **whole),
        Scope(
            "the catalogue", client("orders-1", first), client("warehouse-1", relay(), relay()), client("catalogue-1", handle(retries=1)),
            **{**whole, "opening": ("orders-1",), "serial": True, "faults": 1, "kinds": ("crash", "unacknowledged")},
        ),
    )  # fmt: skip

    def install(self, implementation: Any, scope: Built, member: str = "") -> None:
        """Give each service what it has at the start."""
        opening = {name.partition("/")[2]: amount for name, amount in scope.accounts if name.partition("/")[0] == member}
        implementation.install(opening)

    @at_rest
    def the_books_say_what_cards_have_paid(self, seen: Seen) -> bool:
        """What is missing from the books is what the gateway has taken."""
        return bool(seen.start.books["ann"] - seen.books["ann"] == sum(sum(order.paid) for order in seen.orders))

    @always
    def a_card_pays_once(self, seen: Seen) -> bool:
        """The gateway is made to carry out nothing twice, and no more payments than orders were placed."""
        payments = [len(order.paid) for order in seen.orders]
        return max(payments, default=0) <= 1 and sum(payments) <= len({call["key"] for call in seen.asked(self.order)})

    @at_rest
    def whoever_has_paid_gets_it(self, seen: Seen) -> bool:
        """In the end as many are shipped as are paid."""
        paid = sum(bool(order.paid) for order in seen.orders)
        return bool(seen.start.goods[ITEM] - seen.goods[ITEM] == paid == _count(seen, COMPLETED))

    @always
    def nothing_is_sold_that_is_not_there(self, seen: Seen) -> bool:
        """No more is held or shipped than there is."""
        return bool(seen.available[ITEM] >= 0 and seen.goods[ITEM] >= 0)

    @at_rest
    def nothing_stays_held(self, seen: Seen) -> bool:
        """In the end neither goods nor money is held."""
        return bool(seen.available == seen.goods and not any(seen.held.values()))

    @at_rest
    def every_order_ends(self, seen: Seen) -> bool:
        """In the end every order is completed or compensated, and there is a letter that says so."""
        ended = {key: status for key, status in seen.status.items() if status}
        return ended == dict(_letters(seen)) and set(ended.values()) <= {COMPLETED, COMPENSATED}

    @always
    def letters_tell_what_happened(self, seen: Seen) -> bool:
        """A letter says how an order has ended, and no other letter says anything else."""
        return all(seen.status[key] == ended for key, ended in _letters(seen))

    @at_rest
    def the_catalogue_catches_up(self, seen: Seen) -> bool:
        """In the end the catalogue shows what is available."""
        return bool(seen.catalogue[ITEM] == seen.available[ITEM])

    @sometimes
    def an_order_is_compensated(self, seen: Seen) -> bool:
        """An order ends without goods and without a payment."""
        return COMPENSATED in seen.status.values()

    @sometimes
    def the_catalogue_is_late(self, seen: Seen) -> bool:
        """The catalogue shows what is not available any more: that is no bug, and it is why nothing is decided on it."""
        return bool(seen.catalogue[ITEM] > seen.available[ITEM])

    @sometimes
    def an_order_is_filled(self, seen: Seen) -> bool:
        """A client is told that his order was taken, and it is filled."""
        return bool(seen.told(self.order, Outcome.OK)) and COMPLETED in seen.status.values()


def _count(seen: Seen, status: str) -> int:
    return list(seen.status.values()).count(status)


def _letters(seen: Seen) -> list[tuple[str, str]]:
    """(order, how it ended) of each letter, copies once."""
    bodies = [json.loads(message.payload) for message in seen.messages if message.topic == LETTERS]
    return list(dict.fromkeys((body["order"], body["ended"]) for body in bodies))
