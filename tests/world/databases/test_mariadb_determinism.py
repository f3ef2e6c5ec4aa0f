"""On MariaDB, too, a run is a pure function of its schedule: locks, gaps, deadlocks, counters and all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from small_world import Small, draw, fingerprint, install

from acidtest.search.exhaustive import without_collector

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster

SCHEDULES, PARTS = 200, 4


def three_tables(env: Any) -> None:
    cursor = env.connect("bank").cursor()
    cursor.execute("CREATE TABLE events (n INT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(20), INDEX (what))")
    cursor.execute("INSERT INTO events (what) VALUES ('opened')")
    cursor.execute("COMMIT")


def move(env: Any, source: str, target: str) -> int:
    with env.engine("bank").begin() as connection:
        for account, change in ((source, -10), (target, 10)):
            connection.execute(sa.text("UPDATE accounts SET balance = balance + :n WHERE id = :a"), {"n": change, "a": account})
        return int(connection.scalar(sa.text("SELECT balance FROM accounts WHERE id = :a"), {"a": target}))


def there(env: Any) -> int:
    return move(env, "A", "B")


def back(env: Any) -> int:
    return move(env, "B", "A")


def interest(env: Any) -> Any:
    connection = env.connect("bank")
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        cursor.execute("SELECT sum(balance) FROM accounts")
        cursor.execute("INSERT INTO events (what) VALUES ('interest')")
        cursor.execute("SELECT * FROM events WHERE what = 'none' FOR UPDATE")
        connection.commit()
        cursor.execute("DELETE FROM events WHERE what = 'interest'")
        connection.commit()
    connection.close()
    return cursor.lastrowid


def once(env: Any) -> int:
    with env.connect("bank", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO accounts VALUES ('C', 1) ON DUPLICATE KEY UPDATE balance = balance + 1")
        cursor.execute("INSERT INTO events (what) VALUES ('once')")
        return int(cursor.lastrowid)


def promise(env: Any) -> None:
    xid = f"'{env.new_id()}','bank',1"
    with env.connect("bank", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"XA START {xid}")
        cursor.execute("UPDATE accounts SET balance = balance - 1 WHERE id = 'B'")
        cursor.execute(f"XA END {xid}")
        cursor.execute(f"XA PREPARE {xid}")
        cursor.execute(f"XA COMMIT {xid}")


def recover(env: Any) -> None:
    with env.connect("bank", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("XA RECOVER")
        for _, length, _, data in cursor.fetchall():
            text = bytes(data).decode()
            cursor.execute(f"XA ROLLBACK '{text[:length]}','{text[length:]}',1")


CODES = (there, back, interest, once, promise, recover)


@pytest.mark.usefixtures("private_mariadb")
@pytest.mark.parametrize("part", range(PARTS))
def test_the_same_schedule_gives_the_same_effects_events_and_keys(maria: Cluster, part: int) -> None:
    install(maria, three_tables)
    seen, errors = set(), set()
    with without_collector():
        for seed in range(part, SCHEDULES, PARTS):
            first = Small(maria, *CODES, retries=1)
            schedule = draw(first, seed)
            first.close()
            maria.reset()
            second = Small(maria, *CODES, retries=1)
            for decision, went_on, *before in schedule:
                assert second.perform(decision) == went_on, (seed, decision)
                assert list(fingerprint(second)) == before, (seed, decision)
            assert second.events == first.events
            second.close()
            maria.reset()
            seen |= {(decision.kind, decision.fault) for decision, *_ in schedule}
            errors |= {str(event.value).split(",")[0] for event in first.events if event.kind == "unknown"}
    assert {kind for kind, _ in seen} >= {"advance", "crash", "restart", "land", "victim"}
    assert {fault for _, fault in seen} >= {"", "refused", "lost", "unacknowledged", "late", "crash"}
    assert any("(1213" in error for error in errors)
