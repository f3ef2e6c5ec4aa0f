"""A cluster whose databases are of two kinds: each is on a server of its own, which dies alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from small_world import Small, ask, install, query

from acidtest.errors import BackendUnavailable, UsageError
from acidtest.world import interpose
from acidtest.world.core.effects import RESTART_DATABASE, Decision
from acidtest.world.databases import table
from acidtest.world.databases.table import open_cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acidtest.world.core.cluster import Cluster

LEFT, RIGHT = "left", "right"
ROWS = "SELECT id, balance FROM accounts ORDER BY id"
XID = "'k1','bank',1"


def two_rows_each(env: Any) -> None:
    for name in (LEFT, RIGHT):
        with env.connect(name, autocommit=True).cursor() as cursor:
            cursor.execute("CREATE TABLE accounts (id VARCHAR(20) PRIMARY KEY, balance INTEGER NOT NULL)")
            cursor.execute("INSERT INTO accounts VALUES ('A', 100), ('B', 100)")


@pytest.fixture
def both(postgresql: Any, mariadb: Any) -> Iterator[Cluster]:
    """The left database is PostgreSQL's, the right one MariaDB's, and all others are files."""
    del postgresql, mariadb
    interpose.install()
    made = open_cluster("sqlite")
    made.choose({LEFT: "postgresql", RIGHT: "mariadb"})
    install(made, two_rows_each)
    yield made
    made.close()


@pytest.fixture
def both_private(both: Cluster, postgresql: Any, mariadb: Any) -> Cluster:
    """The same on servers that are ours to kill."""
    if not (postgresql.private and mariadb.private):
        pytest.skip("a server is not ours alone")
    return both


def move(env: Any) -> str:
    """Takes from the left, gives to the right, and commits one after the other."""
    left, right = env.connect(LEFT), env.connect(RIGHT)
    left.cursor().execute("UPDATE accounts SET balance = balance - 10 WHERE id = 'A'")
    right.cursor().execute("UPDATE accounts SET balance = balance + 10 WHERE id = 'A'")
    left.commit()
    right.commit()
    return "ok"


def move_too(env: Any) -> str:
    return move(env)


def promise(env: Any) -> None:
    """Leaves a branch in doubt on each server."""
    left, right = env.connect(LEFT, autocommit=True).cursor(), env.connect(RIGHT, autocommit=True).cursor()
    for statement in ("BEGIN", "INSERT INTO accounts VALUES ('C', 1)", "PREPARE TRANSACTION 'k1'"):
        left.execute(statement)
    for statement in (f"XA START {XID}", "INSERT INTO accounts VALUES ('C', 1)", f"XA END {XID}", f"XA PREPARE {XID}"):
        right.execute(statement)


def restart(world: Small, kind: str) -> None:
    assert world.perform(Decision.parse(f"restart database {kind}"))


def doubts(cluster: Cluster) -> tuple[int, int]:
    """How many branches are in doubt on the left, and on the right."""
    return len(ask(cluster, "SELECT gid FROM pg_prepared_xacts", LEFT)), len(query(cluster, "XA RECOVER", RIGHT))


def test_each_database_is_of_the_kind_that_was_chosen_for_it_and_the_others_are_of_the_usual(both: Cluster) -> None:
    host = both.host("app")
    assert [host.kind_of(name) for name in (LEFT, RIGHT, "log")] == ["postgresql", "mariadb", "sqlite"]
    assert [host.url(name).partition(":")[0] for name in (LEFT, RIGHT, "log")] == ["postgresql+psycopg", "mysql+pymysql", "sqlite"]
    assert [host.engine(name).dialect.name for name in (LEFT, RIGHT, "log")] == ["postgresql", "mysql", "sqlite"]
    assert (both.kinds(), host.backend) == (["sqlite", "postgresql", "mariadb"], "sqlite")


def test_reports_tell_the_versions_of_all(both: Cluster) -> None:
    assert {"sqlite", "postgresql", "psycopg", "mariadb", "pymysql"} == set(both.versions())


def test_no_script_stands_for_databases_of_a_server(both: Cluster) -> None:
    assert both.backend.scriptable
    assert not both.scriptable


def test_what_one_run_has_committed_or_prepared_is_gone_in_the_next(both: Cluster) -> None:
    start = both.contents()
    world = Small(both, move, promise)
    world.finish("promise")
    assert world.finish("move") == "ok"
    assert (ask(both, ROWS, LEFT), query(both, ROWS, RIGHT)) == ([("A", 90), ("B", 100)], [("A", 110), ("B", 100)])
    assert doubts(both) == (1, 1)
    world.close()
    again = Small(both, move)
    assert (both.contents(), doubts(both)) == (start, (0, 0))
    again.close()


def test_equal_schedules_lead_to_equal_states(both: Cluster) -> None:
    found = []
    for _ in range(2):
        world = Small(both, move)
        world.until("move", f"{RIGHT}: COMMIT")
        found.append(world.key())
        world.close()
    assert found[0] == found[1]


def test_who_waits_on_one_server_goes_on_when_its_lock_is_free(both: Cluster) -> None:
    world = Small(both, move, move_too)
    world.until("move", f"{LEFT}: COMMIT")
    assert world.finish("move_too") is None
    assert world.runnable() == ["move"]
    assert world.step("move") == f"{RIGHT}: COMMIT"
    assert world.finish("move_too") is None  # now it waits on the right
    assert world.finish("move") == "ok"
    assert world.finish("move_too") == "ok"
    assert (ask(both, ROWS, LEFT)[0], query(both, ROWS, RIGHT)[0]) == (("A", 80), ("A", 120))
    world.close()


@pytest.mark.parametrize(("dying", "lost", "balances"), [("postgresql", LEFT, (100, 100)), ("mariadb", RIGHT, (90, 100))])
def test_a_server_that_dies_takes_its_own_transactions_with_it_and_no_others(both_private: Cluster, dying: str, lost: str, balances: Any) -> None:
    world = Small(both_private, promise, move)
    world.finish("promise")
    world.until("move", f"{LEFT}: COMMIT")
    connections = both_private.host("move").connections()
    restart(world, dying)
    assert {connection.database.name for connection in connections if connection.lost} == {lost}
    assert doubts(both_private) == (1, 1)
    world.finish("move")
    assert (dict(ask(both_private, ROWS, LEFT))["A"], dict(query(both_private, ROWS, RIGHT))["A"]) == balances
    assert world.events[-1].kind == "unknown"
    world.close()


@pytest.mark.parametrize(("dying", "left_to_land"), [("postgresql", 0), ("mariadb", 1)])
def test_a_commit_that_is_late_is_lost_with_its_own_server_alone(both_private: Cluster, dying: str, left_to_land: int) -> None:
    world = Small(both_private, move)
    world.until("move", f"{LEFT}: COMMIT")
    world.step("move", "late")
    restart(world, dying)
    assert len(world.late) == left_to_land
    for label in list(world.late):
        world.perform(Decision("land", label))
    assert dict(ask(both_private, ROWS, LEFT))["A"] == (90 if left_to_land else 100)
    world.close()


def test_a_copy_has_databases_of_the_same_kinds_with_what_is_committed(both: Cluster) -> None:
    world = Small(both, move)
    world.finish("move")
    copied = both.copy()
    try:
        assert copied.kinds() == both.kinds()
        assert (ask(copied, ROWS, LEFT)[0], query(copied, ROWS, RIGHT)[0]) == (("A", 90), ("A", 110))
    finally:
        copied.close()
    world.close()


def test_a_kind_that_there_is_not_is_refused_with_those_that_there_are(cluster: Cluster) -> None:
    with pytest.raises(UsageError, match=r"oracle.*sqlite, postgresql, mariadb"):
        cluster.choose({LEFT: "oracle"})


def test_a_server_that_cannot_be_reached_is_told_when_it_is_chosen(cluster: Cluster, monkeypatch: Any) -> None:
    def away() -> Any:
        message = "MariaDB was not found."
        raise BackendUnavailable(message)

    monkeypatch.setitem(table._TABLE, "mariadb", away)
    with pytest.raises(BackendUnavailable, match="MariaDB was not found"):
        cluster.choose({RIGHT: "mariadb"})


def test_a_decision_says_which_server_dies() -> None:
    decision = Decision.parse("restart database mariadb")
    assert (decision.restarts_database, decision.server, decision.mishap) == (True, "mariadb", RESTART_DATABASE)
    assert str(decision) == "restart database mariadb"
    assert (Decision.parse("restart database").server, Decision.parse("restart app-1").mishap) == ("", "")
