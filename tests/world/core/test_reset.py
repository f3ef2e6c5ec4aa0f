"""Every run starts from the same contents, and contents are known by numbers that are equal if and only if they are."""

from __future__ import annotations

import sqlite3
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest
from small_world import Small, install, read

from acidtest.world.databases.sqlite.store import connect_sqlite

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster

COUNTED = """
    CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a);
    INSERT INTO t (a) VALUES ('x'), ('y'), ('z'); DELETE FROM t WHERE id > 1;
"""
KINDS = {
    "a plain table": "CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 'x'), (2, NULL), (3, x'00ff'), (4, 0.5)",
    "a counted table": COUNTED,
    "a table without rowids": "CREATE TABLE t (a TEXT PRIMARY KEY, b) WITHOUT ROWID; INSERT INTO t VALUES ('x', 1)",
    "a generated column": "CREATE TABLE t (a, b AS (a * 2), c AS (a + 1) STORED, d); INSERT INTO t (a, d) VALUES (1, 2)",
    "foreign keys": (
        "CREATE TABLE parents (id PRIMARY KEY); CREATE TABLE t (a REFERENCES parents (id) ON DELETE CASCADE);"
        "INSERT INTO parents VALUES (1); INSERT INTO t VALUES (1)"
    ),
    "a trigger": "CREATE TABLE t (a); CREATE TABLE log (a); INSERT INTO t VALUES (1);"
    "CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.a); END",
    "gaps in the rowids": "CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3); DELETE FROM t WHERE a < 3",
    "columns named as the rowid": 'CREATE TABLE t (rowid, "oid"); INSERT INTO t VALUES (1, 2)',
    "a strange name": 'CREATE TABLE "t ""x"" y" (a); CREATE TABLE t (a); INSERT INTO "t ""x"" y" VALUES (1); INSERT INTO t VALUES (1)',
    "a view": "CREATE TABLE t (a); CREATE VIEW v AS SELECT a FROM t; INSERT INTO t VALUES (1)",
    "a text index": "CREATE VIRTUAL TABLE t USING fts5(a); INSERT INTO t VALUES ('hello')",
    "a descending key": "CREATE TABLE t (a INTEGER PRIMARY KEY DESC, b); INSERT INTO t VALUES (1, 2)",
}
CHANGES = {
    "rows": "DELETE FROM t",
    "the schema": "CREATE INDEX i ON accounts (balance)",
    "another table": "CREATE TABLE made (a); INSERT INTO made VALUES (1)",
    "the schema, there and back": "CREATE TABLE made (a); DROP TABLE made; UPDATE accounts SET balance = 1",
    "the header": "PRAGMA user_version = 3; DELETE FROM t",
}


def dump(cluster: Cluster) -> list[str]:
    """Everything that is in the database, as SQL."""
    connection = connect_sqlite(cluster.database("bank").path)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    rows: list[Any] = [version, list(connection.execute("SELECT * FROM sqlite_master ORDER BY name").fetchall())]
    for name in names:
        quoted = name.replace('"', '""')
        rows.append((name, connection.execute(f'SELECT * FROM "{quoted}"').fetchall()))
    connection.close()
    return [repr([(r[0], r[1], r[4]) if len(r) == 5 else r for r in row] if isinstance(row, list) else row) for row in rows]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_leaves_nothing_behind(cluster: Cluster, kind: str, change: str) -> None:
    install(cluster, KINDS[kind])

    def work(env: Any) -> None:
        env.connect("bank").executescript(CHANGES[change])

    before, number = dump(cluster), cluster.contents()
    for _ in range(3):
        world = Small(cluster, work)
        assert dump(cluster) == before
        assert cluster.contents() == number
        world.finish("work")
        assert world.answers == {"work": None}
        assert dump(cluster) != before
        assert cluster.contents() != number
        world.close()


def test_counters_go_on_from_where_they_were(cluster: Cluster) -> None:
    install(cluster, COUNTED)

    def add(env: Any) -> int:
        with env.connect("bank") as connection:
            return int(connection.execute("INSERT INTO t (a) VALUES ('new')").lastrowid)

    for _ in range(3):
        world = Small(cluster, add)
        assert world.finish("add") == 4
        world.close()


