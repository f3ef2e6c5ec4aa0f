"""Code on MariaDB under control: whatever way it connects, it parks before each effect; its clock is the virtual one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pymysql
import pytest
import sqlalchemy as sa
from mariadb_bank import balances, do, pay
from small_world import Small

from acidtest.errors import UsageError
from acidtest.world.databases.mariadb import driver

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster


def test_raw_code_is_parked_before_every_statement_and_before_commit(maria: Cluster) -> None:
    world = Small(maria, pay)
    effects = [world.begin("pay"), world.step("pay"), world.step("pay"), world.step("pay")]
    assert effects == ["bank: UPDATE accounts", "bank: UPDATE accounts", "bank: COMMIT", ""]
    assert balances(maria) == {"A": 90, "B": 110}
    world.close()


def test_an_engine_is_driven_and_counts_rows_as_sqlalchemys_does(maria: Cluster) -> None:
    def move(env: Any) -> int:
        with env.engine("bank").begin() as connection:
            return int(connection.execute(sa.text("UPDATE accounts SET balance = 100 WHERE id = 'A'")).rowcount)

    def raw(env: Any) -> int:
        with env.connect("bank") as connection:
            return int(connection.cursor().execute("UPDATE accounts SET balance = 100 WHERE id = 'A'"))

    world = Small(maria, move, raw)
    assert (world.finish("move"), world.finish("raw")) == (1, 0)  # rows found, rows changed
    world.close()


def test_code_that_connects_by_url_by_itself_or_by_the_class_is_driven(maria: Cluster) -> None:
    class Own(pymysql.connections.Connection):
        pass

    def by_url(env: Any) -> int:
        engine = sa.create_engine(env.url("bank"), poolclass=sa.NullPool)
        with engine.connect() as connection:
            return int(connection.scalar(sa.text("SELECT balance FROM accounts WHERE id = 'A'")))

    def by_itself(env: Any) -> bool:
        del env
        made = [kind(host="example.org", user="me", database="shop") for kind in (pymysql.connect, Own)]
        with made[0].cursor() as cursor:
            cursor.execute("SELECT 1 FROM information_schema.tables WHERE table_name = 'orders'")
        for connection in made:
            connection.close()
        return isinstance(made[1], Own)

    world = Small(maria, by_url, by_itself)
    assert (world.finish("by_url"), world.finish("by_itself")) == (100, True)
    assert world.done[-1] == "shop: SELECT information_schema.tables"
    world.close()


def test_code_that_is_not_under_test_is_left_alone() -> None:
    driver.install()
    with pytest.raises(pymysql.err.OperationalError, match="Can't connect"):
        pymysql.connect(host="127.0.0.1", port=1, connect_timeout=1)


def test_a_cursor_that_does_not_read_all_rows_is_refused(maria: Cluster) -> None:
    def use(env: Any) -> None:
        env.connect("bank").cursor(pymysql.cursors.SSCursor).execute("SELECT 1")

    world = Small(maria, use)
    with pytest.raises(UsageError, match="cannot be driven"):
        world.begin("use")
    world.close()


def test_the_clock_of_the_server_is_the_virtual_one(maria: Cluster) -> None:
    def ask(env: Any) -> tuple[Any, ...]:
        before, now = env.clock.now(), "SELECT unix_timestamp(now()), unix_timestamp(current_timestamp())"
        ((first, _),) = do(env, now)
        env.clock.sleep(86_400)
        ((_, second),) = do(env, now)
        return float(first) - before, float(second) - before

    world = Small(maria, ask)
    assert world.finish("ask") == (0, 86_400)
    world.close()
