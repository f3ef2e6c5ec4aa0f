"""Coroutines on PostgreSQL: the same driven connections, awaited; also while a statement waits in the server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from small_world import Small, ask, draw, fingerprint

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster

PAY = "UPDATE accounts SET balance = balance - 10 WHERE id = :id"


async def pay(env: Any, account: str = "A") -> str:
    async with env.async_engine("bank").begin() as connection:
        await connection.execute(sa.text(PAY), {"id": account})
    return "paid"


async def pay_too(env: Any) -> str:
    return await pay(env)


def left(cluster: Cluster) -> int:
    ((found,),) = ask(cluster, f"SELECT balance FROM {cluster.database('bank').schema}.accounts WHERE id = 'A'")  # type: ignore[attr-defined]
    return int(found)


def test_a_coroutine_pays(pg: Cluster) -> None:
    world = Small(pg, pay)
    assert world.finish("pay") == "paid"
    assert world.done == ["bank: UPDATE accounts", "bank: COMMIT"]
    assert left(pg) == 90
    world.close()


@pytest.mark.parametrize(("effect", "fault", "then"), [
    ("UPDATE", "cancelled", 100), ("COMMIT", "cancelled", 100), ("COMMIT", "cancelled after", 90),
])  # fmt: skip
def test_what_was_awaited_does_not_happen_or_has_happened_before(pg: Cluster, effect: str, fault: str, then: int) -> None:
    world = Small(pg, pay, pay_too)
    world.until("pay", effect)
    world.step("pay", fault)
    assert world.answers == {"pay": "it was cancelled"}
    assert left(pg) == then
    assert world.finish("pay_too") == "paid"
    assert left(pg) == then - 10
    world.close()


def test_a_statement_that_waits_in_the_server_goes_on_when_the_lock_is_free(pg: Cluster) -> None:
    world = Small(pg, pay, pay_too)
    world.until("pay", "COMMIT")
    world.begin("pay_too")
    world.step("pay_too")
    assert world.actors.waiting() == ["pay_too"]
    assert (world.finish("pay"), world.finish("pay_too")) == ("paid", "paid")
    assert left(pg) == 80
    world.close()


def test_a_statement_that_waits_in_the_server_can_be_cancelled(pg: Cluster) -> None:
    world = Small(pg, pay, pay_too)
    world.until("pay", "COMMIT")
    world.begin("pay_too")
    world.step("pay_too")
    world.step("pay_too", "cancelled")
    assert world.answers == {"pay_too": "it was cancelled"}
    assert world.finish("pay") == "paid"
    assert left(pg) == 90
    world.close()


def test_tasks_of_one_call_that_wait_for_each_other_are_a_deadlock(pg: Cluster) -> None:
    async def crosswise(env: Any, first: str, then: str) -> str:
        async with env.async_engine("bank").begin() as connection:
            for account in (first, then):
                await connection.execute(sa.text(PAY), {"id": account})
        return "paid"

    async def both(env: Any) -> list[str]:
        found = await asyncio.gather(crosswise(env, "A", "B"), crosswise(env, "B", "A"), return_exceptions=True)
        return [type(one).__name__ for one in found]

    world = Small(pg, both)
    world.finish("both")
    assert world.runnable() == []
    assert world.actors.victims() == [("both", "deadlock")]
    world.step("both", "deadlock")
    assert sorted(world.finish("both")) == ["OperationalError", "str"]
    assert left(pg) == 90
    world.close()


async def both_at_once(env: Any) -> list[str]:
    return await asyncio.gather(pay(env), pay(env, "B"))


def test_the_same_schedule_gives_the_same_effects_and_events(pg: Cluster) -> None:
    for seed in range(12):
        first = Small(pg, pay, both_at_once, retries=1)
        schedule = draw(first, seed)
        first.close()
        second = Small(pg, pay, both_at_once, retries=1)
        for decision, went_on, *before in schedule:
            assert second.perform(decision) == went_on, (seed, decision)
            # Not the keys: which of two open connections a pool hands out first depends on the run before.
            assert list(fingerprint(second))[1:] == before[1:], (seed, decision)
        assert second.events == first.events
        second.close()
