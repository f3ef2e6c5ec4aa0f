"""The broker spoken to by kombu: every fault that can befall it, as the error that the library's users know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import kombu
import pytest
from amqp.exceptions import MessageNacked, RecoverableConnectionError
from kombu.exceptions import OperationalError
from kombu_code import CONFIRMS, befallen, bodies, connected, publish, told, tried
from small_world import Small

from acidtest.world.core.effects import (
    ACK_FAULTS,
    CRASH,
    LATE,
    LOST,
    PUBLISH_FAULTS,
    REFUSED,
    TWICE,
    UNACKNOWLEDGED,
    Decision,
)
from acidtest.world.devices.broker.transport import Transport

if TYPE_CHECKING:

    from acidtest.world.core.cluster import Cluster


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
