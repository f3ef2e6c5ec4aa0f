"""Code on PostgreSQL under control: effects, isolation, locks, deadlocks, prepared transactions, crashes, lost replies."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import sqlalchemy as sa
from small_world import Small, ask, install, prepared

from acidtest.errors import UsageError
from acidtest.search.exhaustive import without_collector
from acidtest.world.core.effects import DEADLOCK, LATE, Decision

if TYPE_CHECKING:
    from collections.abc import Callable

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


# Ways in:


def test_raw_code_is_parked_before_every_statement_and_before_commit(pg: Cluster) -> None:
    world = Small(pg, pay)
    effects = [world.begin("pay"), world.step("pay"), world.step("pay"), world.step("pay")]
    assert effects == ["bank: UPDATE accounts", "bank: UPDATE accounts", "bank: COMMIT", ""]
    assert balances(pg) == {"A": 90, "B": 110}
    world.close()


def test_an_engine_and_an_orm_on_it_are_driven(pg: Cluster) -> None:
    def move(env: Any) -> int:
        with env.engine("bank").begin() as connection:
            connection.execute(sa.text("UPDATE accounts SET balance = balance - :n WHERE id = 'A'"), {"n": 7})
            return int(connection.scalar(sa.text("SELECT balance FROM accounts WHERE id = 'A'")))

    world = Small(pg, move)
    assert world.finish("move") == 93
    assert world.done == ["bank: UPDATE accounts", "bank: SELECT accounts", "bank: COMMIT"]
    world.close()


def test_code_that_connects_by_url_or_by_itself_is_driven(pg: Cluster) -> None:
    def by_url(env: Any) -> int:
        engine = sa.create_engine(env.url("bank"), poolclass=sa.NullPool)
        with engine.connect() as connection:
            return int(connection.scalar(sa.text("SELECT balance FROM accounts WHERE id = 'A'")))

    def by_itself(env: Any) -> int:
        del env
        with psycopg.connect("dbname=shop user=me host=example.org", autocommit=True) as connection:
            connection.execute("CREATE TABLE orders (n int)")
            return int(connection.execute("SELECT count(*) FROM orders").fetchone()[0])

    world = Small(pg, by_url, by_itself)
    assert (world.finish("by_url"), world.finish("by_itself")) == (100, 0)
    assert world.done[-3:] == ["bank: SELECT accounts", "shop: CREATE TABLE orders", "shop: SELECT orders"]
    world.close()


def test_transaction_blocks_and_savepoints_are_driven(pg: Cluster) -> None:
    def move(env: Any) -> None:
        connection = env.connect("bank")
        with connection.transaction():
            connection.execute("UPDATE accounts SET balance = 1 WHERE id = 'A'")
            with connection.transaction(force_rollback=True):
                connection.execute("UPDATE accounts SET balance = 2 WHERE id = 'A'")
        connection.close()

    world = Small(pg, move)
    world.finish("move")
    assert world.done == ["bank: UPDATE accounts", "bank: UPDATE accounts", "bank: COMMIT"]
    assert balances(pg)["A"] == 1
    world.close()


def test_the_statements_of_a_pipeline_are_effects_of_their_own(pg: Cluster) -> None:
    def move(env: Any) -> int:
        with env.connect("bank") as connection, connection.pipeline() as pipeline, connection.cursor() as cursor:
            cursor.execute("UPDATE accounts SET balance = 1 WHERE id = 'A' RETURNING balance")
            connection.execute("UPDATE accounts SET balance = 2 WHERE id = 'B'")
            pipeline.sync()
            return int(cursor.fetchone()[0])

    world = Small(pg, move)
    assert world.finish("move") == 1
    assert world.done == ["bank: UPDATE accounts", "bank: UPDATE accounts", "bank: COMMIT"]
    assert balances(pg) == {"A": 1, "B": 2}
    world.close()


def test_a_pipeline_whose_statements_would_each_be_a_transaction_is_one_together(pg: Cluster) -> None:
    def move(env: Any) -> bool:
        with env.connect("bank", autocommit=True) as connection:
            with connection.pipeline() as pipeline:
                connection.execute("UPDATE accounts SET balance = 1 WHERE id = 'A'")
                pipeline.sync()
                connection.execute("UPDATE accounts SET balance = 2 WHERE id = 'B'")
            return bool(connection.autocommit)

    world = Small(pg, move)
    assert [world.begin("move"), world.step("move")] == ["bank: UPDATE accounts", "bank: COMMIT"]
    assert balances(pg)["A"] == 100
    assert world.finish("move") is True
    assert world.done == ["bank: UPDATE accounts", "bank: COMMIT", "bank: UPDATE accounts", "bank: COMMIT"]
    world.close()


@pytest.mark.parametrize("what", ["notifies", "named cursor", "copy"])
def test_what_cannot_be_driven_is_refused_with_the_reason(pg: Cluster, what: str) -> None:
    def use(env: Any) -> None:
        connection = env.connect("bank")
        calls = {
            "pipeline": env.connect("bank", autocommit=True).pipeline, "notifies": connection.notifies,
            "named cursor": lambda: connection.cursor(name="c"), "copy": lambda: connection.cursor().copy("COPY accounts TO STDOUT"),
        }  # fmt: skip
        calls[what]()

    world = Small(pg, use)
    with pytest.raises(UsageError, match="cannot be driven"):
        world.begin("use")
    world.close()


def test_a_table_that_an_operation_creates_is_refused_when_the_next_run_begins(pg: Cluster) -> None:
    def define(env: Any) -> None:
        env.connect("bank", autocommit=True).execute("CREATE TABLE made (n int)")

    world = Small(pg, define)
    world.finish("define")
    world.close()
    with pytest.raises(UsageError, match=r"Do it in install\(\)"):
        pg.reset()


# Locks:


def test_a_statement_that_waits_for_a_lock_goes_on_when_the_lock_is_free(pg: Cluster) -> None:
    world = Small(pg, pay, pay_too)
    world.until("pay", "COMMIT")
    world.begin("pay_too")
    assert world.step("pay_too") == "bank: UPDATE accounts, answered"
    assert world.runnable() == ["pay"]
    world.step("pay")
    assert world.runnable() == ["pay_too"]
    assert world.finish("pay_too") == "ok"
    assert balances(pg) == {"A": 80, "B": 120}
    world.close()


@pytest.mark.usefixtures("private")
def test_those_who_wait_for_one_lock_get_it_in_the_order_in_which_they_came(pg: Cluster) -> None:
    def insert(env: Any, who: str) -> str:
        connection = env.connect("bank", autocommit=True)
        try:
            connection.execute("INSERT INTO accounts VALUES ('C', %s)", (len(who),))
        except psycopg.errors.UniqueViolation:
            return "there"
        return "ok"

    def hold(env: Any) -> None:
        connection = env.connect("bank")
        connection.execute("INSERT INTO accounts VALUES ('C', 0)")
        connection.execute("SELECT 1")
        connection.rollback()

    def first(env: Any) -> str:
        return insert(env, "first")

    def second(env: Any) -> str:
        return insert(env, "second")

    for order in (("first", "second"), ("second", "first")) * 10:
        world = Small(pg, hold, first, second)
        world.until("hold", "SELECT")
        for name in order:
            world.begin(name)
            world.step(name)
        assert world.runnable() == ["hold"]
        world.finish("hold")
        assert [world.finish(name) for name in order] == ["ok", "there"]
        world.close()


@pytest.mark.parametrize("victim", ["pay", "pay_back"])
def test_the_search_chooses_the_victim_of_a_deadlock(pg: Cluster, victim: str) -> None:
    world = Small(pg, pay, pay_back)
    for name in ("pay", "pay_back"):
        world.begin(name)
        world.step(name)
    for name in ("pay", "pay_back"):
        assert "answered" in world.step(name)
    assert world.runnable() == []
    assert world.actors.victims() == [("pay", DEADLOCK), ("pay_back", DEADLOCK)]
    assert world.perform(Decision("victim", victim, DEADLOCK))
    other = ({"pay", "pay_back"} - {victim}).pop()
    assert world.finish(other) == "ok"
    unknown = [event.value for event in world.events if event.kind == "unknown"]
    assert unknown == ["DeadlockDetected: deadlock detected"]
    assert sorted(balances(pg).values()) == [90, 110]
    world.close()


def test_who_waits_for_a_prepared_transaction_is_no_victim_of_a_deadlock(pg: Cluster) -> None:
    def prepare(env: Any) -> None:
        connection = env.connect("bank")
        connection.tpc_begin(connection.xid(1, "k1", "bank"))
        connection.execute("UPDATE accounts SET balance = 0 WHERE id = 'A'")
        connection.tpc_prepare()

    world = Small(pg, prepare, pay)
    world.finish("prepare")
    world.begin("pay")
    world.step("pay")
    assert world.actors.victims() == [("pay", "")]
    assert world.perform(Decision("victim", "pay"))
    world.finish("pay")
    assert "LockNotAvailable" in str([event.value for event in world.events if event.kind == "unknown"])
    world.close()


def test_an_observer_who_would_have_to_wait_is_told_so_and_may_look_at_a_copy(pg: Cluster) -> None:
    def observe(cluster: Cluster) -> Any:
        host = cluster.host("observer")
        try:
            return host.connect("bank").execute("SELECT id, balance FROM accounts ORDER BY id FOR SHARE").fetchall()
        finally:
            host.hang_up()

    world = Small(pg, pay)
    world.until("pay", "COMMIT")
    with pytest.raises(psycopg.errors.LockNotAvailable):
        observe(pg)
    copy = pg.copy()
    assert observe(copy) == [("A", 100), ("B", 100)]
    copy.close()
    assert world.finish("pay") == "ok"
    world.close()


# Isolation:


def count(env: Any, level: Any) -> str:
    """Read the balance, and write it back less by ten."""
    connection = env.connect("bank")
    connection.isolation_level = level
    try:
        (found,) = connection.execute("SELECT balance FROM accounts WHERE id = 'A'").fetchone()
        connection.execute("UPDATE accounts SET balance = %s WHERE id = 'A'", (found - 10,))
        connection.commit()
    finally:
        connection.close()
    return "ok"


@pytest.mark.parametrize(("level", "left", "errors"), [("READ_COMMITTED", 90, 0), ("REPEATABLE_READ", 90, 1), ("SERIALIZABLE", 90, 1)])
def test_a_lost_update_happens_at_read_committed_alone(pg: Cluster, level: str, left: int, errors: int) -> None:
    chosen = psycopg.IsolationLevel[level]

    def one(env: Any) -> str:
        return count(env, chosen)

    def two(env: Any) -> str:
        return count(env, chosen)

    world = Small(pg, one, two)
    for name in ("one", "two"):
        world.begin(name)
        world.step(name)
    assert world.finish("one") == "ok"
    world.finish("two")
    told = [str(event.value) for event in world.events if event.kind == "unknown"]
    assert [text.split(":")[0] for text in told] == ["SerializationFailure"] * errors
    assert len([event for event in world.events if event.kind == "error"]) == errors
    assert balances(pg)["A"] == left
    world.close()


def test_a_read_under_a_snapshot_is_local_and_at_read_committed_it_is_not(pg: Cluster) -> None:
    def read(env: Any, level: Any) -> None:
        connection = env.connect("bank")
        connection.isolation_level = level
        connection.execute("SELECT 1")
        connection.execute("SELECT 2")
        connection.close()

    def repeatable(env: Any) -> None:
        read(env, psycopg.IsolationLevel.REPEATABLE_READ)

    def committed(env: Any) -> None:
        read(env, None)

    world = Small(pg, repeatable, committed)
    local = []
    for name in ("repeatable", "committed"):
        world.begin(name)
        world.step(name)
        effect = world.pending(name)
        local.append(effect is not None and effect.local)
    assert local == [True, False]
    world.close()


# Errors, faults and crashes:


def test_a_failed_statement_dooms_its_transaction_and_commit_says_nothing(pg: Cluster) -> None:
    def swallow(env: Any) -> str:
        connection = env.connect("bank")
        connection.execute("UPDATE accounts SET balance = 0 WHERE id = 'A'")
        with contextlib.suppress(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO accounts VALUES ('A', 1)")
        connection.commit()
        connection.close()
        return "ok"

    world = Small(pg, swallow)
    assert world.finish("swallow") == "ok"
    assert balances(pg)["A"] == 100
    world.close()


@pytest.mark.parametrize(
    ("fault", "left", "said"),
    [("refused", 100, "DiskFull"), ("lost", 100, "OperationalError"), ("unacknowledged", 90, "OperationalError"), ("late", 100, "OperationalError")],
)
def test_commit_has_every_ambiguous_reply(pg: Cluster, fault: str, left: int, said: str) -> None:
    world = Small(pg, pay)
    world.until("pay", "COMMIT")
    world.step("pay", fault)
    assert balances(pg)["A"] == left
    assert [str(event.value).split(":")[0] for event in world.events if event.kind == "unknown"] == [said]
    for label in list(world.late):
        assert world.perform(Decision("land", label))
        assert balances(pg)["A"] == 90
    world.close()


def test_a_late_commit_keeps_its_locks_until_it_lands(pg: Cluster) -> None:
    world = Small(pg, pay, pay_too)
    world.until("pay", "COMMIT")
    world.step("pay", "late")
    world.begin("pay_too")
    world.step("pay_too")
    assert world.runnable() == []
    world.perform(Decision("land", next(iter(world.late))))
    assert world.finish("pay_too") == "ok"
    assert balances(pg)["A"] == 80
    world.close()


def test_an_autocommitted_statement_may_take_effect_late_and_keeps_its_locks_until_then(pg: Cluster) -> None:
    def alone(env: Any) -> None:
        env.connect("bank", autocommit=True).execute("UPDATE accounts SET balance = 50 WHERE id = 'A'")

    world = Small(pg, alone, pay)
    world.begin("alone")
    world.step("alone", "late")
    assert balances(pg)["A"] == 100
    assert [str(event.value).split(":")[0] for event in world.events if event.kind == "unknown"] == ["OperationalError"]
    world.begin("pay")
    world.step("pay")
    assert world.runnable() == []
    assert world.perform(Decision("land", next(iter(world.late))))
    assert world.finish("pay") == "ok"
    assert balances(pg) == {"A": 40, "B": 110}
    world.close()


def test_the_session_of_a_transaction_at_a_level_of_its_engine_is_used_again_after_the_run(pg: Cluster) -> None:
    def leveled(env: Any) -> None:
        with env.engine("bank").execution_options(isolation_level="REPEATABLE READ").begin() as connection:
            connection.execute(sa.text("UPDATE accounts SET balance = 0 WHERE id = 'A'"))
            connection.execute(sa.text("UPDATE accounts SET balance = 0 WHERE id = 'B'"))

    sessions = set()
    with without_collector():  # as a search runs
        for _ in range(3):
            world = Small(pg, leveled)
            world.begin("leveled")
            world.step("leveled")
            world.close()
            sessions.add(ask(pg, "SELECT count(*) FROM pg_stat_activity")[0])
    assert len(sessions) == 1
    assert balances(pg)["A"] == 100


def test_a_refused_statement_dooms_its_transaction(pg: Cluster) -> None:
    world = Small(pg, pay)
    world.begin("pay")
    world.step("pay")
    world.step("pay", "refused")
    assert "LockNotAvailable" in str([event.value for event in world.events if event.kind == "unknown"])
    assert balances(pg) == {"A": 100, "B": 100}
    world.close()


def test_a_crash_rolls_back_what_is_open_frees_its_locks_and_keeps_what_is_prepared(pg: Cluster) -> None:
    def prepare(env: Any) -> None:
        connection = env.connect("bank")
        connection.tpc_begin(connection.xid(1, "k'1", "bank"))
        connection.execute("UPDATE accounts SET balance = 0 WHERE id = 'B'")
        connection.tpc_prepare()
        connection.tpc_commit()

    world = Small(pg, pay, prepare, pay_too)
    world.begin("pay")
    world.step("pay")
    world.begin("pay_too")
    world.step("pay_too")
    world.until("prepare", "COMMIT PREPARED")
    before = world.cluster.contents()
    world.crash("pay")
    world.crash("prepare")
    assert world.cluster.contents() == before
    assert world.runnable() == ["pay_too"]
    assert dict(pg.values()["bank"])["prepared transactions"] == tuple(prepared(pg)) != ()
    world.close()
    pg.reset()
    assert ask(pg, "SELECT gid FROM pg_prepared_xacts") == []


def both(decide: str, at: str) -> Callable[[Any], str]:
    """Prepare under one name in two databases, and decide it at one of them."""

    def prepare(env: Any) -> str:
        for name in ("bank", "shop"):
            connection = env.connect(name, autocommit=True)
            connection.execute("BEGIN")
            connection.execute("SELECT 1")
            connection.execute("PREPARE TRANSACTION 'order''s 1'")
        env.connect(at, autocommit=True).execute(decide)
        listed = env.connect("bank").execute("SELECT p.gid FROM pg_catalog.pg_prepared_xacts AS p WHERE p.gid <> 'pg_prepared_xacts'")
        return f"{listed.fetchall()} {env.connect('shop').tpc_recover()}"

    return prepare


def test_two_databases_may_prepare_under_one_name_and_list_their_own(pg: Cluster) -> None:
    world = Small(pg, both("COMMIT PREPARED 'order''s 1'", at="bank"))
    assert re.sub(r"prepared=.*", "", world.finish("prepare")) == """[] [Xid(format_id=None, gtrid="order's 1", bqual=None, """
    assert (prepared(pg, "bank"), prepared(pg, "shop")) == ([], [("order's 1",)])
    assert dict(pg.values()["shop"])["prepared transactions"] == (("order's 1",),)
    world.close()
    pg.reset()
    assert ask(pg, "SELECT gid FROM pg_prepared_xacts") == []


def test_what_another_database_has_prepared_is_unknown_and_an_error_names_it_as_the_code_does(pg: Cluster) -> None:
    def decide(env: Any) -> str:
        env.connect("shop").execute("SELECT 1")
        connection = env.connect("bank")
        connection.tpc_begin("order 1")
        connection.execute("SELECT 1")
        connection.tpc_prepare()
        try:
            env.connect("shop", autocommit=True).execute("ROLLBACK PREPARED 'order 1'")
        except psycopg.errors.UndefinedObject as error:
            return str(error)
        return "decided"

    world = Small(pg, decide)
    assert world.finish("decide") == 'prepared transaction with identifier "order 1" does not exist'
    assert prepared(pg, "bank") == [("order 1",)]
    world.close()


def test_a_prepare_that_comes_late_is_the_one_that_was_asked_for(pg: Cluster) -> None:
    def prepare(env: Any) -> None:
        connection = env.connect("bank", autocommit=True)
        connection.execute("BEGIN")
        connection.execute("UPDATE accounts SET balance = 0 WHERE id = 'B'")
        connection.execute("PREPARE TRANSACTION 'late'")

    world = Small(pg, prepare)
    world.until("prepare", "PREPARE TRANSACTION")
    world.step("prepare", LATE)
    assert prepared(pg) == []
    world.perform(Decision("land", next(iter(world.late))))
    assert prepared(pg) == [("late",)]
    world.close()

def test_a_pipeline_within_a_transaction_leaves_its_end_to_that(pg: Cluster) -> None:
    def pipelined(env: Any) -> str:
        connection = env.connect("bank", autocommit=True)
        with connection.transaction(), connection.pipeline() as pipeline:
            connection.execute("UPDATE accounts SET balance = 0")
            pipeline.sync()
        return "ok"

    world = Small(pg, pipelined)
    assert world.finish("pipelined") == "ok"
    assert world.done == ["bank: UPDATE accounts", "bank: COMMIT"]
    world.close()


def test_the_clean_up_of_a_dead_process_has_no_effect(pg: Cluster) -> None:
    def stubborn(env: Any) -> None:
        connection = env.connect("bank")
        try:
            connection.execute("UPDATE accounts SET balance = 0 WHERE id = 'A'")
            connection.execute("SELECT 1")
        finally:
            connection.commit()
            connection.close()

    world = Small(pg, stubborn)
    world.until("stubborn", "SELECT")
    world.crash("stubborn")
    assert balances(pg)["A"] == 100
    world.close()


def test_a_process_that_dies_while_it_waits_waits_no_more(pg: Cluster) -> None:
    world = Small(pg, pay, pay_too)
    world.until("pay", "COMMIT")
    world.begin("pay_too")
    world.step("pay_too")
    world.crash("pay_too")
    assert world.finish("pay") == "ok"
    assert balances(pg) == {"A": 90, "B": 110}
    world.close()


# Between runs:


def test_rows_lie_in_every_run_as_they_lay_in_the_first(pg: Cluster) -> None:
    def shuffle(env: Any) -> list[Any]:
        connection = env.connect("bank")
        connection.execute("UPDATE accounts SET balance = 1 WHERE id = 'A'")
        found = connection.execute("SELECT id FROM accounts").fetchall()
        connection.rollback()
        connection.close()
        return found

    found = []
    for _ in range(400):
        world = Small(pg, shuffle)
        found.append(world.finish("shuffle"))
        world.close()
    assert all(rows == [("B",), ("A",)] for rows in found)


def test_numbers_of_a_sequence_are_contents_and_are_put_back(pg: Cluster) -> None:
    def schema(env: Any) -> None:
        connection = env.connect("shop", autocommit=True)
        connection.execute("CREATE TABLE orders (n int GENERATED ALWAYS AS IDENTITY, what text)")
        connection.execute("INSERT INTO orders (what) VALUES ('first')")

    def order(env: Any) -> int:
        connection = env.connect("shop")
        return int(connection.execute("INSERT INTO orders (what) VALUES ('x') RETURNING n").fetchone()[0])

    install(pg, schema)
    for _ in range(3):
        world = Small(pg, order)
        before = world.cluster.contents()
        assert world.finish("order") == 2
        assert world.cluster.contents() != before  # the number is gone, although nothing was committed
        world.close()


def test_a_session_that_was_altered_is_not_handed_on(pg: Cluster) -> None:
    def alter(env: Any) -> None:
        with env.engine("bank").connect() as connection:
            connection.execute(sa.text("SET TIME ZONE 'Asia/Tokyo'"))
            connection.execute(sa.text("CREATE TEMPORARY TABLE mine (n int)"))
            connection.commit()

    def look(env: Any) -> list[Any]:
        with env.engine("bank").connect() as connection:
            zone = connection.scalar(sa.text("SELECT current_setting('TimeZone')"))
            return [zone, connection.scalar(sa.text("SELECT to_regclass('pg_temp.mine')"))]

    world = Small(pg, alter, look, together=True)
    world.finish("alter")
    world.close()
    world = Small(pg, alter, look, together=True)
    assert world.finish("look") == ["UTC", None]
    world.close()


def test_tables_are_compared_whole_whatever_their_columns_are_called(pg: Cluster) -> None:
    def counters(env: Any) -> None:
        with env.connect("bank") as connection:
            connection.execute("CREATE TABLE counters (t TEXT PRIMARY KEY, n INTEGER)")
            connection.execute("INSERT INTO counters VALUES ('one', 0)")

    def count(env: Any) -> None:
        with env.connect("bank") as connection:
            connection.execute("UPDATE counters SET n = n + 1")

    install(pg, counters)
    world = Small(pg, count)
    before = pg.contents()
    world.finish("count")
    assert pg.contents() != before
    world.close()
