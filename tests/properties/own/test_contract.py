"""A contract of one's own is searched, replayed and judged as those of patterns are."""

import pytest
from click.testing import CliRunner
from seats import Booking, LooksFirst, Seats

from acidtest import Scope, assert_schedule, at_rest, check, client, installation, sometimes, step
from acidtest.checker.machine import Model, Transition
from acidtest.cli import main
from acidtest.errors import ContractError, UsageError
from acidtest.search.stateful import check_statefully
from acidtest.search.verdict import Verdict


def test_right_code_passes():
    assert [result.verdict for result in check(Seats, Booking)] == [Verdict.PASS]


def test_a_bug_is_found_told_and_found_again():
    with pytest.raises(AssertionError, match="what book said is done is done") as found:
        check(Seats, LooksFirst)
    schedule = [line.strip().strip("',\"") for line in str(found.value).splitlines() if line.strip().strip("'\"").startswith("advance ")]
    with pytest.raises(AssertionError, match="is violated by the schedule"):
        assert_schedule(Seats, LooksFirst, scope="two for one seat", schedule=schedule)
    assert_schedule(Seats, Booking, scope="two for one seat", schedule=schedule)


def test_workloads_are_drawn_from_what_is_declared():
    harness, result = check_statefully(Seats(), LooksFirst, examples=15, seed=1, shrink=False)
    harness.close()
    assert result.verdict == Verdict.FAIL
    harness, result = check_statefully(Seats(), Booking, examples=2, seed=1)
    harness.close()
    assert result.violation is None
    assert result.runs > 4


def test_the_command_line_takes_the_contract_by_its_name(monkeypatch):
    shown = CliRunner().invoke(main, ["show", "seats:Seats"])
    assert "book(seat, who)" in shown.output
    assert "sometimes book is answered" in shown.output
    refused = CliRunner().invoke(main, ["model", "seats:Seats"])
    assert "there is no theory of it" in refused.output


class Nobody(Seats):
    """An invariant that never has anything to look at, and something that never happens."""

    @at_rest
    def messages_are_short(self, seen):
        return all(len(message.payload) < 9 for message in seen.messages)

    @sometimes
    def the_ninth_is_taken(self, seen):
        return "9" in seen.seats


def test_what_says_nothing_is_no_pass():
    (result,) = check(Nobody, Booking)
    assert result.verdict == Verdict.INCONCLUSIVE
    assert result.reasons == (
        "in no schedule of any scope: messages_are_short is put to the test", "in no schedule of any scope: the ninth is taken",
    )  # fmt: skip


class NeverAnswers(Booking):
    def book(self, seat, who):
        raise LookupError(seat)


def test_code_that_answers_nobody_does_not_pass():
    (result,) = check(Seats, NeverAnswers)
    assert "in no schedule of any scope: book is answered" in result.reasons


class Taken(Model):
    """Who has the seat 7: nobody, or whoever came first, for ever."""

    def initial_states(self):
        yield None

    def transitions(self):
        return (Transition("take", lambda state, who: who if state is None else None, (("ann",), ("bob",))),)

    def view(self, state):
        return state


class WithModel(Seats):
    done = None  # the model alone judges

    def model(self, scope):
        return Taken()

    def refines(self, seen):
        return seen.seats.get("7")


def test_a_model_judges_as_well():
    assert [result.verdict for result in check(WithModel, Booking)] == [Verdict.PASS]
    with pytest.raises(AssertionError, match="the model does not allow what was observed"):
        check(WithModel, LooksFirst)


class Odd(Booking):
    def seats(self):
        self.connect().execute("UPDATE seat SET who = 'x' WHERE id = '8'")
        return {}


class Opaque(Booking):
    def seats(self):
        return object()


def derived(**attributes):
    """A contract with something more."""
    return type("Derived", (Seats,), attributes)


def raises(self, seen):
    return seen.seats["7"] == "ann"


def says_nothing(self, seen):
    pass


def misspells(self, seen):
    return not seen.saets


def asks_for_nobody(self, seen):
    return not seen.told("boook")


def never(self, seen):
    return bool(seen.seats)


@pytest.mark.parametrize(
    ("contract", "code", "said"),
    [
        (Seats, Odd, "What only reads has changed something: after seats()"),
        (Seats, Opaque, "which is another value each time that it is made"),
        (Seats, type("Lacks", (Booking,), {"book": None}), "has no method 'book'"),
        (derived(bad=step(lambda self, before, seen: None)), Booking, "returned None. An invariant returns True or False"),
        (derived(bad=at_rest(says_nothing)), Booking, "returned None"),
    ],
)
def test_what_an_adapter_cannot_mean_is_refused(contract, code, said):
    with pytest.raises(ContractError) as refused:
        check(contract, code)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("check_", "said"),
    [
        (raises, "bad raised KeyError: '7'"),
        (misspells, "'saets'. Known: seats, "),
        (asks_for_nobody, "There is no operation that clients call 'boook'. Known: book."),
        (never, "does not hold at the start"),
    ],
)
def test_what_an_invariant_cannot_mean_is_refused(check_, said):
    from acidtest import always

    with pytest.raises(ContractError) as refused:
        check(derived(bad=always(check_)), Booking)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"again": Seats.book}, "declares the method 'book' twice"),
        ({"scopes": [1]}, "has 1 in it, which is no scope"),
        ({"scopes": [Scope("a", client("web-1", Seats.book("7", "ann")))] * 2}, "two scopes that are called 'a'"),
        ({"create": installation("create").of("nobody")}, "is of the service 'nobody', which there is not"),
        ({"seats": Seats.seats, "services": ("web",), "scopes": [Scope("a", client("app-1", Seats.book("7", "ann")))]}, "of no service"),
    ],
)
def test_what_a_contract_cannot_mean_is_refused(attributes, said):
    with pytest.raises(ContractError) as refused:
        derived(**attributes)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Seats.book("7"), "cannot be called so: missing a required argument: 'who'"),
        (lambda: Seats.book("7", object()), "Schedules are kept in files"),
        (lambda: client("web-1", "book"), "which is no call"),
        (lambda: Scope("a", client("web-1"), crashes=1, faults=1), "A schedule has one budget"),
        (lambda: Scope("a", client("web-1"), kinds=("lost",)), "and allows none"),
        (lambda: installation("_create"), "names no method"),
    ],
)
def test_a_call_or_scope_that_cannot_be_is_refused(make, said):
    with pytest.raises(ContractError) as refused:
        make()
    assert said in str(refused.value)


@pytest.mark.parametrize("wrong", [{"crash": 1}, {"faults": 1, "kinds": ("crasch",)}])
def test_unknown_names_list_the_known_ones(wrong):
    with pytest.raises(UsageError, match="Known: "):
        Scope("a", client("web-1"), **wrong)


def test_what_is_declared_may_be_named_as_what_every_contract_has():
    named = derived(install=installation("create"), create=None, view=Seats.seats, seats=None, done=None, a_seat_has_somebody_who_asked=None)
    assert [result.verdict for result in check(named, Booking)] == [Verdict.PASS]
