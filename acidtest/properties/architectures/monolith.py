"""The contract of a monolith: money, goods and letters of a shop in one database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.environment import Outcome
from acidtest.properties.own.contract import Contract
from acidtest.properties.own.declared import background, installation, operation, read
from acidtest.properties.own.invariants import always, at_rest, conserved, sometimes, step, told_means_done
from acidtest.properties.own.scopes import Scope, client

if TYPE_CHECKING:
    from acidtest.properties.own.seen import Seen

#: What is sold, and for how much.
ITEM, PRICE = "book", 10


class MonolithContract(Contract):
    """A shop: an order pays, takes an item off the shelf, and is told to the buyer by a letter."""

    asks_again = True
    start = {"ann": 30, "bob": 10, "shop": 0, "shelf/book": 2}  # noqa: RUF012 - it is never changed

    create = installation("install", opening=dict)
    order = operation("order", key=("k1", "k2"), buyer=("ann", "bob"), item=(ITEM,))
    relay = background("relay")
    balances = read("balances")
    goods = read("goods")
    sold = read("sold")

    ann, bob = client("shop-1", order("k1", "ann", ITEM)), client("shop-2", order("k2", "bob", ITEM))
    sending = client("shop-1", relay(), name="relay")
    scopes = (
        Scope("the last one", ann, bob, start={**start, "shelf/book": 1}),
        Scope("a crash", ann, sending, crashes=1),
        Scope("a lost reply", ann, sending, faults=1, serial=True),
        Scope("one key twice", ann, client("shop-2", order("k1", "ann", ITEM)), crashes=1),
        Scope("one key, two buyers", ann, client("shop-2", order("k1", "bob", ITEM))),
        Scope("no money", client("shop-1", order("k2", "bob", ITEM), order("k1", "bob", ITEM))),
    )

    money = conserved("balances")
    done = told_means_done(order, lambda seen, call: seen.sold.get(call["key"]) == (call["buyer"], call["item"]), Outcome.OK)

    @always
    def what_is_sold_is_off_the_shelf(self, seen: Seen) -> bool:
        """What is sold is off the shelf, and what is off the shelf is sold."""
        return bool(seen.goods[ITEM] + len(seen.sold) == seen.start.goods[ITEM])

    @always
    def what_is_sold_is_paid(self, seen: Seen) -> bool:
        """What is sold is paid, and nothing else."""
        return bool(seen.balances["shop"] == PRICE * len(seen.sold))

    @step
    def an_order_stays(self, before: Seen, seen: Seen) -> bool:
        """What is sold is sold."""
        return all(seen.sold.get(key) == order for key, order in before.sold.items())

    @always
    def letters_tell_what_happened(self, seen: Seen) -> bool:
        """No letter is about an order that there is not."""
        return {letter.id for letter in seen.messages} <= set(seen.sold)

    @at_rest
    def every_order_is_told(self, seen: Seen) -> bool:
        """In the end there is a letter about every order."""
        return {letter.id for letter in seen.messages} >= set(seen.sold)

    @sometimes
    def somebody_is_refused(self, seen: Seen) -> bool:
        """An order is refused."""
        return bool(seen.told(self.order, Outcome.REJECTED))
