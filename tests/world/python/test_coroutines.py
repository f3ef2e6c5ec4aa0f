"""Calls that are coroutines: the same effects, asyncio's own rules, virtual time, and nothing behind the world's back."""

from __future__ import annotations

import asyncio
import contextlib
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from small_world import ACCOUNTS, Small, balance, draw, effects, fingerprint, install, read

from acidtest.environment import BrokerRefused, BrokerTimeout, Status
from acidtest.errors import ContractError, NondeterminismError
from acidtest.workload import Scope
from acidtest.world.core.host import building
from acidtest.world.core.time import START
from acidtest.world.core.world import World
from acidtest.world.devices.table import DEVICES
from acidtest.world.python.coroutines import Driven, coroutine_methods

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster

PAY = "UPDATE accounts SET balance = balance - 10 WHERE id = 'A'"
READ = "SELECT balance FROM accounts WHERE id = 'A'"
BEGIN_AND_PAY = ["bank: UPDATE accounts", "bank: COMMIT"]


async def pay(env: Any) -> str:
    async with env.async_engine("bank").begin() as connection:
        await connection.execute(sa.text(PAY))
    return "paid"


async def pay_too(env: Any) -> str:
    return await pay(env)


# Driving:


def test_a_coroutine_has_the_effects_that_the_same_code_has_without_await(cluster: Cluster) -> None:
    async def read_and_pay(env: Any) -> int:
        async with env.async_engine("bank").begin() as connection:
            left = await connection.scalar(sa.text(READ))
            await connection.execute(sa.text(PAY))
        await env.aio.broker.publish("m1", "A", {"left": left})
        return int(left)

    def read_and_pay_plainly(env: Any) -> int:
        with env.engine("bank").begin() as connection:
            left = connection.scalar(sa.text(READ))
            connection.execute(sa.text(PAY))
        env.broker.publish("m1", "A", {"left": left})
        return int(left or 0)

    assert effects(cluster, read_and_pay) == effects(cluster, read_and_pay_plainly)


def test_what_raises_leaves_the_transaction_rolled_back_and_the_connection_usable(cluster: Cluster) -> None:
    async def twice(env: Any) -> str:
        with contextlib.suppress(sa.exc.OperationalError):
            await pay(env)
        return await pay(env)

    world = Small(cluster, twice)
    world.begin("twice")
    world.step("twice", "refused")
    assert world.finish("twice") == "paid"
    assert balance(cluster) == 90
    world.close()


def test_statements_that_are_no_effects_can_be_awaited_as_well(cluster: Cluster) -> None:
    async def nest(env: Any) -> int:
        async with env.async_engine("bank").begin() as connection:
            async with connection.begin_nested():
                await connection.execute(sa.text(PAY))
            await connection.execute(sa.text("PRAGMA user_version"))
            found = await connection.stream(sa.text("SELECT id FROM accounts ORDER BY id"))
            return len([row async for row in found])

    world = Small(cluster, nest)
    assert world.finish("nest") == 2
    assert balance(cluster) == 90
    world.close()


def test_plain_connections_work_in_a_coroutine_and_cannot_be_cancelled(cluster: Cluster) -> None:
    async def plain(env: Any) -> int:
        with env.engine("bank").begin() as connection:
            connection.execute(sa.text(PAY))
            return int(connection.scalar(sa.text(READ)) or 0)

    world = Small(cluster, plain)
    world.begin("plain")
    effect = world.pending("plain")
    assert effect is not None and effect.faults == ("refused",)
    assert world.finish("plain") == 90
    world.close()


def test_broker_and_external_systems_can_be_awaited(cluster: Cluster) -> None:
    async def order(env: Any) -> tuple[Any, ...]:
        broker, atm = env.aio.broker, env.aio.external("atm")
        await broker.publish("m1", "A", "61")
        delivery = await broker.receive()
        await broker.nack(delivery)
        delivery = await broker.receive()
        await broker.ack(delivery)
        done = await atm.perform("k1", 61)
        return delivery.redelivered, done.status, (await atm.inquire("k1")).amount, (await atm.void("k2")).status, atm.voidable

    world = Small(cluster, order)
    assert world.finish("order") == (True, Status.DONE, 61, Status.VOIDED, True)
    assert world.done[:3] == ["broker: publish A", "broker: receive events", "broker: nack A"]
    assert world.done[-3:] == ["atm: perform k1", "atm: inquire k1", "atm: void k2"]
    world.close()


def test_some_methods_may_be_coroutines_and_others_not(cluster: Cluster) -> None:
    def look(env: Any) -> int:
        with env.engine("bank").connect() as connection:
            return int(connection.scalar(sa.text(READ)) or 0)

    world = Small(cluster, pay, look, together=True)
    assert (world.finish("look"), world.finish("pay")) == (100, "paid")
    world.close()


