"""The death of a PostgreSQL server: what it keeps, and what those who were at work with it are told."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import pytest
from small_world import Small, ask, prepared

from acidtest.errors import UsageError
from acidtest.world.core.effects import Decision

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acidtest.world.core.cluster import Cluster

_M_PERTURB = -6


@pytest.fixture(autouse=True)
def _freed_memory_is_overwritten() -> Iterator[None]:
    """Whoever uses a connection that libpq has freed gets nonsense at once, rather than now and then."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", lambda *_: None)  # of glibc
    mallopt(_M_PERTURB, 165)
    yield
    mallopt(_M_PERTURB, 0)


def pay(env: Any, source: str = "A", target: str = "B") -> str:
    connection = env.connect("bank")
    try:
        connection.execute("UPDATE accounts SET balance = balance - 10 WHERE id = %s", (source,))
        connection.execute("UPDATE accounts SET balance = balance + 10 WHERE id = %s", (target,))
        connection.commit()
    finally:
        connection.close()
    return "ok"


def pay_too(env: Any) -> str:
    return pay(env)


def balances(cluster: Cluster) -> dict[str, int]:
    return dict(ask(cluster, "SELECT id, balance FROM accounts"))


@pytest.mark.usefixtures("private")
def test_a_server_that_dies_keeps_what_is_committed_or_prepared_and_everyone_else_gets_an_error(pg: Cluster) -> None:
    def prepare(env: Any) -> None:
        connection = env.connect("bank")
        connection.tpc_begin(connection.xid(1, "k1", "bank"))
        connection.execute("INSERT INTO accounts VALUES ('C', 1)")
        connection.tpc_prepare()

    def keep(env: Any) -> None:
        env.connect("bank", autocommit=True).execute("INSERT INTO accounts VALUES ('D', 1)")

    world = Small(pg, prepare, keep, pay, pay_too)
    world.finish("prepare")
    world.finish("keep")
    world.until("pay", "COMMIT")
    world.begin("pay_too")
    world.step("pay_too")
    before = pg.contents()
    assert world.perform(Decision.parse("restart database"))
    assert pg.contents() == before
    assert world.runnable() == ["pay", "pay_too"]
    world.finish("pay")
    world.finish("pay_too")
    told = [str(event.value) for event in world.events if event.kind == "unknown"]
    assert told == ["OperationalError: server closed the connection unexpectedly"] * 2
    assert balances(pg) == {"A": 100, "B": 100, "D": 1}
    assert len(prepared(pg)) == 1
    world.close()
    again = Small(pg, pay)
    assert again.finish("pay") == "ok"
    again.close()


def test_a_server_of_the_users_is_not_killed(pg: Cluster, monkeypatch: Any) -> None:
    monkeypatch.setattr(pg.backend, "server", object())
    world = Small(pg, pay)
    with pytest.raises(UsageError, match="not ours to kill"):
        world.perform(Decision.parse("restart database"))
    world.close()
