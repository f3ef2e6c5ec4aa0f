"""Consumers: what is not acknowledged comes again, and everything that may go wrong between broker and consumer."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from small_world import Small, install

from acidtest.environment import BrokerRefused, BrokerTimeout, Delivery
from acidtest.errors import ContractError
from acidtest.outside import Message
from acidtest.world.core.effects import ACK_FAULTS, CRASH, Decision

if TYPE_CHECKING:
    from collections.abc import Callable

    from acidtest.world.core.cluster import Cluster

MESSAGES = [Message("m1", "A", "1"), Message("m2", "A", "2"), Message("m3", "B", "3")]


def consume(env: Any) -> list[tuple[str, bool]]:
    """Receive and acknowledge until there is nothing more."""
    found = []
    while (delivery := env.broker.receive()) is not None:
        found.append((delivery.id, delivery.redelivered))
        env.broker.ack(delivery)
    return found


def consume_too(env: Any) -> list[tuple[str, bool]]:
    return consume(env)


def world_with(cluster: Cluster, *codes: Callable[[Any], object], **options: Any) -> Small:
    """A world whose broker already has some messages."""
    world = Small(cluster, *codes, **options)
    world.devices["broker"].log += MESSAGES
    return world


def faults(world: Small, name: str) -> tuple[str, ...]:
    """The faults that can befall what a client is about to do."""
    effect = world.pending(name)
    assert effect is not None
    return effect.faults


def begin_again(world: Small, name: str, method: str = "") -> Any:
    """What a new incarnation does, from beginning to end."""
    world.crash(name)
    world.restart(name)
    task = world.call(name, method or name)
    while not task.finished:
        task.resume()
    return task.value


def test_messages_come_in_order_and_once(cluster: Cluster) -> None:
    world = world_with(cluster, consume)
    assert world.finish("consume") == [("m1", False), ("m2", False), ("m3", False)]
    assert world.done[:2] == ["broker: receive events", "broker: ack A"]
    assert begin_again(world, "consume") == []
    world.close()


def test_a_delivery_is_the_message_with_what_the_broker_knows_of_it(cluster: Cluster) -> None:
    def take(env: Any) -> Delivery:
        env.broker.publish("m4", "C", {"amount": 5}, topic="orders")
        delivery: Delivery = env.broker.receive(topic="orders")
        return delivery

    world = world_with(cluster, take)
    assert world.finish("take") == Delivery("m4", "C", '{"amount": 5}', "orders", redelivered=False, tag=3)
    world.close()


def test_each_process_receives_every_message(cluster: Cluster) -> None:
    world = world_with(cluster, consume, consume_too)
    assert world.finish("consume") == world.finish("consume_too")
    world.close()


def test_calls_of_one_process_share_its_messages(cluster: Cluster) -> None:
    def take(env: Any) -> str:
        return str(env.broker.receive().id)

    def take_too(env: Any) -> str:
        return take(env)

    world = world_with(cluster, take, take_too, together=True)
    assert {world.finish("take"), world.finish("take_too")} == {"m1", "m2"}
    world.close()


def test_what_a_process_has_not_acknowledged_when_it_dies_comes_again(cluster: Cluster) -> None:
    world = world_with(cluster, consume)
    world.until("consume", "ack")
    assert begin_again(world, "consume") == [("m1", True), ("m2", False), ("m3", False)]
    world.close()


def test_a_crash_upon_a_receive_has_delivered_and_upon_an_ack_has_acknowledged(cluster: Cluster) -> None:
    world = world_with(cluster, consume)
    world.begin("consume")
    world.step("consume", "crash")
    world.restart("consume")
    task = world.call("consume", "consume")
    task.resume()
    task.resume("crash")
    world.crash("consume")
    assert begin_again(world, "consume")[0] == ("m2", False)
    world.close()


def test_what_is_given_back_comes_again_and_is_marked(cluster: Cluster) -> None:
    def give_back(env: Any) -> list[tuple[str, bool]]:
        env.broker.nack(env.broker.receive())
        return consume(env)

    world = world_with(cluster, give_back)
    assert world.finish("give_back") == [("m1", True), ("m2", False), ("m3", False)]
    world.close()


def test_a_message_that_is_delayed_is_not_there_yet(cluster: Cluster) -> None:
    world = world_with(cluster, consume)
    world.begin("consume")
    world.step("consume", "delayed")
    assert world.answers == {"consume": []}
    assert begin_again(world, "consume") == [("m1", False), ("m2", False), ("m3", False)]
    world.close()


def test_a_later_message_may_overtake_an_earlier_one(cluster: Cluster) -> None:
    world = world_with(cluster, consume)
    world.begin("consume")
    world.step("consume", "reordered")
    assert world.finish("consume") == [("m2", False), ("m1", False), ("m3", False)]
    world.close()


def test_an_acknowledged_message_may_come_again_without_a_mark(cluster: Cluster) -> None:
    world = world_with(cluster, consume)
    world.until("consume", "ack")
    world.step("consume")
    world.step("consume", "duplicated")
    assert world.finish("consume") == [("m1", False), ("m1", False), ("m2", False), ("m3", False)]
    world.close()


def test_only_faults_that_make_a_difference_now_are_offered(cluster: Cluster) -> None:
    world = Small(cluster, consume)
    world.begin("consume")
    assert faults(world, "consume") == ()
    world.devices["broker"].log.append(MESSAGES[0])
    assert faults(world, "consume") == ("delayed",)
    world.devices["broker"].log.append(MESSAGES[1])
    assert faults(world, "consume") == ("delayed", "reordered")
    world.step("consume")
    assert faults(world, "consume") == ACK_FAULTS
    world.step("consume")
    assert faults(world, "consume") == ("delayed", "duplicated")
    world.devices["broker"].down = True
    assert faults(world, "consume") == ()
    world.close()


@pytest.mark.parametrize(("fault", "error", "again"), [
    ("", None, []), ("refused", BrokerRefused, [("m1", True)]), ("lost", BrokerTimeout, [("m1", True)]), ("unacknowledged", BrokerTimeout, []),
])  # fmt: skip
def test_what_an_ack_tells_and_what_it_does(cluster: Cluster, fault: str, error: Any, again: list[Any]) -> None:
    def take(env: Any) -> Any:
        try:
            env.broker.ack(env.broker.receive())
        except (BrokerRefused, BrokerTimeout) as caught:
            return type(caught)
        return None

    world = Small(cluster, take, consume, together=True)
    world.devices["broker"].log += MESSAGES[:1]
    world.until("take", "ack")
    world.step("take", fault)
    assert world.answers == {"take": error}
    world.crash("app")
    world.restart("app")
    assert world.finish("consume") == again
    world.close()


def test_a_lost_ack_gives_the_message_back_to_the_living_process_too(cluster: Cluster) -> None:
    def take(env: Any) -> list[tuple[str, bool]]:
        try:
            env.broker.ack(env.broker.receive())
        except BrokerTimeout:
            return consume(env)
        return []

    world = world_with(cluster, take)
    world.until("take", "ack")
    world.step("take", "lost")
    assert world.finish("take")[0] == ("m1", True)
    world.close()


def test_while_the_broker_is_down_nothing_comes_and_nothing_is_acknowledged(cluster: Cluster) -> None:
    def take(env: Any) -> str:
        delivery = env.broker.receive()
        if delivery is None:
            return "nothing"
        try:
            env.broker.ack(delivery)
        except BrokerRefused as error:
            return str(error)
        return "acknowledged"

    world = world_with(cluster, take)
    world.until("take", "ack")
    world.devices["broker"].down = True
    assert world.finish("take") == "the broker refused to acknowledge the message 'm1'"
    world.crash("take")
    world.restart("take")
    task = world.call("take", "take")
    task.resume()
    assert task.value == "nothing"
    world.close()


def test_the_dead_acknowledge_nothing(cluster: Cluster) -> None:
    def clean_up(env: Any) -> None:
        delivery = env.broker.receive()
        try:
            env.broker.publish("x", "x", "")
        finally:
            env.broker.ack(delivery)

    world = world_with(cluster, clean_up, consume, together=True)
    world.until("clean_up", "publish")
    world.crash("app")
    world.restart("app")
    assert world.finish("consume")[0] == ("m1", True)
    world.close()


def test_what_consumers_have_received_is_part_of_the_key(cluster: Cluster) -> None:
    """Also when their processes are gone, and with them all memory of it."""
    keys = []
    for steps, fault in ((0, ""), (1, ""), (2, ""), (2, "lost"), (3, "")):
        world = world_with(cluster, consume)
        world.begin("consume")
        for step in range(steps):
            world.step("consume", fault if step == steps - 1 else "")
        world.crash("consume")
        world.restart("consume")
        keys.append(world.key())
        world.close()
    assert len(set(keys[:3])) == 3
    assert keys[3] not in keys[:1] + keys[2:3]
    assert keys[4] not in keys[:4]


def test_looking_at_what_may_happen_does_not_change_the_key(cluster: Cluster) -> None:
    world = world_with(cluster, consume)
    world.begin("consume")
    before = world.key()
    faults(world, "consume")
    assert world.key() == before
    world.close()


def test_receiving_in_a_constructor_is_the_adapters_mistake(cluster: Cluster) -> None:
    with pytest.raises(ContractError, match="outside of any call"):
        install(cluster, lambda env: env.broker.receive())


# A small consumer under random schedules:


def apply(env: Any) -> int:
    """An idempotent consumer: the message and its effect in one transaction, then the ack."""
    applied = 0
    while (delivery := env.broker.receive()) is not None:
        with env.connect("bank") as connection:
            if connection.execute("INSERT INTO inbox VALUES (?) ON CONFLICT DO NOTHING", (delivery.id,)).rowcount:
                connection.execute("UPDATE accounts SET balance = balance + ?", (int(delivery.payload),))
                applied += 1
        env.broker.ack(delivery)
    return applied


def apply_blindly(env: Any) -> None:
    """The same without a memory."""
    while (delivery := env.broker.receive()) is not None:
        with env.connect("bank") as connection:
            connection.execute("UPDATE accounts SET balance = balance + ?", (int(delivery.payload),))
        env.broker.ack(delivery)


def apply_and_forget(env: Any) -> None:
    """Acknowledges before it applies."""
    while (delivery := env.broker.receive()) is not None:
        env.broker.ack(delivery)
        with env.connect("bank") as connection:
            connection.execute("UPDATE accounts SET balance = balance + ?", (int(delivery.payload),))


def run_at_random(cluster: Cluster, code: Any, seed: int) -> tuple[int, set[str]]:
    """The sum that was applied in the end, and the faults that fired."""
    rng, fired, name = random.Random(seed), set(), code.__name__
    world = world_with(cluster, code, retries=9)
    for _ in range(80):
        process = world.processes[name]
        if not process.alive:
            world.restart(name)
            continue
        if world.clients[name].done:
            break
        effect = world.pending(name)
        fault = rng.choice([*effect.faults, CRASH]) if effect is not None and rng.random() < 0.25 else ""
        fired |= {f"{effect.kind} {fault}"} if effect is not None and fault else set()
        if not world.perform(Decision("advance", name, fault)):
            world.perform(Decision("land", next(iter(world.late))))  # it waits for a late COMMIT
    for label in list(world.late):
        world.perform(Decision("land", label))
    for _ in range(2):
        begin_again(world, name)
    ((_, rows), *_) = cluster.values()["bank"]
    world.close()
    return rows[0][1] - 100, fired


def test_an_idempotent_consumer_survives_every_fault_and_every_fault_fires(cluster: Cluster) -> None:
    install(cluster, "CREATE TABLE inbox (id TEXT PRIMARY KEY)")
    fired: set[str] = set()
    for seed in range(60):
        total, faults_ = run_at_random(cluster, apply, seed)
        assert total == 6, seed
        fired |= faults_
    wanted = {f"receive {fault}" for fault in ("delayed", "reordered", "duplicated", "crash")}
    assert fired >= wanted | {f"ack {fault}" for fault in ("refused", "lost", "unacknowledged", "crash")}


def test_a_consumer_without_memory_applies_too_much_and_a_hasty_one_too_little(cluster: Cluster) -> None:
    totals = {code: {run_at_random(cluster, code, seed)[0] for seed in range(30)} for code in (apply_blindly, apply_and_forget)}
    assert max(totals[apply_blindly]) > 6
    assert min(totals[apply_and_forget]) < 6
