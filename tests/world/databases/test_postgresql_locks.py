"""Locks on PostgreSQL: who waits, in which order those who wait go on, deadlocks, observers who would wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from postgresql_bank import balances, pay, pay_back, pay_too
from small_world import Small

from acidtest.world.core.effects import DEADLOCK, Decision

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster


def test_a_statement_that_waits_for_a_lock_goes_on_when_the_lock_is_free(pg: Cluster) -> None:
    world = Small(pg, pay, pay_too)
    world.until("pay", "COMMIT")
    world.begin("pay_too")
    assert world.step("pay_too") == "bank: UPDATE accounts, answered"
    assert world.runnable() == ["pay"]
    world.step("pay")
    assert world.runnable() == ["pay_too"]
    assert world.finish("pay_too") == "ok"
    assert balances(pg) == {"A": 80, "B": 120}
    world.close()


@pytest.mark.usefixtures("private")
def test_those_who_wait_for_one_lock_get_it_in_the_order_in_which_they_came(pg: Cluster) -> None:
    def insert(env: Any, who: str) -> str:
        connection = env.connect("bank", autocommit=True)
        try:
            connection.execute("INSERT INTO accounts VALUES ('C', %s)", (len(who),))
        except psycopg.errors.UniqueViolation:
            return "there"
        return "ok"

    def hold(env: Any) -> None:
        connection = env.connect("bank")
        connection.execute("INSERT INTO accounts VALUES ('C', 0)")
        connection.execute("SELECT 1")
        connection.rollback()

    def first(env: Any) -> str:
        return insert(env, "first")

    def second(env: Any) -> str:
        return insert(env, "second")

    for order in (("first", "second"), ("second", "first")) * 10:
        world = Small(pg, hold, first, second)
        world.until("hold", "SELECT")
        for name in order:
            world.begin(name)
            world.step(name)
        assert world.runnable() == ["hold"]
        world.finish("hold")
        assert [world.finish(name) for name in order] == ["ok", "there"]
        world.close()


@pytest.mark.parametrize("victim", ["pay", "pay_back"])
def test_the_search_chooses_the_victim_of_a_deadlock(pg: Cluster, victim: str) -> None:
    world = Small(pg, pay, pay_back)
    for name in ("pay", "pay_back"):
        world.begin(name)
        world.step(name)
    for name in ("pay", "pay_back"):
        assert "answered" in world.step(name)
    assert world.runnable() == []
    assert world.actors.victims() == [("pay", DEADLOCK), ("pay_back", DEADLOCK)]
    assert world.perform(Decision("victim", victim, DEADLOCK))
    other = ({"pay", "pay_back"} - {victim}).pop()
    assert world.finish(other) == "ok"
    unknown = [event.value for event in world.events if event.kind == "unknown"]
    assert unknown == ["DeadlockDetected: deadlock detected"]
    assert sorted(balances(pg).values()) == [90, 110]
    world.close()


def test_who_waits_for_a_prepared_transaction_is_no_victim_of_a_deadlock(pg: Cluster) -> None:
    def prepare(env: Any) -> None:
        connection = env.connect("bank")
        connection.tpc_begin(connection.xid(1, "k1", "bank"))
        connection.execute("UPDATE accounts SET balance = 0 WHERE id = 'A'")
        connection.tpc_prepare()

    world = Small(pg, prepare, pay)
    world.finish("prepare")
    world.begin("pay")
    world.step("pay")
    assert world.actors.victims() == [("pay", "")]
    assert world.perform(Decision("victim", "pay"))
    world.finish("pay")
    assert "LockNotAvailable" in str([event.value for event in world.events if event.kind == "unknown"])
    world.close()


def test_an_observer_who_would_have_to_wait_is_told_so_and_may_look_at_a_copy(pg: Cluster) -> None:
    def observe(cluster: Cluster) -> Any:
        host = cluster.host("observer")
        try:
            return host.connect("bank").execute("SELECT id, balance FROM accounts ORDER BY id FOR SHARE").fetchall()
        finally:
            host.hang_up()

    world = Small(pg, pay)
    world.until("pay", "COMMIT")
    with pytest.raises(psycopg.errors.LockNotAvailable):
        observe(pg)
    copy = pg.copy()
    assert observe(copy) == [("A", 100), ("B", 100)]
    copy.close()
    assert world.finish("pay") == "ok"
    world.close()
