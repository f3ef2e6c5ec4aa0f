"""Ambiguous replies of COMMIT and publish: what the caller is told, and what is really so."""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from small_world import Small, balance

from acidtest.world.core.effects import COMMIT_FAULTS, PUBLISH_FAULTS, Decision

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster

PAY = "UPDATE accounts SET balance = balance - 10 WHERE id = 'A'"
READ = "SELECT balance FROM accounts WHERE id = 'A'"
LOST = "connection to database 'bank' was lost during COMMIT; the outcome is unknown"
AMBIGUOUS = ["lost", "unacknowledged", "late"]


def pay(env: Any) -> str:
    """One transaction by SQLAlchemy; the answer is the text of the error."""
    try:
        with env.engine("bank").begin() as connection:
            connection.execute(sa.text(PAY))
    except sa.exc.OperationalError as error:
        return str(error.orig)
    return "paid"


def pay_raw(env: Any) -> str:
    """One transaction by sqlite3."""
    try:
        with env.connect("bank") as connection:
            connection.execute(PAY)
    except sqlite3.OperationalError as error:
        return str(error)
    return "paid"


def pay_by_an_engine_of_its_own(env: Any) -> str:
    try:
        with sa.create_engine(env.url("bank")).begin() as connection:
            connection.execute(sa.text(PAY))
    except sa.exc.OperationalError as error:
        return str(error.orig)
    return "paid"


CODES = [pay, pay_raw, pay_by_an_engine_of_its_own]


def after(cluster: Cluster, code: Any, fault: str) -> Small:
    """The world after `fault` has befallen the COMMIT of `code`."""
    world = Small(cluster, code)
    world.until(code.__name__, "COMMIT")
    world.step(code.__name__, fault)
    world.finish(code.__name__)
    return world


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(("fault", "told", "left"), [
    ("", "paid", 90), ("refused", "database or disk is full", 100), ("lost", LOST, 100), ("unacknowledged", LOST, 90), ("late", LOST, 100),
])  # fmt: skip
def test_what_a_commit_tells_and_what_it_does(cluster: Cluster, code: Any, fault: str, told: str, left: int) -> None:
    world = after(cluster, code, fault)
    assert world.answers == {code.__name__: told}
    assert balance(cluster) == left
    for label in list(world.late):
        world.perform(Decision("land", label))
    assert balance(cluster) == (90 if fault == "late" else left)
    world.close()


@pytest.mark.parametrize("code", CODES)
def test_the_caller_cannot_tell_the_ambiguous_replies_apart(cluster: Cluster, code: Any) -> None:
    digests = set()
    for fault in AMBIGUOUS:
        world = after(cluster, code, fault)
        digests.add(world.processes[code.__name__].digest)
        world.close()
    assert len(digests) == 1


def test_every_fault_of_a_commit_is_offered_for_each_form_of_it(cluster: Cluster) -> None:
    def in_sql(env: Any) -> None:
        connection = env.connect("bank", isolation_level=None)
        connection.execute("BEGIN")
        connection.execute(PAY)
        connection.execute("END TRANSACTION")

    for code in (*CODES, in_sql):
        world = Small(cluster, code)
        world.until(code.__name__, "END" if code is in_sql else "COMMIT")
        effect = world.pending(code.__name__)
        assert effect is not None
        assert effect.faults == COMMIT_FAULTS
        world.close()


@pytest.mark.parametrize(("fault", "left"), [("lost", 100), ("unacknowledged", 90), ("refused", 100)])
@pytest.mark.parametrize("sql", [PAY, PAY + " RETURNING balance"])
def test_a_write_in_autocommit_is_its_own_commit(cluster: Cluster, sql: str, fault: str, left: int) -> None:
    def write(env: Any) -> str:
        try:
            env.connect("bank", isolation_level=None).execute(sql).fetchall()
        except sqlite3.OperationalError as error:
            return str(error)
        return "paid"

    world = Small(cluster, write)
    world.begin("write")
    world.step("write", fault)
    told = "database is locked" if fault == "refused" else LOST.replace("COMMIT", "UPDATE accounts")
    assert world.answers == {"write": told}
    assert balance(cluster) == left
    world.close()


