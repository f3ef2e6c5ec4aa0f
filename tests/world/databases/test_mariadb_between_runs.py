"""What is used again and what is put back between two runs on MariaDB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from mariadb_bank import do
from small_world import Small, install

from acidtest.errors import UsageError

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster


def test_a_table_that_an_operation_creates_is_refused_when_the_next_run_begins(maria: Cluster) -> None:
    def define(env: Any) -> None:
        do(env, "CREATE TABLE made (n INT)")

    world = Small(maria, define)
    world.finish("define")
    world.close()
    with pytest.raises(UsageError, match=r"Do it in install\(\)"):
        maria.reset()


def test_the_sessions_of_an_engine_are_used_again(maria: Cluster) -> None:
    def who(env: Any) -> int:
        with env.engine("bank").connect() as connection:
            return int(connection.scalar(sa.text("SELECT connection_id()")))

    numbers = set()
    for _ in range(3):
        world = Small(maria, who)
        numbers.add(world.finish("who"))
        world.close()
        maria.reset()
    assert len(numbers) == 1


def test_counters_are_part_of_a_state_and_are_put_back(maria: Cluster) -> None:
    install(maria, lambda env: do(env, "CREATE TABLE n (n INT AUTO_INCREMENT PRIMARY KEY)", "INSERT INTO n VALUES (), ()", "DELETE FROM n WHERE n = 2"))

    def take(env: Any) -> int:
        with env.connect("bank") as connection, connection.cursor() as cursor:
            cursor.execute("INSERT INTO n VALUES ()")
            connection.rollback()
            return int(cursor.lastrowid)

    before = maria.contents()
    for _ in range(2):
        world = Small(maria, take)
        assert world.finish("take") == 3
        assert maria.contents() != before
        world.close()
        maria.reset()
        assert maria.contents() == before
