"""What code does behind the world's back is reported; what can be brought into the schedule is."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from small_world import Small, balance

from acidtest.errors import NondeterminismError
from acidtest.workload import Client, Operation, Scope
from acidtest.world.core.effects import Decision
from acidtest.world.core.process import running_as
from acidtest.world.core.time import START
from acidtest.world.core.world import World
from acidtest.world.databases.sqlite import store
from acidtest.world.devices.table import DEVICES
from acidtest.world.python import standard_library

if TYPE_CHECKING:
    from pathlib import Path

    from acidtest.world.core.cluster import Cluster

really_sleep = standard_library._really_sleep
real_connect = store._connect


def _dial() -> None:
    with socket.socket() as dialled:
        dialled.connect(("127.0.0.1", 9))


UNCONTROLLED = {
    "starts another process": lambda: subprocess.run([sys.executable, "-c", ""], check=False),  # noqa: S603
    "really sleeps": lambda: really_sleep(0),
    "opens a network connection": lambda: _dial(),
}
if sys.version_info < (3, 13):
    del UNCONTROLLED["really sleeps"]  # before, Python says nothing of it


@pytest.mark.parametrize("what", UNCONTROLLED)
@pytest.mark.parametrize("swallowed", [False, True])
def test_it_is_reported_also_where_the_code_swallows_it(cluster: Cluster, what: str, *, swallowed: bool) -> None:
    def work(env: Any) -> None:
        try:
            UNCONTROLLED[what]()
        except Exception:
            if not swallowed:
                raise

    world = Small(cluster, work)
    with pytest.raises(NondeterminismError, match=f"work {what}"):
        world.begin("work")
    world.close()


def test_a_connection_past_the_world_is_reported_and_its_file_not_opened(cluster: Cluster, tmp_path: Path) -> None:
    class Mine(sqlite3.Connection):
        pass

    for opens in (real_connect, sqlite3.Connection, Mine):

        def work(env: Any, opens: Any = opens) -> None:
            opens(tmp_path / "real.db")

        world = Small(cluster, work)
        with pytest.raises(NondeterminismError, match="opens a database past acidtest"):
            world.begin("work")
        world.close()
    assert not list(tmp_path.iterdir())


def test_outside_of_calls_everything_is_as_ever(cluster: Cluster) -> None:
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    time.sleep(0)
    assert type(threading.Lock()) is type(store.threading.Lock() if hasattr(store, "threading") else threading.Lock())


def test_sleep_of_the_time_module_sleeps_on_the_virtual_clock(cluster: Cluster) -> None:
    def nap(env: Any) -> float:
        time.sleep(3600)
        return float(env.clock.now() - START)

    world = Small(cluster, nap)
    assert world.begin("nap") == "clock: sleep 3600 s"
    assert world.finish("nap") == 3600
    world.close()


def test_a_short_pause_between_two_tries_is_no_jump_of_time(cluster: Cluster) -> None:
    def nap(env: Any) -> None:
        time.sleep(0.05)

    world = Small(cluster, nap)
    world.finish("nap")
    assert world.time.time == START + 0.05
    assert not [event for event in world.events if event.kind == "environment"]
    world.close()


# Locks of threading:


class Serial:
    """Guards everything with one lock."""

    make_lock: Any = staticmethod(lambda: threading.Lock())  # looked up when it is called

    def __init__(self, env: Any) -> None:
        self.env = env
        self.lock = self.make_lock()

    def pay(self) -> str:
        with self.lock, self.env.connect("bank") as connection:
            (left,) = connection.execute("SELECT balance FROM accounts WHERE id = 'A'").fetchone()
            connection.execute("UPDATE accounts SET balance = ? WHERE id = 'A'", (left - 10,))
        return "paid"


class Reentrant(Serial):
    """Takes its lock twice."""

    make_lock = staticmethod(lambda: threading.RLock())

    def pay(self) -> str:
        with self.lock:
            return super().pay()


class Conditional(Serial):
    """Uses a condition as its lock."""

    make_lock = staticmethod(lambda: threading.Condition())


class Impatient(Serial):
    """Waits for its lock for a while only."""

    def pay(self) -> str:
        if not self.lock.acquire(timeout=5):
            return "busy"
        try:
            self.env.broker.publish("1", "A", "")
            return "paid"
        finally:
            self.lock.release()


def two_calls(cluster: Cluster, factory: Any) -> World:
    """A world with two clients of one process."""
    clients = tuple(Client(name, "app", (Operation(name, "pay"),)) for name in ("one", "two"))
    return World(cluster, factory, Scope("small", "", (), clients), DEVICES)


@pytest.mark.parametrize("factory", [Serial, Reentrant, Conditional])
def test_a_call_waits_for_the_lock_of_another_without_hanging_the_search(cluster: Cluster, factory: Any) -> None:
    world = two_calls(cluster, factory)
    world.advance("one")
    world.advance("two")
    effect = world.pending("two")
    assert effect is not None
    assert effect.label == "app: wait for a lock"
    assert not world.advance("two")
    assert world.runnable() == ["one"]
    while not world.clients["one"].done:
        world.advance("one")
    assert world.runnable() == ["two"]
    while not world.clients["two"].done:
        world.advance("two")
    assert balance(cluster) == 80
    world.close()


def test_who_waits_for_a_lock_for_some_time_gives_up_then(cluster: Cluster) -> None:
    world = two_calls(cluster, Impatient)
    world.advance("one")
    world.advance("two")
    effect = world.pending("two")
    assert effect is not None
    assert effect.label == "clock: wait for a lock, at most 5 s"
    world.advance("two")
    assert world.time.time == START + 5
    world.advance("one")
    assert [event.value for event in world.events if event.kind == "reply"] == ["busy", "paid"]
    world.close()


def test_who_waits_for_a_lock_that_is_never_free_is_told_so(cluster: Cluster) -> None:
    world = two_calls(cluster, Serial)
    process = world.processes["app"]
    with running_as(process):
        process.implementation.lock.acquire()  # and never released
    for name in ("one", "two"):
        world.advance(name)
        assert not world.advance(name)
    assert world.runnable() == []
    world.perform(Decision("victim", "one"))
    told = "RuntimeError: this lock will never be free: the call that holds it cannot go on"
    assert [event.value for event in world.events if event.subject == "one" and event.value != "deadlock"] == [None, told]
    world.close()


def test_a_crash_takes_the_lock_with_it(cluster: Cluster) -> None:
    world = two_calls(cluster, Serial)
    world.advance("one")
    world.advance("two")
    world.crash("app")
    world.restart("app")
    task = world.call("app", "pay")
    while not task.finished:
        task.resume()
    assert task.value == "paid"
    world.close()


def test_a_lock_still_excludes_real_threads(cluster: Cluster) -> None:
    world = two_calls(cluster, Serial)
    lock = world.processes["app"].implementation.lock
    assert lock.acquire()
    assert lock.locked()
    tries: list[bool] = []
    thread = threading.Thread(target=lambda: tries.append(lock.acquire(blocking=False)))
    thread.start()
    thread.join()
    lock.release()
    assert tries == [False]
    assert not lock.locked()
    world.close()
