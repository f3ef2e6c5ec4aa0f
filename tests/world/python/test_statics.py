"""Modules and classes of the code under test keep something for each process, and nothing from one run to the next."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict, deque
from functools import lru_cache
from typing import Any, ClassVar

import pytest
from booked import Booked

from acidtest import check
from acidtest.search.verdict import Verdict
from acidtest.world.python.reach import places_of
from acidtest.world.python.statics import Statics

TABLE: dict[str, Any] = {"first": ["a"]}
ROWS: list[Any] = [1]
LATEST: deque[Any] = deque()
COUNTS: dict[str, int] = defaultdict(int)
NAMES: set[str] = set()
CONSTANT = 7
BIG = {n: n for n in range(10_000)}
NUMBERS = itertools.count(1)
CHANCE = random.Random(7)
total = 0
made = None


@lru_cache(maxsize=4)
def remembered(n: int) -> list[int]:
    return [n]


class Registry:
    def __init__(self) -> None:
        self.seen: list[str] = []


REGISTRY = Registry()


def helper(word: str) -> None:
    TABLE.setdefault(word, []).append(word)
    REGISTRY.seen.append(word)


class Code:
    count = 0
    by_class: ClassVar[dict[str, int]] = {}

    def work(self, word: str) -> None:
        global total, made  # noqa: PLW0603 - it is what this is about
        total += CONSTANT + (BIG[1] - 1)
        made = made or word
        helper(word)
        TABLE["first"].append(word)
        ROWS.append(word)
        LATEST.append(word)
        COUNTS[word] += 1
        NAMES.add(word)
        type(self).count += 1
        self.by_class[word] = 1
        remembered(1).append(2)
        ROWS.append((next(NUMBERS), CHANCE.random()))


def state() -> Any:
    return (
        {name: list(words) for name, words in TABLE.items()}, list(ROWS), list(LATEST), dict(COUNTS), set(NAMES), total, made,
        repr(NUMBERS), CHANCE.getstate(), list(REGISTRY.seen), Code.count, dict(Code.by_class), list(remembered(1)),
    )  # fmt: skip


def test_every_process_has_its_own_and_a_run_begins_with_what_was_imported() -> None:
    statics, first, table = Statics(Code), state(), TABLE
    for _ in range(2):
        statics.enter("one")
        Code().work("x")
        with_x = state()
        statics.enter("two")
        assert state() == first
        Code().work("y")
        Code().work("y")
        with_y = state()
        statics.enter("one")
        assert state() == with_x
        statics.enter("two")
        assert state() == with_y
        statics.leave()
    remembered.cache_clear()
    assert state() == first
    assert TABLE is table


def test_what_never_changes_and_large_tables_are_left_alone() -> None:
    names = {place.name for place in places_of(Code)}
    assert names == {"TABLE", "ROWS", "LATEST", "COUNTS", "NAMES", "NUMBERS", "CHANCE", "BIG", "total", "made", "REGISTRY", "count", "by_class", "remembered"}
    assert "BIG" not in {place.name for place in Statics(Code)._places}


CACHE: dict[str, str] = {}


class Shop:
    """Whoever was first has the seat for ever, so each process may remember it."""

    def __init__(self, env: Any) -> None:
        self.env = env

    def _connect(self) -> Any:
        return self.env.connect("db", isolation_level=None)

    def install(self) -> None:
        self._connect().execute("CREATE TABLE seat (id TEXT PRIMARY KEY, who TEXT)")

    def book(self, seat: str, who: str) -> bool:
        if seat not in CACHE:
            CACHE[seat] = self._take(seat, who)
        return CACHE[seat] == who

    def _take(self, seat: str, who: str) -> str:
        db = self._connect()
        db.execute("INSERT OR IGNORE INTO seat VALUES (?, ?)", (seat, who))
        (found,) = db.execute("SELECT who FROM seat WHERE id = ?", (seat,)).fetchone()
        db.close()
        return str(found)

    def taken(self) -> dict[str, str]:
        return dict(self._connect().execute("SELECT id, who FROM seat"))


class TooSoon(Shop):
    """It remembers what it is about to do."""

    def _take(self, seat: str, who: str) -> str:
        CACHE[seat] = who
        found = super()._take(seat, who)
        return who if found else found


def test_a_cache_in_a_module_is_neither_shared_by_processes_nor_kept_from_run_to_run() -> None:
    for _ in range(2):
        assert [result.verdict for result in check(Booked, Shop)] == [Verdict.PASS]
        assert CACHE == {}
    with pytest.raises(AssertionError, match="whoever was told yes has it"):
        check(Booked, TooSoon)
    assert CACHE == {}


class Moody:
    """As proxies of libraries are, which stand for nothing outside of a request."""

    @property
    def __class__(self) -> Any:
        raise RuntimeError

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


Moody.__module__ = "sqlalchemy"
proxy: Any = None


class UsesProxy(Code):
    def late(self) -> Any:
        global proxy  # noqa: PLW0603 - a place, then
        proxy = proxy or None
        return proxy


def test_a_proxy_that_can_be_asked_nothing_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "proxy", Moody())
    statics = Statics(UsesProxy)
    assert "proxy" in {place.name for place in statics._places}
    statics.enter("one")
    statics.enter("two")
    statics.leave()


def test_what_one_check_has_left_is_no_beginning_for_another_and_waits_for_it() -> None:
    first, one, other = state(), Statics(Code), None
    one.enter("process of one")
    Code().work("x")
    with_x = state()
    other = Statics(Code)
    other.enter("process of the other")
    assert state()[:10] == first[:10]
    one.enter("process of one")
    assert state() == with_x
    other.leave()
    one.leave()
    remembered.cache_clear()
    assert state() == first
