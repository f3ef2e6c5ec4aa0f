"""Tasks, locks and queues of asyncio, within a call and between the calls of a process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from small_world import Small, balance

from acidtest.world.core.effects import Decision

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster

PAY = "UPDATE accounts SET balance = balance - 10 WHERE id = 'A'"


async def pay(env: Any) -> str:
    async with env.async_engine("bank").begin() as connection:
        await connection.execute(sa.text(PAY))
    return "paid"


async def pay_too(env: Any) -> str:
    return await pay(env)


# Tasks of asyncio within a call:


def test_tasks_of_one_call_go_on_side_by_side(cluster: Cluster) -> None:
    async def publish(env: Any, name: str) -> str:
        await env.aio.broker.publish(f"{name}1", name, "")
        await env.aio.broker.publish(f"{name}2", name, "")
        return name

    async def both(env: Any) -> list[str]:
        return await asyncio.gather(publish(env, "a"), publish(env, "b"))

    world = Small(cluster, both)
    assert world.finish("both") == ["a", "b"]
    assert [message.id for message in world.devices["broker"].log] == ["a1", "b1", "a2", "b2"]
    world.close()


def test_a_task_that_waits_for_a_lock_of_the_database_does_not_stop_its_sibling(cluster: Cluster) -> None:
    async def both(env: Any) -> list[str]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(pay(env)) for _ in range(2)]
        return [task.result() for task in tasks]

    world = Small(cluster, both)
    assert world.finish("both") == ["paid", "paid"]
    assert balance(cluster) == 80
    world.close()


def test_a_call_whose_tasks_all_wait_for_a_lock_waits_until_it_is_free(cluster: Cluster) -> None:
    async def both(env: Any) -> list[str]:
        return await asyncio.gather(pay(env), pay(env))

    world = Small(cluster, pay, both)
    world.until("pay", "COMMIT")
    assert world.finish("both") is None
    assert world.actors.waiting() == ["both"]
    world.finish("pay")
    assert world.finish("both") == ["paid", "paid"]
    assert balance(cluster) == 70
    world.close()


def forgetting() -> tuple[Any, list[asyncio.Task[None]]]:
    """A coroutine that does not wait for what it has started, and what that was: asyncio alone would forget it."""
    started: list[asyncio.Task[None]] = []

    async def forget(env: Any) -> str:
        started.append(asyncio.create_task(env.aio.broker.publish("m1", "A", "")))
        await asyncio.sleep(0)
        return "ok"

    return forget, started


def test_a_try_in_vain_that_lets_a_sibling_go_on_is_another_state(cluster: Cluster) -> None:
    async def both(env: Any) -> None:
        await asyncio.gather(pay(env), env.aio.broker.publish("m1", "A", ""))

    world = Small(cluster, pay, both)
    world.until("pay", "COMMIT")
    assert world.begin("both") == "bank: UPDATE accounts"
    before = world.key()
    assert world.step("both") == "broker: publish A"
    assert world.key() != before
    world.step("both")
    assert world.step("both") == "blocked"
    world.close()


def test_a_try_in_vain_alone_changes_nothing(cluster: Cluster) -> None:
    world = Small(cluster, pay, pay_too)
    world.until("pay", "COMMIT")
    world.begin("pay_too")
    before = world.key()
    assert world.step("pay_too") == "blocked"
    assert world.key() == before
    world.close()


def test_what_a_call_leaves_running_goes_on_after_its_answer(cluster: Cluster) -> None:
    forget, _ = forgetting()
    world = Small(cluster, forget)
    world.begin("forget")
    assert world.answers["forget"] == "ok" and world.clients["forget"].done
    (name,) = world.runnable()
    assert (name, world.actors.process_of(name)) == ("forget, left running 1", "forget")
    assert world.devices["broker"].log == []
    world.advance(name)
    assert len(world.devices["broker"].log) == 1 and not world.leftovers
    world.close()


def test_what_a_call_has_left_running_dies_with_its_process(cluster: Cluster) -> None:
    forget, started = forgetting()
    world = Small(cluster, forget)
    world.begin("forget")
    world.crash("forget")
    assert world.runnable() == [] and world.devices["broker"].log == []
    assert started[0].done()
    world.close()


def test_a_worker_that_waits_goes_on_with_the_call_that_wakes_it(cluster: Cluster) -> None:
    queue: asyncio.Queue[str] = asyncio.Queue()
    kept = []

    async def work(env: Any) -> None:
        while True:
            await env.aio.broker.publish(await queue.get(), "A", "")

    async def start(env: Any) -> str:
        kept.append(asyncio.create_task(work(env)))
        await asyncio.sleep(0)
        return "started"

    async def hand_over(env: Any) -> str:
        queue.put_nowait("m1")
        await env.aio.broker.publish("m2", "A", "")
        return "handed over"

    world = Small(cluster, start, hand_over, together=True)
    assert world.finish("start") == "started"
    assert not world.leftovers
    assert world.finish("hand_over") == "handed over"
    for name in list(world.leftovers):
        world.advance(name)
    assert sorted(message.id for message in world.devices["broker"].log) == ["m1", "m2"]
    assert not kept[0].done()
    world.close()
    assert kept[0].done()


def test_an_asynchronous_generator_that_is_dropped_is_closed(cluster: Cluster) -> None:
    async def count(env: Any) -> Any:
        try:
            for number in range(10):
                yield number
        finally:
            await env.aio.broker.publish("closed", "A", "")

    async def first(env: Any) -> int:
        async for number in count(env):
            return int(number)
        return -1

    world = Small(cluster, first)
    assert world.finish("first") == 0
    for name in world.runnable():
        world.advance(name)
    assert [message.id for message in world.devices["broker"].log] == ["closed"]
    world.close()


# Calls of one process:


def test_a_lock_of_asyncio_is_shared_by_calls_of_one_process(cluster: Cluster) -> None:
    lock = asyncio.Lock()

    async def guarded(env: Any) -> str:
        async with lock:
            return await pay(env)

    async def guarded_too(env: Any) -> str:
        return await guarded(env)

    world = Small(cluster, guarded, guarded_too, together=True)
    world.begin("guarded")
    world.begin("guarded_too")
    assert world.actors.waiting() == ["guarded_too"] and world.runnable() == ["guarded"]
    assert world.finish("guarded") == "paid"
    assert world.finish("guarded_too") == "paid"
    assert balance(cluster) == 80
    world.close()


def test_a_queue_of_asyncio_is_filled_by_another_call(cluster: Cluster) -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()

    async def take(env: Any) -> int:
        return await queue.get()

    def put(env: Any) -> None:
        queue.put_nowait(7)

    world = Small(cluster, take, put, together=True)
    world.begin("take")
    assert world.actors.waiting() == ["take"]
    world.finish("put")
    assert world.finish("take") == 7
    world.close()


def test_who_awaits_what_nobody_will_set_is_cancelled_in_the_end(cluster: Cluster) -> None:
    async def wait(env: Any) -> None:
        await asyncio.Event().wait()

    world = Small(cluster, wait)
    world.begin("wait")
    assert world.runnable() == [] and world.actors.victims() == [("wait", "")]
    assert world.perform(Decision("victim", "wait"))
    assert world.events[-1].value == "it was cancelled"
    world.close()
