"""psycopg2 under control: parked, blocked, deadlocked, crashed, lost, late and prepared as on psycopg 3."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg2
import psycopg2.extras
import pytest
import sqlalchemy as sa
from small_world import Small, ask, draw, fingerprint

from acidtest.errors import UsageError
from acidtest.search.exhaustive import without_collector
from acidtest.world.core.effects import DATABASE, DEADLOCK, LATE, LOST, REFUSED, UNACKNOWLEDGED, Decision

if TYPE_CHECKING:
    from collections.abc import Callable

    from acidtest.world.core.cluster import Cluster

WAITS = "bank: UPDATE accounts, answered"
WHERE = "dbname=bank user=me host=example.org"


def connect(**options: Any) -> Any:
    return closing(psycopg2.connect(WHERE, **options))


def pay(source: str, target: str) -> str:
    with connect() as connection, connection, connection.cursor() as cursor:
        cursor.execute("UPDATE accounts SET balance = balance - 10 WHERE id = %s", (source,))
        cursor.execute("UPDATE accounts SET balance = balance + 10 WHERE id = %s", (target,))
    return "ok"


def there(_env: Any) -> str:
    return pay("A", "B")


def back(_env: Any) -> str:
    return pay("B", "A")


def trying(code: Callable[[Any], str]) -> Callable[[Any], str]:
    def attempt(env: Any) -> str:
        try:
            return code(env)
        except psycopg2.Error as error:
            return f"{type(error).__name__} {error.pgcode}"

    attempt.__name__ = code.__name__
    return attempt


def balances(cluster: Cluster) -> dict[str, int]:
    return dict(ask(cluster, "SELECT id, balance FROM accounts"))


def test_its_statements_and_commits_are_effects(pg: Cluster) -> None:
    world = Small(pg, there)
    assert world.finish("there") == "ok"
    assert world.done == ["bank: UPDATE accounts", "bank: UPDATE accounts", "bank: COMMIT"]
    assert balances(pg) == {"A": 90, "B": 110}
    world.close()


class Counted(psycopg2.extensions.connection):
    """A class of the user's own."""

    def twice(self) -> int:
        return 2


def by(kind: Callable[[], Any]) -> Callable[[Any], str]:
    def called(_env: Any) -> str:
        with closing(kind()(WHERE)) as connection, connection.cursor() as cursor:
            cursor.execute("UPDATE accounts SET balance = balance - 10 WHERE id = %s", ("A",))
            connection.commit()
            assert isinstance(connection, kind())
            assert isinstance(connection, psycopg2.extensions.connection)
            return str(getattr(connection, "twice", int)())

    return called


@pytest.mark.parametrize(("kind", "answer"), [(lambda: psycopg2.extensions.connection, "0"), (lambda: Counted, "2")])
def test_a_connection_that_is_made_by_calling_its_class_is_driven(pg: Cluster, kind: Callable[[], Any], answer: str) -> None:
    world = Small(pg, by(kind))
    assert world.finish("called") == answer
    assert world.done == ["bank: UPDATE accounts", "bank: COMMIT"]
    assert balances(pg)["A"] == 90
    world.close()


def test_outside_of_a_world_the_class_connects_as_psycopg2_does(pg: Cluster) -> None:
    genuine = psycopg2._psycopg.connection
    assert issubclass(genuine, psycopg2.extensions.connection)
    with pytest.raises(psycopg2.OperationalError, match="nowhere"):
        psycopg2.extensions.connection("host=/nowhere")
    with closing(psycopg2.extensions.connection(pg.backend.server.conninfo)) as connection:
        assert isinstance(connection, genuine)
        assert connection.closed == 0


def test_a_statement_that_waits_for_a_lock_parks_and_goes_on_after_the_commit(pg: Cluster) -> None:
    world = Small(pg, there, back)
    world.begin("there"), world.step("there"), world.step("there"), world.begin("back")
    assert world.step("back") == WAITS
    assert (world.finish("there"), world.finish("back")) == ("ok", "ok")
    assert balances(pg) == {"A": 100, "B": 100}
    world.close()


def test_the_victim_of_a_deadlock_gets_the_error_of_psycopg2_with_its_code(pg: Cluster) -> None:
    world = Small(pg, there, trying(back))
    world.begin("there"), world.step("there"), world.begin("back"), world.step("back")
    assert (world.step("there"), world.step("back")) == (WAITS, WAITS)
    world.step("back", DEADLOCK)
    assert world.answers["back"] == "DeadlockDetected 40P01"
    assert world.finish("there") == "ok"
    world.close()


@pytest.mark.parametrize(
    ("fault", "told", "left"),
    [(REFUSED, "DiskFull 53100", 100), (LOST, "OperationalError None", 100), (UNACKNOWLEDGED, "OperationalError None", 90)],
)
def test_a_commit_may_fail_in_all_ways(pg: Cluster, fault: str, told: str, left: int) -> None:
    world = Small(pg, trying(there))
    world.begin("there"), world.step("there"), world.step("there")
    world.step("there", fault)
    assert (world.answers["there"], balances(pg)["A"]) == (told, left)
    world.close()


def test_a_commit_that_comes_late_keeps_its_locks_until_then(pg: Cluster) -> None:
    world = Small(pg, trying(there), back)
    world.begin("there"), world.step("there"), world.step("there"), world.step("there", LATE)
    world.begin("back")
    assert world.step("back") == WAITS
    world.perform(Decision("land", next(iter(world.late))))
    assert world.finish("back") == "ok"
    assert balances(pg) == {"A": 100, "B": 100}
    world.close()


