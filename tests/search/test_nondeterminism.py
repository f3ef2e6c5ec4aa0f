"""Code that depends on something uncontrolled is told so, with the first effect that differs."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest
import tiny_contract as tiny
from tiny_contract import Tiny, add, alone, scope

from acidtest.environment import Outcome
from acidtest.errors import NondeterminismError
from acidtest.search.exhaustive import Explorer
from acidtest.search.harness import Harness

TWO = scope(alone("app-1", add("w1", 5)), alone("app-2", add("w2", 7)))
_counter = (n for n in itertools.count())  # a generator, which nobody can put back


class Outliving(Tiny):
    """A key that counts on from one process to the next, and from run to run."""

    def add(self, key: str, amount: int) -> Outcome:
        return super().add(f"{key}-{next(_counter)}", amount)


class Measuring(Tiny):
    """A value from how long something took."""

    def add(self, key: str, amount: int) -> Outcome:
        self.connect().execute("INSERT INTO seen VALUES (?)", (time.process_time_ns(),))
        return super().add(key, amount)


class ClassMemory(Tiny):
    """State that outlives the process in a generator."""

    def add(self, key: str, amount: int) -> Outcome:
        if next(_counter) % 3:
            self.connect().execute("DELETE FROM seen WHERE key = 'x'")
        return super().add(key, amount)


@pytest.mark.parametrize(
    ("factory", "effect"), [(Outliving, "bank: INSERT seen"), (Measuring, "bank: INSERT seen"), (ClassMemory, "bank: ")]
)
def test_the_effect_that_differs_on_replay_is_named(factory: Any, effect: str) -> None:
    harness = Harness(tiny.TinyContract(), factory)
    with pytest.raises(NondeterminismError, match=r"env\.new_id") as caught:
        Explorer(harness, TWO, seconds=60).explore()
    assert effect in str(caught.value)
    harness.close()


def test_code_that_asks_the_environment_is_not_suspected() -> None:
    class Asking(Tiny):
        def add(self, key: str, amount: int) -> Outcome:
            found = (self.env.new_id(), self.env.clock.now(), self.env.random.random())
            self.connect().execute("INSERT INTO seen VALUES (?)", (str(found),))
            return super().add(key, amount)

    harness = Harness(tiny.TinyContract(), Asking)
    assert Explorer(harness, TWO, seconds=60).explore().complete
    harness.close()
