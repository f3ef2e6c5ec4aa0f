"""What is prepared on PostgreSQL by the databases of one world, of which each has its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import psycopg
from small_world import Small, ask, prepared

from acidtest.world.core.effects import LATE, Decision

if TYPE_CHECKING:
    from collections.abc import Callable

    from acidtest.world.core.cluster import Cluster


def both(decide: str, at: str) -> Callable[[Any], str]:
    """Prepare under one name in two databases, and decide it at one of them."""

    def prepare(env: Any) -> str:
        for name in ("bank", "shop"):
            connection = env.connect(name, autocommit=True)
            connection.execute("BEGIN")
            connection.execute("SELECT 1")
            connection.execute("PREPARE TRANSACTION 'order''s 1'")
        env.connect(at, autocommit=True).execute(decide)
        listed = env.connect("bank").execute("SELECT p.gid FROM pg_catalog.pg_prepared_xacts AS p WHERE p.gid <> 'pg_prepared_xacts'")
        return f"{listed.fetchall()} {env.connect('shop').tpc_recover()}"

    return prepare


def test_two_databases_may_prepare_under_one_name_and_list_their_own(pg: Cluster) -> None:
    world = Small(pg, both("COMMIT PREPARED 'order''s 1'", at="bank"))
    assert re.sub(r"prepared=.*", "", world.finish("prepare")) == """[] [Xid(format_id=None, gtrid="order's 1", bqual=None, """
    assert (prepared(pg, "bank"), prepared(pg, "shop")) == ([], [("order's 1",)])
    assert dict(pg.values()["shop"])["prepared transactions"] == (("order's 1",),)
    world.close()
    pg.reset()
    assert ask(pg, "SELECT gid FROM pg_prepared_xacts") == []


def test_what_another_database_has_prepared_is_unknown_and_an_error_names_it_as_the_code_does(pg: Cluster) -> None:
    def decide(env: Any) -> str:
        env.connect("shop").execute("SELECT 1")
        connection = env.connect("bank")
        connection.tpc_begin("order 1")
        connection.execute("SELECT 1")
        connection.tpc_prepare()
        try:
            env.connect("shop", autocommit=True).execute("ROLLBACK PREPARED 'order 1'")
        except psycopg.errors.UndefinedObject as error:
            return str(error)
        return "decided"

    world = Small(pg, decide)
    assert world.finish("decide") == 'prepared transaction with identifier "order 1" does not exist'
    assert prepared(pg, "bank") == [("order 1",)]
    world.close()


def test_a_prepare_that_comes_late_is_the_one_that_was_asked_for(pg: Cluster) -> None:
    def prepare(env: Any) -> None:
        connection = env.connect("bank", autocommit=True)
        connection.execute("BEGIN")
        connection.execute("UPDATE accounts SET balance = 0 WHERE id = 'B'")
        connection.execute("PREPARE TRANSACTION 'late'")

    world = Small(pg, prepare)
    world.until("prepare", "PREPARE TRANSACTION")
    world.step("prepare", LATE)
    assert prepared(pg) == []
    world.perform(Decision("land", next(iter(world.late))))
    assert prepared(pg) == [("late",)]
    world.close()
