"""The broker spoken to by kombu: the library as it is, with every fault of the broker as the error that its users know."""

from __future__ import annotations

import json
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import kombu
import pytest
from amqp.exceptions import MessageNacked, RecoverableConnectionError
from kombu.exceptions import OperationalError
from kombu.mixins import ConsumerMixin
from kombu.pidbox import Mailbox
from kombu.pools import producers
from small_world import Code, Small

from acidtest.errors import UsageError
from acidtest.outside import Settled
from acidtest.workload import Client, Operation, Queueing, Scope, Sent
from acidtest.world.core.effects import (
    ACK_FAULTS,
    CRASH,
    LATE,
    LOST,
    PUBLISH_FAULTS,
    REDELIVERED,
    REFUSED,
    TWICE,
    UNACKNOWLEDGED,
    Decision,
)
from acidtest.world.core.world import World
from acidtest.world.devices.broker import link
from acidtest.world.devices.broker.transport import Transport
from acidtest.world.devices.table import DEVICES

if TYPE_CHECKING:
    from collections.abc import Callable

    from acidtest.world.core.cluster import Cluster

CONFIRMS = {"confirm_publish": True}


def connected(env: Any, **options: Any) -> kombu.Connection:
    return kombu.Connection(env.broker_url, transport_options={**CONFIRMS, **options})


def publish(env: Any, body: Any = 1, id: str = "m1", **options: Any) -> Any:  # noqa: A002
    with connected(env) as connection:
        connection.Producer().publish(body, routing_key="jobs", message_id=id, **options)
    return "told nothing else"


