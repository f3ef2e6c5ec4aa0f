"""Whatever way code reaches SQLite, each statement that matters is an effect before which it parks."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from small_world import Small, balance, effects, read, run
from sqlalchemy import orm

from acidtest.errors import UsageError
from acidtest.world import interpose

if TYPE_CHECKING:
    from pathlib import Path

    from acidtest.world.core.cluster import Cluster

interpose.install()
from sqlite3 import connect as bound_after_install  # noqa: E402 - bound late, as in code under test

PAY = "UPDATE accounts SET balance = balance - 61 WHERE id = 'A'"
READ = "SELECT balance FROM accounts WHERE id = 'A'"
PAID = ["bank: UPDATE accounts", "bank: COMMIT"]


class Base(orm.DeclarativeBase):
    pass


class Account(Base):
    __tablename__ = "accounts"
    id: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    balance: orm.Mapped[int]


# SQLAlchemy:


def test_an_engine_of_the_environment_is_driven(cluster: Cluster) -> None:
    def pay(env: Any) -> None:
        with env.engine("bank").begin() as connection:
            connection.execute(sa.text(READ))
            connection.execute(sa.text(PAY))

    assert effects(cluster, pay) == ["bank: SELECT accounts", *PAID]
    assert balance(cluster) == 39


def test_an_orm_session_is_driven(cluster: Cluster) -> None:
    def pay(env: Any) -> None:
        with orm.Session(env.engine("bank")) as session:
            account = session.get_one(Account, "A")
            account.balance -= 61
            session.commit()

    assert effects(cluster, pay) == ["bank: SELECT accounts", *PAID]
    assert balance(cluster) == 39


def test_a_nested_transaction_of_sqlalchemy_is_undone_alone(cluster: Cluster) -> None:
    def pay(env: Any) -> None:
        with env.engine("bank").begin() as connection:
            connection.execute(sa.text(PAY))
            savepoint = connection.begin_nested()
            connection.execute(sa.text("UPDATE accounts SET balance = 0"))
            savepoint.rollback()

    assert effects(cluster, pay) == ["bank: UPDATE accounts", *PAID]
    assert balance(cluster) == 39


def test_autocommit_of_sqlalchemy_commits_each_statement(cluster: Cluster) -> None:
    def pay(env: Any) -> None:
        with env.engine("bank").connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text(PAY))

    assert effects(cluster, pay) == ["bank: UPDATE accounts"]
    assert balance(cluster) == 39


def test_an_engine_used_in_autocommit_begins_again_afterwards(cluster: Cluster) -> None:
    def pay(env: Any) -> None:
        engine = env.engine("bank")
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text(READ))
        with engine.connect() as connection:
            connection.execute(sa.text(PAY))  # never committed

    assert effects(cluster, pay) == ["bank: SELECT accounts", "bank: UPDATE accounts"]
    assert balance(cluster) == 100


def test_begin_immediate_on_an_engine_replaces_the_begin_that_the_engine_has_sent(cluster: Cluster) -> None:
    def pay(env: Any) -> None:
        with env.engine("bank").begin() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            connection.execute(sa.text(PAY))

    assert effects(cluster, pay) == ["bank: BEGIN IMMEDIATE", *PAID]
    assert balance(cluster) == 39


def test_listeners_that_a_process_adds_to_an_engine_do_not_pile_up(cluster: Cluster) -> None:
    """SQLAlchemy's own advice for sqlite3: a listener that sends BEGIN."""
    began = []

    def pay(env: Any) -> None:
        engine = env.engine("bank")

        @sa.event.listens_for(engine, "begin")
        def begin(connection: sa.Connection) -> None:
            began.append(1)
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        with engine.begin() as connection:
            connection.execute(sa.text(PAY))

    for run_number in (1, 2, 3):
        assert effects(cluster, pay) == ["bank: BEGIN IMMEDIATE", *PAID]
        assert len(began) == run_number


