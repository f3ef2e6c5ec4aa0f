"""What code under test was seen to do is played instead of run again; where that is not what it does, it is found out."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
import tiny_contract as tiny
from tiny_contract import Tiny, add, alone, scope

from acidtest.errors import NondeterminismError
from acidtest.impl.outbox import Outbox
from acidtest.patterns import pattern
from acidtest.search.exhaustive import Explorer, Search
from acidtest.search.harness import Harness
from acidtest.world.databases.table import DEFAULT
from acidtest.world.script.script import Script

if TYPE_CHECKING:
    from collections.abc import Hashable

    from acidtest.world.script.script import Outcome

TWO = scope(alone("app-1", add("w1", 5, retries=1)), alone("app-2", add("w2", 7)), faults=1, kinds={"crash", "late", "unacknowledged"})


def explored(factory: Any, small: Any = TWO, contract: Any = None, **way: bool) -> Search:
    harness = Harness(contract or tiny.TinyContract(), factory)
    try:
        return Explorer(harness, small, seconds=60, **way).explore()
    finally:
        harness.close()


def all_of(search: Search) -> Any:
    """All that a search tells, but for what it ran and how long that took."""
    return (
        search.runs, search.schedules, len(search.states), search.effects, search.fired, search.outcomes, search.crash_points,
        search.crashed, search.bound, search.complete, search.schedule, search.violation and search.violation.property,
        {view for view, _ in search.finals},
    )  # fmt: skip


def test_most_runs_of_a_search_run_no_code() -> None:
    search = explored(Tiny)
    assert search.complete
    assert search.executed < search.runs * 2 / 3


@pytest.mark.parametrize("by_memory", [True, False], ids=["known by memory", "known by all that was seen"])
def test_a_search_that_plays_tells_the_same_as_one_that_does_not(by_memory: bool) -> None:  # noqa: FBT001
    contract = pattern("outbox").contract_class()()
    withdrawal = next(s for s in contract.scopes if s.name == "one withdrawal")
    played, run = (explored(Outbox, withdrawal, contract, scripted=way, by_memory=by_memory) for way in (True, False))
    assert all_of(played) == all_of(run)
    assert run.executed == run.runs
    assert played.executed * 2 < played.runs


class Broken(Tiny):
    """Adds again what it was told to add before, if that is asked for again."""

    def add(self, key: str, amount: int) -> Any:
        connection = self.connect()
        connection.execute("UPDATE sums SET total = total + ?", (amount,))
        return super().add(key, 0)


def test_a_violation_that_was_played_is_one_of_the_code() -> None:
    played, run = explored(Broken), explored(Broken, scripted=False)
    assert played.violation is not None
    assert all_of(played) == all_of(run)


made = (n for n in count())  # a generator, which nobody can put back


class Nondeterministic(Tiny):
    """Does something else each time, by what outlives its processes."""

    def add(self, key: str, amount: int) -> Any:
        self.connect().execute("SELECT ?", (next(made),)).fetchall()
        return super().add(key, amount)


def test_code_that_does_something_else_each_time_is_found_out() -> None:
    with pytest.raises(NondeterminismError):
        explored(Nondeterministic)


@pytest.mark.parametrize("number", [3, 30, 90])
def test_a_script_that_is_wrong_is_given_up_and_nothing_of_it_is_left(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    honest, calls = Script.after, count(1)

    def lying(self: Script, key: Hashable) -> Outcome:
        outcome = honest(self, key)
        return outcome._replace(digest=-next(calls)) if next(calls) > number else outcome

    right = explored(Tiny, scripted=False, by_memory=False)
    monkeypatch.setattr(Script, "after", lying)
    found = explored(Tiny, by_memory=False)
    assert all_of(found) == all_of(right)


def test_what_is_learned_twice_must_be_the_same_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    learn, harnesses = Script.learn, []

    def contradicting(self: Script, key: Hashable, outcome: Outcome, *rest: Any) -> None:
        learn(self, key, outcome, *rest)
        learn(self, key, outcome._replace(effects=outcome.effects + 1), *rest)

    monkeypatch.setattr(Script, "learn", contradicting)
    harness = Harness(tiny.TinyContract(), Tiny)
    harnesses.append(harness)
    try:
        search = Explorer(harness, TWO).explore()
        assert search.complete
        assert search.executed == search.runs
        assert not harness.scripted
    finally:
        harness.close()


class Waiting(Tiny):
    """Its calls wait for one another in the process, which no script tells of."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        import threading

        self.lock = threading.Lock()

    def add(self, key: str, amount: int) -> Any:
        with self.lock:
            return super().add(key, amount)


def test_what_no_script_tells_of_is_run() -> None:
    from acidtest.workload import Client

    together = scope(Client("one", "app", (add("w1", 5),)), Client("two", "app", (add("w2", 7),)))
    played, run = explored(Waiting, together), explored(Waiting, together, scripted=False)
    assert all_of(played) == all_of(run)


def test_scripts_are_for_backends_that_say_so() -> None:
    harness = Harness(tiny.TinyContract(), Tiny, DEFAULT)
    try:
        assert harness.scripted
        harness.cluster.backend.scriptable = False
        search = Explorer(harness, TWO)
        harness.scripted = harness.cluster.backend.scriptable
        assert search.explore().executed == search.found.runs
    finally:
        harness.close()
