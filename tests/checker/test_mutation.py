"""Mutants of a model's functions, and what notices them."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from acidtest.checker.judgement import ENDLESS, MORE, PROPERTY, RAISED, SAME, THEOREM, Judge, Judged, score
from acidtest.checker.machine import Kind, Model, Property, Transition
from acidtest.checker.mutation import (
    DROPPED,
    FORGOTTEN,
    NEGATED,
    PART_DROPPED,
    SWAPPED,
    functions_of,
    mutants_of,
    put_in,
)
from acidtest.checker.theory import Size, Study, Switch, Theorem

HERE = __name__


class Till(NamedTuple):
    """What is in a till, and how often it was opened."""

    coins: int
    opened: int = 0


class Shop(Model[Till]):
    """A till into which coins come and from which they go, up to a limit."""

    name = "shop"

    def __init__(self, limit, *, greedy=False):
        """Set the limit."""
        self.limit, self.greedy = limit, greedy

    def initial_states(self):
        """It is empty."""
        return [Till(0)]

    def transitions(self):
        """Coins come and go."""
        return [Transition("Put", self.put), Transition("Take", self.take), Transition("Loop", self.idle)]

    def put(self, s):
        """A coin comes."""
        if s.coins == self.limit or s.opened >= self.limit:
            return None
        return s._replace(coins=s.coins + 1, opened=s.opened + 1)

    def take(self, s):
        """A coin goes; who is greedy takes one that is not there."""
        return s._replace(coins=s.coins - 1) if s.coins > 0 or (self.greedy and s.coins == 0) else None

    def idle(self, s):
        """Nothing changes, as long as there is nothing odd about the till."""
        return None if s.coins >= 0 and s.opened >= 0 else s._replace(opened=0)

    def view(self, state):
        """All of it."""
        return state


FUNDED = Property("F", "the till is never overdrawn", Kind.ALWAYS, lambda till: till.coins >= 0)
FILLED = Property("SOME-FULL", "the till is full", Kind.SOMETIMES, lambda till: till.coins == 2)
STUDY = Study(
    "shop", Shop, (Size("2 coins", {"limit": 2}, 6, 5), Size("3 coins", {"limit": 3}, 10, 7)), (FUNDED, FILLED),
    (Theorem(FUNDED, {"greedy": True}, {}),), (Switch("greedy", "somebody takes what is not there"),),
)  # fmt: skip


def mutants(function):
    return {(mutant.kind, mutant.text): mutant for mutant in mutants_of(function)}


def test_the_functions_of_a_model_are_those_that_run_while_it_steps():
    assert set(functions_of(Shop(2), HERE)) == {f"{HERE}.Shop.{name}" for name in ("put", "take", "idle")}


def test_a_guard_its_parts_comparisons_and_updates_are_changed_one_at_a_time():
    guard = "s.coins == self.limit or s.opened >= self.limit"
    assert set(mutants(Shop.put)) == {
        (DROPPED, f"{guard} → False"),
        (PART_DROPPED, f"{guard} → False or s.opened >= self.limit"),
        (PART_DROPPED, f"{guard} → s.coins == self.limit or False"),
        (SWAPPED, f"{guard} → s.coins == self.limit and s.opened >= self.limit"),
        (NEGATED, "s.coins == self.limit → s.coins != self.limit"),
        (NEGATED, "s.opened >= self.limit → s.opened < self.limit"),
        (FORGOTTEN, "s._replace(coins=s.coins + 1, opened=s.opened + 1) → s._replace(opened=s.opened + 1)"),
        (FORGOTTEN, "s._replace(coins=s.coins + 1, opened=s.opened + 1) → s._replace(coins=s.coins + 1)"),
    }


def test_a_mutant_takes_the_place_of_a_function_until_it_is_over():
    mutant = mutants(Shop.put)[NEGATED, "s.opened >= self.limit → s.opened < self.limit"]
    with put_in(Shop.put, mutant, HERE):
        assert Shop(2).put(Till(0)) is None
    assert Shop(2).put(Till(0)) == Till(1, 1)


def judged(function, text):
    judge = Judge(STUDY, HERE)
    return next(judge.judge(function, mutant) for (_, shown), mutant in mutants(function).items() if shown.endswith(f"→ {text}"))


@pytest.mark.parametrize(
    ("function", "text", "how"),
    [
        (Shop.take, "s._replace(coins=s.coins - 1) if True else None", PROPERTY),
        (Shop.put, "s._replace(opened=s.opened + 1)", PROPERTY),
        (Shop.put, "False", ENDLESS),
        (Shop.put, "False or s.opened >= self.limit", SAME),
        (Shop.take, "self.greedy or s.coins == 0", PROPERTY),
    ],
)  # fmt: skip
def test_what_notices_a_mutant(function, text, how):
    assert judged(function, text).how == how


def test_the_properties_that_fall_are_named():
    assert judged(Shop.put, "s._replace(opened=s.opened + 1)").fallen == ("SOME-FULL: the till is full",)


def test_a_mutant_is_scored_by_whether_it_is_noticed_and_left_out_if_it_is_no_other_model():
    letters = PROPERTY + THEOREM + RAISED + SAME + MORE + "."
    assert score(letters) == (3, 4)


def test_a_mutant_that_raises_does_not_pass():
    class Torn(Shop):
        """Raises where it is asked."""

        def view(self, state):
            """Only an empty till can be shown."""
            if state.coins:
                raise LookupError
            return state

    study = Study("torn", Torn, STUDY.sizes, (FUNDED,))
    found = Judge(study, HERE).judge(Shop.take, mutants(Shop.take)[DROPPED, next(t for k, t in mutants(Shop.take) if k == DROPPED)])
    assert found == Judged(RAISED)
