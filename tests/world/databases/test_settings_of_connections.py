"""What belongs to the world in a connection: settings that are kept, names of statements, numbers that are put back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from small_world import Small, effects, install, run

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster


def test_settings_of_the_world_can_be_read_but_not_changed(cluster: Cluster) -> None:
    def set_up(env: Any) -> list[Any]:
        connection = env.connect("bank", timeout=30)
        connection.executescript("PRAGMA busy_timeout = 9000; PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA main.locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA synchronous = 3")
        names = ("busy_timeout", "journal_mode", "locking_mode")
        return [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    world = run(cluster, set_up)
    assert world.answers == {"set_up": [0, "wal", "normal"]}
    world.close()


def test_a_pragma_that_changes_the_connection_does_not_outlive_the_run(cluster: Cluster) -> None:
    def look(env: Any) -> tuple[int, int]:
        with env.engine("bank").connect() as connection:
            before = connection.exec_driver_sql("PRAGMA foreign_keys").scalar()
            connection.rollback()
            connection.connection.execute("PRAGMA foreign_keys = ON")
            connection.connection.create_function("half", 1, lambda n: n // 2)
            return before, connection.exec_driver_sql("SELECT half(8)").scalar()

    for _ in range(3):
        world = run(cluster, look)
        assert world.answers == {"look": (0, 4)}
        world.close()


def test_user_version_is_a_row_like_any_other(cluster: Cluster) -> None:
    def migrate(env: Any) -> int:
        connection = env.connect("bank", isolation_level=None)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute("PRAGMA user_version = 7")
        return int(version)

    for _ in range(2):
        world = Small(cluster, migrate)
        before = cluster.contents()
        assert world.finish("migrate") == 0
        assert world.done == ["bank: PRAGMA user_version"] * 2
        assert cluster.contents() != before
        world.close()


@pytest.mark.parametrize(
    ("sql", "effect"),
    [
        ("SELECT(balance) FROM accounts", "bank: SELECT accounts"),
        ('  -- why\n/* and */ select * from "accounts"', "bank: SELECT accounts"),
        ("WITH x AS (SELECT 1) SELECT * FROM x", "bank: WITH x"),
        ("VALUES(1)", "bank: VALUES"),
        ("create unique index if not exists i on accounts (id)", "bank: CREATE index i"),
        ("REPLACE INTO accounts VALUES ('A', 1)", "bank: REPLACE accounts"),
        ("WITH x AS (SELECT 5) UPDATE accounts SET balance = (SELECT * FROM x)", "bank: WITH accounts"),
    ],
)  # fmt: skip
def test_a_statement_is_named_by_its_verb_and_table(cluster: Cluster, sql: str, effect: str) -> None:
    def work(env: Any) -> None:
        env.connect("bank", isolation_level=None).execute(sql)

    assert effects(cluster, work) == [effect]


def test_the_last_rowid_is_not_that_of_an_earlier_run(cluster: Cluster) -> None:
    install(cluster, "CREATE TABLE t (id INTEGER PRIMARY KEY, a); CREATE UNIQUE INDEX u ON t (a); INSERT INTO t VALUES (7, 'x')")

    def work(env: Any) -> list[int | None]:
        with env.engine("bank").connect() as connection:
            cursor = connection.connection.cursor()
            cursor.execute("INSERT INTO t (a) VALUES ('x') ON CONFLICT DO NOTHING")
            first = cursor.lastrowid
            cursor.execute("INSERT INTO t (a) VALUES ('y')")
            return [first, cursor.lastrowid]

    keys = set()
    for _ in range(3):
        world = run(cluster, work)
        assert world.answers == {"work": [None, 8]}
        keys.add(world.key())
        world.close()
    assert len(keys) == 1
