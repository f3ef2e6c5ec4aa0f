"""PostgreSQL's own clock and chance are those of the world, however they are asked for."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
import psycopg2
import pytest
import sqlalchemy as sa
from small_world import Small, ask, install

if TYPE_CHECKING:
    from collections.abc import Callable

    from acidtest.world.core.cluster import Cluster

WHERE = "dbname=bank"
OF_NOW = (
    "now()", "transaction_timestamp()", "statement_timestamp()", "clock_timestamp()", "CURRENT_TIMESTAMP", "current_timestamp (3)", "LOCALTIMESTAMP(0)",
    "localtimestamp", "(SELECT at FROM made LIMIT 1)", "(SELECT too FROM made LIMIT 1)",
)  # fmt: skip
OF_TODAY = ("CURRENT_DATE", "now()::date")


def by_sqlalchemy(env: Any, sql: str) -> Any:
    with env.engine("bank").connect() as connection:
        return connection.execute(sa.text(sql.replace("::", r"\:\:"))).fetchone()


def by_psycopg(env: Any, sql: str) -> Any:
    with env.connect("bank") as connection:
        return connection.execute(sql).fetchone()


def by_psycopg2(_env: Any, sql: str) -> Any:
    with closing(psycopg2.connect(WHERE)) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()


@pytest.fixture
def made(pg: Cluster) -> Cluster:
    def create(env: Any) -> None:
        with env.connect("bank") as connection:
            connection.execute("CREATE TABLE made (id INTEGER, at TIMESTAMPTZ DEFAULT now(), too TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP)")

    install(pg, create)
    return pg


@pytest.mark.parametrize("by", [by_psycopg, by_psycopg2, by_sqlalchemy])
def test_whatever_tells_the_time_tells_the_virtual_one(made: Cluster, by: Callable[[Any, str], Any]) -> None:
    def tell(env: Any) -> tuple[Any, ...]:
        with env.connect("bank") as connection:
            connection.execute("INSERT INTO made (id) VALUES (1)")
        told = by(env, f"SELECT {', '.join((*OF_NOW, *OF_TODAY))}, 'CURRENT_DATE'")
        return env.clock.now(), told

    world = Small(made, tell)
    now, told = world.finish("tell")
    at = datetime.fromtimestamp(now, UTC)
    assert [one.replace(tzinfo=UTC) for one in told[: len(OF_NOW)]] == [at] * len(OF_NOW)
    assert told[len(OF_NOW) :] == (at.date(), at.date(), "CURRENT_DATE")
    world.close()


def test_columns_are_called_as_the_server_calls_them(pg: Cluster) -> None:
    def ask_for_names(env: Any) -> list[str]:
        cursor = env.connect("bank").execute("SELECT now(), CURRENT_TIMESTAMP, current_date, gen_random_uuid(), random()")
        return [column.name for column in cursor.description]

    world = Small(pg, ask_for_names)
    assert world.finish("ask_for_names") == ["now", "current_timestamp", "current_date", "gen_random_uuid", "random"]
    world.close()


def test_in_a_transaction_now_stands_still_and_the_clock_goes_on(pg: Cluster) -> None:
    def tell(env: Any) -> list[float]:
        connection = env.connect("bank")
        sql = "SELECT extract(epoch FROM now()), extract(epoch FROM clock_timestamp())"
        first = connection.execute(sql).fetchone()
        env.clock.sleep(60)
        second = connection.execute(sql).fetchone()
        connection.commit()
        third = connection.execute(sql).fetchone()
        return [float(later - earlier) for one, two in ((first, second), (second, third)) for earlier, later in zip(one, two, strict=True)]

    world = Small(pg, tell)
    assert world.finish("tell") == [0, 60, 60, 0]
    world.close()


def drawn(cluster: Cluster) -> Any:
    def draw(env: Any) -> Any:
        with env.connect("bank", autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = on")
            read_only = connection.execute("SELECT gen_random_uuid()").fetchone()
            connection.execute("SET default_transaction_read_only = off")
            return read_only, connection.execute("SELECT gen_random_uuid(), gen_random_uuid(), random(), random()").fetchone()

    world = Small(cluster, draw)
    found = world.finish("draw")
    world.close()
    cluster.reset()
    return found


def test_chance_is_the_same_in_every_run_and_another_each_time_in_one(pg: Cluster) -> None:
    first, second = drawn(pg), drawn(pg)
    assert first == second
    _, (one, other, some, more) = first
    assert one != other
    assert one.version == other.version == 4
    assert 0 <= min(some, more) < max(some, more) < 1


def test_new_tables_go_to_the_schema_of_the_database_and_nothing_else_is_seen_there(pg: Cluster) -> None:
    (schema,) = ask(pg, "SELECT current_schema()")[0]
    assert schema == pg.database("bank").schema  # type: ignore[attr-defined]
    with psycopg.connect(pg.database("bank").conninfo) as connection:  # type: ignore[attr-defined]
        assert sa.inspect(sa.create_engine("postgresql+psycopg://", creator=lambda: connection)).get_table_names() == ["accounts"]
