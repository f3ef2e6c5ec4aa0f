"""Witnesses that take more than one state: actions that must take part, and runs that somebody cannot tell apart."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from acidtest.checker.breadth_first import Trace
from acidtest.checker.machine import Kind, Model, Property, Transition
from acidtest.checker.theory import Theorem, Twin
from acidtest.checker.witness import replayed, seek


class Box(NamedTuple):
    """A box with a coin, and whether its owner has looked."""

    coin: bool
    looked: bool = False


class Game(Model[Box]):
    """Anybody puts a coin in or takes it away, behind the owner's back, until the owner looks."""

    name = "game"

    def initial_states(self):
        """An empty box."""
        return [Box(coin=False)]

    def transitions(self):
        """Three things happen."""
        return [Transition("Put", self.put), Transition("Take", self.take), Transition("Look", self.look)]

    def put(self, s):
        """Put the coin in."""
        return None if s.coin or s.looked else s._replace(coin=True)

    def take(self, s):
        """Take it away."""
        return s._replace(coin=False) if s.coin and not s.looked else None

    def look(self, s):
        """The owner looks."""
        return None if s.looked else s._replace(looked=True)

    def view(self, state):
        """All of it."""
        return state


EMPTY = Property("E", "the box is empty", Kind.SOMETIMES, lambda box: not box.coin)
FULL = Property("F", "the coin is in it", Kind.SOMETIMES, lambda box: box.coin)
NEVER_LOOKS_INTO_EMPTY = Property("L", "who looks finds the coin", Kind.ALWAYS, lambda box: box.coin or not box.looked)


def of_owner(_, box):
    """What is in the box, once they have looked."""
    return box.coin if box.looked else None


def actions(trace):
    return [str(action) for action in trace.actions]


def test_without_actions_the_shortest_run_is_the_witness():
    assert actions(seek(Game(), Theorem(EMPTY)).finding.trace) == []


def test_a_witness_is_a_run_in_which_the_named_actions_take_part_in_their_order():
    found = seek(Game(), Theorem(EMPTY, along=("Put", "Take")))
    assert found.finding.verdict == "reached"
    assert actions(found.finding.trace) == ["Put", "Take"]
    assert found.states == 4


def test_a_run_of_other_actions_is_no_witness():
    assert seek(Game(), Theorem(FULL, along=("Take", "Look", "Put"))).finding.verdict == "unreached"


def test_a_property_falls_by_the_named_actions_or_holds_along_them():
    found = seek(Game(), Theorem(NEVER_LOOKS_INTO_EMPTY, along=("Put", "Take")))
    assert (found.finding.verdict, actions(found.finding.trace)) == ("violated", ["Put", "Take", "Look"])
    assert seek(Game(), Theorem(NEVER_LOOKS_INTO_EMPTY, along=("Look", "Put"))).finding.verdict == "holds"


def test_an_action_that_the_model_does_not_have_is_refused_with_those_that_it_has():
    with pytest.raises(ValueError, match=r"game has no action Drop\. Its actions: Look, Put, Take"):
        seek(Game(), Theorem(EMPTY, along=("Drop",)))


def test_an_endless_run_is_not_told_by_its_actions():
    with pytest.raises(ValueError, match="eventually"):
        seek(Game(), Theorem(Property("E", "it is full", Kind.EVENTUALLY, lambda box: box.coin), along=("Put",)))


def test_who_has_not_looked_cannot_tell():
    found = seek(Game(), Theorem(FULL, twin=Twin(EMPTY, "the owner", of_owner)))
    assert (found.finding.verdict, found.alike) == ("reached", None)
    assert (actions(found.finding.trace), actions(found.other)) == (["Put"], [])


def test_who_has_looked_can_tell():
    theorem = Theorem(FULL, along=("Look",), twin=Twin(EMPTY, "the owner", of_owner))
    assert seek(Game(), theorem).finding.verdict == "unreached"


def test_a_run_that_is_replayed_step_by_step_is_one_of_the_model():
    trace = seek(Game(), Theorem(EMPTY, along=("Put", "Take"))).finding.trace
    assert replayed(Game(), trace)


@pytest.mark.parametrize("wrong", [Box(coin=True, looked=True), Box(coin=False, looked=True)])
def test_a_run_with_a_step_that_leads_elsewhere_is_none(wrong):
    trace = seek(Game(), Theorem(EMPTY, along=("Put", "Take"))).finding.trace
    put, take = trace.steps[1:]
    assert not replayed(Game(), Trace((trace.steps[0], put, (take[0], wrong))))
    assert not replayed(Game(), Trace(((None, wrong), put, take)))
