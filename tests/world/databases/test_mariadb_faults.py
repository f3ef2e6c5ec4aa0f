"""Replies that are lost and processes that die on MariaDB, with what is open, prepared and waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from mariadb_bank import XID, balances, do, pay, pay_too, told
from small_world import Small, query

from acidtest.world.core.effects import Decision

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster


@pytest.mark.parametrize(
    ("fault", "left", "said"), [("refused", 100, "1180"), ("lost", 100, "2013"), ("unacknowledged", 90, "2013"), ("late", 100, "2013")]
)
def test_commit_has_every_ambiguous_reply(maria: Cluster, fault: str, left: int, said: str) -> None:
    world = Small(maria, pay, pay_too)
    world.until("pay", "COMMIT")
    world.step("pay", fault)
    assert balances(maria)["A"] == left
    assert [said in text for text in told(world)] == [True]
    for label in list(world.late):
        world.begin("pay_too")
        world.step("pay_too")
        assert world.runnable() == []  # it keeps its locks
        assert world.perform(Decision("land", label))
        assert balances(maria)["A"] == 90
        assert world.finish("pay_too") == "ok"
    world.close()


def test_an_autocommitted_statement_may_take_effect_late_and_keeps_its_locks_until_then(maria: Cluster) -> None:
    def alone(env: Any) -> None:
        do(env, "UPDATE accounts SET balance = 50 WHERE id = 'A'", autocommit=True, commit=False)

    world = Small(maria, alone, pay)
    world.begin("alone")
    world.step("alone", "late")
    assert ([("2013" in text) for text in told(world)], balances(maria)["A"]) == ([True], 100)
    world.begin("pay")
    world.step("pay")
    assert world.runnable() == []
    assert world.perform(Decision("land", next(iter(world.late))))
    assert world.finish("pay") == "ok"
    assert balances(maria) == {"A": 40, "B": 110}
    world.close()


def test_a_crash_rolls_back_what_is_open_frees_its_locks_and_keeps_what_is_prepared(maria: Cluster) -> None:
    def prepare(env: Any) -> None:
        do(
            env, f"XA START {XID}", "UPDATE accounts SET balance = 0 WHERE id = 'B'", f"XA END {XID}", f"XA PREPARE {XID}", f"XA COMMIT {XID}",
            autocommit=True, commit=False,
        )  # fmt: skip

    world = Small(maria, pay, prepare, pay_too)
    world.begin("pay")
    world.step("pay")
    world.begin("pay_too")
    world.step("pay_too")
    world.until("prepare", "XA COMMIT")
    before = world.cluster.contents()
    world.crash("pay")
    world.crash("prepare")
    assert world.cluster.contents() == before
    assert world.runnable() == ["pay_too"]
    assert dict(maria.values()["bank"])["prepared transactions"] == (("k'1,bank,1",),)
    bank: Any = maria.database("bank")
    assert [bytes(data) for *_, data in bank.own.listed(query(maria, "XA RECOVER"))] == [b"k'1bank"]
    world.close()
    maria.reset()
    assert query(maria, "XA RECOVER") == []


def test_while_the_session_that_has_prepared_is_there_nobody_else_can_decide(maria: Cluster) -> None:
    def prepare(env: Any) -> None:
        do(env, f"XA START {XID}", f"XA END {XID}", f"XA PREPARE {XID}", "SELECT 1", commit=False, autocommit=True)

    def decide(env: Any) -> None:
        do(env, f"XA ROLLBACK {XID}", autocommit=True, commit=False)

    world = Small(maria, prepare, decide)
    world.until("prepare", "SELECT")
    world.finish("decide")
    assert "1397" in told(world)[0]
    world.crash("prepare")
    world.close()


def test_the_clean_up_of_a_dead_process_has_no_effect(maria: Cluster) -> None:
    def stubborn(env: Any) -> None:
        connection = env.connect("bank")
        try:
            connection.cursor().execute("UPDATE accounts SET balance = 0 WHERE id = 'A'")
            connection.cursor().execute("SELECT 1")
        finally:
            connection.commit()
            connection.close()

    world = Small(maria, stubborn, pay)
    world.until("stubborn", "SELECT")
    world.begin("pay")
    world.step("pay")
    world.crash("stubborn")
    assert balances(maria)["A"] == 100
    assert world.finish("pay") == "ok"
    world.close()


def test_a_process_that_dies_while_it_waits_waits_no_more(maria: Cluster) -> None:
    world = Small(maria, pay, pay_too)
    world.until("pay", "COMMIT")
    world.begin("pay_too")
    world.step("pay_too")
    world.crash("pay_too")
    assert world.finish("pay") == "ok"
    assert balances(maria) == {"A": 90, "B": 110}
    world.close()
