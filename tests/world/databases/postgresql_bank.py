"""Code for PostgreSQL that tests have in common: two accounts, and payments from one to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from small_world import ask

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster


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


def pay_back(env: Any) -> str:
    return pay(env, "B", "A")


def balances(cluster: Cluster) -> dict[str, int]:
    return dict(ask(cluster, "SELECT id, balance FROM accounts"))
