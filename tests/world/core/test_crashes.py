"""A crash takes memory and connections, never what was committed; and the dead do nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from small_world import ACCOUNTS, Small, balance, install, read
from sqlalchemy import orm

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster

PAY = "UPDATE accounts SET balance = balance - 10 WHERE id = 'A'"


def pay(env: Any) -> str:
    """Two transactions, then a message, all by SQLAlchemy."""
    engine = env.engine("bank")
    for _ in range(2):
        with engine.begin() as connection:
            connection.execute(sa.text(PAY))
    env.broker.publish("1", "A", "paid")
    return "paid"


def pay_raw(env: Any) -> str:
    """The same by sqlite3."""
    connection = env.connect("bank")
    for _ in range(2):
        with connection:
            connection.execute(PAY)
    env.broker.publish("1", "A", "paid")
    return "paid"


@pytest.mark.parametrize("code", [pay, pay_raw])
def test_after_a_crash_at_any_effect_exactly_what_was_committed_is_there(cluster: Cluster, code: Any) -> None:
    name, committed = code.__name__, [0, 0, 10, 10, 20]
    for place, paid in enumerate(committed):
        world = Small(cluster, code)
        world.begin(name)
        for _ in range(place):
            world.step(name)
        before = balance(cluster)
        world.crash(name)
        assert before == balance(cluster) == 100 - paid
        assert world.devices["broker"].log == []
        assert [event.value for event in world.events if event.kind == "unknown"] == ["its process crashed"]
        world.close()


@pytest.mark.parametrize("code", [pay, pay_raw])
def test_after_a_crash_upon_an_effect_it_has_taken_effect_and_nothing_after_it(cluster: Cluster, code: Any) -> None:
    name, balances, messages = code.__name__, [100, 90, 90, 80, 80], [0, 0, 0, 0, 1]
    for place in range(5):
        world = Small(cluster, code)
        world.begin(name)
        for _ in range(place):
            world.step(name)
        world.step(name, "crash")
        assert balance(cluster) == balances[place]
        assert len(world.devices["broker"].log) == messages[place]
        assert not world.processes[name].alive
        assert world.runnable() == []
        world.close()


def test_what_a_dead_process_does_in_finally_has_no_effect(cluster: Cluster) -> None:
    tried = []

    def clean_up(env: Any) -> None:
        session = orm.Session(env.engine("bank"))
        try:
            session.execute(sa.text(PAY))
            session.commit()
        finally:
            tried.append("rollback")
            session.rollback()
            tried.append("publish")
            env.broker.publish("1", "A", "it failed")
            tried.append("never")

    world = Small(cluster, clean_up)
    world.until("clean_up", "COMMIT")
    world.crash("clean_up")
    assert tried == ["rollback", "publish"]
    assert world.devices["broker"].log == []
    assert balance(cluster) == 100
    world.close()


@pytest.mark.parametrize("where", ["UPDATE", "COMMIT", "publish"])
def test_code_that_catches_everything_cannot_outlive_its_process(cluster: Cluster, where: str) -> None:
    tried = []

    def stubborn(env: Any) -> None:
        while True:
            try:
                tried.append(1)
                with env.engine("bank").begin() as connection:
                    connection.execute(sa.text(PAY))
                env.broker.publish("1", "A", "paid")
            except BaseException:  # noqa: BLE001, S112 - that is the bug
                continue

    world = Small(cluster, stubborn)
    world.until("stubborn", where)
    before = balance(cluster), len(world.devices["broker"].log)
    tried.clear()
    world.crash("stubborn")
    assert (balance(cluster), len(world.devices["broker"].log)) == before
    assert len(tried) < 100
    world.close()


def test_a_call_that_swallows_the_crash_and_answers_is_not_heard(cluster: Cluster) -> None:
    def swallow(env: Any) -> str:
        try:
            env.broker.publish("1", "A", "paid")
        except BaseException:  # noqa: BLE001 - that is the bug
            return "ok"
        return "paid"

    world = Small(cluster, swallow)
    world.until("swallow", "publish")
    world.crash("swallow")
    assert [(event.kind, event.value) for event in world.events if event.subject == "swallow"] == [
        ("invoke", None), ("crash", None), ("unknown", "its process crashed"),
    ]  # fmt: skip
    world.close()


def test_code_that_would_not_die_does_not_keep_the_interpreter_alive() -> None:
    """It is left parked for ever, and the end of the interpreter must not wake it."""
    program = """
import sys
sys.path[:0] = [{folder!r}]
from acidtest.world.databases.table import open_cluster
from small_world import Small, install
def stubborn(env):
    while True:
        try:
            env.connect("bank").execute("SELECT 1")
        except BaseException:
            continue
