"""Processes that compete for messages: deliveries are counted, one that counts is with one of them, and rejected ones are kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from acidtest.outside import Message, Settled
from acidtest.workload import Client, Operation, Queueing, Scope, Sent
from acidtest.world.core.effects import CRASH, DUPLICATED, REDELIVERED, REORDERED
from acidtest.world.core.world import World
from acidtest.world.devices.broker.queues import MOST
from acidtest.world.devices.table import DEVICES

if TYPE_CHECKING:
    from collections.abc import Callable

    from acidtest.environment import Delivery
    from acidtest.world.core.cluster import Cluster

ONE, TWO = Sent("d1", "m1", "A", "1", "jobs"), Sent("d2", "m2", "B", "2", "jobs")


class Handler:
    """Tells what it is given, and does with it what it was told to do."""

    def __init__(self, env: Any, does: Callable[[Any, Delivery], object], seen: list[Any]) -> None:
        self.env, self.does, self.seen = env, does, seen

    def handle(self, message: Delivery) -> None:
        self.seen.append((message.id, message.attempts, message.redelivered))
        self.does(self.env, message)


def wait(env: Any, message: Delivery) -> None:
    """Handling takes an effect."""
    env.clock.sleep(1.0)


def nothing(env: Any, message: Delivery) -> None:
    """Handling takes none."""


def fail(env: Any, message: Delivery) -> None:
    raise ValueError(message.id)


class Consuming(World):
    """Two processes that handle messages; `seen` is what they were given, `app-1` and `app-2` are their clients."""

    def __init__(self, cluster: Cluster, does: Callable[[Any, Delivery], object], *messages: Sent, calls: int = 4) -> None:
        self.seen: list[Any] = []
        clients = [
            Client(name, name, tuple(Operation(f"{name} {i}", "handle", (), 0, "message") for i in range(calls)))
            for name in ("app-1", "app-2")
        ]
        super().__init__(
            cluster, lambda env: Handler(env, does, self.seen), Scope("s", "", (), tuple(clients), messages=messages), DEVICES,
            equipment={"broker": Queueing(("jobs",))},
        )  # fmt: skip
        self.broker: Any = self.devices["broker"]

    def settled(self) -> list[Settled]:
        return [found for _, found in self.devices.seen()["settled"]]


def test_a_message_is_with_one_of_them_until_it_has_returned(cluster):
    world = Consuming(cluster, wait, ONE)
    world.advance("app-1")
    assert "app-2" not in world.runnable()
    assert world.settled() == []
    world.advance("app-1")
    assert world.settled() == [Settled(0, 1, 1.0, buried=False)]
    world.close()


def test_what_failed_comes_again_after_all_else_and_is_counted(cluster):
    world = Consuming(cluster, fail, ONE, TWO)
    for name in ("app-1", "app-2", "app-1", "app-1"):
        world.advance(name)
    assert world.seen == [("m1", 1, False), ("m2", 1, False), ("m1", 2, True), ("m2", 2, True)]
    world.close()


def test_counting_stops_where_nobody_needs_it_any_more(cluster):
    world = Consuming(cluster, fail, ONE, calls=MOST + 3)
    for _ in range(MOST + 2):
        world.advance("app-1")
    assert [attempts for _, attempts, _ in world.seen][-3:] == [MOST, MOST, MOST]
    world.close()


def test_a_message_in_flight_is_given_to_another_and_then_only_that_delivery_counts(cluster):
    world = Consuming(cluster, wait, ONE, TWO)
    world.advance("app-1")
    assert REDELIVERED in world.faults_of_start("app-2")
    world.advance("app-2", REDELIVERED)
    assert world.seen == [("m1", 1, False), ("m1", 2, True)]
    world.advance("app-1")
    assert world.settled() == []
    world.advance("app-2")
    assert [(found.place, found.attempts) for found in world.settled()] == [(0, 2)]
    world.close()


def test_the_death_of_whoever_has_a_message_gives_it_back(cluster):
    world = Consuming(cluster, wait, ONE)
    world.advance("app-1")
    world.crash("app-1")
    world.advance("app-2")
    assert world.seen[-1] == ("m1", 2, True)
    world.close()


def test_a_copy_that_comes_again_after_it_was_acknowledged_counts_for_nothing(cluster):
    world = Consuming(cluster, nothing, ONE, TWO)
    world.advance("app-1")
    before = world.settled()
    assert DUPLICATED in world.faults_of_start("app-2")
    world.advance("app-2", DUPLICATED)
    assert world.seen == [("m1", 1, False), ("m1", 1, False)]
    assert world.settled() == before
    world.close()


def test_the_last_that_is_there_comes_first_where_the_order_is_lost(cluster):
    world = Consuming(cluster, nothing, ONE, TWO)
    assert REORDERED in world.faults_of_start("app-1")
    world.advance("app-1", REORDERED)
    assert world.seen == [("m2", 1, False)]
    world.close()


@pytest.mark.parametrize(("failed", "attempts"), [(True, 2), (False, 1)])
def test_what_is_given_back_counts_as_an_attempt_where_it_failed(cluster, failed, attempts):
    world = Consuming(cluster, lambda env, message: env.broker.nack(message, failed=failed), ONE)
    for _ in range(3):
        world.advance("app-1")
    assert world.seen == [("m1", 1, False), ("m1", attempts, True)]
    assert world.settled() == []
    world.close()


def test_what_is_rejected_is_among_the_dead_letters_as_it_is_and_nobody_is_given_it(cluster):
    world = Consuming(cluster, lambda env, message: env.broker.nack(message, requeue=False), ONE)
    world.advance("app-1")
    world.advance("app-1")
    assert world.settled() == [Settled(0, 1, 0.0, buried=True)]
    assert world.devices.seen()["broker"][-1] == Message("m1", "A", "1", "dead")
    assert world.runnable() == []
    world.close()


def test_dead_letters_are_sent_again_as_if_they_had_never_been_tried(cluster):
    world = Consuming(cluster, lambda env, message: env.broker.nack(message, requeue=False), ONE)
    world.advance("app-1")
    world.advance("app-1")
    world.change("resend", 0.0)
    world.advance("app-2")
    assert world.seen == [("m1", 1, False), ("m1", 1, False)]
    world.close()


def look(env: Any, message: Delivery) -> None:
    json.loads(message.payload)


def test_a_deadly_payload_kills_whoever_parses_it_until_it_is_repaired(cluster):
    world = Consuming(cluster, look, ONE._replace(deadly=True))
    world.advance("app-1")
    assert not world.processes["app-1"].alive
    assert [event.kind for event in world.events][-3:] == ["error", "crash", "unknown"]
    world.change("resend", 0.0)
    world.advance("app-2")
    assert world.processes["app-2"].alive
    assert len(world.settled()) == 1
    world.close()


def test_a_deadly_payload_can_be_passed_on_as_it_is(cluster):
    world = Consuming(cluster, lambda env, message: env.broker.publish("x", "k", message.payload), ONE._replace(deadly=True))
    world.advance("app-1")
    world.advance("app-1")
    assert world.processes["app-1"].alive
    world.close()


@pytest.mark.parametrize("nothing_to_go_by", [None, ""])
def test_not_every_message_has_an_id(cluster, nothing_to_go_by):
    world = Consuming(cluster, nothing, ONE._replace(id=nothing_to_go_by))
    world.advance("app-1")
    assert world.seen == [(nothing_to_go_by, 1, False)]
    world.close()


def test_the_state_tells_how_often_what_was_tried(cluster):
    world = Consuming(cluster, fail, ONE)
    keys = [world.broker.key()]
    for _ in range(2):
        world.advance("app-1")
        keys.append(world.broker.key())
    assert len(set(keys)) == 3
    world.close()


class Puller:
    """Receives and keeps what it has received."""

    def __init__(self, env: Any) -> None:
        self.env = env

    def take(self) -> Any:
        return self.env.broker.receive(topic="jobs")

    def both(self) -> Any:
        first, second = self.take(), self.take()
        self.env.broker.ack(first)
        return first, second


def pulling(cluster: Cluster, *methods: str) -> World:
    clients = tuple(Client(f"app-{i}", f"app-{i}", (Operation(f"o{i}", method),)) for i, method in enumerate(methods, 1))
    scope = Scope("s", "", (), clients, messages=(ONE, TWO))
    return World(cluster, Puller, scope, DEVICES, equipment={"broker": Queueing(("jobs",))})


def finish(world: World, name: str, *faults: str) -> Any:
    world.advance(name)
    for fault in (*faults, *[""] * 5):
        if world.actors.task(name) is None:
            break
        world.advance(name, fault)
    return next((event.value for event in reversed(world.events) if event.kind == "reply"), None)


def test_processes_that_pull_share_the_messages_and_may_hold_several(cluster):
    world = pulling(cluster, "both", "take")
    first, second = finish(world, "app-1")
    assert (first.id, second.id) == ("m1", "m2")
    assert finish(world, "app-2") is None
    assert [found.place for _, found in world.devices.seen()["settled"]] == [0]
    world.close()


def test_a_message_that_is_held_may_be_received_by_another(cluster):
    world = pulling(cluster, "take", "take")
    assert finish(world, "app-1").id == "m1"
    world.advance("app-2")
    assert REDELIVERED in world.pending("app-2").faults
    world.advance("app-2", REDELIVERED)
    assert [(event.value.id, event.value.attempts) for event in world.events if event.kind == "reply"] == [("m1", 1), ("m1", 2)]
    world.close()


def test_nothing_changes_any_more_where_whoever_receives_a_message_dies_again_and_again(cluster):
    operations = tuple(Operation(f"o{i}", "take") for i in range(MOST + 2))
    scope = Scope("s", "", (), (Client("app-1", "app-1", operations),), messages=(ONE,))
    world = World(cluster, Puller, scope, DEVICES, equipment={"broker": Queueing(("jobs",))})
    found = []
    for _ in operations:
        world.advance("app-1")
        world.advance("app-1", CRASH)
        world.restart("app-1")
        found.append(world.devices["broker"].progress())
    assert (len(set(found)), found[-1]) == (MOST, found[MOST - 1])
    world.close()
