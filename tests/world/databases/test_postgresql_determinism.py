"""On PostgreSQL, too, a run is a pure function of its schedule: locks, deadlocks, serialization failures and all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import sqlalchemy as sa
from small_world import Small, draw, fingerprint

from acidtest.search.exhaustive import without_collector

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster

SCHEDULES, PARTS = 200, 4


def move(env: Any, source: str, target: str) -> int:
    with env.engine("bank").begin() as connection:
        for account, change in ((source, -10), (target, 10)):
            sql = "UPDATE accounts SET balance = balance + :n WHERE id = :a RETURNING balance"
            left = connection.scalar(sa.text(sql), {"n": change, "a": account})
    return int(left)


def there(env: Any) -> int:
    return move(env, "A", "B")


def back(env: Any) -> int:
    return move(env, "B", "A")


def interest(env: Any) -> list[Any]:
    connection = env.connect("bank")
    connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
    with connection.transaction():
        (total,) = connection.execute("SELECT sum(balance) FROM accounts").fetchone()
        connection.execute("INSERT INTO accounts VALUES (%s, %s)", (env.new_id(), total // 100))
    rows: list[Any] = connection.execute("SELECT * FROM accounts FOR SHARE").fetchall()
    connection.close()
    return rows


def promise(env: Any) -> None:
    connection = env.connect("bank")
    connection.tpc_begin(connection.xid(1, env.new_id(), "bank"))
    connection.execute("UPDATE accounts SET balance = balance - 1 WHERE id = 'B'")
    connection.tpc_prepare()
    connection.tpc_commit()
    connection.close()


def recover(env: Any) -> None:
    connection = env.connect("bank")
    for xid in sorted(connection.tpc_recover(), key=str):
        connection.tpc_rollback(xid)
    connection.close()


CODES = (there, back, interest, promise, recover)


@pytest.mark.usefixtures("private")
@pytest.mark.parametrize("part", range(PARTS))
def test_the_same_schedule_gives_the_same_effects_events_and_keys(pg: Cluster, part: int) -> None:
    seen, errors = set(), set()
    with without_collector():
        for seed in range(part, SCHEDULES, PARTS):
            first = Small(pg, *CODES, retries=1)
            schedule = draw(first, seed)
            first.close()
            second = Small(pg, *CODES, retries=1)
            for decision, went_on, *before in schedule:
                assert second.perform(decision) == went_on, (seed, decision)
                assert list(fingerprint(second)) == before, (seed, decision)
            assert second.events == first.events
            second.close()
            seen |= {(decision.kind, decision.fault) for decision, *_ in schedule}
            errors |= {str(event.value).split(":")[0] for event in first.events if event.kind == "unknown"}
    assert {kind for kind, _ in seen} >= {"advance", "crash", "restart", "land", "victim"}
    assert {fault for _, fault in seen} >= {"", "refused", "lost", "unacknowledged", "late", "crash"}
    assert {"DeadlockDetected", "SerializationFailure"} & errors
