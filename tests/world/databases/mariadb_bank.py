"""Code for MariaDB that tests have in common: two accounts, and payments from one to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from small_world import Small, query

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster


ALL = "SELECT * FROM accounts"
XID = "'k''1','bank',1"


def do(env: Any, *statements: str, commit: bool = True, **options: Any) -> Any:
    connection = env.connect("bank", **options)
    try:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            found = cursor.fetchall()
        if commit:
            connection.commit()
    finally:
        connection.close()
    return found


def pay(env: Any, source: str = "A", target: str = "B") -> str:
    do(
        env, f"UPDATE accounts SET balance = balance - 10 WHERE id = '{source}'",
        f"UPDATE accounts SET balance = balance + 10 WHERE id = '{target}'",
    )  # fmt: skip
    return "ok"


def pay_too(env: Any) -> str:
    return pay(env)


def pay_back(env: Any) -> str:
    return pay(env, "B", "A")


def balances(cluster: Cluster) -> dict[str, int]:
    return dict(query(cluster, "SELECT id, balance FROM accounts"))


def told(world: Small) -> list[str]:
    return [str(event.value) for event in world.events if event.kind == "unknown"]
