"""Isolation on PostgreSQL: lost updates at each level, and which reads are local."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from postgresql_bank import balances
from small_world import Small

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster


def count(env: Any, level: Any) -> str:
    """Read the balance, and write it back less by ten."""
    connection = env.connect("bank")
    connection.isolation_level = level
    try:
        (found,) = connection.execute("SELECT balance FROM accounts WHERE id = 'A'").fetchone()
        connection.execute("UPDATE accounts SET balance = %s WHERE id = 'A'", (found - 10,))
        connection.commit()
    finally:
        connection.close()
    return "ok"


@pytest.mark.parametrize(("level", "left", "errors"), [("READ_COMMITTED", 90, 0), ("REPEATABLE_READ", 90, 1), ("SERIALIZABLE", 90, 1)])
def test_a_lost_update_happens_at_read_committed_alone(pg: Cluster, level: str, left: int, errors: int) -> None:
    chosen = psycopg.IsolationLevel[level]

    def one(env: Any) -> str:
        return count(env, chosen)

    def two(env: Any) -> str:
        return count(env, chosen)

    world = Small(pg, one, two)
    for name in ("one", "two"):
        world.begin(name)
        world.step(name)
    assert world.finish("one") == "ok"
    world.finish("two")
    told = [str(event.value) for event in world.events if event.kind == "unknown"]
    assert [text.split(":")[0] for text in told] == ["SerializationFailure"] * errors
    assert len([event for event in world.events if event.kind == "error"]) == errors
    assert balances(pg)["A"] == left
    world.close()


def test_a_read_under_a_snapshot_is_local_and_at_read_committed_it_is_not(pg: Cluster) -> None:
    def read(env: Any, level: Any) -> None:
        connection = env.connect("bank")
        connection.isolation_level = level
        connection.execute("SELECT 1")
        connection.execute("SELECT 2")
        connection.close()

    def repeatable(env: Any) -> None:
        read(env, psycopg.IsolationLevel.REPEATABLE_READ)

    def committed(env: Any) -> None:
        read(env, None)

    world = Small(pg, repeatable, committed)
    local = []
    for name in ("repeatable", "committed"):
        world.begin(name)
        world.step(name)
        effect = world.pending(name)
        local.append(effect is not None and effect.local)
    assert local == [True, False]
    world.close()
