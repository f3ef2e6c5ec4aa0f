"""Threads that code under test starts are tasks of its process."""

from __future__ import annotations

import _thread
import asyncio
import queue
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

import aiosqlite
import pytest
from small_world import Small, balance, draw, fingerprint

from acidtest.errors import UsageError
from acidtest.workload import Client, Operation, Scope
from acidtest.world import interpose
from acidtest.world.core.effects import Decision
from acidtest.world.core.host import building
from acidtest.world.core.time import START
from acidtest.world.core.world import World
from acidtest.world.devices.table import DEVICES

if TYPE_CHECKING:
    from pathlib import Path

    from acidtest.world.core.cluster import Cluster

interpose.install()

LOCK = threading.Lock()
LOCAL = threading.local()
POOL = ThreadPoolExecutor(max_workers=2)


def withdraw(env: Any, account: str = "A", amount: int = 10) -> str:
    with env.connect("bank") as connection:
        connection.execute("UPDATE accounts SET balance = balance - ? WHERE id = ?", (amount, account))
    return account


def to_the_end(world: World) -> None:
    """Let whatever can go on go on, the first first."""
    for _ in range(1_000):
        runnable = world.runnable()
        if not runnable:
            return
        world.advance(runnable[0])


def replies(world: World) -> dict[str, Any]:
    return {event.subject: event.value for event in world.events if event.kind in ("reply", "unknown")}


def test_a_thread_goes_on_beside_the_call_that_started_it_which_may_wait_for_it(cluster: Cluster) -> None:
    def both(env: Any) -> list[bool]:
        thread = threading.Thread(target=withdraw, args=(env, "A"))
        found = [thread.is_alive()]
        thread.start()
        found.append(thread.is_alive())
        withdraw(env, "B")
        thread.join()
        return [*found, thread.is_alive()]

    world = Small(cluster, both)
    assert world.begin("both") == "bank: UPDATE accounts"
    assert world.runnable() == ["both, thread 1", "both"]
    world.finish("both")
    assert world.runnable() == ["both, thread 1"]
    to_the_end(world)
    assert replies(world)["both"] == [False, True, False]
    assert (balance(cluster, "A"), balance(cluster, "B")) == (90, 90)
    world.close()


def test_what_a_call_has_started_goes_on_after_its_answer_and_dies_with_its_process(cluster: Cluster) -> None:
    def start(env: Any) -> str:
        threading.Thread(target=withdraw, args=(env,)).start()
        return "started"

    world = Small(cluster, start)
    world.begin("start")
    assert replies(world) == {"start": "started"}
    assert world.runnable() == ["start, thread 1"]
    world.advance("start, thread 1")
    world.crash("start")
    assert world.runnable() == []
    assert balance(cluster) == 100
    world.close()


def test_what_a_thread_raises_ends_it_and_nothing_else(cluster: Cluster) -> None:
    def start(env: Any) -> str:
        thread = threading.Thread(target=withdraw, args=(env, "A", object()))
        thread.start()
        thread.join()
        return withdraw(env)

    world = Small(cluster, start)
    to_the_end(world)
    assert replies(world) == {"start": "A"}
    world.close()


def test_to_exit_in_a_thread_ends_that_thread_and_not_its_process(cluster: Cluster) -> None:
    def start(env: Any) -> str:
        thread = threading.Thread(target=sys.exit)
        thread.start()
        thread.join()
        return withdraw(env)

    world = Small(cluster, start)
    to_the_end(world)
    assert replies(world) == {"start": "A"}
    assert world.processes["start"].alive
    world.close()


@pytest.mark.parametrize("start", [lambda work: threading.Thread(target=work).start(), lambda work: _thread.start_new_thread(work, ())])
def test_what_a_thread_is_refused_is_told_to_whoever_runs_the_check(cluster: Cluster, start: Any) -> None:
    def work() -> None:
        message = "not so"
        raise UsageError(message)

    def call(env: Any) -> None:
        start(work)
        withdraw(env)

    world = Small(cluster, call)
    with pytest.raises(UsageError, match="not so"):
        to_the_end(world)
    world.close()


