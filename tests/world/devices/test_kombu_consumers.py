"""The broker spoken to by kombu: processes that compete for the messages of a queue."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import kombu
from kombu.pools import producers
from kombu_code import bodies, connected, tried
from small_world import Code, Small

from acidtest.outside import Settled
from acidtest.workload import Client, Operation, Queueing, Scope, Sent
from acidtest.world.core.effects import REDELIVERED
from acidtest.world.core.world import World
from acidtest.world.devices.table import DEVICES

if TYPE_CHECKING:
    from collections.abc import Callable

    from acidtest.world.core.cluster import Cluster


ONE, TWO = Sent("d1", "m1", "A", "1", "jobs"), Sent("d2", "m2", "B", "2", "jobs")


class Competing(World):
    """Two processes that do something with the next message of a queue; `seen` is what they were given."""

    def __init__(self, cluster: Cluster, does: Callable[[kombu.Message], Any], *messages: Sent, polls: int = 4) -> None:
        self.seen: list[Any] = []

        def consume(env: Any) -> None:
            with connected(env) as connection, connection.Consumer([kombu.Queue("jobs")], on_message=take):
                tried(lambda: connection.drain_events(timeout=0))

        def take(message: kombu.Message) -> None:
            info = message.delivery_info["redelivered"], message.headers.get("x-delivery-count"), message.properties.get("timestamp", 0) > 0
            self.seen.append((message.properties["message_id"], *info))
            does(message)

        clients = [Client(name, name, tuple(Operation(f"{name} {i}", "consume") for i in range(polls))) for name in ("app-1", "app-2")]
        super().__init__(
            cluster, partial(Code, {"consume": consume}), Scope("s", "", (), tuple(clients), messages=messages), DEVICES,
            equipment={"broker": Queueing(("jobs",))},
        )  # fmt: skip

    def poll(self, name: str, fault: str = "") -> None:
        """Let a process poll once; the fault befalls what it receives."""
        self.advance(name)
        self.advance(name, fault)
        while (effect := self.pending(name)) is not None and "receive" not in effect.label:
            self.advance(name)

    def settled(self) -> list[Settled]:
        return [found for _, found in self.devices.seen()["settled"]]


def test_a_message_that_is_given_back_says_how_often_it_was_delivered(cluster: Cluster) -> None:
    world = Competing(cluster, lambda message: message.requeue(), ONE, TWO)
    for name in ("app-1", "app-2", "app-1"):
        world.poll(name)
    assert world.seen == [("m1", False, None, True), ("m2", False, None, True), ("m1", True, 1, True)]
    world.close()


def test_a_message_that_is_rejected_is_among_the_dead_letters(cluster: Cluster) -> None:
    world = Competing(cluster, lambda message: message.reject(), ONE)
    world.poll("app-1")
    assert world.settled() == [Settled(0, 1, 0.0, buried=True)]
    world.close()


def test_a_message_whose_holder_is_taken_for_lost_is_given_to_another(cluster: Cluster) -> None:
    def keep(message: kombu.Message) -> None:
        message.channel.connection.drain_events(message.channel.connection, timeout=1.0)  # its visibility runs out meanwhile

    world = Competing(cluster, keep, ONE)
    world.advance("app-1")
    world.advance("app-1")
    assert "receive" in str(world.pending("app-1"))
    world.advance("app-2")
    assert REDELIVERED in world.devices.with_faults(world.clients["app-2"].task, world.pending("app-2")).faults
    world.advance("app-2", REDELIVERED)
    assert world.seen == [("m1", False, None, True), ("m1", True, 1, True)]
    world.close()


def test_a_deadly_body_kills_whoever_parses_it_and_not_who_receives_it(cluster: Cluster) -> None:
    world = Competing(cluster, lambda message: None, ONE._replace(deadly=True))
    world.poll("app-1")
    assert world.processes["app-1"].alive
    world.close()
    world = Competing(cluster, lambda message: message.payload, ONE._replace(deadly=True))
    world.poll("app-1")
    assert not world.processes["app-1"].alive
    world.close()


def test_pools_of_the_library_share_nothing_between_processes_and_incarnations(cluster: Cluster) -> None:
    used: list[tuple[str, int]] = []

    def first(env: Any) -> None:
        pooled(env, "first")

    def second(env: Any) -> None:
        pooled(env, "second")

    def pooled(env: Any, name: str) -> None:
        with producers[kombu.Connection(env.broker_url)].acquire(block=True) as producer:
            used.append((name, id(producer.connection)))
            producer.publish(1, routing_key="jobs", message_id="m1")
            kept.append(producer.connection)

    kept: list[Any] = []
    for _ in range(2):
        world = Small(cluster, first, second)
        world.finish("first")
        world.finish("second")
        assert bodies(world) == [1, 1]
        world.close()
    assert len(set(used)) == 4
