"""Waiting for locks: what waits, what never does, and what happens when nobody can go on."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from small_world import ACCOUNTS, Small, balance, install

from acidtest.world.core.effects import Decision

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster

READ = "SELECT balance FROM accounts WHERE id = 'A'"
PAY = "UPDATE accounts SET balance = balance - 10 WHERE id = 'A'"


def pay(env: Any) -> str:
    """Write in one transaction, without reading first."""
    with env.engine("bank").begin() as connection:
        connection.execute(sa.text(PAY))
    return "paid"


def pay_too(env: Any) -> str:
    return pay(env)


def look(env: Any) -> list[int]:
    """Read twice in one transaction."""
    with env.engine("bank").connect() as connection:
        return [connection.scalar(sa.text(READ)) or 0 for _ in range(2)]


def upgrade(env: Any) -> str:
    """Read, then write in the same transaction."""
    with env.engine("bank").begin() as connection:
        connection.scalar(sa.text(READ))
        connection.execute(sa.text(PAY))
    return "paid"


# Snapshots:


def test_a_transaction_reads_from_one_snapshot_whatever_others_commit(cluster: Cluster) -> None:
    world = Small(cluster, look, pay)
    world.begin("look")
    world.step("look")
    world.finish("pay")
    assert balance(cluster) == 90
    assert world.finish("look") == [100, 100]
    world.close()


def test_reads_outside_a_transaction_each_see_what_is_committed(cluster: Cluster) -> None:
    def glance(env: Any) -> list[int]:
        connection = env.connect("bank")
        return [connection.execute(READ).fetchone()[0] for _ in range(2)]

    world = Small(cluster, glance, pay)
    world.begin("glance")
    world.step("glance")
    world.finish("pay")
    assert world.finish("glance") == [100, 90]
    world.close()


def test_a_reader_never_waits_for_a_writer(cluster: Cluster) -> None:
    world = Small(cluster, pay, look)
    world.until("pay", "COMMIT")
    assert world.finish("look") == [100, 100]
    assert world.finish("pay") == "paid"
    world.close()


def test_writing_upon_a_stale_snapshot_reaches_the_caller_as_an_error_at_once(cluster: Cluster) -> None:
    world = Small(cluster, upgrade, pay)
    world.until("upgrade", "UPDATE")
    world.finish("pay")
    assert world.finish("upgrade") == "OperationalError: (sqlite3.OperationalError) database is locked"
    assert balance(cluster) == 90
    assert [event.subject for event in world.events if event.kind == "error"] == ["upgrade"]
    world.close()


def test_the_snapshots_that_are_still_read_from_are_part_of_the_key(cluster: Cluster) -> None:
    keys = []
    for first, second in (("look", "pay"), ("pay", "look")):
        world = Small(cluster, look, pay)
        world.begin("look")
        for name in (first, second):
            if name == "look":
                world.step("look")
            else:
                world.finish("pay")
        keys.append(world.key())
        world.close()
    assert keys[0] != keys[1]


# Waiting:


def test_a_writer_waits_for_the_lock_and_goes_on_when_it_is_free(cluster: Cluster) -> None:
    world = Small(cluster, pay, pay_too)
    world.until("pay", "COMMIT")
    world.begin("pay_too")
    assert world.step("pay_too") == "blocked"
    assert world.runnable() == ["pay"]
    assert world.actors.waiting() == ["pay_too"]
    world.finish("pay")
    assert world.runnable() == ["pay_too"]
    assert world.finish("pay_too") == "paid"
    assert balance(cluster) == 80
    world.close()


def test_a_rollback_frees_the_lock(cluster: Cluster) -> None:
    def change_ones_mind(env: Any) -> None:
        with env.engine("bank").connect() as connection:
            connection.execute(sa.text(PAY))
            connection.execute(sa.text(READ))
            connection.rollback()

    world = Small(cluster, change_ones_mind, pay)
    world.until("change_ones_mind", "SELECT")
    world.begin("pay")
    assert world.step("pay") == "blocked"
    world.finish("change_ones_mind")
    assert world.finish("pay") == "paid"
    assert balance(cluster) == 90
    world.close()


def test_a_connection_that_is_dropped_without_being_closed_frees_its_lock(cluster: Cluster) -> None:
    def drop(env: Any) -> None:
        connection = env.connect("bank")
        connection.execute(PAY)
        connection.execute(READ)
        del connection
        env.broker.publish("1", "A", "")

    world = Small(cluster, drop, pay)
    world.until("drop", "SELECT")
    world.begin("pay")
    assert world.step("pay") == "blocked"
    world.until("drop", "publish")
    assert world.finish("pay") == "paid"
    assert balance(cluster) == 90
    world.close()


def test_rows_of_a_write_that_are_still_unread_hold_the_lock(cluster: Cluster) -> None:
    def claim(env: Any) -> None:
        connection = env.connect("bank", isolation_level=None)
        for (account,) in connection.execute("UPDATE accounts SET balance = 0 RETURNING id"):
            env.broker.publish(account, account, "")

    world = Small(cluster, claim, pay)
    world.until("claim", "publish A")
    world.begin("pay")
    assert world.step("pay") == "blocked"
    world.finish("claim")
    assert world.finish("pay") == "paid"
    assert balance(cluster) == -10
    world.close()


def test_a_commit_with_unread_rows_fails_rather_than_waits(cluster: Cluster) -> None:
    def claim(env: Any) -> None:
        connection = env.connect("bank")
        rows = connection.execute("UPDATE accounts SET balance = 0 RETURNING id")
        connection.commit()
        del rows

    world = Small(cluster, claim)
    answer = world.finish("claim")
    assert answer == "OperationalError: cannot commit transaction - SQL statements in progress"
    world.close()


def test_a_table_that_the_same_connection_reads_fails_rather_than_waits(cluster: Cluster) -> None:
    def drop(env: Any) -> None:
        connection = env.connect("bank", isolation_level=None)
        rows = connection.execute("SELECT * FROM accounts")
        connection.execute("DROP TABLE accounts")
        del rows

    world = Small(cluster, drop)
    assert world.finish("drop") == "OperationalError: database table is locked"
    world.close()


# Deadlock:


def transfer(env: Any, first: str, second: str) -> str:
    """Write in two databases, and say what came of it."""
    one, two = env.connect(first), env.connect(second)
    try:
        one.execute(PAY)
        two.execute(PAY)
    except sqlite3.OperationalError as error:
        one.rollback()
        two.rollback()
        return str(error)
    one.commit()
    two.commit()
    return "paid"


def forth(env: Any) -> str:
    return transfer(env, "bank", "shop")


def back(env: Any) -> str:
    return transfer(env, "shop", "bank")


@pytest.mark.parametrize("victim", ["forth", "back"])
def test_in_a_deadlock_the_chosen_victim_gets_an_error_and_the_other_goes_on(cluster: Cluster, victim: str) -> None:
    install(cluster, ACCOUNTS, "shop")
    world = Small(cluster, forth, back)
    for name in ("forth", "back"):
        world.begin(name)
        world.step(name)
    for name in ("forth", "back"):
        assert world.step(name) == "blocked"
    assert world.runnable() == []
    assert world.actors.waiting() == ["forth", "back"]
    world.perform(Decision("victim", victim))
    for name in ("forth", "back"):
        world.finish(name)
    survivor = {"forth": "back", "back": "forth"}[victim]
    assert world.answers == {victim: "database is locked", survivor: "paid"}
    assert (balance(cluster), balance(cluster, name="shop")) == (90, 90)
    world.close()


def test_a_lock_that_an_idle_process_has_leaked_blocks_others_until_one_gives_up(cluster: Cluster) -> None:
    kept = []

    def leak(env: Any) -> None:
        kept.append(env.connect("bank"))
        kept[0].execute(PAY)

    def pay_raw(env: Any) -> str:
        connection = env.connect("bank")
        try:
            connection.execute(PAY)
        except sqlite3.OperationalError as error:
            return str(error)
        connection.commit()
        return "paid"

    world = Small(cluster, leak, pay_raw)
    world.finish("leak")
    world.begin("pay_raw")
    assert world.step("pay_raw") == "blocked"
    assert world.runnable() == []
    world.perform(Decision("victim", "pay_raw"))
    world.finish("pay_raw")
    assert [event.value for event in world.events if event.subject == "pay_raw" and event.kind == "reply"] == ["database is locked"]
    world.close()


def test_the_lock_of_an_idle_process_is_free_once_it_has_crashed(cluster: Cluster) -> None:
    kept = []

    def leak(env: Any) -> None:
        kept.append(env.connect("bank"))
        kept[0].execute(PAY)

    world = Small(cluster, leak, pay)
    world.finish("leak")
    world.begin("pay")
    assert world.step("pay") == "blocked"
    world.crash("leak")
    assert world.finish("pay") == "paid"
    assert balance(cluster) == 90
    world.close()


def test_a_task_that_waits_for_a_lock_of_its_own_is_a_deadlock(cluster: Cluster) -> None:
    def pay_twice(env: Any) -> str:
        one, two = env.connect("bank"), env.connect("bank")
        one.execute(PAY)
        two.execute(PAY)
        return "never"

    world = Small(cluster, pay_twice)
    world.begin("pay_twice")
    world.step("pay_twice")
    assert world.step("pay_twice") == "blocked"
    assert world.runnable() == []
    world.perform(Decision("victim", "pay_twice"))
    assert [event.kind for event in world.events if event.subject == "pay_twice"] == ["invoke", "fault", "unknown"]
    assert balance(cluster) == 100
    world.close()


def test_a_fault_that_was_chosen_while_waiting_is_forgotten(cluster: Cluster) -> None:
    def write(env: Any) -> str:
        env.connect("bank", isolation_level=None).execute(PAY)
        return "paid"

    world = Small(cluster, pay, write)
    world.until("pay", "COMMIT")
    world.begin("write")
    assert not world.perform(Decision("advance", "write", "unacknowledged"))
    world.finish("pay")
    assert world.finish("write") == "paid"
    world.close()
