"""Time, identifiers and chance of Python are those of the process whose code asks, however it has imported them."""

from __future__ import annotations

import os
import queue
import random
import secrets
import sys
import tempfile
import threading
import time
import uuid
from datetime import UTC, date, datetime
from random import getrandbits, randint
from time import monotonic, perf_counter, time_ns
from time import time as now
from types import ModuleType
from typing import Any

import pytest
import tiny_contract as tiny
from tiny_contract import Tiny, add, alone, scope

from acidtest.environment import Outcome
from acidtest.search.exhaustive import Explorer
from acidtest.search.harness import Harness
from acidtest.world.core.time import START
from acidtest.world.python import names

TWO = scope(alone("app-1", add("w1", 5, retries=1)), alone("app-2", add("w2", 7)), faults=1, kinds={"crash"})
CHANCE = {
    "uuid1": uuid.uuid1,
    "uuid4": uuid.uuid4,
    "random": lambda: random.random(),
    "by name": lambda: (randint(1, 10**9), getrandbits(40)),
    "choice": lambda: random.sample(range(1000), 5),
    "a generator": lambda: random.Random().random(),
    "of the system": lambda: random.SystemRandom().random(),
    "secrets": lambda: (secrets.token_hex(), secrets.randbelow(10**9)),
    "urandom": lambda: os.urandom(8),
    "names of files": lambda: tempfile.mktemp(),  # noqa: S306 - as people do
}
TIME = {
    "time": lambda: (time.time(), now(), time_ns(), time.gmtime()[:6], time.strftime("%Y")),
    "datetime": lambda: (datetime.now(UTC), datetime.now(), date.today(), datetime.fromtimestamp(time.time(), UTC)),  # noqa: DTZ005, DTZ011 - as people do
    "what counts": lambda: (time.monotonic(), monotonic(), time.perf_counter(), perf_counter(), time.monotonic_ns()),
}


def asking(ask: Any) -> type[Tiny]:
    class Asking(Tiny):
        """Writes down what it is told."""

        def __init__(self, env: Any) -> None:
            super().__init__(env)
            self.born = ask()

        def add(self, key: str, amount: int) -> Outcome:
            told = "; ".join(map(str, (self.born, ask(), ask())))
            self.connect().execute("INSERT INTO seen VALUES (?)", (told,))
            return super().add(key, amount)

    return Asking


def explored(factory: Any, **way: bool) -> tuple[Any, list[list[str]]]:
    """The search, and what was written down in the end."""
    harness = Harness(tiny.TinyContract(), factory)
    try:
        search = Explorer(harness, TWO, seconds=60, **way).explore()
        (database,) = harness.cluster.databases()
        ends = {number for _, (number,) in search.finals}
        rows = {row for number in ends for table, rows in database.value(number) for row in rows if table == "seen"}
        return search, sorted(row[0].split("; ") for row in rows if ";" in str(row[0]))
    finally:
        harness.close()


@pytest.mark.parametrize("ask", [*CHANCE.values(), *TIME.values()], ids=[*CHANCE, *TIME])
def test_a_run_is_a_function_of_its_schedule_whatever_the_code_asks(ask: Any) -> None:
    (played, told), (run, told_then) = explored(asking(ask)), explored(asking(ask), scripted=False)
    assert played.complete
    assert (len(played.states), played.schedules, told) == (len(run.states), run.schedules, told_then)
    assert played.executed < run.executed


@pytest.mark.parametrize("ask", CHANCE.values(), ids=CHANCE)
def test_nothing_that_is_random_is_told_twice(ask: Any) -> None:
    _, told = explored(asking(ask))
    assert len({row[1] for row in told}) >= 2  # two processes, and new ones after crashes
    for row in told:
        assert len(set(row)) == len(row)


def test_python_and_the_environment_agree_on_the_time() -> None:
    class Comparing(Tiny):
        def add(self, key: str, amount: int) -> Outcome:
            time.sleep(90)
            told = self.env.clock.now(), now(), datetime.now(UTC).timestamp(), monotonic()
            self.connect().execute("INSERT INTO seen VALUES (?)", ("; ".join(map(str, told)),))
            return super().add(key, amount)

    _, told = explored(Comparing)
    assert {len(set(row)) for row in told} == {1}
    assert {float(row[0]) for row in told} <= {START + 90, START + 180, START + 270}


def test_what_is_left_of_a_time_out_is_measured_by_the_virtual_clock() -> None:
    class Waiting(Tiny):
        def add(self, key: str, amount: int) -> Outcome:
            told = queue.time(), threading._time(), monotonic()
            assert len(set(told)) == 1, told
            return super().add(key, amount)

    harness = Harness(tiny.TinyContract(), Waiting)
    assert Explorer(harness, scope(alone("app-1", add("w1", 5)))).explore().violation is None
    harness.close()


def test_the_time_is_real_where_no_code_under_test_runs() -> None:
    explored(asking(now))
    assert now() > START + 86_400
    assert abs(datetime.now(UTC).timestamp() - time.time()) < 60
    assert uuid.uuid4() != uuid.uuid4()
    random.seed(7)
    first = random.random()
    random.seed(7)
    assert random.random() == first


def test_what_a_module_took_over_by_name_is_replaced_in_it() -> None:
    module: Any = ModuleType("somebodys")
    module.clock, module.other = len, max
    sys.modules["somebodys"] = module
    try:
        names.replace({len: abs})
    finally:
        del sys.modules["somebodys"]
    assert (module.clock, module.other) == (abs, max)


class OfTheDatabase(Tiny):
    """The database's own time and chance, in a statement and in defaults of columns."""

    def install(self, accounts: Any) -> None:
        super().install(accounts)
        self.connect().execute(
            "CREATE TABLE log (key TEXT, at TEXT DEFAULT CURRENT_TIMESTAMP, then_ TEXT DEFAULT (datetime('now', '+1 day')), "
            "chance INTEGER DEFAULT (random()), day TEXT GENERATED ALWAYS AS (date(at)))"
        )

    def add(self, key: str, amount: int) -> Outcome:
        connection = self.connect()
        connection.execute("INSERT INTO log (key) VALUES (?)", (key,))
        told = connection.execute(
            "SELECT at, then_, day, strftime('%s', 'now'), unixepoch(), julianday('2026-01-01') FROM log WHERE key = ?", (key,)
        ).fetchone()
        drawn = connection.execute("SELECT hex(randomblob(8)), chance FROM log WHERE key = ?", (key,)).fetchone()
        connection.execute("INSERT INTO seen VALUES (?)", ("; ".join(map(str, (*told, *drawn))),))
        return super().add(key, amount)


def test_the_clock_and_the_chance_of_sqlite_are_those_of_the_process() -> None:
    search, told = explored(OfTheDatabase)
    assert search.complete
    expected = ["2026-01-01 00:00:00", "2026-01-02 00:00:00", "2026-01-01", "1767225600", "1767225600", "2461041.5"]
    assert [row[:6] for row in told] == [expected] * len(told)
    assert len({row[6] for row in told}) > 1
    assert len({row[7] for row in told}) > 1
