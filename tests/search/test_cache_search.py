"""Code that uses the cache is searched as any other: what is left out, and what is played, changes nothing that is found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import redis
import tiny_contract as tiny
from test_reductions import ending, endings
from test_script import all_of, explored
from tiny_contract import Tiny, add, alone, scope

from acidtest.environment import Outcome
from acidtest.search.harness import Harness
from acidtest.search.stateful import check_statefully
from acidtest.world.core.effects import EVICT, RESTART_CACHE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.workload import Scope

FAULTS = frozenset({EVICT, RESTART_CACHE, "late", "lost", "unacknowledged"})
TWO = scope(alone("app-1", add("w1", 5, "k")), alone("app-2", add("w2", 5, "k")), faults=1, kinds=FAULTS)
WAYS = [{"reduced": reduced, "scripted": scripted} for reduced in (True, False) for scripted in (True, False)]


class Remembers(Tiny):
    """Remembers in the cache which keys it has seen, which no cache promises to keep."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.cache = env.redis("cache")

    def add(self, key: str, amount: int) -> Outcome:
        if self.cache.set(key, "seen", nx=True):
            self.connect().execute("UPDATE sums SET total = total + ?", (amount,))
        return Outcome.OK


class Counts(Tiny):
    """Counts in the cache: the first request by a transaction that watches its key, and is tried again where that was touched."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.cache = env.redis("cache")

    def add(self, key: str, amount: int) -> Outcome:
        if key == "w1":
            self.count()
        else:
            self.cache.incr("n")
        self.connect().execute("UPDATE sums SET total = total + ?", (amount,))
        return Outcome.OK

    def count(self) -> None:
        with self.cache.pipeline() as pipeline:
            for _ in range(2):
                pipeline.watch("n")
                count = int(pipeline.get("n") or 0)
                pipeline.multi()
                pipeline.set("n", count + 1)
                try:
                    pipeline.execute()
                except redis.WatchError:
                    continue
                return


BOTH = scope(alone("app-1", add("w1", 5)), alone("app-2", add("w2", 7)), faults=1, kinds=FAULTS)


@pytest.mark.parametrize(("factory", "small"), [(Remembers, TWO), (Counts, BOTH)])
def test_what_is_left_out_and_what_is_played_changes_nothing(factory: Any, small: Scope) -> None:
    first, *others = endings(tiny.TinyContract(), factory, small, WAYS)
    assert others == [first] * len(others)


def test_most_of_it_is_played() -> None:
    played, run = explored(Counts, BOTH), explored(Counts, BOTH, scripted=False)
    assert all_of(played) == all_of(run)
    assert set(run.fired) == FAULTS
    assert played.executed * 2 < played.runs


@pytest.mark.parametrize(("kinds", "found"), [((), ""), ((EVICT,), "T1"), ((RESTART_CACHE,), "T1"), (("late",), "T1")])
def test_what_trusts_a_cache_to_keep_is_found(kinds: Sequence[str], found: str) -> None:
    after = scope(alone("app-1", add("w1", 5, "k"), add("w2", 5, "k")), faults=1, kinds=kinds)
    harness = Harness(tiny.TinyContract(), Remembers)
    try:
        assert ending(harness, after).violated == found
    finally:
        harness.close()


def test_the_stateful_search_evicts_as_well() -> None:
    class Drawn(tiny.TinyContract):
        stateful_kinds: ClassVar[tuple[str, ...]] = (EVICT,)
        stateful_changes: ClassVar[tuple[tuple[str, float], ...]] = ()

        @classmethod
        def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
            return ((scope(alone("app-1", add("w1", 5, "k"), add("w2", 5, "k")), faults=2, kinds={EVICT}),),)

    harness, result = check_statefully(Drawn(), Remembers, examples=5, seed=1)
    harness.close()
    assert result.violation is not None
    assert [decision.kind for decision in result.schedule if decision.mishap] == [EVICT]
