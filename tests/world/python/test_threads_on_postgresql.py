"""A pool of connections that is kept by threads of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg_pool
import sqlalchemy as sa
from small_world import ask

from acidtest.workload import Client, Operation, Scope
from acidtest.world.core.time import START
from acidtest.world.core.world import World
from acidtest.world.devices.table import DEVICES

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster


class Pooled:
    def __init__(self, env: Any) -> None:
        url = sa.make_url(env.url("bank")).set(drivername="postgresql").render_as_string(hide_password=False)
        self.pool = psycopg_pool.ConnectionPool(url, min_size=1, max_size=2, open=True)
        self.pool.wait()

    def pay(self, account: str) -> str:
        with self.pool.connection() as connection:
            connection.execute("UPDATE accounts SET balance = balance - 10 WHERE id = %s", (account,))
        return account


def test_a_pool_of_psycopgs_is_filled_by_its_threads_and_serves_calls_that_overlap(pg: Cluster) -> None:
    clients = tuple(Client(f"client-{account}", "app", (Operation(account, "pay", (account,)),)) for account in "AB")
    world = World(pg, Pooled, Scope("small", "", (), clients), DEVICES)
    assert world.time.time == START
    for name in ("client-A", "client-B"):
        world.advance(name)
    for _ in range(100):
        calls = [name for name in world.runnable() if name.startswith("client")]
        runnable = calls or world.runnable()
        if all(client.done for client in world.clients.values()):
            break
        world.advance(runnable[0])
    assert [event.value for event in world.events if event.kind == "reply"] == ["A", "B"]
    assert ask(pg, "SELECT * FROM accounts ORDER BY id") == [("A", 90), ("B", 90)]
    world.close()
