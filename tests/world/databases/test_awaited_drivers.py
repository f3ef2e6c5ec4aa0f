"""Drivers that are awaited, each as its users use it: the same effects, faults and locks."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import asyncpg
import psycopg
import pytest
import sqlalchemy as sa
from small_world import Small, ask, draw, fingerprint
from sqlalchemy.ext.asyncio import create_async_engine

from acidtest.search.exhaustive import without_collector
from acidtest.world.core.effects import DATABASE, DEADLOCK, LATE, LOST, REFUSED, UNACKNOWLEDGED, Decision

if TYPE_CHECKING:
    from collections.abc import Callable

    from acidtest.world.core.cluster import Cluster

UPDATE = "UPDATE accounts SET balance = balance + {} WHERE id = '{}'"
GONE = ("None", "08003")  #: psycopg gives no code to a connection that is gone, asyncpg one of its own
WAITS = "bank: UPDATE accounts, answered"


async def by_psycopg(env: Any, *changes: tuple[int, str]) -> None:
    del env
    async with await psycopg.AsyncConnection.connect("dbname=bank host=example.org") as connection:
        for change in changes:
            await connection.execute(UPDATE.format(*change))


async def by_sqlalchemy_on_psycopg(env: Any, *changes: tuple[int, str]) -> None:
    await by_engine(env.url("bank").replace("+psycopg:", "+psycopg_async:"), *changes)


async def by_asyncpg(env: Any, *changes: tuple[int, str]) -> None:
    del env
    connection = await asyncpg.connect("postgresql://me@example.org/bank")
    try:
        async with connection.transaction():
            for amount, account in changes:
                await connection.execute("UPDATE accounts SET balance = balance + $1 WHERE id = $2", amount, account)
    finally:
        await connection.close()


async def by_sqlalchemy_on_asyncpg(env: Any, *changes: tuple[int, str]) -> None:
    del env
    await by_engine("postgresql+asyncpg://me@example.org/bank", *changes)


async def by_engine(url: str, *changes: tuple[int, str]) -> None:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        for change in changes:
            await connection.execute(sa.text(UPDATE.format(*change)))
    await engine.dispose()


WAYS = (by_psycopg, by_sqlalchemy_on_psycopg, by_asyncpg, by_sqlalchemy_on_asyncpg)
DIRECT = (by_psycopg, by_asyncpg)


def calls(way: Any) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """Two operations that take two locks in opposite orders, and tell what they have come to."""

    async def attempt(env: Any, *changes: tuple[int, str]) -> str:
        try:
            await way(env, *changes)
        except Exception as error:  # noqa: BLE001 - whatever each raises
            found: Any = getattr(error, "orig", error)
            return str(getattr(found, "sqlstate", None))
        return "ok"

    async def there(env: Any) -> str:
        return await attempt(env, (-10, "A"), (10, "B"))

    async def back(env: Any) -> str:
        return await attempt(env, (-10, "B"), (10, "A"))

    return there, back


def balances(cluster: Cluster) -> dict[str, int]:
    return dict(ask(cluster, "SELECT id, balance FROM accounts"))


@pytest.mark.parametrize("way", WAYS)
def test_statements_and_commits_are_effects_and_locks_are_waited_for(pg: Cluster, way: Any) -> None:
    world = Small(pg, *calls(way))
    world.until("there", "COMMIT")
    world.until("back", "UPDATE")
    while "answered" not in str(world.pending("back")):
        world.step("back")
    assert (world.finish("there"), world.finish("back")) == ("ok", "ok")
    assert balances(pg) == {"A": 100, "B": 100}
    assert [effect for effect in world.done if "SELECT" not in effect][:2] == ["bank: UPDATE accounts"] * 2
    world.close()


@pytest.mark.parametrize("way", DIRECT)
def test_the_victim_of_a_deadlock_is_told_so(pg: Cluster, way: Any) -> None:
    world = Small(pg, *calls(way))
    world.begin("there"), world.step("there"), world.begin("back"), world.step("back")
    assert (world.step("there"), world.step("back")) == (WAITS, WAITS)
    world.step("back", DEADLOCK)
    assert world.answers["back"] == "40P01"
    assert world.finish("there") == "ok"
    world.close()


@pytest.mark.parametrize("way", DIRECT)
@pytest.mark.parametrize(("fault", "told", "left"), [(REFUSED, ("53100",), 100), (LOST, GONE, 100), (UNACKNOWLEDGED, GONE, 90)])
def test_a_commit_may_fail_in_all_ways(pg: Cluster, way: Any, fault: str, told: tuple[str, ...], left: int) -> None:
    world = Small(pg, *calls(way))
    world.until("there", "COMMIT")
    world.step("there", fault)
    assert world.answers["there"] in told
    assert balances(pg)["A"] == left
    world.close()


@pytest.mark.parametrize("way", DIRECT)
def test_a_commit_that_comes_late_keeps_its_locks_until_then(pg: Cluster, way: Any) -> None:
    world = Small(pg, *calls(way))
    world.until("there", "COMMIT")
    world.step("there", LATE)
    world.begin("back")
    assert world.step("back") == WAITS
    world.perform(Decision("land", next(iter(world.late))))
    assert world.finish("back") == "ok"
    assert balances(pg) == {"A": 100, "B": 100}
    world.close()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", ["cancelled", "crash"])
def test_a_call_may_be_cancelled_or_die_while_its_statement_waits(pg: Cluster, way: Any, fault: str) -> None:
    world = Small(pg, *calls(way))
    world.until("there", "COMMIT")
    world.until("back", "UPDATE")
    world.step("back")
    world.step("back")
    assert world.pending("back").label == WAITS  # type: ignore[union-attr]
    if fault == "crash":
        world.perform(Decision("crash", "back"))
    else:
        world.step("back", "cancelled")
    assert world.finish("there") == "ok"
    assert balances(pg) == {"A": 90, "B": 110}
    world.close()


@pytest.mark.usefixtures("private")
@pytest.mark.parametrize("way", DIRECT)
def test_the_death_of_the_server_reaches_a_statement_that_waits_and_who_goes_on_after_it(pg: Cluster, way: Any) -> None:
    world = Small(pg, *calls(way))
    world.until("there", "COMMIT")
    world.begin("back"), world.step("back")
    assert world.pending("back").label == WAITS  # type: ignore[union-attr]
    world.perform(Decision("restart", DATABASE))
    assert {world.finish("there"), world.finish("back")} <= set(GONE)
    assert balances(pg) == {"A": 100, "B": 100}
    world.close()


@pytest.mark.parametrize("way", DIRECT)
def test_what_is_awaited_side_by_side_goes_on_side_by_side(pg: Cluster, way: Any) -> None:
    async def both(env: Any) -> None:
        await asyncio.gather(way(env, (1, "A")), way(env, (1, "B")))

    world = Small(pg, both)
    world.finish("both")
    assert world.done == ["bank: UPDATE accounts"] * 2 + ["bank: COMMIT"] * 2
    world.close()


def test_pools_and_types_of_asyncpg_are_driven(pg: Cluster) -> None:
    async def use(_env: Any) -> list[Any]:
        address = "postgresql://me@example.org/bank"
        async with asyncpg.create_pool(address, min_size=1, max_size=2) as pool, pool.acquire() as connection:
            await connection.set_type_codec("json", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
            await connection.executemany("UPDATE accounts SET balance = $1 WHERE id = $2", [(1, "A"), (2, "B")])
            return [await connection.fetchval("SELECT $1::json", {"a": 1}), *await pool.fetch("SELECT balance FROM accounts ORDER BY id")]

    world = Small(pg, use)
    answer: Any = world.finish("use")
    assert [answer[0], *[row["balance"] for row in answer[1:]]] == [{"a": 1}, 1, 2]
    assert world.done == ["bank: UPDATE accounts", "bank: SELECT", "bank: SELECT accounts"]
    world.close()


@pytest.mark.usefixtures("private")
@pytest.mark.parametrize("way", DIRECT)
def test_the_same_schedule_gives_the_same_effects_events_and_keys(pg: Cluster, way: Any) -> None:
    with without_collector():
        for seed in range(8):
            first = Small(pg, *calls(way), retries=1)
            schedule = draw(first, seed)
            first.close()
            second = Small(pg, *calls(way), retries=1)
            for decision, went_on, *before in schedule:
                assert second.perform(decision) == went_on, (seed, decision)
                assert list(fingerprint(second)) == before, (seed, decision)
            assert second.events == first.events
            second.close()
