"""The death of a MariaDB server: what it keeps, and what those who were at work with it are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from small_world import Small, query

from acidtest.errors import UsageError
from acidtest.world.core.effects import Decision

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster

XID = "'k1','bank',1"


def pay(env: Any) -> str:
    with env.connect("bank") as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE accounts SET balance = balance - 10 WHERE id = 'A'")
        cursor.execute("UPDATE accounts SET balance = balance + 10 WHERE id = 'B'")
        connection.commit()
    return "ok"


def pay_too(env: Any) -> str:
    return pay(env)


def prepare(env: Any) -> None:
    with env.connect("bank", autocommit=True) as connection, connection.cursor() as cursor:
        for statement in (f"XA START {XID}", "INSERT INTO accounts VALUES ('C', 1)", f"XA END {XID}", f"XA PREPARE {XID}"):
            cursor.execute(statement)


@pytest.mark.usefixtures("private_mariadb")
def test_a_server_that_dies_keeps_what_is_committed_or_prepared_and_everyone_else_gets_an_error(maria: Cluster) -> None:
    world = Small(maria, prepare, pay, pay_too)
    world.finish("prepare")
    world.until("pay", "COMMIT")
    world.begin("pay_too")
    world.step("pay_too")
    before = maria.contents()
    assert world.perform(Decision.parse("restart database"))
    assert maria.contents() == before
    assert world.runnable() == ["pay", "pay_too"]
    world.finish("pay")
    world.finish("pay_too")
    told = [str(event.value) for event in world.events if event.kind == "unknown"]
    assert [text[: text.index(",")] for text in told] == ["OperationalError: (2013"] * 2
    assert query(maria, "SELECT id, balance FROM accounts") == [("A", 100), ("B", 100)]
    assert len(query(maria, "XA RECOVER")) == 1
    world.close()
    again = Small(maria, pay)
    assert again.finish("pay") == "ok"
    again.close()


def test_a_server_of_the_users_is_not_killed(maria: Cluster, monkeypatch: Any) -> None:
    monkeypatch.setattr(maria.backend, "server", object())
    world = Small(maria, pay)
    with pytest.raises(UsageError, match="not ours to kill"):
        world.perform(Decision.parse("restart database"))
    world.close()