cluster = open_cluster()
install(cluster)
world = Small(cluster, stubborn)
world.until("stubborn", "SELECT")
world.crash("stubborn")
print("done")
"""
    program = program.format(folder=str(Path(__file__).parents[1]))
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=20, check=True)  # noqa: S603
    assert result.stdout == b"done\n"
    assert result.stderr == b""


def test_setting_isolation_level_in_clean_up_does_not_commit(cluster: Cluster) -> None:
    def switch(env: Any) -> None:
        connection = env.connect("bank")
        try:
            connection.execute(PAY)
            connection.execute("SELECT 1")
        finally:
            connection.isolation_level = None

    world = Small(cluster, switch)
    world.until("switch", "SELECT")
    world.crash("switch")
    assert balance(cluster) == 100
    world.close()


def test_in_a_living_process_setting_isolation_level_commits_as_an_effect(cluster: Cluster) -> None:
    def switch(env: Any) -> None:
        connection = env.connect("bank")
        connection.execute(PAY)
        connection.isolation_level = None

    world = Small(cluster, switch)
    world.finish("switch")
    assert world.done == ["bank: UPDATE accounts", "bank: COMMIT"]
    assert balance(cluster) == 90
    world.close()


def test_a_write_whose_rows_are_still_unread_is_undone_by_a_crash(cluster: Cluster) -> None:
    def claim(env: Any) -> None:
        connection = env.connect("bank", isolation_level=None)
        for (account,) in connection.execute("UPDATE accounts SET balance = 0 RETURNING id"):
            env.broker.publish(account, account, "")

    world = Small(cluster, claim, pay)
    world.until("claim", "publish A")
    world.crash("claim")
    assert read(cluster, "SELECT balance FROM accounts") == [(100,), (100,)]
    assert world.finish("pay") == "paid"
    world.close()


def test_memory_is_lost_and_commits_stay(cluster: Cluster) -> None:
    class Remembering:
        def __init__(self, env: Any) -> None:
            self.engine = env.engine("bank")
            self.paid = 0

        def pay(self) -> int:
            with self.engine.begin() as connection:
                connection.execute(sa.text(PAY))
            self.paid += 1
            return self.paid

    world = Small(cluster, pay)
    made: list[Remembering] = []

    def make(env: Any) -> Remembering:
        made.append(Remembering(env))
        return made[-1]

    world.factory = make
    for _ in range(2):
        world.crash("pay")
        world.restart("pay")
        task = world.call("pay", "pay")
        while not task.finished:
            task.resume()
        assert task.value == 1
    assert [one.paid for one in made] == [1, 1]
    assert balance(cluster) == 80
    world.close()


def test_a_process_can_crash_while_it_recovers_and_recovers_again(cluster: Cluster) -> None:
    def work(env: Any) -> None:
        env.broker.publish("1", "A", "")

    def recover(env: Any) -> None:
        for _ in range(2):
            with env.engine("bank").begin() as connection:
                connection.execute(sa.text(PAY))

    world = Small(cluster, work, recover)
    world.crash("work")
    world.restart("work")
    assert not world.processes["work"].ready
    assert world.runnable() == ["work"]
    for fault in ("", "", "", "crash"):
        world.advance("work", fault)
    assert balance(cluster) == 80
    assert not world.processes["work"].alive
    world.restart("work")
    while "work" in world.starting:
        world.advance("work")
    assert world.processes["work"].ready
    assert world.processes["work"].incarnation == 3
    assert balance(cluster) == 60
    world.close()


def test_all_calls_of_a_process_die_with_it(cluster: Cluster) -> None:
    def one(env: Any) -> str:
        return pay(env)

    def two(env: Any) -> str:
        return pay(env)

    world = Small(cluster, one, two, together=True)
    world.begin("one")
    world.begin("two")
    world.crash("app")
    assert sorted(e.subject for e in world.events if e.kind == "unknown") == ["one", "two"]
    assert world.runnable() == []
    world.close()


def test_a_client_asks_again_after_a_crash_as_often_as_it_may(cluster: Cluster) -> None:
    world = Small(cluster, pay, retries=1)
    for _ in range(2):
        world.until("pay", "UPDATE")
        world.crash("pay")
        world.restart("pay")
    assert world.clients["pay"].done
    world.close()


@pytest.mark.parametrize("code", [pay, pay_raw])
def test_no_run_leaves_a_transaction_or_a_lock_to_the_next(cluster: Cluster, code: Any) -> None:
    name = code.__name__
    keys = set()
    for place in range(5):
        world = Small(cluster, code)
        world.begin(name)
        for _ in range(place):
            world.step(name)
        world.crash(name)
        world.close()
        fresh = Small(cluster, code)
        assert balance(cluster) == 100
        fresh.begin(name)
        keys.add(fresh.key())
        assert fresh.finish(name) == "paid"
        fresh.close()
        assert all(not connection.in_transaction for connection in cluster.host(name).connections() if not connection.lost)
    assert len(keys) == 1


def test_the_open_transactions_of_a_dead_process_are_rolled_back_in_every_database(cluster: Cluster) -> None:
    install(cluster, ACCOUNTS, "shop")

    def both(env: Any) -> None:
        bank, shop = env.connect("bank"), env.connect("shop")
        bank.execute(PAY)
        shop.execute(PAY)
        bank.commit()
        shop.commit()

    world = Small(cluster, both)
    world.until("both", "shop: COMMIT")
    world.crash("both")
    assert (balance(cluster), balance(cluster, name="shop")) == (90, 100)
    world.close()