def test_an_engine_that_code_makes_itself_is_driven(cluster: Cluster) -> None:
    def pay(env: Any) -> None:
        with sa.create_engine(env.url("bank")).begin() as connection:
            connection.execute(sa.text(PAY))

    assert effects(cluster, pay) == PAID
    assert balance(cluster) == 39


def test_two_tasks_that_connect_an_engine_of_their_own_for_the_first_time_do_not_hang(cluster: Cluster) -> None:
    engines: list[sa.Engine] = []

    def one(env: Any) -> int:
        if not engines:
            engines.append(sa.create_engine(env.url("bank")))
        with engines[0].connect() as connection:
            return int(connection.scalar(sa.text(READ)) or 0)

    def two(env: Any) -> int:
        return one(env)

    world = Small(cluster, one, two, together=True)
    assert world.begin("one") == world.begin("two") == "bank: SELECT accounts"
    assert (world.finish("one"), world.finish("two")) == (100, 100)
    engines[0].dispose()
    world.close()


# sqlite3:


def test_the_legacy_implicit_begin_opens_a_transaction_before_the_first_write(cluster: Cluster) -> None:
    def pay(env: Any) -> None:
        connection = env.connect("bank")
        connection.execute(READ)
        assert not connection.in_transaction
        connection.execute(PAY)
        assert connection.in_transaction
        connection.commit()

    assert effects(cluster, pay) == ["bank: SELECT accounts", *PAID]
    assert balance(cluster) == 39


def test_without_isolation_level_each_statement_commits(cluster: Cluster) -> None:
    def pay(env: Any) -> None:
        env.connect("bank", isolation_level=None).execute(PAY)

    assert effects(cluster, pay) == ["bank: UPDATE accounts"]
    assert balance(cluster) == 39


