"""What a contract of one's own cannot mean is refused: what hides something, what is of another contract, what changes what it looks at."""

import pytest
from seats import Booking, Seats

from acidtest import Contract, ContractError, Scope, always, check, client, operation, read
from acidtest.search.verdict import Verdict


class Other(Contract):
    """A contract of something else, with an operation that is called the same."""

    book = operation("book", room=str, nights=int)


class Left(Seats):
    @always
    def nobody_has_two(self, seen):
        return len(set(seen.seats.values())) == len(seen.seats)


class Right(Seats):
    @always
    def nobody_has_two(self, seen):
        return True


def derived(*bases, **attributes):
    """A contract with something more."""
    return type("Derived", bases or (Seats,), attributes)


def says_true(self, seen):
    return True


def test_two_invariants_of_one_name_are_refused_where_they_are_written():
    with pytest.raises(ContractError, match=r"Twice\.it_holds is there twice: the invariant that stands first would never be heard of"):

        class Twice(Seats):
            @always
            def it_holds(self, seen):
                return False

            @always
            def it_holds(self, seen):  # noqa: F811 - that is what is refused
                return True


def test_two_declarations_of_one_name_are_refused_where_they_are_written():
    with pytest.raises(ContractError, match=r"Twice\.look is there twice: the declaration"):

        class Twice(Seats):
            look = read("seats")
            look = operation("look")  # noqa: PIE794 - that is what is refused


@pytest.mark.parametrize(
    "make",
    [
        lambda: derived(a_seat_has_somebody_who_asked=always(says_true)),
        lambda: derived(a_seat_has_somebody_who_asked=says_true),
        lambda: derived(Left, Right),
    ],
    ids=["another invariant", "a method that is none", "two bases"],
)
def test_an_invariant_that_is_inherited_is_not_hidden_unseen(make):
    with pytest.raises(ContractError, match="hides an invariant of that name that it inherits"):
        make()


def test_an_invariant_that_is_inherited_may_be_left_out_on_purpose_and_stays_out():
    without = derived(Left, nobody_has_two=None)
    assert "nobody_has_two" not in [p.id for p in without.properties]
    assert "nobody_has_two" not in [p.id for p in derived(without).properties]


def test_what_is_declared_in_two_classes_keeps_its_name_in_each():
    renamed = derived(plan=Seats.seats, seats=None, done=None, a_seat_has_somebody_who_asked=None)
    assert "plan" in [one.name for one in renamed.declared]
    assert "seats" in [one.name for one in Seats.declared]
    assert Seats.seats.name == "seats"


class Mixed:
    """Invariants that several contracts share, in a class that is no contract."""

    @always
    def nobody_has_two(self, seen):
        return len(set(seen.seats.values())) == len(seen.seats)


def test_invariants_of_a_class_that_is_no_contract_are_asked_as_well():
    assert "nobody_has_two" in [p.id for p in derived(Mixed, Seats).properties]


def test_a_call_of_another_contract_is_refused():
    with pytest.raises(ContractError) as refused:
        derived(scopes=[Scope("a night", client("web-1", Other.book("7", 2)))])
    assert str(refused.value) == (
        "The scope 'a night' of Derived calls Other.book, which is declared in another class. Call what is declared in this one: "
        "create, book, seats."
    )


def test_a_call_of_a_contract_that_it_inherits_from_is_its_own():
    own = derived(scopes=[Scope("a seat", client("web-1", Seats.book("7", "ann")))])
    assert [str(operation) for operation in own.scopes[0].operations()] == ["book('7', 'ann')"]


KEPT = []


class Remembered(Booking):
    """Leaves itself where an invariant finds it."""

    def __init__(self, env):
        super().__init__(env)
        KEPT.append(self)


def books(self, seen):
    KEPT[-1].connect().execute("UPDATE seat SET who = 'ann' WHERE id = '8'")
    return True


def publishes(self, seen):
    KEPT[-1].env.broker.publish("1", "7", "look")
    return True


@pytest.mark.parametrize(("changes", "who"), [(books, "one of done, a_seat_has_somebody_who_asked, bad"), (publishes, "bad")])
def test_an_invariant_that_changes_something_is_refused(changes, who):
    with pytest.raises(ContractError) as refused:
        check(derived(bad=always(changes)), Remembered)
    assert f"What must hold has changed something: after it was asked whether {who} holds" in str(refused.value)


def keeps(self, env):
    self.kept = Booking(env)
    return self.kept


def reaches(self, seen):
    return bool(self.kept.seats())


def test_an_invariant_that_looks_for_the_implementation_is_told_that_it_is_not_there():
    with pytest.raises(ContractError, match="What implementation\\(\\) keeps in self is not there: it is asked of what was seen alone"):
        check(derived(implementation=keeps, bad=always(reaches)))


def test_an_invariant_that_only_looks_passes():
    assert [result.verdict for result in check(Left, Booking)] == [Verdict.PASS]
