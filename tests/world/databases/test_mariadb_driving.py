"""Code on MariaDB under control: effects, isolation, locks, deadlocks, prepared transactions, crashes, lost replies."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pymysql
import pytest
import sqlalchemy as sa
from small_world import Small, install, query

from acidtest.errors import UsageError
from acidtest.world.core.effects import DEADLOCK, Decision
from acidtest.world.databases.mariadb import driver

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


# Ways in:


def test_raw_code_is_parked_before_every_statement_and_before_commit(maria: Cluster) -> None:
    world = Small(maria, pay)
    effects = [world.begin("pay"), world.step("pay"), world.step("pay"), world.step("pay")]
    assert effects == ["bank: UPDATE accounts", "bank: UPDATE accounts", "bank: COMMIT", ""]
    assert balances(maria) == {"A": 90, "B": 110}
    world.close()


def test_an_engine_is_driven_and_counts_rows_as_sqlalchemys_does(maria: Cluster) -> None:
    def move(env: Any) -> int:
        with env.engine("bank").begin() as connection:
            return int(connection.execute(sa.text("UPDATE accounts SET balance = 100 WHERE id = 'A'")).rowcount)

    def raw(env: Any) -> int:
        with env.connect("bank") as connection:
            return int(connection.cursor().execute("UPDATE accounts SET balance = 100 WHERE id = 'A'"))

    world = Small(maria, move, raw)
    assert (world.finish("move"), world.finish("raw")) == (1, 0)  # rows found, rows changed
    world.close()


def test_code_that_connects_by_url_by_itself_or_by_the_class_is_driven(maria: Cluster) -> None:
    class Own(pymysql.connections.Connection):
        pass

    def by_url(env: Any) -> int:
        engine = sa.create_engine(env.url("bank"), poolclass=sa.NullPool)
        with engine.connect() as connection:
            return int(connection.scalar(sa.text("SELECT balance FROM accounts WHERE id = 'A'")))

    def by_itself(env: Any) -> bool:
        del env
        made = [kind(host="example.org", user="me", database="shop") for kind in (pymysql.connect, Own)]
        with made[0].cursor() as cursor:
            cursor.execute("SELECT 1 FROM information_schema.tables WHERE table_name = 'orders'")
        for connection in made:
            connection.close()
        return isinstance(made[1], Own)

    world = Small(maria, by_url, by_itself)
    assert (world.finish("by_url"), world.finish("by_itself")) == (100, True)
    assert world.done[-1] == "shop: SELECT information_schema.tables"
    world.close()


def test_code_that_is_not_under_test_is_left_alone() -> None:
    driver.install()
    with pytest.raises(pymysql.err.OperationalError, match="Can't connect"):
        pymysql.connect(host="127.0.0.1", port=1, connect_timeout=1)


def test_a_cursor_that_does_not_read_all_rows_is_refused(maria: Cluster) -> None:
    def use(env: Any) -> None:
        env.connect("bank").cursor(pymysql.cursors.SSCursor).execute("SELECT 1")

    world = Small(maria, use)
    with pytest.raises(UsageError, match="cannot be driven"):
        world.begin("use")
    world.close()


def test_the_clock_of_the_server_is_the_virtual_one(maria: Cluster) -> None:
    def ask(env: Any) -> tuple[Any, ...]:
        before, now = env.clock.now(), "SELECT unix_timestamp(now()), unix_timestamp(current_timestamp())"
        ((first, _),) = do(env, now)
        env.clock.sleep(86_400)
        ((_, second),) = do(env, now)
        return float(first) - before, float(second) - before

    world = Small(maria, ask)
    assert world.finish("ask") == (0, 86_400)
    world.close()


# Locks:


def test_a_statement_that_waits_for_a_lock_goes_on_when_the_lock_is_free(maria: Cluster) -> None:
    world = Small(maria, pay, pay_too)
    world.until("pay", "COMMIT")
    world.begin("pay_too")
    assert world.step("pay_too") == "bank: UPDATE accounts, answered"
    assert world.runnable() == ["pay"]
    world.step("pay")
    assert world.runnable() == ["pay_too"]
    assert world.finish("pay_too") == "ok"
    assert balances(maria) == {"A": 80, "B": 120}
    world.close()


@pytest.mark.parametrize(("order", "balance"), [(("doubles", "adds"), 201), (("adds", "doubles"), 202)])
def test_those_who_wait_for_one_row_get_it_in_the_order_in_which_they_came(maria: Cluster, order: tuple[str, str], balance: int) -> None:
    def doubles(env: Any) -> None:
        do(env, "UPDATE accounts SET balance = balance * 2 WHERE id = 'A'", autocommit=True)

    def adds(env: Any) -> None:
        do(env, "UPDATE accounts SET balance = balance + 1 WHERE id = 'A'", autocommit=True)

    def hold(env: Any) -> None:
        do(env, "UPDATE accounts SET balance = 0 WHERE id = 'A'", "SELECT 1", commit=False)

    world = Small(maria, hold, doubles, adds)
    world.until("hold", "SELECT")
    for name in order:
        world.begin(name)
        world.step(name)
    assert world.runnable() == ["hold"]
    world.finish("hold")
    for name in order:
        world.finish(name)
    assert balances(maria)["A"] == balance
    world.close()


def test_of_those_who_wait_to_insert_one_row_into_a_gap_one_does(maria: Cluster) -> None:
    def insert(env: Any) -> str:
        try:
            do(env, "INSERT INTO accounts VALUES ('C', 1)", autocommit=True)
        except pymysql.err.IntegrityError:
            return "there"
        return "ok"

    def first(env: Any) -> str:
        return insert(env)

    def second(env: Any) -> str:
        return insert(env)

    def hold(env: Any) -> None:
        do(env, "UPDATE accounts SET balance = 0 WHERE id >= 'B'", "SELECT 1", commit=False)

    world = Small(maria, hold, first, second)
    world.until("hold", "SELECT")
    for name in ("first", "second"):
        world.begin(name)
        world.step(name)
    assert world.runnable() == ["hold"]
    world.finish("hold")
    assert sorted(world.finish(name) for name in ("first", "second")) == ["ok", "there"]  # the server lets both go on at once
    world.close()


@pytest.mark.parametrize("victim", ["pay", "pay_back"])
def test_the_search_chooses_the_victim_of_a_deadlock_whose_transaction_is_rolled_back(maria: Cluster, victim: str) -> None:
    world = Small(maria, pay, pay_back)
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
    assert told(world) == ["OperationalError: (1213, 'Deadlock found when trying to get lock; try restarting transaction')"]
    assert sorted(balances(maria).values()) == [90, 110]
    world.close()


def test_of_three_who_wait_those_in_the_ring_alone_are_victims_of_a_deadlock(maria: Cluster) -> None:
    world = Small(maria, pay, pay_back, pay_too)
    for name in ("pay", "pay_back"):
        world.begin(name)
        world.step(name)
    world.begin("pay_too")
    for name in ("pay_back", "pay", "pay_too"):
        world.step(name)
    assert [name for name, fault in world.actors.victims() if fault == DEADLOCK] == ["pay", "pay_back"]
    world.close()


def test_a_time_out_rolls_back_its_statement_and_leaves_the_transaction_open(maria: Cluster) -> None:
    def prepare(env: Any) -> None:
        do(env, f"XA START {XID}", "UPDATE accounts SET balance = 0 WHERE id = 'A'", f"XA END {XID}", f"XA PREPARE {XID}", commit=False)

    def insist(env: Any) -> str:
        with env.connect("bank") as connection, connection.cursor() as cursor:
            cursor.execute("UPDATE accounts SET balance = 7 WHERE id = 'B'")
            with contextlib.suppress(pymysql.err.OperationalError):
                cursor.execute("UPDATE accounts SET balance = 7 WHERE id = 'A'")
            connection.commit()
        return "ok"

    world = Small(maria, prepare, insist)
    world.finish("prepare")
    world.begin("insist")
    world.step("insist")
    world.step("insist")
    assert world.actors.victims() == [("insist", "timeout")]
    assert world.perform(Decision("victim", "insist"))
    assert world.finish("insist") == "ok"
    assert balances(maria) == {"A": 100, "B": 7}
    world.close()


def test_an_observer_who_would_have_to_wait_is_told_so_and_may_look_at_a_copy(maria: Cluster) -> None:
    def observe(cluster: Cluster) -> Any:
        host = cluster.host("observer")
        try:
            with host.connect("bank").cursor() as cursor:
                cursor.execute("SELECT id, balance FROM accounts ORDER BY id LOCK IN SHARE MODE")
                return cursor.fetchall()
        finally:
            host.hang_up()

    world = Small(maria, pay)
    world.until("pay", "COMMIT")
    with pytest.raises(pymysql.err.OperationalError, match="1205"):
        observe(maria)
    copy = maria.copy()
    assert observe(copy) == (("A", 100), ("B", 100))
    copy.close()
    assert world.finish("pay") == "ok"
    world.close()


# Isolation:


@pytest.mark.parametrize(("level", "errors"), [("READ COMMITTED", 0), ("REPEATABLE READ", 0), ("SERIALIZABLE", 1)])
def test_a_lost_update_happens_without_any_error_at_the_default_level_too(maria: Cluster, level: str, errors: int) -> None:
    def count(env: Any) -> None:
        with env.connect("bank") as connection, connection.cursor() as cursor:
            cursor.execute(f"SET SESSION TRANSACTION ISOLATION LEVEL {level}")
            cursor.execute("SELECT balance FROM accounts WHERE id = 'A'")
            cursor.execute("UPDATE accounts SET balance = %s WHERE id = 'A'", (cursor.fetchone()[0] - 10,))
            connection.commit()

    def one(env: Any) -> None:
        count(env)

    def two(env: Any) -> None:
        count(env)

    world = Small(maria, one, two)
    for name in ("one", "two"):
        world.begin(name)
        world.step(name)
    for name in ("one", "two"):
        world.finish(name)
    for name, fault in world.actors.victims()[:1]:
        world.perform(Decision("victim", name, fault))
    for name in ("one", "two"):
        world.finish(name)
    assert len(told(world)) == errors
    assert balances(maria)["A"] == 90
    world.close()


def test_only_a_plain_read_after_another_one_at_repeatable_read_is_local(maria: Cluster) -> None:
    def repeatable(env: Any) -> None:
        do(env, "UPDATE accounts SET balance = 1 WHERE id = 'B'", "SELECT 1", *2 * [ALL], f"{ALL} FOR UPDATE")

    def committed(env: Any) -> None:
        do(env, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", *2 * [ALL])

    def reading(env: Any) -> None:
        do(env, *2 * [ALL])

    local = {}
    for code in (repeatable, committed, reading):
        world = Small(maria, code)
        world.begin(code.__name__)
        found = local[code.__name__] = []
        while (effect := world.pending(code.__name__)) is not None:
            found.append(effect.local)
            world.step(code.__name__)
        world.close()
    assert local == {"repeatable": [False, False, False, True, False, False], "committed": [False, False], "reading": [False, True]}


def test_a_transaction_that_has_only_read_is_part_of_the_state_and_lets_go_when_its_process_dies(maria: Cluster) -> None:
    def look(env: Any) -> None:
        do(env, "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE", ALL, ALL)

    world = Small(maria, look, pay)
    world.begin("look")
    world.step("look")
    assert any(world.processes["look"].host.pins())
    world.begin("pay")
    world.step("pay")
    assert world.runnable() == ["look"]
    world.crash("look")
    assert world.runnable() == ["pay"]
    assert world.finish("pay") == "ok"
    world.close()


# What commits:


@pytest.mark.parametrize("statement", ["BEGIN", "TRUNCATE TABLE other", "CREATE TABLE IF NOT EXISTS other (n INT)", "SET autocommit = 1"])
def test_what_commits_by_the_way_is_an_effect_that_commits(maria: Cluster, statement: str) -> None:
    install(maria, lambda env: do(env, "CREATE TABLE other (n INT)"))

    def half(env: Any) -> None:
        do(env, "UPDATE accounts SET balance = 0 WHERE id = 'A'", statement, "ROLLBACK", commit=False)

    world = Small(maria, half)
    world.finish("half")
    assert len(world.done) == 2
    assert balances(maria)["A"] == 0
    world.close()


def test_a_table_that_an_operation_creates_is_refused_when_the_next_run_begins(maria: Cluster) -> None:
    def define(env: Any) -> None:
        do(env, "CREATE TABLE made (n INT)")

    world = Small(maria, define)
    world.finish("define")
    world.close()
    with pytest.raises(UsageError, match=r"Do it in install\(\)"):
        maria.reset()


# Errors, faults and crashes:


@pytest.mark.parametrize(
    ("fault", "left", "said"), [("refused", 100, "1180"), ("lost", 100, "2013"), ("unacknowledged", 90, "2013"), ("late", 100, "2013")]
)
def test_commit_has_every_ambiguous_reply(maria: Cluster, fault: str, left: int, said: str) -> None:
    world = Small(maria, pay, pay_too)
    world.until("pay", "COMMIT")
    world.step("pay", fault)
    assert balances(maria)["A"] == left
    assert [said in text for text in told(world)] == [True]
    for label in list(world.late):
        world.begin("pay_too")
        world.step("pay_too")
        assert world.runnable() == []  # it keeps its locks
        assert world.perform(Decision("land", label))
        assert balances(maria)["A"] == 90
        assert world.finish("pay_too") == "ok"
    world.close()


def test_an_autocommitted_statement_may_take_effect_late_and_keeps_its_locks_until_then(maria: Cluster) -> None:
    def alone(env: Any) -> None:
        do(env, "UPDATE accounts SET balance = 50 WHERE id = 'A'", autocommit=True, commit=False)

    world = Small(maria, alone, pay)
    world.begin("alone")
    world.step("alone", "late")
    assert ([("2013" in text) for text in told(world)], balances(maria)["A"]) == ([True], 100)
    world.begin("pay")
    world.step("pay")
    assert world.runnable() == []
    assert world.perform(Decision("land", next(iter(world.late))))
    assert world.finish("pay") == "ok"
    assert balances(maria) == {"A": 40, "B": 110}
    world.close()


def test_a_crash_rolls_back_what_is_open_frees_its_locks_and_keeps_what_is_prepared(maria: Cluster) -> None:
    def prepare(env: Any) -> None:
        do(
            env, f"XA START {XID}", "UPDATE accounts SET balance = 0 WHERE id = 'B'", f"XA END {XID}", f"XA PREPARE {XID}", f"XA COMMIT {XID}",
            autocommit=True, commit=False,
        )  # fmt: skip

    world = Small(maria, pay, prepare, pay_too)
    world.begin("pay")
    world.step("pay")
    world.begin("pay_too")
    world.step("pay_too")
    world.until("prepare", "XA COMMIT")
    before = world.cluster.contents()
    world.crash("pay")
    world.crash("prepare")
    assert world.cluster.contents() == before
    assert world.runnable() == ["pay_too"]
    assert dict(maria.values()["bank"])["prepared transactions"] == (("k'1,bank,1",),)
    bank: Any = maria.database("bank")
    assert [bytes(data) for *_, data in bank.own.listed(query(maria, "XA RECOVER"))] == [b"k'1bank"]
    world.close()
    maria.reset()
    assert query(maria, "XA RECOVER") == []


def prepared_at(env: Any, name: str, xid: str = "'order''s 1','',7") -> Any:
    connection = env.connect(name, autocommit=True)
    with connection.cursor() as cursor:
        for statement in (f"XA START {xid}", "SELECT 1", f"XA END {xid}", f"XA PREPARE {xid}"):
            cursor.execute(statement)
    return connection


def listed(connection: Any, sql: str = "XA RECOVER") -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def test_two_databases_may_prepare_under_one_xid_and_list_their_own(maria: Cluster) -> None:
    def prepare(env: Any) -> Any:
        bank, shop = prepared_at(env, "bank"), prepared_at(env, "shop")
        with bank.cursor() as cursor:
            cursor.execute("XA COMMIT 'order''s 1','',7")
        return listed(bank), listed(shop), listed(shop, "XA RECOVER FORMAT='SQL'")

    world = Small(maria, prepare)
    assert world.finish("prepare") == ((), ((7, 9, 0, b"order's 1"),), ((7, 9, 0, "X'6f7264657227732031',X'',7"),))
    assert dict(maria.values()["shop"])["prepared transactions"] == (("order's 1,,7",),)
    world.close()
    maria.reset()
    assert query(maria, "XA RECOVER") == []


def test_what_another_database_has_prepared_is_unknown(maria: Cluster) -> None:
    def decide(env: Any) -> Any:
        bank = prepared_at(env, "bank", "X'61','x'")
        with env.connect("shop", autocommit=True).cursor() as cursor, pytest.raises(pymysql.err.OperationalError, match="XAER_NOTA"):
            cursor.execute("XA ROLLBACK X'61','x'")
        return listed(bank)

    world = Small(maria, decide)
    assert world.finish("decide") == ((1, 1, 1, b"ax"),)
    world.close()


def test_an_xid_that_has_no_room_for_the_database_is_refused(maria: Cluster) -> None:
    world = Small(maria, lambda env: prepared_at(env, "bank", f"'{'x' * 64}'"))
    with pytest.raises(UsageError, match="first part of the xid has 64 bytes"):
        world.finish("<lambda>")
    world.close()


def test_while_the_session_that_has_prepared_is_there_nobody_else_can_decide(maria: Cluster) -> None:
    def prepare(env: Any) -> None:
        do(env, f"XA START {XID}", f"XA END {XID}", f"XA PREPARE {XID}", "SELECT 1", commit=False, autocommit=True)

    def decide(env: Any) -> None:
        do(env, f"XA ROLLBACK {XID}", autocommit=True, commit=False)

    world = Small(maria, prepare, decide)
    world.until("prepare", "SELECT")
    world.finish("decide")
    assert "1397" in told(world)[0]
    world.crash("prepare")
    world.close()


def test_the_clean_up_of_a_dead_process_has_no_effect(maria: Cluster) -> None:
    def stubborn(env: Any) -> None:
        connection = env.connect("bank")
        try:
            connection.cursor().execute("UPDATE accounts SET balance = 0 WHERE id = 'A'")
            connection.cursor().execute("SELECT 1")
        finally:
            connection.commit()
            connection.close()

    world = Small(maria, stubborn, pay)
    world.until("stubborn", "SELECT")
    world.begin("pay")
    world.step("pay")
    world.crash("stubborn")
    assert balances(maria)["A"] == 100
    assert world.finish("pay") == "ok"
    world.close()


def test_a_process_that_dies_while_it_waits_waits_no_more(maria: Cluster) -> None:
    world = Small(maria, pay, pay_too)
    world.until("pay", "COMMIT")
    world.begin("pay_too")
    world.step("pay_too")
    world.crash("pay_too")
    assert world.finish("pay") == "ok"
    assert balances(maria) == {"A": 90, "B": 110}
    world.close()


# Between runs:


def test_the_sessions_of_an_engine_are_used_again(maria: Cluster) -> None:
    def who(env: Any) -> int:
        with env.engine("bank").connect() as connection:
            return int(connection.scalar(sa.text("SELECT connection_id()")))

    numbers = set()
    for _ in range(3):
        world = Small(maria, who)
        numbers.add(world.finish("who"))
        world.close()
        maria.reset()
    assert len(numbers) == 1


def test_counters_are_part_of_a_state_and_are_put_back(maria: Cluster) -> None:
    install(maria, lambda env: do(env, "CREATE TABLE n (n INT AUTO_INCREMENT PRIMARY KEY)", "INSERT INTO n VALUES (), ()", "DELETE FROM n WHERE n = 2"))

    def take(env: Any) -> int:
        with env.connect("bank") as connection, connection.cursor() as cursor:
            cursor.execute("INSERT INTO n VALUES ()")
            connection.rollback()
            return int(cursor.lastrowid)

    before = maria.contents()
    for _ in range(2):
        world = Small(maria, take)
        assert world.finish("take") == 3
        assert maria.contents() != before
        world.close()
        maria.reset()
        assert maria.contents() == before
