"""The broker spoken to by kombu: the library as it is; what it does stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import kombu
import pytest
from kombu.mixins import ConsumerMixin
from kombu_code import connected, publish, told, tried
from small_world import Small

if TYPE_CHECKING:

    from acidtest.world.core.cluster import Cluster


def test_what_is_published_lies_on_the_topic_of_the_queue_with_id_and_key(cluster: Cluster) -> None:
    def sends(env: Any) -> None:
        publish(env, {"amount": 5}, headers={"key": "A"})

    world = Small(cluster, sends)
    world.finish("sends")
    (message,) = world.devices.seen()["broker"]
    assert message[:4] == ("m1", "A", '{"amount": 5}', "jobs")
    assert world.done == ["broker: publish A"]
    world.close()


def test_a_message_comes_to_a_consumer_as_it_was_sent(cluster: Cluster) -> None:
    def uses(env: Any) -> Any:
        publish(env, {"a": [1]}, headers={"key": "A", "kind": "new"}, correlation_id="c1", priority=3)
        found: list[Any] = []
        with connected(env) as connection, connection.Consumer([kombu.Queue("jobs")], callbacks=[lambda *both: found.append(both)]):
            connection.drain_events(timeout=1)
        ((body, message),) = found
        return body, message.headers, message.properties["message_id"], message.properties["correlation_id"], message.delivery_info

    info = {"exchange": "", "routing_key": "jobs", "redelivered": False}
    assert told(cluster, uses) == ({"a": [1]}, {"key": "A", "kind": "new"}, "m1", "c1", info)


@pytest.mark.parametrize(("body", "options"), [
    (b"\xff\x00", {"content_type": "application/data", "content_encoding": "binary"}), ({"a": "é"}, {"compression": "gzip"}),
    ("plain", {"content_type": "text/plain", "content_encoding": "utf-8"}),
])  # fmt: skip
def test_bodies_are_what_they_were_whatever_they_are_made_of(cluster: Cluster, body: Any, options: dict[str, str]) -> None:
    def uses(env: Any) -> Any:
        publish(env, body, **options)
        with connected(env) as connection:
            return kombu.Queue("jobs")(connection.default_channel).get(accept=["json", "application/data", "text/plain"]).payload

    assert told(cluster, uses) == body


def test_a_body_that_nobody_published_by_kombu_is_json_with_its_key_and_time(cluster: Cluster) -> None:
    def uses(env: Any) -> Any:
        env.broker.publish("m1", "A", {"amount": 5}, topic="jobs")
        with connected(env) as connection:
            message = kombu.Queue("jobs")(connection).get()
        return message.payload, message.headers, message.properties["message_id"]

    assert told(cluster, uses) == ({"amount": 5}, {"key": "A"}, "m1")


def test_exchanges_lead_to_the_queue_that_is_bound_to_them(cluster: Cluster) -> None:
    events = kombu.Exchange("events", type="topic")

    def uses(env: Any) -> None:
        for queue, pattern in (("paid", "order.*.paid"), ("open", "order.*.open")):
            publish(env, queue, id=queue, exchange=None)
            with connected(env) as connection:
                declared = [kombu.Queue(queue, events, routing_key=pattern)]
                connection.Producer().publish(queue, exchange=events, routing_key=f"order.7.{queue}", message_id=queue, declare=declared)

    world = Small(cluster, uses)
    world.finish("uses")
    assert [m.topic for m in world.devices.seen()["broker"]] == ["jobs", "paid", "jobs", "open"]
    world.close()


def test_a_simple_queue_puts_and_gets(cluster: Cluster) -> None:
    def uses(env: Any) -> Any:
        with connected(env) as connection, connection.SimpleQueue("jobs") as queue:
            queue.put({"a": 1}, message_id="m1")
            message = queue.get(timeout=1)
            message.ack()
            return message.payload, tried(lambda: queue.get(timeout=5).payload), tried(queue.get_nowait), env.clock.now()

    before = told(cluster, lambda_now)
    assert told(cluster, uses) == ({"a": 1}, kombu.simple.Empty, kombu.simple.Empty, before + 5)


def lambda_now(env: Any) -> float:
    return env.clock.now()


def test_waiting_for_a_message_passes_virtual_time_and_no_other(cluster: Cluster) -> None:
    def waits(env: Any) -> Any:
        begun = env.clock.now()
        with connected(env) as connection, connection.Consumer([kombu.Queue("jobs")]):
            return tried(lambda: connection.drain_events(timeout=3600)), env.clock.now() - begun

    world = Small(cluster, waits)
    assert world.finish("waits") == (TimeoutError, 3600)
    assert world.done == ["broker: receive jobs", "clock: sleep 3600 s"]
    world.close()


def test_no_more_is_received_than_may_be_unacknowledged(cluster: Cluster) -> None:
    def uses(env: Any) -> Any:
        for number in range(3):
            publish(env, number, f"m{number}")
        found: list[Any] = []
        with connected(env) as connection, connection.Consumer([kombu.Queue("jobs")], on_message=found.append, prefetch_count=2):
            for _ in range(3):
                tried(lambda: connection.drain_events(timeout=0))
            before = len(found)
            found[0].ack()
            connection.drain_events(timeout=0)
            return before, len(found)

    assert told(cluster, uses) == (2, 3)


def test_a_mixin_consumes_as_its_users_wrote_it(cluster: Cluster) -> None:
    class Worker(ConsumerMixin):
        def __init__(self, connection: kombu.Connection) -> None:
            self.connection = connection
            self.found: list[Any] = []

        def get_consumers(self, Consumer: Any, channel: Any) -> list[Any]:  # noqa: ARG002, N803 - as there
            return [Consumer([kombu.Queue("jobs")], callbacks=[self.take])]

        def take(self, body: Any, message: kombu.Message) -> None:
            self.found.append(body)
            message.ack()

    def works(env: Any) -> Any:
        publish(env, 1, "m1")
        publish(env, 2, "m2")
        worker = Worker(connected(env))
        assert tried(lambda: list(worker.consume(limit=None, timeout=2))) is TimeoutError
        return worker.found

    assert told(cluster, works) == [1, 2]


def test_all_before_a_message_are_acknowledged_with_it_where_that_is_meant(cluster: Cluster) -> None:
    def uses(env: Any) -> Any:
        for number in range(3):
            publish(env, number, f"m{number}")
        with connected(env) as connection:
            queue = kombu.Queue("jobs")(connection)
            found = [queue.get() for _ in range(3)]
            found[1].ack(multiple=True)
        return None

    world = Small(cluster, uses)
    world.finish("uses")
    assert world.done[-3:] == ["broker: ack jobs", "broker: ack jobs", "broker: nack jobs"]
    world.close()
