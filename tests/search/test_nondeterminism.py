"""Code that depends on something uncontrolled is told so, with the first effect that differs."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from typing import Any

import pytest
import tiny_contract as tiny
from tiny_contract import Tiny, add, alone, scope

from acidtest.environment import Outcome
from acidtest.errors import NondeterminismError
from acidtest.search import differs
from acidtest.search.check import check_scope
from acidtest.search.exhaustive import Explorer
from acidtest.search.harness import Harness
from acidtest.search.verdict import Verdict

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


def turning_every_third_time() -> Any:
    """What addresses do to the order of a set now and then."""
    turns = (n % 3 == 0 for n in itertools.count())

    class Turning(Tiny):
        def add(self, key: str, amount: int) -> Outcome:
            both = (f"{key}-left", f"{key}-right")
            for one in both if next(turns) else reversed(both):
                self.connect().execute("INSERT INTO seen VALUES (?) ON CONFLICT DO NOTHING", (one,))
            return super().add(key, amount)

    return Turning


def test_what_comes_in_another_order_now_and_then_is_run_again_and_that_is_told() -> None:
    harness = Harness(tiny.TinyContract(), turning_every_third_time())
    result = check_scope(harness, TWO)
    harness.close()
    assert result.verdict == Verdict.PASS
    assert "came to the same in another order" in result.bound


class Listing(Tiny):
    """Two values of one statement that change places, in more ways than are tried again."""

    def add(self, key: str, amount: int) -> Outcome:
        values = [f"{key}-{n}" for n in range(4)]
        turned = next(_counter) % 24
        for place in range(4):
            turned, at = divmod(turned, 4 - place)
            values.append(values.pop(at))
        self.connect().execute("SELECT * FROM seen WHERE key IN (?, ?, ?, ?)", values).fetchall()
        return super().add(key, amount)


def test_an_order_that_hardly_comes_again_is_told_with_the_parameters_that_differ() -> None:
    harness = Harness(tiny.TinyContract(), Listing)
    with pytest.raises(NondeterminismError, match="in another order") as caught:
        Explorer(harness, TWO, seconds=60).explore()
    harness.close()
    assert str(caught.value).count("WHERE key IN (?, ?, ?, ?)\n    parameter ") == 2, caught.value


def test_values_that_a_driver_writes_into_its_statement_are_told_by_their_places() -> None:
    first, then = (("write", "bank", "INSERT log", text) for text in (b"INSERT INTO log1 VALUES ('a', 1)", b"INSERT INTO log1 VALUES ('a', 2)"))
    assert differs._told(first, then) == "bank: INSERT log\n    INSERT INTO log1 VALUES ('a', 1)\n    parameter 2 = '1'"


@pytest.mark.parametrize("given", [None, "0"])
def test_who_has_no_seed_of_hashes_is_told_to_set_one(given: str | None) -> None:
    own = {name: value for name, value in os.environ.items() if name != "PYTHONHASHSEED"}
    code = "from acidtest.search.hashing import hash_seed, remark; print(hash_seed(), remark('random'), sep='|')"
    environment = {**own, **({} if given is None else {"PYTHONHASHSEED": given})}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    seed, _, said = done.stdout.partition("|")
    assert seed == (given or "random")
    assert "PYTHONHASHSEED=0 pytest" in said


def test_code_that_asks_the_environment_is_not_suspected() -> None:
    class Asking(Tiny):
        def add(self, key: str, amount: int) -> Outcome:
            found = (self.env.new_id(), self.env.clock.now(), self.env.random.random())
            self.connect().execute("INSERT INTO seen VALUES (?)", (str(found),))
            return super().add(key, amount)

    harness = Harness(tiny.TinyContract(), Asking)
    assert Explorer(harness, TWO, seconds=60).explore().complete
    harness.close()
