"""Code on PostgreSQL under control: whatever way it connects, it parks before each effect; what cannot be driven is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import sqlalchemy as sa
from postgresql_bank import balances, pay
from small_world import Small

from acidtest.errors import UsageError

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster


def test_raw_code_is_parked_before_every_statement_and_before_commit(pg: Cluster) -> None:
    world = Small(pg, pay)
    effects = [world.begin("pay"), world.step("pay"), world.step("pay"), world.step("pay")]
    assert effects == ["bank: UPDATE accounts", "bank: UPDATE accounts", "bank: COMMIT", ""]
    assert balances(pg) == {"A": 90, "B": 110}
    world.close()


def test_an_engine_and_an_orm_on_it_are_driven(pg: Cluster) -> None:
    def move(env: Any) -> int:
        with env.engine("bank").begin() as connection:
            connection.execute(sa.text("UPDATE accounts SET balance = balance - :n WHERE id = 'A'"), {"n": 7})
            return int(connection.scalar(sa.text("SELECT balance FROM accounts WHERE id = 'A'")))

    world = Small(pg, move)
    assert world.finish("move") == 93
    assert world.done == ["bank: UPDATE accounts", "bank: SELECT accounts", "bank: COMMIT"]
    world.close()


def test_code_that_connects_by_url_or_by_itself_is_driven(pg: Cluster) -> None:
    def by_url(env: Any) -> int:
        engine = sa.create_engine(env.url("bank"), poolclass=sa.NullPool)
        with engine.connect() as connection:
            return int(connection.scalar(sa.text("SELECT balance FROM accounts WHERE id = 'A'")))

    def by_itself(env: Any) -> int:
        del env
        with psycopg.connect("dbname=shop user=me host=example.org", autocommit=True) as connection:
            connection.execute("CREATE TABLE orders (n int)")
            return int(connection.execute("SELECT count(*) FROM orders").fetchone()[0])

    world = Small(pg, by_url, by_itself)
    assert (world.finish("by_url"), world.finish("by_itself")) == (100, 0)
    assert world.done[-3:] == ["bank: SELECT accounts", "shop: CREATE TABLE orders", "shop: SELECT orders"]
    world.close()


def test_transaction_blocks_and_savepoints_are_driven(pg: Cluster) -> None:
    def move(env: Any) -> None:
        connection = env.connect("bank")
        with connection.transaction():
            connection.execute("UPDATE accounts SET balance = 1 WHERE id = 'A'")
            with connection.transaction(force_rollback=True):
                connection.execute("UPDATE accounts SET balance = 2 WHERE id = 'A'")
        connection.close()

    world = Small(pg, move)
    world.finish("move")
    assert world.done == ["bank: UPDATE accounts", "bank: UPDATE accounts", "bank: COMMIT"]
    assert balances(pg)["A"] == 1
    world.close()


def test_the_statements_of_a_pipeline_are_effects_of_their_own(pg: Cluster) -> None:
    def move(env: Any) -> int:
        with env.connect("bank") as connection, connection.pipeline() as pipeline, connection.cursor() as cursor:
            cursor.execute("UPDATE accounts SET balance = 1 WHERE id = 'A' RETURNING balance")
            connection.execute("UPDATE accounts SET balance = 2 WHERE id = 'B'")
            pipeline.sync()
            return int(cursor.fetchone()[0])

    world = Small(pg, move)
    assert world.finish("move") == 1
    assert world.done == ["bank: UPDATE accounts", "bank: UPDATE accounts", "bank: COMMIT"]
    assert balances(pg) == {"A": 1, "B": 2}
    world.close()


def test_a_pipeline_whose_statements_would_each_be_a_transaction_is_one_together(pg: Cluster) -> None:
    def move(env: Any) -> bool:
        with env.connect("bank", autocommit=True) as connection:
            with connection.pipeline() as pipeline:
                connection.execute("UPDATE accounts SET balance = 1 WHERE id = 'A'")
                pipeline.sync()
                connection.execute("UPDATE accounts SET balance = 2 WHERE id = 'B'")
            return bool(connection.autocommit)

    world = Small(pg, move)
    assert [world.begin("move"), world.step("move")] == ["bank: UPDATE accounts", "bank: COMMIT"]
    assert balances(pg)["A"] == 100
    assert world.finish("move") is True
    assert world.done == ["bank: UPDATE accounts", "bank: COMMIT", "bank: UPDATE accounts", "bank: COMMIT"]
    world.close()


@pytest.mark.parametrize("what", ["notifies", "named cursor", "copy"])
def test_what_cannot_be_driven_is_refused_with_the_reason(pg: Cluster, what: str) -> None:
    def use(env: Any) -> None:
        connection = env.connect("bank")
        calls = {
            "pipeline": env.connect("bank", autocommit=True).pipeline, "notifies": connection.notifies,
            "named cursor": lambda: connection.cursor(name="c"), "copy": lambda: connection.cursor().copy("COPY accounts TO STDOUT"),
        }  # fmt: skip
        calls[what]()

    world = Small(pg, use)
    with pytest.raises(UsageError, match="cannot be driven"):
        world.begin("use")
    world.close()


def test_a_pipeline_within_a_transaction_leaves_its_end_to_that(pg: Cluster) -> None:
    def pipelined(env: Any) -> str:
        connection = env.connect("bank", autocommit=True)
        with connection.transaction(), connection.pipeline() as pipeline:
            connection.execute("UPDATE accounts SET balance = 0")
            pipeline.sync()
        return "ok"

    world = Small(pg, pipelined)
    assert world.finish("pipelined") == "ok"
    assert world.done == ["bank: UPDATE accounts", "bank: COMMIT"]
    world.close()