def test_a_process_that_dies_while_its_statement_waits_leaves_no_lock_and_no_change(pg: Cluster) -> None:
    def alone(_env: Any) -> None:
        with connect() as connection:
            connection.autocommit = True
            connection.cursor().execute("UPDATE accounts SET balance = 0")

    world = Small(pg, there, alone)
    world.begin("there"), world.step("there"), world.begin("alone")
    assert world.step("alone") == WAITS
    world.perform(Decision("crash", "alone"))
    assert world.finish("there") == "ok"
    assert balances(pg) == {"A": 90, "B": 110}
    world.close()


def test_a_transaction_is_prepared_and_decided_in_another_connection(pg: Cluster) -> None:
    def prepare(_env: Any) -> None:
        with connect() as connection:
            connection.tpc_begin(connection.xid(42, "order", "bank"))
            connection.cursor().execute("UPDATE accounts SET balance = 7 WHERE id = 'A'")
            connection.tpc_prepare()

    def decide(_env: Any) -> int:
        with connect() as connection:
            connection.autocommit = True
            found = connection.tpc_recover()
            for xid in found:
                connection.tpc_commit(xid)
            return len(found)

    world = Small(pg, prepare, decide)
    world.finish("prepare")
    assert (balances(pg)["A"], world.finish("decide"), balances(pg)["A"]) == (100, 1, 7)
    assert world.done == ["bank: UPDATE accounts", "bank: PREPARE TRANSACTION", "bank: SELECT pg_prepared_xacts", "bank: COMMIT PREPARED"]
    world.close()


def test_engines_cursors_and_values_of_its_own_are_driven(pg: Cluster) -> None:
    def use(env: Any) -> tuple[Any, ...]:
        engine = sa.create_engine(env.url("bank").replace("+psycopg:", "+psycopg2:"))
        with engine.begin() as connection:
            connection.execute(sa.text("UPDATE accounts SET balance = 3 WHERE id = :id"), {"id": "A"})
        with connect() as connection, connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            psycopg2.extras.execute_values(cursor, "INSERT INTO accounts VALUES %s", [("C", 1), ("D", 2)])
            cursor.execute("SELECT *, %s::jsonb AS more FROM accounts ORDER BY id", (psycopg2.extras.Json({"a": 1}),))
            return tuple([tuple(row.values()) for row in cursor])

    world = Small(pg, use)
    answer: Any = world.finish("use")
    assert [row[:2] for row in answer] == [("A", 3), ("B", 100), ("C", 1), ("D", 2)]
    assert world.done[-3:] == ["bank: COMMIT", "bank: INSERT accounts", "bank: SELECT accounts"]
    assert balances(pg) == {"A": 3, "B": 100}
    world.close()


@pytest.mark.usefixtures("private")
def test_the_death_of_the_server_reaches_a_statement_that_waits_and_who_goes_on_after_it(pg: Cluster) -> None:
    world = Small(pg, trying(there), trying(back))
    world.until("there", "COMMIT"), world.begin("back"), world.step("back")
    assert world.pending("back").label == WAITS  # type: ignore[union-attr]
    world.perform(Decision("restart", DATABASE))
    assert (world.finish("there"), world.finish("back")) == ("OperationalError None", "InterfaceError None")  # psycopg2 rolls back what is closed
    assert balances(pg) == {"A": 100, "B": 100}
    world.close()


@pytest.mark.parametrize("what", ["named cursor", "copy", "asynchronous"])
def test_what_cannot_be_driven_is_refused(pg: Cluster, what: str) -> None:
    def use(_env: Any) -> None:
        connection = psycopg2.connect(WHERE, async_=what == "asynchronous")
        if what == "copy":
            connection.cursor().copy_expert("COPY accounts TO STDOUT", None)
        connection.cursor("c")

    world = Small(pg, use)
    with pytest.raises(UsageError, match="cannot be driven"):
        world.begin("use")
    world.close()


def deciding(env: Any) -> None:
    with connect() as connection:
        connection.tpc_begin(connection.xid(1, env.new_id(), "bank"))
        connection.cursor().execute("UPDATE accounts SET balance = balance - 1 WHERE id = 'B'")
        connection.tpc_prepare()
        connection.tpc_commit()


def interest(env: Any) -> list[Any]:
    with connect() as connection:
        connection.set_session(isolation_level="SERIALIZABLE")
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT sum(balance) FROM accounts")
            cursor.execute("INSERT INTO accounts VALUES (%s, %s)", (env.new_id(), cursor.fetchone()[0] // 100))
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("UPDATE accounts SET balance = balance WHERE id = 'A' RETURNING balance")
        return list(cursor.fetchall())


def recover(_env: Any) -> None:
    with connect() as connection:
        for xid in sorted(connection.tpc_recover(), key=str):
            connection.tpc_rollback(xid)


CODES = (there, back, deciding, interest, recover)


@pytest.mark.usefixtures("private")
def test_the_same_schedule_gives_the_same_effects_events_and_keys(pg: Cluster) -> None:
    with without_collector():
        for seed in range(6):
            first = Small(pg, *CODES, retries=1)
            schedule = draw(first, seed)
            first.close()
            second = Small(pg, *CODES, retries=1)
            for decision, went_on, *before in schedule:
                assert second.perform(decision) == went_on, (seed, decision)
                assert list(fingerprint(second)) == before, (seed, decision)
            assert second.events == first.events
            second.close()
