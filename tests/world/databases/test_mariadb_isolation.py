"""Transactions on MariaDB: lost updates at each level, which reads are local, and what commits by the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from mariadb_bank import ALL, balances, do, pay, told
from small_world import Small, install

from acidtest.world.core.effects import Decision

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster


# Isolation:


@pytest.mark.parametrize(("level", "errors"), [("READ COMMITTED", 0), ("REPEATABLE READ", 0), ("SERIALIZABLE", 1)])
def test_a_lost_update_happens_without_any_error_at_the_default_level_too(maria: Cluster, level: str, errors: int) -> None:
    def count(env: Any) -> None:
        with env.connect("bank") as connection, connection.cursor() as cursor:
            cursor.execute(f"SET SESSION TRANSACTION ISOLATION LEVEL {level}")
            cursor.execute("SELECT balance FROM accounts WHERE id = 'A'")
            cursor.execute("UPDATE accounts SET balance = %s WHERE id = 'A'", (cursor.fetchone()[0] - 10,))
            connection.commit()

    def one(env: Any) -> None:
        count(env)

    def two(env: Any) -> None:
        count(env)

    world = Small(maria, one, two)
    for name in ("one", "two"):
        world.begin(name)
        world.step(name)
    for name in ("one", "two"):
        world.finish(name)
    for name, fault in world.actors.victims()[:1]:
        world.perform(Decision("victim", name, fault))
    for name in ("one", "two"):
        world.finish(name)
    assert len(told(world)) == errors
    assert balances(maria)["A"] == 90
    world.close()


def test_only_a_plain_read_after_another_one_at_repeatable_read_is_local(maria: Cluster) -> None:
    def repeatable(env: Any) -> None:
        do(env, "UPDATE accounts SET balance = 1 WHERE id = 'B'", "SELECT 1", *2 * [ALL], f"{ALL} FOR UPDATE")

    def committed(env: Any) -> None:
        do(env, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", *2 * [ALL])

    def reading(env: Any) -> None:
        do(env, *2 * [ALL])

    local = {}
    for code in (repeatable, committed, reading):
        world = Small(maria, code)
        world.begin(code.__name__)
        found = local[code.__name__] = []
        while (effect := world.pending(code.__name__)) is not None:
            found.append(effect.local)
            world.step(code.__name__)
        world.close()
    assert local == {"repeatable": [False, False, False, True, False, False], "committed": [False, False], "reading": [False, True]}


def test_a_transaction_that_has_only_read_is_part_of_the_state_and_lets_go_when_its_process_dies(maria: Cluster) -> None:
    def look(env: Any) -> None:
        do(env, "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE", ALL, ALL)

    world = Small(maria, look, pay)
    world.begin("look")
    world.step("look")
    assert any(world.processes["look"].host.pins())
    world.begin("pay")
    world.step("pay")
    assert world.runnable() == ["look"]
    world.crash("look")
    assert world.runnable() == ["pay"]
    assert world.finish("pay") == "ok"
    world.close()


# What commits:


@pytest.mark.parametrize("statement", ["BEGIN", "TRUNCATE TABLE other", "CREATE TABLE IF NOT EXISTS other (n INT)", "SET autocommit = 1"])
def test_what_commits_by_the_way_is_an_effect_that_commits(maria: Cluster, statement: str) -> None:
    install(maria, lambda env: do(env, "CREATE TABLE other (n INT)"))

    def half(env: Any) -> None:
        do(env, "UPDATE accounts SET balance = 0 WHERE id = 'A'", statement, "ROLLBACK", commit=False)

    world = Small(maria, half)
    world.finish("half")
    assert len(world.done) == 2
    assert balances(maria)["A"] == 0
    world.close()