def test_a_pool_of_threads_works_whether_it_is_made_in_a_call_or_with_the_module(cluster: Cluster) -> None:
    def own(env: Any) -> list[str]:
        with ThreadPoolExecutor(max_workers=2) as pool:
            return list(pool.map(lambda account: withdraw(env, account), ["A", "B"]))

    def shared(env: Any) -> list[str]:
        futures = [POOL.submit(withdraw, env, account) for account in ("A", "B")]
        wait(futures)
        return [future.result() for future in futures]

    for _ in range(2):
        world = Small(cluster, own, shared)
        to_the_end(world)
        assert replies(world) == {"own": ["A", "B"], "shared": ["A", "B"]}
        assert (balance(cluster, "A"), balance(cluster, "B")) == (80, 80)
        world.close()
        cluster.reset()


class Worker:
    """Does what it is asked in a thread of its own, which is there from the beginning."""

    def __init__(self, env: Any) -> None:
        self.env = env
        self.jobs: queue.Queue[Any] = queue.Queue()
        threading.Thread(target=self.work, daemon=True).start()

    def work(self) -> None:
        while True:
            account, done = self.jobs.get()
            withdraw(self.env, account)
            done.set()

    def pay(self, account: str) -> str:
        done = threading.Event()
        self.jobs.put((account, done))
        return "done" if done.wait(timeout=60) else "no answer"


def two(cluster: Cluster, factory: Any, *accounts: str) -> World:
    clients = tuple(Client(f"client-{n}", "app", (Operation(f"w{n}", "pay", (account,)),)) for n, account in enumerate(accounts, 1))
    return World(cluster, factory, Scope("small", "", (), clients), DEVICES)


def test_a_worker_that_waits_for_work_is_no_deadlock_and_serves_every_call(cluster: Cluster) -> None:
    world = two(cluster, Worker, "A", "B")
    assert not world.advance("app, thread 1")
    assert world.runnable() == ["client-1", "client-2"]
    world.advance("client-1")
    world.advance("client-2")
    to_the_end(world)
    assert replies(world) == {"w1": "done", "w2": "done"}
    assert world.actors.victims() == []
    world.close()


def test_threads_that_are_there_from_the_beginning_go_first_until_they_wait(cluster: Cluster) -> None:
    class Warming(Worker):
        def work(self) -> None:
            withdraw(self.env, "B")
            super().work()

    world = two(cluster, Warming, "A")
    found = []
    while world.actors.early():
        found.append(world.pending(world.actors.early()).label)  # type: ignore[union-attr]
        world.advance(world.actors.early())
    assert found == ["bank: UPDATE accounts", "bank: COMMIT", "app: wait for a lock"]
    assert world.runnable() == ["client-1"]
    world.close()


def test_who_waits_with_a_time_limit_gives_up_when_the_search_lets_time_pass(cluster: Cluster) -> None:
    world = two(cluster, Worker, "A")
    world.advance("client-1")
    effect = world.pending("client-1")
    assert effect is not None
    assert (effect.kind, effect.detail) == ("sleep", START + 60)
    world.advance("client-1")
    assert replies(world) == {"w1": "no answer"}
    assert world.time.time == START + 60
    world.close()


def test_a_timer_goes_off_when_its_time_has_come(cluster: Cluster) -> None:
    def later(env: Any) -> None:
        threading.Timer(3600, withdraw, (env,)).start()

    world = Small(cluster, later)
    to_the_end(world)
    assert balance(cluster) == 90
    assert world.time.time == START + 3600
    world.close()


def test_what_is_kept_for_each_thread_is_of_one_call_at_a_time_and_of_one_process(cluster: Cluster) -> None:
    def note(env: Any, name: str) -> list[Any]:
        found = [getattr(LOCAL, "name", None)]
        LOCAL.name = name
        withdraw(env)
        return [*found, LOCAL.name]

    class Noting:
        def __init__(self, env: Any) -> None:
            self.env = env

        def pay(self, name: str) -> list[Any]:
            return note(self.env, name)

    clients = (
        Client("one", "app", (Operation("w1", "pay", ("one",)), Operation("w3", "pay", ("three",)))),
        Client("two", "app", (Operation("w2", "pay", ("two",)),)),
        Client("far", "other", (Operation("w4", "pay", ("far",)),)),
    )
    world = World(cluster, Noting, Scope("small", "", (), clients), DEVICES)
    for name in ("one", "two", "far"):
        world.advance(name)
    to_the_end(world)
    assert replies(world) == {"w1": [None, "one"], "w2": [None, "two"], "w3": ["one", "three"], "w4": [None, "far"]}
    assert not hasattr(LOCAL, "name")
    world.close()