@pytest.mark.parametrize("sql", [PAY, PAY + " RETURNING balance"])
def test_a_crash_upon_a_write_in_autocommit_leaves_it_done(cluster: Cluster, sql: str) -> None:
    def write(env: Any) -> None:
        env.connect("bank", isolation_level=None).execute(sql).fetchall()

    world = Small(cluster, write)
    world.begin("write")
    world.step("write", "crash")
    assert balance(cluster) == 90
    world.close()


# Late:


def test_a_late_commit_holds_its_lock_until_it_lands(cluster: Cluster) -> None:
    def pay_too(env: Any) -> str:
        return pay(env)

    world = Small(cluster, pay, pay_too)
    world.until("pay", "COMMIT")
    world.step("pay", "late")
    world.begin("pay_too")
    assert world.step("pay_too") == "blocked"
    assert list(world.late) == ["bank: COMMIT (late 1)"]
    world.perform(Decision("land", "bank: COMMIT (late 1)"))
    assert world.finish("pay_too") == "paid"
    assert balance(cluster) == 80
    world.close()


@pytest.mark.parametrize("code", CODES)
def test_a_late_commit_lands_also_when_its_process_has_crashed_in_between(cluster: Cluster, code: Any) -> None:
    world = after(cluster, code, "late")
    world.crash(code.__name__)
    world.restart(code.__name__)
    assert balance(cluster) == 100
    world.perform(Decision("land", "bank: COMMIT (late 1)"))
    assert balance(cluster) == 90
    world.close()


def test_a_late_commit_in_a_database_that_the_run_itself_has_made_lands_too(cluster: Cluster) -> None:
    def make(env: Any) -> None:
        connection = sqlite3.connect("made.db")
        connection.execute("CREATE TABLE t (a)")
        connection.execute("INSERT INTO t VALUES (1)")
        connection.commit()

    world = after(cluster, make, "late")
    (label,) = world.late
    world.perform(Decision("land", label))
    assert cluster.values()["made.db"] == (("t", ((1,),)),)
    world.close()


def test_what_lands_later_is_part_of_the_key(cluster: Cluster) -> None:
    """Two worlds may differ in nothing else: the process that sent it is gone."""
    keys = set()
    for amount in (10, 20):

        def write(env: Any, amount: int = amount) -> None:
            with env.connect("bank") as connection:
                connection.execute("UPDATE accounts SET balance = balance - ?", (amount,))

        world = after(cluster, write, "late")
        world.crash("write")
        world.restart("write")
        keys.add(world.key())
        world.close()
    assert len(keys) == 2


def test_a_late_commit_that_never_landed_is_gone_in_the_next_run(cluster: Cluster) -> None:
    after(cluster, pay, "late").close()
    world = Small(cluster, pay)
    assert world.finish("pay") == "paid"
    assert balance(cluster) == 90
    world.close()


def test_landing_what_is_not_late_is_refused(cluster: Cluster) -> None:
    world = Small(cluster, pay)
    assert not world.perform(Decision("land", "bank: COMMIT (late 7)"))
    world.close()


# Connections:


@pytest.mark.parametrize("fault", AMBIGUOUS)
def test_a_pool_drops_the_connection_whose_commit_got_no_answer(cluster: Cluster, fault: str, caplog: Any) -> None:
    def pay_then_look(env: Any, engine: Any = None) -> Any:
        engine = engine or env.engine("bank")
        try:
            with engine.begin() as connection:
                connection.execute(sa.text(PAY))
        except sa.exc.OperationalError:
            with engine.connect() as connection:
                return connection.scalar(sa.text(READ))

    def by_its_own_engine(env: Any) -> Any:
        return pay_then_look(env, sa.create_engine(env.url("bank")))

    with caplog.at_level(logging.WARNING):
        for code in (pay_then_look, by_its_own_engine):
            world = after(cluster, code, fault)
            assert world.answers == {code.__name__: 90 if fault == "unacknowledged" else 100}
            world.close()
    assert caplog.messages == []


