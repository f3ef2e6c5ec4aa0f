"""What an idle implementation has in memory is a value: equal where nothing was kept, another where something was."""

from __future__ import annotations

import functools
import itertools
import threading
import types
from collections import OrderedDict, defaultdict, deque
from decimal import Decimal
from typing import Any, ClassVar

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from acidtest.impl.outbox import Outbox
from acidtest.world.core.locks import TaskLock
from acidtest.world.python.memory import memory_of

KEPT: list[int] = []
count = 0


class Plain:
    """Keeps what it is told to."""

    limit: ClassVar[int] = 3
    of_class: ClassVar[list[int]] = []

    def __init__(self) -> None:
        self.seen: dict[str, Any] = {}

    def keep_in_module(self) -> None:
        KEPT.append(1)

    def count(self) -> None:
        global count  # noqa: PLW0603 - that is what is to be seen
        count += 1

    def keep_by_default(self, kept: list[int] = []) -> None:  # noqa: B006 - likewise
        kept.append(1)


def _locked(lock: Any) -> Any:
    lock.acquire()
    return lock


@pytest.fixture(autouse=True)
def _nothing_kept():
    global count  # noqa: PLW0603
    yield
    KEPT.clear()
    Plain.of_class.clear()
    Plain.keep_by_default.__defaults__[0].clear()
    Plain.limit = 3
    count = 0


def test_two_that_were_made_alike_have_the_same() -> None:
    assert memory_of(Plain()) == memory_of(Plain())
    assert memory_of(Plain()) is not None


@pytest.mark.parametrize(
    "change",
    [
        lambda plain: plain.seen.update(k1=1),
        lambda plain: setattr(plain, "other", None),
        lambda plain: plain.keep_in_module(),
        lambda plain: plain.count(),
        lambda plain: plain.keep_by_default(),
        lambda plain: plain.of_class.append(1),
        lambda _: setattr(Plain, "limit", 4),
        lambda plain: setattr(plain, "count", plain.keep_in_module),
    ],
    ids=["a dict of its own", "an attribute", "a list of the module", "a number of the module", "a default argument",
         "a list of the class", "a number of the class", "another function"],
)  # fmt: skip
def test_whatever_is_kept_shows(change: Any) -> None:
    plain = Plain()
    before = memory_of(plain)
    change(plain)
    assert memory_of(plain) != before


def test_what_a_function_encloses_shows() -> None:
    def make() -> Any:
        seen: list[int] = []

        class Inner:
            def see(self) -> None:
                seen.append(1)

        return Inner()

    one, other = make(), make()
    assert memory_of(one) == memory_of(other)
    one.see()
    assert memory_of(one) != memory_of(other)


@pytest.mark.parametrize(
    "made",
    [
        lambda: [1, 2], lambda: deque([1]), lambda: {1, 2}, lambda: OrderedDict(a=1), lambda: defaultdict(list, a=[1]), lambda: (1, "x"),
        lambda: types.SimpleNamespace(a=1), lambda: functools.partial(print, 1), threading.Lock, itertools.count,
        lambda: sa.text("SELECT 1"), sa.MetaData,
    ],
)  # fmt: skip
def test_of_common_things_it_can_be_told(made: Any) -> None:
    one, other = Plain(), Plain()
    one.seen["it"], other.seen["it"] = made(), made()
    assert memory_of(one) == memory_of(other)
    assert memory_of(one) is not None


@pytest.mark.parametrize(("one", "other"), [(1, True), (1, 1.0), ([1], (1,)), ("1", 1), ({1: 2}, OrderedDict({1: 2}))])
def test_what_is_equal_but_of_another_type_is_told_apart(one: Any, other: Any) -> None:
    first, second = Plain(), Plain()
    first.seen["it"], second.seen["it"] = one, other
    assert memory_of(first) != memory_of(second)


def test_one_thing_met_twice_is_told_from_two_that_are_equal() -> None:
    one, other = Plain(), Plain()
    shared: list[int] = []
    one.seen.update(a=shared, b=shared)
    other.seen.update(a=[], b=[])
    assert memory_of(one) != memory_of(other)


def test_what_refers_to_itself_comes_to_an_end() -> None:
    one, other = Plain(), Plain()
    one.seen["it"], other.seen["it"] = one, other
    assert memory_of(one) == memory_of(other)


@pytest.mark.parametrize(
    "made",
    [
        lambda: functools.lru_cache(lambda x: x), lambda: (x for x in (1, 2)), threading.local, lambda: iter([1]), lambda: bytearray(b"x"),
        lambda: orm.Session(sa.create_engine("sqlite://")), lambda: {Plain()},
    ],
)  # fmt: skip
def test_of_what_nobody_can_look_into_nothing_is_said(made: Any) -> None:
    plain = Plain()
    plain.seen["it"] = made()
    assert memory_of(plain) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (sa.text("SELECT :x").bindparams(x=1), sa.text("SELECT :x").bindparams(x=2)),
        (sa.select(sa.literal(1)), sa.select(sa.literal(2))),
        (_locked(threading.Lock()), threading.Lock()),
        (_locked(TaskLock()), TaskLock()),
    ],
    ids=["a text", "a statement", "a lock", "a lock of tasks"],
)
def test_what_statements_and_locks_hold_shows(one: Any, other: Any) -> None:
    first, second = Plain(), Plain()
    first.seen["it"], second.seen["it"] = one, other
    assert memory_of(first) is not None
    assert memory_of(first) != memory_of(second)


def test_how_a_connection_has_been_set_shows(cluster: Any) -> None:
    one, other = Plain(), Plain()
    for plain in (one, other):
        plain.seen["it"] = cluster.database("bank").connect()
    assert memory_of(one) == memory_of(other)
    one.seen["it"].isolation_level = None
    assert memory_of(one) != memory_of(other)


class Shy:
    """Cannot be looked at."""

    @property
    def __dict__(self) -> Any:
        message = "not for you"
        raise ValueError(message)


@pytest.mark.parametrize("made", [lambda: Decimal("sNaN"), Shy], ids=["no hash", "raises"])
def test_what_raises_when_it_is_looked_at_is_no_error_of_ours(made: Any) -> None:
    plain = Plain()
    plain.seen["it"] = made()
    assert memory_of(plain) is None


def test_code_that_can_reach_anything_is_not_looked_into() -> None:
    class Reaching:
        def look(self) -> Any:
            return globals()

    assert memory_of(Reaching()) is None


def test_the_reference_keeps_nothing() -> None:
    env = types.SimpleNamespace(engine=lambda _: sa.create_engine("sqlite://"), broker=None, clock=None, new_id=None)
    assert memory_of(Outbox(env)) == memory_of(Outbox(env))
    assert memory_of(Outbox(env)) is not None