def test_calls_that_overlap_are_different_threads_to_their_code(cluster: Cluster) -> None:
    found = []

    class Asking:
        def __init__(self, env: Any) -> None:
            self.env = env

        def pay(self, account: str) -> None:
            found.append((threading.get_ident(), threading.current_thread().ident, threading.current_thread() is threading.main_thread()))
            withdraw(self.env, account)

    world = two(cluster, Asking, "A", "B")
    world.advance("client-1")
    world.advance("client-2")
    to_the_end(world)
    (first, *_), (second, *_) = found
    assert first != second
    assert found == [(first, first, True), (second, second, False)]
    world.close()


def test_a_lock_that_was_made_with_its_module_is_each_processs_own(cluster: Cluster) -> None:
    def guarded(env: Any) -> str:
        with LOCK:
            return withdraw(env)

    def guarded_too(env: Any) -> str:
        return guarded(env)

    world = Small(cluster, guarded, guarded_too)
    world.begin("guarded")
    assert world.begin("guarded_too") == "bank: UPDATE accounts"
    world.close()
    assert not LOCK.locked()


def test_a_condition_gives_back_a_lock_that_was_taken_twice_while_it_waits(cluster: Cluster) -> None:
    class Waiting:
        def __init__(self, env: Any) -> None:
            self.env, self.changed, self.there = env, threading.Condition(), False

        def pay(self, account: str) -> str:
            with self.changed, self.changed:
                if account == "A":
                    self.changed.wait_for(lambda: self.there)
                else:
                    withdraw(self.env)
                    self.there = True
                    self.changed.notify_all()
            return account

    world = two(cluster, Waiting, "A", "B")
    world.advance("client-1")
    to_the_end(world)
    assert replies(world) == {"w2": "B", "w1": "A"}
    world.close()


def test_who_waits_for_a_thread_that_cannot_end_is_told_so(cluster: Cluster) -> None:
    def start(env: Any) -> None:
        never = threading.Event()
        thread = threading.Thread(target=never.wait)
        thread.start()
        thread.join()

    world = Small(cluster, start)
    to_the_end(world)
    world.advance("start, thread 1")
    to_the_end(world)
    assert world.actors.victims() == [("start", "")]
    world.perform(Decision("victim", "start"))
    assert replies(world) == {"start": "RuntimeError: wait for Thread-1 (wait): that will never come, for nothing else can go on"}
    world.close()


def test_a_thread_that_polls_for_ever_wakes_once_and_only_when_something_has_changed(cluster: Cluster) -> None:
    def start(env: Any) -> None:
        def poll() -> None:
            while True:
                withdraw(env)
                time.sleep(1)

        threading.Thread(target=poll, daemon=True).start()

    def other(env: Any) -> None:
        withdraw(env, "B")

    world = Small(cluster, start, other)
    world.begin("start")
    while world.runnable() != ["other"]:
        world.advance("start, thread 1")
    assert balance(cluster) == 90
    to_the_end(world)
    assert balance(cluster) == 80
    assert world.time.time == START + 1
    world.close()


def test_outside_of_calls_threads_are_real() -> None:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append((threading.get_ident(), threading.current_thread() is thread)))
    thread.start()
    thread.join()
    ((ident, same),) = found
    assert same
    assert ident != threading.get_ident()
    LOCAL.name = "outside"
    assert LOCAL.name == "outside"
    del LOCAL.name


def adding(env: Any) -> list[str]:
    with ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(lambda account: withdraw(env, account), ["A", "B", "A"]))


def waiting(env: Any) -> str:
    done = threading.Event()
    threading.Thread(target=lambda: (withdraw(env, "B"), done.set())).start()
    return "done" if done.wait(5) else "late"


async def paying(env: Any) -> list[str]:
    loop = asyncio.get_running_loop()
    return list(await asyncio.gather(asyncio.to_thread(withdraw, env, "A"), loop.run_in_executor(None, withdraw, env, "B")))