def test_a_lost_connection_that_was_given_back_to_its_pool_is_not_handed_out_again(cluster: Cluster) -> None:
    def go_around_sqlalchemy(env: Any) -> int:
        engine = env.engine("bank")
        raw = engine.raw_connection()
        try:
            raw.execute("BEGIN")
            raw.execute(PAY)
            raw.commit()
        except sqlite3.OperationalError:
            raw.close()
        with engine.connect() as connection:
            return int(connection.scalar(sa.text(READ)))

    for _ in range(2):
        world = after(cluster, go_around_sqlalchemy, "lost")
        assert world.answers == {"go_around_sqlalchemy": 100}
        world.close()


def test_a_lost_connection_is_closed_for_its_owner(cluster: Cluster) -> None:
    def go_on(env: Any) -> str:
        connection = env.connect("bank")
        try:
            with connection:
                connection.execute(PAY)
        except sqlite3.OperationalError:
            connection.rollback()
        try:
            connection.execute(READ)
        except sqlite3.ProgrammingError as error:
            connection.close()
            return str(error)
        return "it goes on"

    world = after(cluster, go_on, "unacknowledged")
    assert world.answers == {"go_on": "Cannot operate on a closed database."}
    world.close()


def test_after_a_refused_commit_the_connection_goes_on(cluster: Cluster) -> None:
    def again(env: Any) -> str:
        connection = env.connect("bank")
        for _ in range(2):
            try:
                with connection:
                    connection.execute(PAY)
            except sqlite3.OperationalError:
                continue
            return "paid"
        return "given up"

    world = after(cluster, again, "refused")
    assert world.answers == {"again": "paid"}
    assert balance(cluster) == 90
    world.close()


# Publish:


def tell(env: Any) -> str:
    try:
        env.broker.publish("m1", "A", {"amount": 10})
    except Exception as error:  # noqa: BLE001 - the point
        return f"{type(error).__name__}: {error}"
    return "told"


REFUSAL = "BrokerRefused: the broker refused the message 'm1'"
TIMEOUT = "BrokerTimeout: the broker did not confirm the message 'm1' in time"


@pytest.mark.parametrize(("fault", "told", "copies"), [
    ("", "told", 1), ("refused", REFUSAL, 0), ("lost", TIMEOUT, 0), ("unacknowledged", TIMEOUT, 1), ("late", TIMEOUT, 0), ("twice", "told", 2),
])  # fmt: skip
def test_what_publish_tells_and_what_it_does(cluster: Cluster, fault: str, told: str, copies: int) -> None:
    world = Small(cluster, tell)
    world.begin("tell")
    effect = world.pending("tell")
    assert effect is not None
    assert effect.faults == PUBLISH_FAULTS
    world.step("tell", fault)
    assert world.answers == {"tell": told}
    assert [message.payload for message in world.devices["broker"].log] == ['{"amount": 10}'] * copies
    if fault == "late":
        world.crash("tell")
        world.perform(Decision("land", "publish A (late 1)"))
        assert len(world.devices["broker"].log) == 1
    world.close()


def test_a_broker_that_is_down_or_will_not_have_a_key_refuses_without_a_fault(cluster: Cluster) -> None:
    world = Small(cluster, tell)
    world.devices["broker"].down = True
    assert world.finish("tell") == REFUSAL.replace("BrokerRefused", "BrokerUnreachable")
    world.close()
    world = Small(cluster, tell)
    world.devices["broker"].poison = frozenset({"A"})
    assert world.finish("tell") == REFUSAL
    world.close()
