"""Errors, replies that are lost and processes that die on PostgreSQL, with what is open, prepared and waited for."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from postgresql_bank import balances, pay, pay_too
from small_world import Small, ask, prepared

from acidtest.world.core.effects import Decision

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster


def test_a_failed_statement_dooms_its_transaction_and_commit_says_nothing(pg: Cluster) -> None:
    def swallow(env: Any) -> str:
        connection = env.connect("bank")
        connection.execute("UPDATE accounts SET balance = 0 WHERE id = 'A'")
        with contextlib.suppress(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO accounts VALUES ('A', 1)")
        connection.commit()
        connection.close()
        return "ok"

    world = Small(pg, swallow)
    assert world.finish("swallow") == "ok"
    assert balances(pg)["A"] == 100
    world.close()


@pytest.mark.parametrize(
    ("fault", "left", "said"),
    [("refused", 100, "DiskFull"), ("lost", 100, "OperationalError"), ("unacknowledged", 90, "OperationalError"), ("late", 100, "OperationalError")],
)
def test_commit_has_every_ambiguous_reply(pg: Cluster, fault: str, left: int, said: str) -> None:
    world = Small(pg, pay)
    world.until("pay", "COMMIT")
    world.step("pay", fault)
    assert balances(pg)["A"] == left
    assert [str(event.value).split(":")[0] for event in world.events if event.kind == "unknown"] == [said]
    for label in list(world.late):
        assert world.perform(Decision("land", label))
        assert balances(pg)["A"] == 90
    world.close()


def test_a_late_commit_keeps_its_locks_until_it_lands(pg: Cluster) -> None:
    world = Small(pg, pay, pay_too)
    world.until("pay", "COMMIT")
    world.step("pay", "late")
    world.begin("pay_too")
    world.step("pay_too")
    assert world.runnable() == []
    world.perform(Decision("land", next(iter(world.late))))
    assert world.finish("pay_too") == "ok"
    assert balances(pg)["A"] == 80
    world.close()


def test_an_autocommitted_statement_may_take_effect_late_and_keeps_its_locks_until_then(pg: Cluster) -> None:
    def alone(env: Any) -> None:
        env.connect("bank", autocommit=True).execute("UPDATE accounts SET balance = 50 WHERE id = 'A'")

    world = Small(pg, alone, pay)
    world.begin("alone")
    world.step("alone", "late")
    assert balances(pg)["A"] == 100
    assert [str(event.value).split(":")[0] for event in world.events if event.kind == "unknown"] == ["OperationalError"]
    world.begin("pay")
    world.step("pay")
    assert world.runnable() == []
    assert world.perform(Decision("land", next(iter(world.late))))
    assert world.finish("pay") == "ok"
    assert balances(pg) == {"A": 40, "B": 110}
    world.close()


def test_a_refused_statement_dooms_its_transaction(pg: Cluster) -> None:
    world = Small(pg, pay)
    world.begin("pay")
    world.step("pay")
    world.step("pay", "refused")
    assert "LockNotAvailable" in str([event.value for event in world.events if event.kind == "unknown"])
    assert balances(pg) == {"A": 100, "B": 100}
    world.close()


def test_a_crash_rolls_back_what_is_open_frees_its_locks_and_keeps_what_is_prepared(pg: Cluster) -> None:
    def prepare(env: Any) -> None:
        connection = env.connect("bank")
        connection.tpc_begin(connection.xid(1, "k'1", "bank"))
        connection.execute("UPDATE accounts SET balance = 0 WHERE id = 'B'")
        connection.tpc_prepare()
        connection.tpc_commit()

    world = Small(pg, pay, prepare, pay_too)
    world.begin("pay")
    world.step("pay")
    world.begin("pay_too")
    world.step("pay_too")
    world.until("prepare", "COMMIT PREPARED")
    before = world.cluster.contents()
    world.crash("pay")
    world.crash("prepare")
    assert world.cluster.contents() == before
    assert world.runnable() == ["pay_too"]
    assert dict(pg.values()["bank"])["prepared transactions"] == tuple(prepared(pg)) != ()
    world.close()
    pg.reset()
    assert ask(pg, "SELECT gid FROM pg_prepared_xacts") == []


def test_the_clean_up_of_a_dead_process_has_no_effect(pg: Cluster) -> None:
    def stubborn(env: Any) -> None:
        connection = env.connect("bank")
        try:
            connection.execute("UPDATE accounts SET balance = 0 WHERE id = 'A'")
            connection.execute("SELECT 1")
        finally:
            connection.commit()
            connection.close()

    world = Small(pg, stubborn)
    world.until("stubborn", "SELECT")
    world.crash("stubborn")
    assert balances(pg)["A"] == 100
    world.close()


def test_a_process_that_dies_while_it_waits_waits_no_more(pg: Cluster) -> None:
    world = Small(pg, pay, pay_too)
    world.until("pay", "COMMIT")
    world.begin("pay_too")
    world.step("pay_too")
    world.crash("pay_too")
    assert world.finish("pay") == "ok"
    assert balances(pg) == {"A": 90, "B": 110}
    world.close()