def test_a_coroutine_awaits_what_runs_in_a_thread(cluster: Cluster) -> None:
    world = Small(cluster, paying)
    world.begin("paying")
    assert world.runnable() == ["paying, thread 1", "paying, thread 2"]
    to_the_end(world)
    assert replies(world) == {"paying": ["A", "B"]}
    assert (balance(cluster, "A"), balance(cluster, "B")) == (90, 90)
    world.close()


def test_a_coroutine_that_awaits_a_thread_may_give_up_and_the_thread_goes_on(cluster: Cluster) -> None:
    async def impatient(env: Any) -> str:
        try:
            return await asyncio.wait_for(asyncio.to_thread(withdraw, env), timeout=5)
        except TimeoutError:
            return "too late"

    world = Small(cluster, impatient)
    world.begin("impatient")
    world.advance("impatient")
    assert replies(world) == {"impatient": "too late"}
    to_the_end(world)
    assert balance(cluster) == 90
    world.close()


def test_a_driver_that_works_in_a_thread_of_its_own_is_driven(cluster: Cluster) -> None:
    async def pay(env: Any) -> int:
        async with aiosqlite.connect(env.url("bank").removeprefix("sqlite:///")) as connection:
            await connection.execute("UPDATE accounts SET balance = balance - 10 WHERE id = 'A'")
            await connection.commit()
            async with connection.execute("SELECT balance FROM accounts WHERE id = 'A'") as cursor:
                return int((await cursor.fetchone() or [0])[0])

    world = Small(cluster, pay)
    world.begin("pay")
    done = []
    for _ in range(100):
        runnable = world.runnable()
        if not runnable:
            break
        done += [effect.label for name in runnable[:1] if (effect := world.pending(name)) is not None and effect.where == "bank"]
        world.advance(runnable[0])
    assert done == ["bank: UPDATE accounts", "bank: COMMIT", "bank: SELECT accounts"]
    assert replies(world) == {"pay": 90}
    world.close()


@pytest.mark.parametrize("part", range(2))
def test_the_same_schedule_gives_the_same_effects_events_and_keys(cluster: Cluster, part: int) -> None:
    seen = set()
    for seed in range(part, 100, 2):
        first = Small(cluster, adding, waiting, together=True)
        schedule = draw(first, seed)
        first.close()
        cluster.reset()
        second = Small(cluster, adding, waiting, together=True)
        for decision, went_on, *before in schedule:
            assert second.perform(decision) == went_on, (seed, decision)
            assert list(fingerprint(second)) == before, (seed, decision)
        assert second.events == first.events
        second.close()
        cluster.reset()
        seen |= {(decision.kind, decision.fault) for decision, *_ in schedule}
    assert {kind for kind, _ in seen} >= {"advance", "crash", "restart"}


def test_threads_of_a_constructor_go_on_in_it_as_far_as_it_waits_for_them_and_then_beside_its_calls(cluster: Cluster) -> None:
    class Warm(Worker):
        def __init__(self, env: Any) -> None:
            super().__init__(env)
            with ThreadPoolExecutor(max_workers=2) as pool:
                self.found = list(pool.map(str, range(3)))
            self.said = self.pay("B")

    world = two(cluster, Warm, "A")
    made = world.processes["app"].implementation
    assert (made.found, made.said) == (["0", "1", "2"], "done")
    assert (balance(cluster, "A"), balance(cluster, "B")) == (100, 90)
    world.advance("client-1")
    to_the_end(world)
    assert replies(world) == {"w1": "done"}
    world.close()


def test_threads_of_install_end_with_it(cluster: Cluster) -> None:
    def create(env: Any) -> None:
        threading.Thread(target=withdraw, args=(env,)).start()
        threading.Thread(target=threading.Event().wait).start()

    host = cluster.host("installer")
    world = Small(cluster)
    with building(host, process=world.outsider(host)):
        create(world.environment(host))
    assert balance(cluster) == 90
    world.close()


def test_locks_of_modules_are_known_as_soon_as_a_contract_has_been_imported(tmp_path: Path) -> None:
    (tmp_path / "guarded.py").write_text("import threading\n\nLOCK, LOCAL = threading.Lock(), threading.local()\n")
    script = "from acidtest import OutboxContract\nimport guarded\nprint(type(guarded.LOCK).__name__, type(guarded.LOCAL).__name__)"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.split() == ["TaskLock", "Local"]
