"""Coroutines on MariaDB: the same driven connections, awaited; also while a statement waits in the server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from small_world import Small, query

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
    ((found,),) = query(cluster, "SELECT balance FROM accounts WHERE id = 'A'")
    return int(found)


@pytest.mark.parametrize(("effect", "fault", "then"), [
    ("UPDATE", "cancelled", 100), ("COMMIT", "cancelled", 100), ("COMMIT", "cancelled after", 90),
])  # fmt: skip
def test_what_was_awaited_does_not_happen_or_has_happened_before(maria: Cluster, effect: str, fault: str, then: int) -> None:
    world = Small(maria, pay, pay_too)
    world.until("pay", effect)
    world.step("pay", fault)
    assert world.answers == {"pay": "it was cancelled"}
    assert left(maria) == then
    assert world.finish("pay_too") == "paid"
    assert left(maria) == then - 10
    world.close()


def test_a_statement_that_waits_in_the_server_goes_on_when_the_lock_is_free_or_is_cancelled(maria: Cluster) -> None:
    for fault, then in (("", 80), ("cancelled", 90)):
        world = Small(maria, pay, pay_too)
        world.until("pay", "COMMIT")
        world.begin("pay_too")
        world.step("pay_too")
        assert world.actors.waiting() == ["pay_too"]
        if fault:
            world.step("pay_too", fault)
        assert world.finish("pay") == "paid"
        assert world.finish("pay_too") == ("it was cancelled" if fault else "paid")
        assert left(maria) == then
        world.close()
        maria.reset()


def test_tasks_of_one_call_that_wait_for_each_other_are_a_deadlock(maria: Cluster) -> None:
    async def crosswise(env: Any, first: str, then: str) -> str:
        async with env.async_engine("bank").begin() as connection:
            for account in (first, then):
                await connection.execute(sa.text(PAY), {"id": account})
        return "paid"

    async def both(env: Any) -> list[str]:
        found = await asyncio.gather(crosswise(env, "A", "B"), crosswise(env, "B", "A"), return_exceptions=True)
        return [type(one).__name__ for one in found]

    world = Small(maria, both)
    world.finish("both")
    assert world.runnable() == []
    assert world.actors.victims() == [("both", "deadlock")]
    world.step("both", "deadlock")
    assert sorted(world.finish("both")) == ["OperationalError", "str"]
    assert left(maria) == 90
    world.close()
