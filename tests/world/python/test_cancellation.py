"""Cancellation of calls that are coroutines: what it befalls, what it leaves, and what clients know of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from small_world import Small, balance

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster

PAY = "UPDATE accounts SET balance = balance - 10 WHERE id = 'A'"


async def pay(env: Any) -> str:
    async with env.async_engine("bank").begin() as connection:
        await connection.execute(sa.text(PAY))
    return "paid"


async def pay_too(env: Any) -> str:
    return await pay(env)


def faults(world: Small, name: str) -> set[str]:
    effect = world.pending(name)
    assert effect is not None
    return set(effect.faults)


def published(world: Small) -> list[str]:
    return [message.id for message in world.devices["broker"].log]


# What it befalls:


def test_it_befalls_everything_that_is_awaited(cluster: Cluster) -> None:
    async def work(env: Any) -> None:
        await pay(env)
        await env.aio.broker.publish("m1", "A", "")
        await env.aio.broker.receive()
        await env.aio.external("atm").perform("k1", 61)
        await env.aio.external("atm").inquire("k1")
        await asyncio.sleep(1)

    world = Small(cluster, work)
    at, both, found = world.begin("work"), {"cancelled", "cancelled after"}, {}
    while at:
        found[at] = faults(world, "work") & both
        at = world.step("work")
    assert found == {
        "bank: UPDATE accounts": {"cancelled"}, "bank: COMMIT": both, "broker: publish A": both, "broker: receive events": {"cancelled"},
        "atm: perform k1": both, "atm: inquire k1": {"cancelled"}, "clock: sleep 1 s": {"cancelled"},
    }  # fmt: skip
    world.close()


def test_it_never_befalls_a_call_that_is_no_coroutine(cluster: Cluster) -> None:
    def work(env: Any) -> None:
        with env.engine("bank").begin() as connection:
            connection.execute(sa.text(PAY))

    world = Small(cluster, work, pay)
    at = world.begin("work")
    while at:
        assert not faults(world, "work") & {"cancelled", "cancelled after"}
        at = world.step("work")
    world.close()


# What it leaves:


@pytest.mark.parametrize(("effect", "fault", "left"), [
    ("UPDATE", "cancelled", 100), ("COMMIT", "cancelled", 100), ("COMMIT", "cancelled after", 90),
])  # fmt: skip
def test_what_was_awaited_does_not_happen_or_has_happened_before(cluster: Cluster, effect: str, fault: str, left: int) -> None:
    world = Small(cluster, pay, pay_too)
    world.until("pay", effect)
    world.step("pay", fault)
    assert world.answers == {"pay": "it was cancelled"}
    assert balance(cluster) == left
    assert world.processes["pay"].alive
    assert world.finish("pay_too") == "paid"  # no lock is left, and the next call has a connection that can be used
    assert balance(cluster) == left - 10
    world.close()


def test_the_process_lives_on_and_its_client_may_ask_again(cluster: Cluster) -> None:
    world = Small(cluster, pay, retries=1)
    world.until("pay", "COMMIT")
    world.step("pay", "cancelled")
    assert world.answers == {"pay": "it was cancelled"}
    assert world.finish("pay") == "paid"
    assert balance(cluster) == 90
    world.close()


def test_clean_up_goes_on_having_effects(cluster: Cluster) -> None:
    async def careful(env: Any) -> None:
        try:
            await env.aio.broker.publish("m1", "A", "")
        except asyncio.CancelledError:
            await env.aio.broker.publish("undone", "A", "")
            raise
        finally:
            await env.aio.broker.publish("closed", "A", "")

    world = Small(cluster, careful)
    world.begin("careful")
    assert world.step("careful", "cancelled") == "broker: publish A"
    assert world.answers == {}
    assert world.finish("careful") == "it was cancelled"
    assert published(world) == ["undone", "closed"]
    world.close()


def test_a_call_may_be_cancelled_once_more_while_it_cleans_up(cluster: Cluster) -> None:
    async def careful(env: Any) -> None:
        try:
            await env.aio.broker.publish("m1", "A", "")
        finally:
            await env.aio.broker.publish("closed", "A", "")

    world = Small(cluster, careful)
    world.begin("careful")
    world.step("careful", "cancelled after")
    world.step("careful", "cancelled")
    assert world.answers == {"careful": "it was cancelled"}
    assert published(world) == ["m1"]
    world.close()


def test_a_call_that_swallows_it_has_replied(cluster: Cluster) -> None:
    async def stubborn(env: Any) -> str:
        try:
            await env.aio.broker.publish("m1", "A", "")
        except asyncio.CancelledError:
            return "never mind"
        return "done"

    world = Small(cluster, stubborn)
    world.begin("stubborn")
    world.step("stubborn", "cancelled")
    assert world.answers == {"stubborn": "never mind"}
    assert [event.kind for event in world.events] == ["invoke", "fault", "reply"]
    world.close()


def test_except_exception_does_not_catch_it(cluster: Cluster) -> None:
    async def sloppy(env: Any) -> None:
        try:
            await env.aio.broker.publish("m1", "A", "")
        except Exception:
            await env.aio.broker.publish("undone", "A", "")
            raise

    for fault, undone in (("refused", ["undone"]), ("cancelled", [])):
        world = Small(cluster, sloppy)
        world.begin("sloppy")
        world.step("sloppy", fault)
        world.finish("sloppy")
        assert published(world) == undone
        world.close()


# asyncio's own rules:


@pytest.mark.parametrize(("fault", "then"), [("cancelled", []), ("cancelled after", ["m1"])])
def test_what_is_shielded_goes_on_after_the_client_was_told_nothing(cluster: Cluster, fault: str, then: list[str]) -> None:
    async def shielded(env: Any) -> None:
        await asyncio.shield(publish_both(env))

    async def publish_both(env: Any) -> None:
        await env.aio.broker.publish("m1", "A", "")
        await env.aio.broker.publish("m2", "A", "")

    world = Small(cluster, shielded)
    world.begin("shielded")
    world.step("shielded", fault)
    assert world.answers == {"shielded": "it was cancelled"}
    assert published(world) == then
    while names := world.runnable():
        assert not faults(world, names[0]) & {"cancelled", "cancelled after"}  # there is nobody to cancel any more
        world.advance(names[0])
    assert published(world) == ["m1", "m2"]
    world.close()


def test_it_cancels_every_task_of_a_group(cluster: Cluster) -> None:
    seen = []

    async def publish(env: Any, name: str) -> None:
        try:
            await env.aio.broker.publish(name, "A", "")
        except asyncio.CancelledError:
            seen.append(name)
            raise

    async def both(env: Any) -> None:
        async with asyncio.TaskGroup() as group:
            for name in ("a", "b"):
                group.create_task(publish(env, name))

    world = Small(cluster, both)
    world.begin("both")
    world.step("both", "cancelled")
    assert world.answers == {"both": "it was cancelled"}
    assert sorted(seen) == ["a", "b"] and published(world) == []
    world.close()


def test_a_cancelled_recovery_is_a_start_that_fails(cluster: Cluster) -> None:
    async def recover(env: Any) -> None:
        await env.aio.broker.publish("m1", "A", "")

    world = Small(cluster, pay, recover)
    world.crash("pay")
    world.restart("pay")
    world.advance("pay", "cancelled")
    assert not world.processes["pay"].alive and world.failed_starts == {"pay": 1}
    world.restart("pay")
    world.advance("pay")
    assert world.processes["pay"].ready
    world.close()


# While a call waits:


def test_a_call_that_waits_for_a_lock_of_the_database_can_be_cancelled(cluster: Cluster) -> None:
    world = Small(cluster, pay, pay_too)
    world.until("pay", "COMMIT")
    world.begin("pay_too")
    assert world.step("pay_too") == "blocked"
    assert "cancelled" in faults(world, "pay_too")
    world.step("pay_too", "cancelled")
    assert world.answers == {"pay_too": "it was cancelled"}
    assert world.finish("pay") == "paid"
    world.close()


def test_a_call_that_waits_for_a_lock_of_asyncio_can_be_cancelled(cluster: Cluster) -> None:
    lock = asyncio.Lock()

    async def guarded(env: Any) -> str:
        async with lock:
            return await pay(env)

    async def guarded_too(env: Any) -> str:
        return await guarded(env)

    async def guarded_again(env: Any) -> str:
        return await guarded(env)

    world = Small(cluster, guarded, guarded_too, guarded_again, together=True)
    for name in ("guarded", "guarded_too", "guarded_again"):
        world.begin(name)
    world.step("guarded_too", "cancelled")
    assert world.answers == {"guarded_too": "it was cancelled"}
    assert (world.finish("guarded"), world.finish("guarded_again")) == ("paid", "paid")
    assert not lock.locked()
    world.close()


def test_what_is_shielded_and_waits_for_a_lock_goes_on_when_its_call_was_cancelled(cluster: Cluster) -> None:
    async def shielded(env: Any) -> None:
        await asyncio.shield(pay(env))

    world = Small(cluster, pay_too, shielded)
    world.until("pay_too", "COMMIT")
    world.begin("shielded")
    world.step("shielded")
    assert world.actors.waiting() == ["shielded"]
    world.step("shielded", "cancelled")
    assert world.answers == {"shielded": "it was cancelled"}
    world.finish("pay_too")
    while names := world.runnable():
        world.advance(names[0])
    assert balance(cluster) == 80 and not world.leftovers
    world.close()


def test_a_cancelled_sleep_lets_no_time_pass(cluster: Cluster) -> None:
    async def nap(env: Any) -> None:
        await asyncio.sleep(60)

    world = Small(cluster, nap)
    before = world.time.time
    world.begin("nap")
    world.step("nap", "cancelled")
    assert (world.answers, world.time.time) == ({"nap": "it was cancelled"}, before)
    world.close()