def tried(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - it is what is asked for
        return type(error)


def told(cluster: Cluster, code: Callable[[Any], object]) -> Any:
    world = Small(cluster, code)
    answer = world.finish(code.__name__)
    world.close()
    return answer


def befallen(world: Small, name: str, effect: str, fault: str) -> Any:
    """What a client is told when a fault befalls one of its effects, and the schedule goes on without any other."""
    world.until(name, effect)
    world.step(name, fault)
    return world.finish(name)


def bodies(world: World) -> list[Any]:
    return [json.loads(message.payload) for message in world.devices.seen()["broker"]]


# What the library does stays as it is:


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


# Every fault that can befall it:


@pytest.mark.parametrize(("fault", "error", "there"), [
    (REFUSED, MessageNacked, []), (LOST, ConnectionResetError, []), (UNACKNOWLEDGED, ConnectionResetError, [1]),
    (LATE, ConnectionResetError, []), (TWICE, "told nothing else", [1, 1]),
])  # fmt: skip
def test_what_befalls_a_publish_is_an_error_that_is_recoverable(cluster: Cluster, fault: str, error: Any, there: list[int]) -> None:
    def sends(env: Any) -> Any:
        return tried(lambda: publish(env))

    world = Small(cluster, sends)
    assert befallen(world, "sends", "publish", fault) == error
    assert bodies(world) == there
    assert error == "told nothing else" or issubclass(error, Transport.recoverable_connection_errors)
    for label in list(world.late):
        world.perform(Decision("land", label))
    assert bodies(world) == (there or [1] * (fault == LATE))
    world.close()


@pytest.mark.parametrize(("fault", "there"), [(REFUSED, []), (LOST, []), (UNACKNOWLEDGED, [1]), (LATE, []), (TWICE, [1, 1])])
def test_without_confirms_nobody_is_told(cluster: Cluster, fault: str, there: list[int]) -> None:
    def sends(env: Any) -> Any:
        with kombu.Connection(env.broker_url) as connection:
            connection.Producer().publish(1, routing_key="jobs", message_id="m1")
        return "told nothing else"

    world = Small(cluster, sends)
    assert befallen(world, "sends", "publish", fault) == "told nothing else"
    assert bodies(world) == there
    world.close()


@pytest.mark.parametrize("options", [{}, CONFIRMS])
def test_in_an_outage_nobody_answers_with_confirms_or_without(cluster: Cluster, options: dict[str, bool]) -> None:
    def sends(env: Any) -> Any:
        with kombu.Connection(env.broker_url, transport_options=options) as connection:
            return tried(lambda: connection.Producer().publish(1, routing_key="jobs", message_id="m1"))

    world = Small(cluster, sends)
    world.change("outage", 0.0)
    assert world.finish("sends") is ConnectionRefusedError
    world.close()


def takes(env: Any) -> Any:
    """Receive a message and acknowledge it; once more by the same channel, and by a new one."""
    env.broker.publish("m1", "A", 1, topic="jobs")
    with connected(env) as connection:
        message = kombu.Queue("jobs")(connection).get()
        first = tried(message.ack)
        again = kombu.Queue("jobs")(connection.default_channel).get()
        return first, None if again is None else again.delivery_info["redelivered"]


@pytest.mark.parametrize(("fault", "outcome"), [
    ("", (None, None)), (REFUSED, (ConnectionResetError, True)), (LOST, (ConnectionResetError, True)), (UNACKNOWLEDGED, (ConnectionResetError, None)),
])  # fmt: skip
def test_what_befalls_an_acknowledgement_loses_the_connection_and_what_was_not_acknowledged_comes_again(
    cluster: Cluster, fault: str, outcome: Any
) -> None:
    world = Small(cluster, takes)
    befallen(world, "takes", "ack", fault)
    first, redelivered = world.answers["takes"]  # type: ignore[misc, attr-defined] # as `takes` returns it
    assert (first, redelivered) == outcome
    world.close()


def test_the_faults_are_all_that_the_broker_has() -> None:
    assert set(PUBLISH_FAULTS) == {REFUSED, LOST, UNACKNOWLEDGED, LATE, TWICE}
    assert set(ACK_FAULTS) == {REFUSED, LOST, UNACKNOWLEDGED}


def test_a_connection_that_a_reply_was_lost_on_is_dead_until_it_is_made_anew(cluster: Cluster) -> None:
    def uses(env: Any) -> Any:
        connection = connected(env)
        channel = connection.channel()
        producer = kombu.Producer(channel)
        first, second = (tried(lambda: producer.publish(1, routing_key="jobs", message_id="m1")) for _ in range(2))
        was = connection.connected
        connection.ensure_connection()
        old, new = tried(lambda: channel.basic_get("jobs")), tried(lambda: connection.channel().basic_get("jobs"))
        return first, second, was, old, new

    world = Small(cluster, uses)
    assert befallen(world, "uses", "publish", LOST) == (ConnectionResetError, RecoverableConnectionError, False, RecoverableConnectionError, None)
    world.close()


def test_what_was_received_over_a_connection_comes_again_when_it_is_closed(cluster: Cluster) -> None:
    def uses(env: Any) -> Any:
        publish(env)
        with connected(env) as connection:
            message = kombu.Queue("jobs")(connection).get()
        with connected(env) as connection:
            again = kombu.Queue("jobs")(connection).get()
            return tried(message.ack), again.delivery_info["redelivered"]

    assert told(cluster, uses) == (RecoverableConnectionError, True)


def test_whoever_does_not_acknowledge_loses_what_was_sent_to_him(cluster: Cluster) -> None:
    def uses(env: Any) -> Any:
        publish(env)
        with connected(env) as connection:
            kombu.Queue("jobs")(connection).get(no_ack=True)
        with connected(env) as connection:
            return kombu.Queue("jobs")(connection).get()

    assert told(cluster, uses) is None


def test_the_library_retries_in_virtual_time_and_gives_up_with_its_own_error(cluster: Cluster) -> None:
    def sends(env: Any) -> Any:
        policy = {"max_retries": 2, "interval_start": 1}
        return tried(lambda: publish(env, retry=True, retry_policy=policy))

    world = Small(cluster, sends)
    assert befallen(world, "sends", "publish", LOST) == "told nothing else"
    assert bodies(world) == [1]
    world.close()
    world = Small(cluster, sends)
    world.change("outage", 0.0)
    assert world.finish("sends") is OperationalError
    assert world.done == ["broker: publish jobs"] * 3
    world.close()


def test_autoretry_calls_again_with_a_new_channel(cluster: Cluster) -> None:
    channels = []

    def sends(env: Any) -> Any:
        connection = connected(env)

        def send(channel: Any) -> str:
            channels.append(channel)
            kombu.Producer(channel).publish(1, routing_key="jobs", message_id="m1")
            return "sent"

        return connection.autoretry(send, max_retries=3)()[0]

    world = Small(cluster, sends)
    assert befallen(world, "sends", "publish", UNACKNOWLEDGED) == "sent"
    assert len(set(map(id, channels))) == 2
    assert bodies(world) == [1, 1]
    world.close()


def test_a_crash_gives_back_what_was_not_acknowledged(cluster: Cluster) -> None:
    def works(env: Any) -> Any:
        env.broker.publish("m1", "A", 1, topic="jobs")
        with connected(env) as connection:
            kombu.Queue("jobs")(connection).get()
            env.clock.sleep(1.0)

    def recover(env: Any) -> Any:
        with connected(env) as connection:
            return kombu.Queue("jobs")(connection).get().delivery_info["redelivered"]

    world = Small(cluster, works, recover)
    world.until("works", "sleep")
    world.step("works", CRASH)
    world.restart("works")
    while (at := world.pending("works: start")) is not None and "receive" not in at.label:
        world.advance("works: start")
    assert world.processes["works"].incarnation == 2
    world.close()


# Processes that compete:

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


# What is not there is refused by its name:


@pytest.mark.parametrize(("uses", "name"), [
    (lambda connection: connection.Consumer([kombu.Queue("jobs")]).consume() or connection.drain_events(), "without a timeout"),
    (lambda connection: kombu.Exchange("all", type="fanout")(connection.default_channel).declare(), "fanout"),
    (lambda connection: Mailbox("m", type="fanout")(connection).Node("n", channel=connection.default_channel).listen(), "pidbox"),
    (lambda connection: kombu.Queue("jobs", message_ttl=5, queue_arguments={"x-message-ttl": 5})(connection.default_channel).declare(), "x-message-ttl"),
    (lambda connection: connection.Producer().publish(1, routing_key="jobs", message_id="m", expiration=5), "expiration"),
    (lambda connection: connection.Producer().publish(1, routing_key="jobs"), "message_id"),
    (lambda connection: connection.Producer().publish(1, exchange="all", routing_key="x", message_id="m"), "'all'"),
    (lambda connection: kombu.Queue("jobs")(connection.default_channel).purge(), "purge"),
    (lambda connection: kombu.Queue("jobs")(connection.default_channel).delete(), "delete"),
    (lambda connection: connection.SimpleQueue("jobs").qsize(), "qsize"),
])  # fmt: skip
def test_what_is_not_simulated_is_refused(cluster: Cluster, uses: Callable[[kombu.Connection], Any], name: str) -> None:
    def asks(env: Any) -> Any:
        return tried(lambda: uses(connected(env)))

    world = Small(cluster, asks)
    with pytest.raises(UsageError, match=name):
        world.finish("asks")
    world.close()


def test_one_message_goes_to_one_queue(cluster: Cluster) -> None:
    def asks(env: Any) -> None:
        exchange = kombu.Exchange("both")
        queues = [kombu.Queue(name, exchange, routing_key="x") for name in ("a", "b")]
        connected(env).Producer().publish(1, exchange=exchange, routing_key="x", message_id="m", declare=queues)

    world = Small(cluster, asks)
    with pytest.raises(UsageError, match=r"\['a', 'b'\]"):
        world.finish("asks")
    world.close()


def test_a_connection_is_of_no_use_outside_of_the_world(cluster: Cluster) -> None:
    found = []

    def asks(env: Any) -> None:
        found.append(connected(env))

    told(cluster, asks)
    with pytest.raises(UsageError, match="outside of any process"):
        found[0].Producer().publish(1, routing_key="jobs", message_id="m1")


def test_whoever_has_no_kombu_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "kombu")
    monkeypatch.setattr(link, "find_spec", lambda _: None)
    nobody: Any = None
    with pytest.raises(UsageError, match=r"acidtest\[kombu\]"):
        link.link(nobody, nobody)
