"""A call that comes to no effect any more is a failure of termination, with its schedule; to explain it takes no such time again."""

from __future__ import annotations

import time
from array import array
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import tiny_contract as tiny
from tiny_contract import Tiny, add, alone, scope

from acidtest.port import background, recovery
from acidtest.search.check import conclude_search
from acidtest.search.exhaustive import Explorer, Search
from acidtest.search.explain import explained, told
from acidtest.search.harness import Harness
from acidtest.search.run import TERMINATION
from acidtest.search.stateful import check_statefully
from acidtest.search.verdict import Verdict
from acidtest.world.core import patience

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from acidtest.environment import Outcome
    from acidtest.workload import Scope

PATIENCE = 0.5


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Less than a second instead of ten; the timer is put back."""
    patience.disarm()
    monkeypatch.setenv(patience.VARIABLE, str(PATIENCE))
    yield
    patience.disarm()


class Spins:
    """A loop without end, and how long it was let go on each time."""

    def __init__(self) -> None:
        self.seconds = array("d")  # of which nobody looks what is in it: the measure is no memory of the code's

    def spin(self) -> None:
        began = time.process_time()
        self.seconds.append(0.0)
        while True:
            for _ in range(1_000):  # to ask for the time is no time of its own
                pass
            self.seconds[-1] = time.process_time() - began


class _TidyingPort(tiny.TinyPort, Protocol):
    @background
    def tidy(self) -> None: ...


class _RecoveringPort(tiny.TinyPort, Protocol):
    @recovery
    def tidy(self) -> None: ...


class _Tidying(tiny.TinyContract):
    port = _TidyingPort


class _Recovering(tiny.TinyContract):
    port = _RecoveringPort


ONE = scope(alone("app", add("w1", 5)))
CRASHING = scope(alone("app", add("w1", 5)), faults=1, kinds={"crash"})


class _Drawn(tiny.TinyContract):
    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        return [[ONE, scope(alone("app", add("w1", 5), add("w2", 5)))]]


def after_add(spins: Spins, at: int = 1) -> Any:
    """An implementation that never answers the request number `at`."""

    class Spinning(Tiny):
        def add(self, key: str, amount: int) -> Outcome:
            answer = super().add(key, amount)
            if len(self.connect().execute("SELECT * FROM seen").fetchall()) >= at:
                spins.spin()
            return answer

    return Spinning


def explore(harness: Harness, chosen: Scope) -> Search:
    return Explorer(harness, chosen).explore()


def test_a_loop_without_effects_in_a_request_is_a_failure_with_its_schedule_and_place() -> None:
    spins = Spins()
    harness = Harness(tiny.TinyContract(), after_add(spins))
    try:
        search = explore(harness, ONE)
        assert search.violation is not None
        assert search.violation.property == TERMINATION
        assert f"app came to no effect within {PATIENCE} s of its own time, at {__file__}, line" in search.violation.name
        assert search.violation.name.endswith("in Spins.spin")
        assert [decision.effect for decision in search.schedule][-2:] == ["bank: COMMIT", "bank: SELECT seen"]
        result = conclude_search(harness, search)
        assert result.verdict == Verdict.FAIL
        failure = explained(harness, result, told(harness, result, "x:X"))
        assert failure.rows[-1].events == ("app: never ends",)
        assert not failure.at_rest
        assert failure.broken == (TERMINATION,)
    finally:
        harness.close()
    first, *others = spins.seconds
    assert first >= PATIENCE * 0.75
    assert max(others, default=0.0) < PATIENCE * 0.75  # a replay comes there by the same way, which is known


@pytest.mark.parametrize("role", [_Tidying, _Recovering])
def test_a_loop_without_effects_while_coming_to_rest_is_a_failure_with_the_step(role: type[tiny.TinyContract]) -> None:
    spins = Spins()

    class Spinning(Tiny):
        def tidy(self) -> None:
            self.connect().execute("SELECT total FROM sums").fetchall()
            spins.spin()

    harness = Harness(role(), Spinning)
    try:
        search = explore(harness, ONE)
        assert search.violation is not None
        assert search.violation.property == TERMINATION
        assert "came to no effect within" in search.violation.name
        failure = told(harness, conclude_search(harness, search), "x:X")
        assert failure.resting[-1].events[-1].endswith(": never ends")
    finally:
        harness.close()
    assert max(spins.seconds[1:]) < PATIENCE * 0.8


def test_whoever_leaves_termination_out_is_told_of_no_loop() -> None:
    harness = Harness(tiny.TinyContract(), after_add(Spins()), without=frozenset({TERMINATION}))
    try:
        search = explore(harness, ONE)
    finally:
        harness.close()
    assert search.violation is None
    assert search.complete


def test_what_another_implementation_ran_into_is_not_taken_for_what_this_one_does() -> None:
    endless, spins = Harness(tiny.TinyContract(), after_add(Spins())), Spins()
    well = Harness(tiny.TinyContract(), after_add(spins, at=99))
    try:
        assert explore(endless, ONE).violation is not None
        assert explore(well, ONE).complete
    finally:
        endless.close()
        well.close()


def test_to_look_for_the_point_of_no_return_does_not_wait_for_each_loop() -> None:
    spins = Spins()

    class Spinning(Tiny):
        def add(self, key: str, amount: int) -> Outcome:
            answer = super().add(key, amount)
            self.total()
            if key == "w2":
                spins.spin()
            return answer

    two = scope(alone("one", add("w1", 1), add("w3", 3)), alone("two", add("w2", 2)))
    harness = Harness(tiny.TinyContract(), Spinning)
    try:
        result = conclude_search(harness, explore(harness, two))
        explained(harness, result, told(harness, result, "x:X"))
    finally:
        harness.close()
    assert spins.seconds[0] >= PATIENCE * 0.75
    assert len(spins.seconds) > 1
    assert max(spins.seconds[1:]) < PATIENCE * 0.75


def test_the_stateful_search_does_not_shrink_what_takes_so_long_to_see() -> None:
    spins = Spins()
    harness, result = check_statefully(_Drawn(), after_add(spins), examples=5, seed=1)
    harness.close()
    assert result.verdict == Verdict.FAIL
    assert result.violation is not None
    assert result.violation.property == TERMINATION
    assert len(spins.seconds) <= 2  # the default schedule is run to count its occasions, and once more to be judged
