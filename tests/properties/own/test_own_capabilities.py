"""A contract of one's own says what an implementation may declare; what it takes a capability for is asked of those who declare it."""

from typing import ClassVar

import pytest
from click.testing import CliRunner
from seats import Booking, LooksFirst, Seats

from acidtest import ContractError, UsageError, check, sometimes, step, told_means_done
from acidtest.cli import main
from acidtest.search.verdict import Verdict, not_asked


class Ranked(Seats):
    """Nobody has to keep a seat for whoever came first; who declares to, must."""

    known_capabilities: ClassVar = {"keeps": "whoever has a seat has it for good"}
    done = None  # not of everybody
    kept = told_means_done(Seats.book, lambda seen, call: seen.seats.get(call["seat"]) == call["who"], "yes").if_declared("keeps")

    @step(capability="keeps")
    def nobody_loses_a_seat(self, before, seen):
        return set(before.seats.items()) <= set(seen.seats.items())

    @sometimes(capability="keeps")
    def both_have_asked(self, seen):
        return len(seen.asked("book")) == 2


class Keeps(Booking):
    capabilities = frozenset({"keeps"})


class KeepsNot(LooksFirst):
    capabilities = frozenset({"keeps"})


class KeepsAll(Booking):
    capabilities = ("keeps", "reserves")


class NeverAsked(Ranked):
    """Demands of those who keep seats what happens nowhere."""

    @sometimes(capability="keeps")
    def the_ninth_is_taken(self, seen):
        return "9" in seen.seats


def test_who_declares_a_capability_is_held_to_it():
    (result,) = check(Ranked, Keeps)
    assert (result.verdict, result.unasked) == (Verdict.PASS, ())
    with pytest.raises(AssertionError, match="what book said is done is done") as found:
        check(Ranked, KeepsNot)
    assert "declared: keeps\n" in str(found.value)
    assert "Violated as well: nobody_loses_a_seat\n" in str(found.value)


def test_who_does_not_declare_it_is_not_asked_and_the_result_says_so():
    (result,) = check(Ranked, LooksFirst)
    assert result.verdict == Verdict.PASS
    assert result.unasked == (("kept", "keeps"), ("nobody_loses_a_seat", "keeps"))


def test_what_must_happen_is_not_missed_where_it_is_not_asked():
    (result,) = check(NeverAsked, Booking)
    assert result.verdict == Verdict.PASS
    (result,) = check(NeverAsked, Keeps)
    assert (result.verdict, result.reasons) == (Verdict.INCONCLUSIVE, ("in no schedule of any scope: the ninth is taken",))


def test_reports_say_what_was_not_asked_and_what_may_be_declared():
    told = not_asked(check(Ranked, Booking))
    assert told == "not asked of it, since its capabilities do not name what is in brackets: kept (keeps), nobody_loses_a_seat (keeps)"
    assert not_asked(check(Ranked, Keeps)) == ""
    shown = CliRunner().invoke(main, ["show", "test_own_capabilities:Ranked"])
    assert "whoever has a seat has it for good" in shown.output


def test_an_unknown_capability_lists_the_known_ones():
    with pytest.raises(ContractError, match=r"'reserves' is not a capability of .*:Ranked. Known: keeps."):
        check(Ranked, KeepsAll)


def derived(**attributes):
    """The contract with something else."""
    return type("Derived", (Ranked,), attributes)


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"bad": step(capability="keep")(lambda _, before, seen: before == seen)}, "as invariant bad asks for, 'keep'. Known: keeps."),
        ({"promised": {"late": "keep"}}, "asks for, 'keep'. Known: keeps."),
        ({"promised": {"layt": "keeps"}}, "Known: crash, lost"),
        ({"known_capabilities": {"keeps": "it does", "sells": "it sells"}}, "has 'sells', and nothing is asked of whoever declares it"),
        ({"known_capabilities": {"keeps"}}, "It says of each capability what whoever declares it promises"),
    ],
)
def test_what_cannot_be_meant_is_refused(attributes, said):
    with pytest.raises((ContractError, UsageError)) as refused:
        derived(**attributes)
    assert said in str(refused.value)
