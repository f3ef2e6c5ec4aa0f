"""External systems: what was done is done, whatever was answered; and every fault really befalls them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from small_world import Code, Small

from acidtest.environment import ExternalRefused, ExternalTimeout, Receipt, Status
from acidtest.errors import ContractError
from acidtest.workload import Client, Operation, Scope, System
from acidtest.world.core.effects import (
    CRASH,
    DELAYED,
    LATE,
    LOST,
    PERFORM_FAULTS,
    REFUSED,
    TWICE,
    UNACKNOWLEDGED,
)
from acidtest.world.core.world import World
from acidtest.world.devices.table import DEVICES

if TYPE_CHECKING:
    from acidtest.outside import Order
    from acidtest.world.core.cluster import Cluster


def perform(env: Any) -> Any:
    try:
        return env.external("atm").perform("k1", 5)
    except (ExternalRefused, ExternalTimeout) as error:
        return type(error)


def perform_again(env: Any) -> Any:
    return perform(env)


def void(env: Any) -> Any:
    try:
        return env.external("atm").void("k1")
    except (ExternalRefused, ExternalTimeout) as error:
        return type(error)


def inquire(env: Any) -> Any:
    return env.external("atm").inquire("k1")


class Outside(Small):
    """A small world with an external system."""

    def __init__(self, cluster: Cluster, system: System, *functions: Any, clients: tuple[Client, ...] = ()) -> None:
        named = {function.__name__: function for function in functions}
        own = tuple(Client(n, n, (Operation(n, n),)) for n in named if n != "hear")
        World.__init__(self, cluster, partial(Code, named), Scope("outside", "", (), own + clients, systems=(system,)), DEVICES)
        self.answers, self.done = {}, []

    def call(self, name: str, fault: str = "") -> Any:
        """Let a client make its one call, with a fault."""
        self.begin(name)
        self.step(name, fault)
        return self.answers.get(name)

    @property
    def order(self) -> Order:
        (order,) = self.devices["externals"].seen()
        return order


ATM = System("atm")


def test_an_order_is_carried_out_and_answered(cluster: Cluster) -> None:
    world = Outside(cluster, ATM, perform)
    assert world.call("perform") == Receipt("k1", Status.DONE, 5)
    assert world.order.paid == (5,)
    world.close()


@pytest.mark.parametrize(
    ("fault", "answer", "paid"),
    [
        (REFUSED, ExternalRefused, ()), (LOST, ExternalTimeout, ()), (UNACKNOWLEDGED, ExternalTimeout, (5,)),
        (LATE, ExternalTimeout, ()), (TWICE, Receipt("k1", Status.DONE, 10), (5, 5)),
    ],
)  # fmt: skip
def test_each_fault_of_an_order_has_its_effect_and_its_answer(cluster: Cluster, fault: str, answer: Any, paid: Any) -> None:
    world = Outside(cluster, ATM._replace(idempotent=False), perform)
    assert world.call("perform", fault) == answer
    assert [p for order in world.devices["externals"].seen() for p in order.paid] == list(paid)
    world.close()


def test_the_faults_of_an_order_are_those_that_the_search_may_choose(cluster: Cluster) -> None:
    world = Outside(cluster, ATM, perform)
    world.begin("perform")
    pending = world.pending("perform")
    assert pending is not None
    assert pending.faults == PERFORM_FAULTS
    assert pending.lasts
    world.close()


def test_a_crash_after_an_order_leaves_what_was_done(cluster: Cluster) -> None:
    world = Outside(cluster, ATM, perform)
    assert world.call("perform", CRASH) == "its process crashed"
    assert world.order.paid == (5,)
    world.close()


def test_a_late_order_is_on_its_way_until_it_lands(cluster: Cluster) -> None:
    world = Outside(cluster, ATM, perform, inquire)
    world.call("perform", LATE)
    assert (world.order.coming, world.order.status) == (1, Status.ABSENT)
    assert world.call("inquire").status == Status.ABSENT
    before = world.key()
    for land in world.late.values():
        land()
    assert (world.order.coming, world.order.paid) == (0, (5,))
    assert world.key() != before
    world.close()


def test_a_system_with_a_queue_knows_a_late_order_and_voids_it_no_more(cluster: Cluster) -> None:
    world = Outside(cluster, ATM._replace(queues=True), perform, inquire, void)
    world.call("perform", LATE)
    assert world.call("inquire").status == Status.IN_PROGRESS
    assert world.call("void").status == Status.IN_PROGRESS
    for land in world.late.values():
        land()
    assert world.order.paid == (5,)
    world.close()


@pytest.mark.parametrize(("idempotent", "paid"), [(True, (5,)), (False, (5, 5))])
def test_a_repeated_order_is_recognised_or_not(cluster: Cluster, idempotent: bool, paid: Any) -> None:  # noqa: FBT001
    world = Outside(cluster, ATM._replace(idempotent=idempotent), perform, perform_again)
    world.call("perform")
    world.call("perform_again")
    assert world.order.paid == paid
    world.close()


def test_an_order_may_be_carried_out_in_part_or_declined(cluster: Cluster) -> None:
    for system, answer in (
        (ATM._replace(parts=((5, 3),)), Receipt("k1", Status.DONE, 3)),
        (ATM._replace(declines=(5,)), Receipt("k1", Status.DECLINED)),
    ):
        world = Outside(cluster, system, perform)
        assert world.call("perform") == answer
        world.close()


def test_what_was_voided_before_it_came_is_refused_for_ever(cluster: Cluster) -> None:
    world = Outside(cluster, ATM, void, perform)
    assert world.call("void") == Receipt("k1", Status.VOIDED)
    assert world.call("perform") == Receipt("k1", Status.VOIDED)
    assert world.order.paid == ()
    world.close()


def test_a_void_comes_too_late_for_what_was_done(cluster: Cluster) -> None:
    world = Outside(cluster, ATM, void, perform)
    world.call("perform")
    assert world.call("void") == Receipt("k1", Status.DONE, 5)
    world.close()


@pytest.mark.parametrize(("fault", "status"), [(REFUSED, []), (LOST, []), (UNACKNOWLEDGED, [Status.VOIDED])])
def test_each_fault_of_a_void_has_its_effect(cluster: Cluster, fault: str, status: Any) -> None:
    world = Outside(cluster, ATM, void)
    assert world.call("void", fault) in (ExternalRefused, ExternalTimeout)
    assert [order.status for order in world.devices["externals"].seen()] == status
    world.close()


def test_a_system_that_does_not_void_says_so(cluster: Cluster) -> None:
    world = Outside(cluster, ATM._replace(voidable=False), void)
    assert world.call("void") is ExternalRefused
    world.close()


@pytest.mark.parametrize(
    ("fault", "status"), [("", Status.DONE), (DELAYED, Status.ABSENT), (REFUSED, Status.UNAVAILABLE)]
)
def test_an_inquiry_may_lag_or_not_be_answered(cluster: Cluster, fault: str, status: Status) -> None:
    world = Outside(cluster, ATM, perform, inquire)
    world.call("perform")
    assert world.call("inquire", fault).status == status
    world.close()


def test_a_system_that_is_not_queryable_never_answers(cluster: Cluster) -> None:
    world = Outside(cluster, ATM._replace(queryable=False), perform, inquire)
    world.call("perform")
    assert world.call("inquire").status == Status.UNAVAILABLE
    world.close()


def test_in_an_outage_nothing_is_done(cluster: Cluster) -> None:
    world = Outside(cluster, ATM, perform, inquire)
    world.change("outage")
    assert world.call("perform") is ExternalRefused
    assert world.call("inquire").status == Status.UNAVAILABLE
    assert world.devices["externals"].seen() == ()
    world.change("restore")
    assert not world.devices["externals"].down
    world.close()


def hear(_env: Any, receipt: Receipt) -> Receipt:
    return receipt


def hearing(name: str, source: str) -> Client:
    return Client(name, "ear", (Operation(name, "hear", source=source),))


def test_callbacks_wait_for_what_they_tell_and_may_come_in_any_order_and_twice(cluster: Cluster) -> None:
    clients = tuple(hearing(f"c{i}", f"atm callback {n}") for i, n in enumerate((0, 1, 1)))
    world = Outside(cluster, ATM._replace(callbacks=True), perform, hear, clients=clients)
    assert world.runnable() == ["perform"]
    world.call("perform")
    assert world.runnable() == ["c0", "c1", "c2"]
    assert world.devices["externals"].progress() == ("atm callback 0", "atm callback 1")
    for name in ("c1", "c0", "c2"):
        world.begin(name)
    assert world.answers["c0"] == Receipt("k1", Status.IN_PROGRESS)
    assert world.answers["c1"] == world.answers["c2"] == Receipt("k1", Status.DONE, 5)
    assert world.devices["externals"].progress() == ()
    world.close()


def test_a_statement_is_what_was_paid_so_far(cluster: Cluster) -> None:
    world = Outside(cluster, ATM, perform, hear, clients=(hearing("s", "atm statement"), hearing("t", "atm statement")))
    world.begin("s")
    world.call("perform")
    world.begin("t")
    assert (world.answers["s"], world.answers["t"]) == ((), (Receipt("k1", Status.DONE, 5),))
    world.close()


@pytest.mark.parametrize("arguments", [("", 5), (None, 5), ("k1", 5.0)])
def test_orders_without_a_key_or_of_no_whole_amount_are_mistakes(cluster: Cluster, arguments: Any) -> None:
    def order(env: Any) -> Any:
        return env.external("atm").perform(*arguments)

    world = Outside(cluster, ATM, order)
    with pytest.raises(ContractError):
        world.call("order")
    world.close()