def test_recovery_may_be_a_coroutine(cluster: Cluster) -> None:
    async def recover(env: Any) -> None:
        await pay(env)

    world = Small(cluster, pay_too, recover)
    world.crash("pay_too")
    world.restart("pay_too")
    assert not world.processes["pay_too"].ready
    while "pay_too" in world.starting:
        world.advance("pay_too")
    assert world.processes["pay_too"].ready and balance(cluster) == 90
    world.close()


# Time:


def test_sleeping_and_time_outs_go_by_the_virtual_clock(cluster: Cluster) -> None:
    async def nap(env: Any) -> tuple[float, bool]:
        await asyncio.sleep(3600)
        await env.aio.clock.sleep(60)
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 7)
        except TimeoutError:
            return env.clock.now() - START, asyncio.get_running_loop().time() == env.aio.clock.now()
        return 0.0, False

    world = Small(cluster, nap)
    assert world.finish("nap") == (3667.0, True)
    assert world.done == ["clock: sleep 3600 s", "clock: sleep 60 s", "clock: sleep 7 s"]
    world.close()


def test_a_time_out_strikes_while_an_effect_is_awaited_if_time_jumps_that_far(cluster: Cluster) -> None:
    async def hurry(env: Any) -> str:
        try:
            async with asyncio.timeout(5):
                return await pay(env)
        except TimeoutError:
            return "too late"

    for jump, told, left in ((4.0, "paid", 90), (5.0, "too late", 100)):
        cluster.reset()
        world = Small(cluster, hurry)
        world.begin("hurry")
        world.change("jump", jump)
        assert world.finish("hurry") == told
        assert balance(cluster) == left
        world.close()


def test_code_that_only_yields_does_not_hang_the_search(cluster: Cluster) -> None:
    async def spin(env: Any) -> None:
        while True:  # noqa: ASYNC110 - that is what it is about
            await asyncio.sleep(0)

    world = Small(cluster, spin)
    assert world.begin("spin") == "spin: await"
    world.close()


# Crashes:


def test_a_crash_ends_all_tasks_and_their_clean_up_finds_nothing_to_act_on(cluster: Cluster) -> None:
    seen = []

    async def careful(env: Any, name: str) -> None:
        try:
            await env.aio.broker.publish(name, "A", "")
            await env.aio.broker.publish(f"{name} again", "A", "")
        finally:
            seen.append(name)
            await env.aio.broker.publish(f"{name} cleaned up", "A", "")

    async def both(env: Any) -> None:
        await asyncio.gather(careful(env, "a"), careful(env, "b"))

    world = Small(cluster, both)
    world.begin("both")
    world.step("both", "crash")
    assert [message.id for message in world.devices["broker"].log] == ["a"]
    assert sorted(seen) == ["a", "b"]
    assert world.answers == {"both": "its process crashed"}
    world.close()


def test_a_run_that_is_given_up_gives_its_connections_back(cluster: Cluster) -> None:
    for _ in range(3):
        world = Small(cluster, pay, pay_too)
        world.until("pay", "COMMIT")
        world.begin("pay_too")
        world.close()
        assert len(cluster.host("pay").connections()) == 1
    cluster.reset()
    world = Small(cluster, pay)
    assert world.finish("pay") == "paid"
    world.close()


# What is not part of any schedule:


async def _dial(env: Any) -> None:
    await asyncio.open_connection("127.0.0.1", 9)


async def _process(env: Any) -> None:
    await asyncio.create_subprocess_exec("true")