def test_the_next_rowid_is_the_same_in_every_run(cluster: Cluster) -> None:
    install(cluster, KINDS["gaps in the rowids"])

    def add(env: Any) -> int:
        with env.connect("bank") as connection:
            return int(connection.execute("INSERT INTO t VALUES (9)").lastrowid)

    for _ in range(3):
        world = Small(cluster, add)
        assert world.finish("add") == 4
        world.close()


def test_a_run_that_changes_nothing_durable_costs_no_reset(cluster: Cluster) -> None:
    database = cluster.database("bank")
    before = database.content()
    Small(cluster).close()
    assert database.content() == before


STATES = {
    "as it was": "SELECT 1",
    "a number": "UPDATE accounts SET balance = 5",
    "the same number as a fraction": "DROP TABLE accounts; CREATE TABLE accounts (id TEXT, balance)",
    "a text": "UPDATE accounts SET balance = 'five'",
    "another order": "DELETE FROM accounts; INSERT INTO accounts VALUES ('B', 100), ('A', 100)",
    "another schema": "CREATE TABLE made (a)",
    "another index": "CREATE INDEX i ON accounts (balance)",
    "nothing": "DELETE FROM accounts",
}


def test_contents_have_equal_numbers_if_and_only_if_they_are_equal(cluster: Cluster) -> None:
    numbers: dict[str, list[Any]] = {name: [] for name in STATES}
    for _ in range(2):
        for name, sql in STATES.items():

            def work(env: Any, sql: str = sql) -> None:
                env.connect("bank").executescript(sql)

            world = Small(cluster, work)
            world.finish("work")
            numbers[name].append(cluster.contents())
            world.close()
    assert all(first == second for first, second in numbers.values())
    assert all(numbers[a][0] != numbers[b][0] for a, b in combinations(STATES, 2))


def test_a_whole_number_and_a_fraction_of_the_same_value_are_different_contents(cluster: Cluster) -> None:
    install(cluster, "CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    before = cluster.contents()

    def work(env: Any) -> None:
        env.connect("bank").executescript("UPDATE t SET a = 1.0")

    world = Small(cluster, work)
    world.finish("work")
    assert cluster.contents() != before
    world.close()
    Small(cluster).close()
    assert read(cluster, "SELECT typeof(a) FROM t") == [("integer",)]


def test_rowids_are_contents_for_the_next_one_depends_on_them(cluster: Cluster) -> None:
    install(cluster, "CREATE TABLE t (a)")
    numbers = []
    for sql in ("INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (0); INSERT INTO t VALUES (1); DELETE FROM t WHERE a = 0"):

        def work(env: Any, sql: str = sql) -> None:
            env.connect("bank").executescript(sql)

        world = Small(cluster, work)
        world.finish("work")
        assert read(cluster, "SELECT * FROM t") == [(1,)]
        assert cluster.values()["bank"][1] == ("t", ((1,),))
        numbers.append(cluster.contents())
        world.close()
    assert numbers[0] != numbers[1]


def test_a_database_that_a_run_has_made_is_empty_in_the_next_and_looks_the_same(cluster: Cluster) -> None:
    keys = []

    def work(env: Any) -> list[Any]:
        connection = sqlite3.connect("made.db")
        connection.execute("CREATE TABLE IF NOT EXISTS t (a)")
        with connection:
            connection.execute("INSERT INTO t VALUES (1)")
        return connection.execute("SELECT count(*) FROM t").fetchall()

    for _ in range(3):
        world = Small(cluster, work)
        keys.append([world.key()])
        world.begin("work")
        keys[-1].append(world.key())
        assert world.finish("work") == [(1,)]
        keys[-1].append(world.key())
        world.close()
    assert keys[0] == keys[1] == keys[2]


def test_a_cluster_that_is_closed_leaves_no_file(cluster: Cluster) -> None:
    folder = cluster.backend.folder
    assert list(folder.iterdir())
    cluster.close()
    assert not folder.exists()