def test_begin_immediate_takes_the_lock_as_an_effect(cluster: Cluster) -> None:
    def pay(env: Any) -> None:
        connection = env.connect("bank", isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(PAY)
        connection.execute("COMMIT")

    assert effects(cluster, pay) == ["bank: BEGIN IMMEDIATE", *PAID]


def test_isolation_level_immediate_is_kept(cluster: Cluster) -> None:
    def pay(env: Any) -> None:
        connection = env.connect("bank", isolation_level="IMMEDIATE")
        connection.execute(PAY)
        connection.commit()

    assert effects(cluster, pay) == PAID


def test_a_with_block_commits_and_after_an_error_rolls_back(cluster: Cluster) -> None:
    def pay(env: Any) -> None:
        connection = env.connect("bank")
        with connection:
            connection.execute(PAY)
        try:
            with connection:
                connection.execute("UPDATE accounts SET balance = 0")
                connection.execute("INSERT INTO accounts VALUES ('A', 1)")
        except sqlite3.IntegrityError:
            return

    assert effects(cluster, pay) == [*PAID, "bank: UPDATE accounts", "bank: INSERT accounts"]
    assert balance(cluster) == 39


def test_executemany_is_one_effect_in_a_transaction(cluster: Cluster) -> None:
    def pay(env: Any) -> int:
        connection = env.connect("bank")
        cursor = connection.executemany("UPDATE accounts SET balance = ? WHERE id = ?", [(1, "A"), (2, "B")])
        connection.commit()
        return int(cursor.rowcount)

    world = run(cluster, pay)
    assert world.done == PAID
    assert world.answers == {"pay": 2}
    world.close()


def test_executemany_in_autocommit_is_an_effect_for_each_row(cluster: Cluster) -> None:
    def pay(env: Any) -> int:
        cursor = env.connect("bank", isolation_level=None).cursor()
        cursor.executemany("UPDATE accounts SET balance = ? WHERE id = ?", iter([(1, "A"), (2, "B")]))
        return int(cursor.rowcount)

    world = run(cluster, pay)
    assert world.done == ["bank: UPDATE accounts"] * 2
    assert world.answers == {"pay": 2}
    world.close()


def test_each_statement_of_a_script_is_an_effect_and_an_open_transaction_is_committed_first(cluster: Cluster) -> None:
    script = """
        -- a comment; with a semicolon
        CREATE TABLE log (what TEXT);
        CREATE TRIGGER t AFTER UPDATE ON accounts BEGIN INSERT INTO log VALUES ('paid; once'); END;
        BEGIN; UPDATE accounts SET balance = 5 WHERE id = 'B'; COMMIT;
        SELECT * FROM log; /* the end */
    """

    def pay(env: Any) -> str:
        connection = env.connect("bank")
        connection.execute(PAY)
        connection.executescript(script)
        return str(connection.isolation_level)

    world = run(cluster, pay)
    assert world.done == [
        *PAID, "bank: CREATE TABLE log", "bank: CREATE TRIGGER t", "bank: UPDATE accounts", "bank: COMMIT", "bank: SELECT log",
    ]  # fmt: skip
    assert world.answers == {"pay": ""}
    assert read(cluster, "SELECT * FROM log") == [("paid; once",)]
    assert (balance(cluster), balance(cluster, "B")) == (39, 5)
    world.close()


def test_a_script_can_fail_in_the_middle_and_leaves_what_came_before(cluster: Cluster) -> None:
    def pay(env: Any) -> None:
        env.connect("bank").executescript(f"{PAY}; INSERT INTO accounts VALUES ('A', 1); UPDATE accounts SET balance = 0")

    world = run(cluster, pay)
    assert world.answers["pay"] == "IntegrityError: UNIQUE constraint failed: accounts.id"
    assert balance(cluster) == 39
    world.close()


def test_releasing_the_savepoint_that_began_a_transaction_is_its_commit(cluster: Cluster) -> None:
    def pay(env: Any) -> None:
        connection = env.connect("bank", isolation_level=None)
        connection.execute("SAVEPOINT outer")
        connection.execute(PAY)
        connection.execute("SAVEPOINT inner")
        connection.execute("UPDATE accounts SET balance = 0")
        connection.execute("ROLLBACK TO inner")
        connection.execute("RELEASE inner")
        connection.execute("RELEASE SAVEPOINT outer")

    world = Small(cluster, pay)
    world.until("pay", "RELEASE outer")
    effect = world.pending("pay")
    assert effect is not None
    assert not effect.local
    assert "unacknowledged" in effect.faults
    assert balance(cluster) == 100
    world.finish("pay")
    assert balance(cluster) == 39
    world.close()


def test_row_factories_work_and_rows_are_remembered_by_what_they_hold(cluster: Cluster) -> None:
    class Plain:
        def __init__(self, cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> None:
            self.__dict__.update(zip([c[0] for c in cursor.description], row, strict=True))

    def look(env: Any) -> list[Any]:
        connection = env.connect("bank")
        found = []
        for factory in (sqlite3.Row, Plain, lambda cursor, row: dict(zip([c[0] for c in cursor.description], row, strict=True))):
            connection.row_factory = factory
            row = connection.execute(READ).fetchone()
            found.append(row["balance"] if not isinstance(row, Plain) else row.balance)  # type: ignore[attr-defined]
        return found

    keys = []
    for _ in range(2):
        world = run(cluster, look)
        assert world.answers == {"look": [100, 100, 100]}
        keys.append(world.key())
        world.close()
    assert keys[0] == keys[1]


def test_a_connection_class_and_a_cursor_class_of_the_callers_are_driven(cluster: Cluster) -> None:
    class Audited(sqlite3.Cursor):
        def execute(self, sql: str, *arguments: Any) -> Audited:
            return super().execute(f"/* audited */ {sql}", *arguments)

    class Custom(sqlite3.Connection):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.execute("PRAGMA foreign_keys = ON")  # as many do
            self.label = "mine"

        def cursor(self, factory: Any = Audited) -> Any:
            return super().cursor(factory)

    def pay(env: Any) -> str:
        connection = env.connect("bank", factory=Custom)
        connection.execute(PAY)
        connection.commit()
        assert isinstance(connection, Custom)
        assert isinstance(connection.cursor(), Audited)
        return str(connection.label)

    world = run(cluster, pay)
    assert world.done == PAID
    assert world.answers == {"pay": "mine"}
    world.close()


def test_returning_in_autocommit_is_durable_once_its_rows_are_read(cluster: Cluster) -> None:
    def pay(env: Any) -> int:
        connection = env.connect("bank", isolation_level=None)
        (row,) = connection.execute(f"{PAY} RETURNING balance").fetchall()
        env.broker.publish("1", "A", "paid")
        return int(row[0])

    world = Small(cluster, pay)
    before = world.cluster.contents()
    world.until("pay", "publish")
    assert world.cluster.contents() != before
    assert world.finish("pay") == 39
    world.close()


# Code that opens its connections itself:


@pytest.mark.parametrize("connect", [sqlite3.connect, bound_after_install, sqlite3.dbapi2.connect])
def test_a_connection_that_code_opens_itself_is_driven(cluster: Cluster, connect: Any, tmp_path: Path) -> None:
    real = tmp_path / "bank.db"
    real.write_bytes(b"not to be touched")

    def write(env: Any) -> None:
        connection = connect(real, 5.0)
        connection.execute("CREATE TABLE t (a)")
        with connection:
            connection.execute("INSERT INTO t VALUES (1)")
        connection.close()

    name = str(real)
    assert effects(cluster, write) == [f"{name}: CREATE TABLE t", f"{name}: INSERT t", f"{name}: COMMIT"]
    assert real.read_bytes() == b"not to be touched"
    assert list(tmp_path.iterdir()) == [real]


def test_a_path_written_in_different_ways_names_one_database(cluster: Cluster, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)

    def write(env: Any) -> None:
        for path in ("some.db", "./some.db", tmp_path / "some.db", b"some.db", "file:some.db?mode=rwc"):
            connection = sqlite3.connect(path, uri=True)
            connection.executescript("CREATE TABLE IF NOT EXISTS t (a); INSERT INTO t VALUES (1)")
        connection = env.connect("some.db")
        env.broker.publish("1", "A", connection.execute("SELECT count(*) FROM t").fetchone()[0])

    world = run(cluster, write)
    assert [message.payload for message in world.devices["broker"].log] == ["5"]
    assert not list(tmp_path.iterdir())
    world.close()


def test_a_private_database_stays_private(cluster: Cluster) -> None:
    def work(env: Any) -> int:
        connection = sqlite3.connect(":memory:")
        connection.executescript("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)")
        (count,) = connection.execute("SELECT count(*) FROM t").fetchone()
        connection.close()
        sqlite3.connect("").close()
        return int(count)

    world = run(cluster, work)
    assert (world.done, world.answers) == ([], {"work": 2})
    world.close()


def test_outside_of_a_world_sqlite3_is_what_it_was(cluster: Cluster, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "real.db")
    connection.execute("CREATE TABLE t (a)")
    connection.close()
    assert (tmp_path / "real.db").exists()
    assert type(connection) is sqlite3.Connection


@pytest.mark.parametrize(
    "undriven",
    [
        lambda c: c.execute("ATTACH DATABASE 'other.db' AS other"),
        lambda c: c.execute("VACUUM INTO 'copy.db'"),
        lambda c: c.blobopen("accounts", "balance", 1),
        lambda c: c.backup(c),
        lambda c: c.cursor(lambda connection: sqlite3.Cursor(connection)),
    ],
)  # fmt: skip
def test_what_cannot_be_driven_is_refused_by_name(cluster: Cluster, undriven: Any) -> None:
    def work(env: Any) -> None:
        undriven(env.connect("bank"))

    with pytest.raises(UsageError, match="driven"):
        run(cluster, work)
    cluster.hang_up()
