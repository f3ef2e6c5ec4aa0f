"""What must hold of several services at one instant is looked at also between what a service says and what it makes durable then."""

import pytest

from acidtest import Contract, Scope, always, at_rest, check, client, handler, installation, operation, read
from acidtest.search.verdict import Verdict


class Shop:
    """Takes an order, and then tells the warehouse; the same code is the warehouse, which sends what it hears of."""

    topics = ("orders",)

    def __init__(self, env):
        self.env = env

    def create(self):
        self.env.connect("db", isolation_level=None).execute("CREATE TABLE known (id TEXT PRIMARY KEY)")

    def known(self):
        return {id_ for (id_,) in self.env.connect("db").execute("SELECT id FROM known")}

    def keep(self, id_):
        self.env.connect("db", isolation_level=None).execute("INSERT OR IGNORE INTO known VALUES (?)", (id_,))

    def order(self, id_):
        self.keep(id_)
        self.env.broker.publish(id_, id_, "", topic="orders")
        return "ordered"

    def handle(self, message):
        self.keep(message.key)


class TellsFirst(Shop):
    """Tells the warehouse, and then takes the order."""

    def order(self, id_):
        self.env.broker.publish(id_, id_, "", topic="orders")
        self.keep(id_)
        return "ordered"


class Ordered(Contract):
    services = ("shop", "warehouse")
    create = installation("create")
    order = operation("order", id=("a",)).of("shop")
    handle = handler("handle").of("warehouse")
    known = read("known")
    scopes = (Scope("one order", client("shop-1", order("a")), client("warehouse-1", handle())),)

    @always
    def what_is_sent_is_ordered(self, seen):
        return seen.known["warehouse"] <= seen.known["shop"]


class Renamed(Shop):
    """The warehouse calls its handler by another name than the shop does."""

    def hear(self, message):
        """The shop hears of its own orders."""


class AtRest(Ordered):
    handle = None
    hear = handler("hear").of("shop")
    keep_it = handler("handle").of("warehouse")
    scopes = (Scope("one order", client("shop-1", Ordered.order("a")), idle=("warehouse-1",)),)

    @at_rest
    def what_is_ordered_is_sent(self, seen):
        return seen.known["warehouse"] == seen.known["shop"]


def test_each_service_is_given_messages_by_its_own_handler_when_all_rests():
    assert [result.verdict for result in check(AtRest, Renamed)] == [Verdict.PASS]


def test_what_is_right_at_every_instant_passes():
    assert [result.verdict for result in check(Ordered, Shop)] == [Verdict.PASS]


def test_what_is_wrong_only_between_two_steps_of_one_call_is_found():
    with pytest.raises(AssertionError, match="does not hold at step 4 without any fault"):
        check(Ordered, TellsFirst)