@pytest.mark.parametrize(
    ("code", "what"),
    [
        (_dial, "opens a network connection"), (_process, "starts another process"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("swallowed", [False, True])
def test_it_is_reported_also_where_the_code_swallows_it(cluster: Cluster, code: Any, what: str, *, swallowed: bool) -> None:
    async def work(env: Any) -> None:
        with contextlib.suppress(Exception if swallowed else ()):
            await code(env)

    world = Small(cluster, work)
    with pytest.raises(NondeterminismError, match=f"work {what}"):
        world.begin("work")
    world.close()


def test_a_call_that_makes_an_event_loop_of_its_own_is_told_to_be_a_coroutine(cluster: Cluster) -> None:
    def work(env: Any) -> str:
        with contextlib.closing(pay(env)) as coroutine:
            return asyncio.run(coroutine)

    world = Small(cluster, work)
    with pytest.raises(NondeterminismError, match="async def"):
        world.begin("work")
    world.close()


def test_code_that_runs_in_a_loop_itself_may_drive_a_world(cluster: Cluster) -> None:
    async def main() -> Any:
        world = Small(cluster, pay)
        answer = world.finish("pay")
        world.close()
        return answer, asyncio.current_task() is not None

    assert asyncio.run(main()) == ("paid", True)


# Determinism:


async def transfer(env: Any) -> str:
    """A bit of everything."""
    lock = env.random.random()
    async with asyncio.TaskGroup() as group:
        group.create_task(pay(env))
        group.create_task(env.aio.broker.publish(env.new_id(), "A", {"lock": lock}))
    task = asyncio.current_task()
    try:
        async with asyncio.timeout(30):
            await asyncio.sleep(1)
            await env.aio.broker.publish(env.new_id(), "A", task and task.get_name())
    except (BrokerRefused, BrokerTimeout):
        return "untold"
    finally:
        await pay(env)
    return "ok"


async def transfer_too(env: Any) -> str:
    return await transfer(env)


async def recover(env: Any) -> None:
    await pay(env)


@pytest.mark.parametrize("together", [False, True])
def test_the_same_schedule_gives_the_same_effects_events_and_keys(cluster: Cluster, *, together: bool) -> None:
    seen = set()
    for seed in range(40):
        first = Small(cluster, transfer, transfer_too, recover, together=together, retries=1)
        schedule = draw(first, seed)
        first.close()
        second = Small(cluster, transfer, transfer_too, recover, together=together, retries=1)
        for decision, went_on, *before in schedule:
            assert second.perform(decision) == went_on, (seed, decision)
            assert list(fingerprint(second)) == before, (seed, decision)
        assert second.events == first.events
        second.close()
        seen |= {(decision.kind, decision.fault) for decision, *_ in schedule}
    assert {fault for _, fault in seen} >= {"", "refused", "unacknowledged", "late", "crash", "cancelled", "cancelled after"}


# Outside of calls:


def look_from_outside(cluster: Cluster, method: Any) -> Any:
    world = World(cluster, lambda _: None, Scope("empty", "", (), ()), DEVICES)
    with building(cluster.host("observer")):
        driven = Driven(lambda env: SimpleNamespace(look=lambda: method(env), capabilities=frozenset({"known"})))
        made = driven(world.environment(cluster.host("observer")))
        return made.look(), made.capabilities


def test_an_observer_awaits_as_well_and_time_passes_at_once(cluster: Cluster) -> None:
    async def look(env: Any) -> int:
        await asyncio.sleep(60)
        async with env.async_engine("bank").connect() as connection:
            return int(await connection.scalar(sa.text(READ)))

    assert look_from_outside(cluster, look) == (100, frozenset({"known"}))


def test_an_observer_that_awaits_what_nobody_will_set_is_told_so(cluster: Cluster) -> None:
    async def look(env: Any) -> None:
        await asyncio.Event().wait()

    with pytest.raises(ContractError, match="nobody will ever set"):
        look_from_outside(cluster, look)


def test_a_factory_may_be_a_coroutine(cluster: Cluster) -> None:
    async def make(env: Any) -> Any:
        async with env.async_engine("bank").connect() as connection:
            left = await connection.scalar(sa.text(READ))
        return SimpleNamespace(left=lambda: left)

    world = World(cluster, lambda _: None, Scope("empty", "", (), ()), DEVICES)
    with building(cluster.host("observer")):
        assert Driven(make)(world.environment(cluster.host("observer"))).left() == 100


def test_coroutines_are_recognised_also_below_a_decorator() -> None:
    import functools

    def retried(function: Any) -> Any:
        @functools.wraps(function)
        def call(*args: Any) -> Any:
            return function(*args)

        return call

    made = SimpleNamespace(a=retried(pay), b=functools.partial(pay, None), c=lambda: None)
    assert coroutine_methods(made, ["a", "b", "c", "d"]) == {"a", "b"}


def test_tables_can_be_made_through_an_asynchronous_engine(cluster: Cluster) -> None:
    async def make(env: Any) -> None:
        async with env.async_engine("shop").begin() as connection:
            await connection.run_sync(lambda plain: plain.exec_driver_sql("CREATE TABLE orders (id)"))

    look_from_outside(cluster, make)
    assert read(cluster, "SELECT name FROM sqlite_master", "shop") == [("orders",)]


def test_two_engines_of_one_database_see_the_same(cluster: Cluster) -> None:
    install(cluster, ACCOUNTS, "shop")

    async def both(env: Any) -> int:
        await pay(env)
        with env.engine("bank").connect() as connection:
            return int(connection.scalar(sa.text(READ)) or 0)

    world = Small(cluster, both)
    assert world.finish("both") == 90
    assert world.done == [*BEGIN_AND_PAY, "bank: SELECT accounts"]
    world.close()
