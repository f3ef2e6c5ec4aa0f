"""What is used again and what is put back between two runs on PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from postgresql_bank import balances
from small_world import Small, ask, install

from acidtest.errors import UsageError
from acidtest.search.exhaustive import without_collector

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster


def test_a_table_that_an_operation_creates_is_refused_when_the_next_run_begins(pg: Cluster) -> None:
    def define(env: Any) -> None:
        env.connect("bank", autocommit=True).execute("CREATE TABLE made (n int)")

    world = Small(pg, define)
    world.finish("define")
    world.close()
    with pytest.raises(UsageError, match=r"Do it in install\(\)"):
        pg.reset()


def test_the_session_of_a_transaction_at_a_level_of_its_engine_is_used_again_after_the_run(pg: Cluster) -> None:
    def leveled(env: Any) -> None:
        with env.engine("bank").execution_options(isolation_level="REPEATABLE READ").begin() as connection:
            connection.execute(sa.text("UPDATE accounts SET balance = 0 WHERE id = 'A'"))
            connection.execute(sa.text("UPDATE accounts SET balance = 0 WHERE id = 'B'"))

    sessions = set()
    with without_collector():  # as a search runs
        for _ in range(3):
            world = Small(pg, leveled)
            world.begin("leveled")
            world.step("leveled")
            world.close()
            sessions.add(ask(pg, "SELECT count(*) FROM pg_stat_activity")[0])
    assert len(sessions) == 1
    assert balances(pg)["A"] == 100


def test_rows_lie_in_every_run_as_they_lay_in_the_first(pg: Cluster) -> None:
    def shuffle(env: Any) -> list[Any]:
        connection = env.connect("bank")
        connection.execute("UPDATE accounts SET balance = 1 WHERE id = 'A'")
        found = connection.execute("SELECT id FROM accounts").fetchall()
        connection.rollback()
        connection.close()
        return found

    found = []
    for _ in range(400):
        world = Small(pg, shuffle)
        found.append(world.finish("shuffle"))
        world.close()
    assert all(rows == [("B",), ("A",)] for rows in found)


def test_numbers_of_a_sequence_are_contents_and_are_put_back(pg: Cluster) -> None:
    def schema(env: Any) -> None:
        connection = env.connect("shop", autocommit=True)
        connection.execute("CREATE TABLE orders (n int GENERATED ALWAYS AS IDENTITY, what text)")
        connection.execute("INSERT INTO orders (what) VALUES ('first')")

    def order(env: Any) -> int:
        connection = env.connect("shop")
        return int(connection.execute("INSERT INTO orders (what) VALUES ('x') RETURNING n").fetchone()[0])

    install(pg, schema)
    for _ in range(3):
        world = Small(pg, order)
        before = world.cluster.contents()
        assert world.finish("order") == 2
        assert world.cluster.contents() != before  # the number is gone, although nothing was committed
        world.close()


def test_a_session_that_was_altered_is_not_handed_on(pg: Cluster) -> None:
    def alter(env: Any) -> None:
        with env.engine("bank").connect() as connection:
            connection.execute(sa.text("SET TIME ZONE 'Asia/Tokyo'"))
            connection.execute(sa.text("CREATE TEMPORARY TABLE mine (n int)"))
            connection.commit()

    def look(env: Any) -> list[Any]:
        with env.engine("bank").connect() as connection:
            zone = connection.scalar(sa.text("SELECT current_setting('TimeZone')"))
            return [zone, connection.scalar(sa.text("SELECT to_regclass('pg_temp.mine')"))]

    world = Small(pg, alter, look, together=True)
    world.finish("alter")
    world.close()
    world = Small(pg, alter, look, together=True)
    assert world.finish("look") == ["UTC", None]
    world.close()


def test_tables_are_compared_whole_whatever_their_columns_are_called(pg: Cluster) -> None:
    def counters(env: Any) -> None:
        with env.connect("bank") as connection:
            connection.execute("CREATE TABLE counters (t TEXT PRIMARY KEY, n INTEGER)")
            connection.execute("INSERT INTO counters VALUES ('one', 0)")

    def count(env: Any) -> None:
        with env.connect("bank") as connection:
            connection.execute("UPDATE counters SET n = n + 1")

    install(pg, counters)
    world = Small(pg, count)
    before = pg.contents()
    world.finish("count")
    assert pg.contents() != before
    world.close()
