"""The broker spoken to by kombu: what is not simulated is refused by its name."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import kombu
import pytest
from kombu.pidbox import Mailbox
from kombu_code import connected, told, tried
from small_world import Small

from acidtest.errors import UsageError
from acidtest.world.devices.broker import link

if TYPE_CHECKING:
    from collections.abc import Callable

    from acidtest.world.core.cluster import Cluster


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
