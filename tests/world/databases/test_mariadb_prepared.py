"""What is prepared on MariaDB by the databases of one world, of which each has its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pymysql
import pytest
from small_world import Small, query

from acidtest.errors import UsageError

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster


def prepared_at(env: Any, name: str, xid: str = "'order''s 1','',7") -> Any:
    connection = env.connect(name, autocommit=True)
    with connection.cursor() as cursor:
        for statement in (f"XA START {xid}", "SELECT 1", f"XA END {xid}", f"XA PREPARE {xid}"):
            cursor.execute(statement)
    return connection


def listed(connection: Any, sql: str = "XA RECOVER") -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def test_two_databases_may_prepare_under_one_xid_and_list_their_own(maria: Cluster) -> None:
    def prepare(env: Any) -> Any:
        bank, shop = prepared_at(env, "bank"), prepared_at(env, "shop")
        with bank.cursor() as cursor:
            cursor.execute("XA COMMIT 'order''s 1','',7")
        return listed(bank), listed(shop), listed(shop, "XA RECOVER FORMAT='SQL'")

    world = Small(maria, prepare)
    assert world.finish("prepare") == ((), ((7, 9, 0, b"order's 1"),), ((7, 9, 0, "X'6f7264657227732031',X'',7"),))
    assert dict(maria.values()["shop"])["prepared transactions"] == (("order's 1,,7",),)
    world.close()
    maria.reset()
    assert query(maria, "XA RECOVER") == []


def test_what_another_database_has_prepared_is_unknown(maria: Cluster) -> None:
    def decide(env: Any) -> Any:
        bank = prepared_at(env, "bank", "X'61','x'")
        with env.connect("shop", autocommit=True).cursor() as cursor, pytest.raises(pymysql.err.OperationalError, match="XAER_NOTA"):
            cursor.execute("XA ROLLBACK X'61','x'")
        return listed(bank)

    world = Small(maria, decide)
    assert world.finish("decide") == ((1, 1, 1, b"ax"),)
    world.close()


def test_an_xid_that_has_no_room_for_the_database_is_refused(maria: Cluster) -> None:
    world = Small(maria, lambda env: prepared_at(env, "bank", f"'{'x' * 64}'"))
    with pytest.raises(UsageError, match="first part of the xid has 64 bytes"):
        world.finish("<lambda>")
    world.close()
