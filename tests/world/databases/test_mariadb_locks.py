"""Locks on MariaDB: who waits, in which order those who wait go on, deadlocks, time-outs, observers who would wait."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pymysql
import pytest
from mariadb_bank import XID, balances, do, pay, pay_back, pay_too, told
from small_world import Small

from acidtest.world.core.effects import DEADLOCK, Decision

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster


def test_a_statement_that_waits_for_a_lock_goes_on_when_the_lock_is_free(maria: Cluster) -> None:
    world = Small(maria, pay, pay_too)
    world.until("pay", "COMMIT")
    world.begin("pay_too")
    assert world.step("pay_too") == "bank: UPDATE accounts, answered"
    assert world.runnable() == ["pay"]
    world.step("pay")
    assert world.runnable() == ["pay_too"]
    assert world.finish("pay_too") == "ok"
    assert balances(maria) == {"A": 80, "B": 120}
    world.close()


@pytest.mark.parametrize(("order", "balance"), [(("doubles", "adds"), 201), (("adds", "doubles"), 202)])
def test_those_who_wait_for_one_row_get_it_in_the_order_in_which_they_came(maria: Cluster, order: tuple[str, str], balance: int) -> None:
    def doubles(env: Any) -> None:
        do(env, "UPDATE accounts SET balance = balance * 2 WHERE id = 'A'", autocommit=True)

    def adds(env: Any) -> None:
        do(env, "UPDATE accounts SET balance = balance + 1 WHERE id = 'A'", autocommit=True)

    def hold(env: Any) -> None:
        do(env, "UPDATE accounts SET balance = 0 WHERE id = 'A'", "SELECT 1", commit=False)

    world = Small(maria, hold, doubles, adds)
    world.until("hold", "SELECT")
    for name in order:
        world.begin(name)
        world.step(name)
    assert world.runnable() == ["hold"]
    world.finish("hold")
    for name in order:
        world.finish(name)
    assert balances(maria)["A"] == balance
    world.close()


def test_of_those_who_wait_to_insert_one_row_into_a_gap_one_does(maria: Cluster) -> None:
    def insert(env: Any) -> str:
        try:
            do(env, "INSERT INTO accounts VALUES ('C', 1)", autocommit=True)
        except pymysql.err.IntegrityError:
            return "there"
        return "ok"

    def first(env: Any) -> str:
        return insert(env)

    def second(env: Any) -> str:
        return insert(env)

    def hold(env: Any) -> None:
        do(env, "UPDATE accounts SET balance = 0 WHERE id >= 'B'", "SELECT 1", commit=False)

    world = Small(maria, hold, first, second)
    world.until("hold", "SELECT")
    for name in ("first", "second"):
        world.begin(name)
        world.step(name)
    assert world.runnable() == ["hold"]
    world.finish("hold")
    assert sorted(world.finish(name) for name in ("first", "second")) == ["ok", "there"]  # the server lets both go on at once
    world.close()


@pytest.mark.parametrize("victim", ["pay", "pay_back"])
def test_the_search_chooses_the_victim_of_a_deadlock_whose_transaction_is_rolled_back(maria: Cluster, victim: str) -> None:
    world = Small(maria, pay, pay_back)
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
    assert told(world) == ["OperationalError: (1213, 'Deadlock found when trying to get lock; try restarting transaction')"]
    assert sorted(balances(maria).values()) == [90, 110]
    world.close()


def test_of_three_who_wait_those_in_the_ring_alone_are_victims_of_a_deadlock(maria: Cluster) -> None:
    world = Small(maria, pay, pay_back, pay_too)
    for name in ("pay", "pay_back"):
        world.begin(name)
        world.step(name)
    world.begin("pay_too")
    for name in ("pay_back", "pay", "pay_too"):
        world.step(name)
    assert [name for name, fault in world.actors.victims() if fault == DEADLOCK] == ["pay", "pay_back"]
    world.close()


def test_a_time_out_rolls_back_its_statement_and_leaves_the_transaction_open(maria: Cluster) -> None:
    def prepare(env: Any) -> None:
        do(env, f"XA START {XID}", "UPDATE accounts SET balance = 0 WHERE id = 'A'", f"XA END {XID}", f"XA PREPARE {XID}", commit=False)

    def insist(env: Any) -> str:
        with env.connect("bank") as connection, connection.cursor() as cursor:
            cursor.execute("UPDATE accounts SET balance = 7 WHERE id = 'B'")
            with contextlib.suppress(pymysql.err.OperationalError):
                cursor.execute("UPDATE accounts SET balance = 7 WHERE id = 'A'")
            connection.commit()
        return "ok"

    world = Small(maria, prepare, insist)
    world.finish("prepare")
    world.begin("insist")
    world.step("insist")
    world.step("insist")
    assert world.actors.victims() == [("insist", "timeout")]
    assert world.perform(Decision("victim", "insist"))
    assert world.finish("insist") == "ok"
    assert balances(maria) == {"A": 100, "B": 7}
    world.close()


def test_an_observer_who_would_have_to_wait_is_told_so_and_may_look_at_a_copy(maria: Cluster) -> None:
    def observe(cluster: Cluster) -> Any:
        host = cluster.host("observer")
        try:
            with host.connect("bank").cursor() as cursor:
                cursor.execute("SELECT id, balance FROM accounts ORDER BY id LOCK IN SHARE MODE")
                return cursor.fetchall()
        finally:
            host.hang_up()

    world = Small(maria, pay)
    world.until("pay", "COMMIT")
    with pytest.raises(pymysql.err.OperationalError, match="1205"):
        observe(maria)
    copy = maria.copy()
    assert observe(copy) == (("A", 100), ("B", 100))
    copy.close()
    assert world.finish("pay") == "ok"
    world.close()
