"""The compensation model keeps what it promises, and exhibits what no compensation can escape."""

from __future__ import annotations

import pytest
from runs import violated

from acidtest.checker.check import check
from acidtest.checker.machine import Kind, Property
from acidtest.models.compensation.service import CompensationModel, Compensations, undo_request
from acidtest.models.shared.ledger import Request
from acidtest.properties.compensation.properties import N3_PARKED, N3_UNDONE, PROPERTIES
from acidtest.properties.compensation.theory import SERVICE

PAYMENT = ("k1", (("A", -61), ("B", 61)))
SPENDING = ("k2", (("B", -23),))
TWICE = ("k1", (("B", 50), ("B", -30)))


def model_of(*asks, undos=("k1",), kind=Compensations):
    """Build the model of changes of A with 100 and B with 10, and of compensations."""
    requests = [
        Request(f"d{i}", key, (changes,), changes, bool(changes) and all(account in "AB" for account, _ in changes))
        for i, (key, changes) in enumerate(asks, 1)
    ]
    opening, requests = (("A", 100), ("B", 10)), [*requests, *(undo_request(f"u{i}", key) for i, key in enumerate(undos, 1))]
    model = CompensationModel(opening, requests)
    model.ledger = kind(opening, requests)
    return model


@pytest.mark.parametrize(
    ("asks", "undos", "states", "depth"),
    [((PAYMENT,), ("k1",), 120, 11), ((PAYMENT,), ("k1", "k1"), 796, 14), ((PAYMENT, SPENDING), ("k1",), 1_050, 14)],
    ids=["one compensation", "two compensations", "third party"],
)
def test_the_model_has_as_many_states_as_were_counted(asks, undos, states, depth):
    exploration = check(model_of(*asks, undos=undos))
    assert exploration.complete
    assert (exploration.states, exploration.depth) == (states, depth)


@pytest.mark.parametrize(
    ("asks", "undos"),
    [
        ((PAYMENT, SPENDING), ("k1",)),
        ((PAYMENT, ("k1", (("A", -23),))), ("k1",)),
        ((TWICE, SPENDING), ("k1",)),
        ((("k1", (("nobody", 5),)), ("k2", ())), ("k1", "k3")),
    ],
    ids=["third party", "same key", "twice", "invalid"],
)
def test_every_property_holds(asks, undos):
    exploration = check(model_of(*asks, undos=undos), PROPERTIES)
    assert exploration.complete
    assert "violated" not in {finding.verdict for finding in exploration.findings}


def test_every_action_can_happen():
    fired = check(model_of(PAYMENT, ("k1", (("B", -23),)))).fired
    assert all(fired.values())


def test_n3_a_compensation_waits_for_others_have_spent_what_was_given():
    finding = check(model_of(PAYMENT, SPENDING), [N3_PARKED]).finding("N3")
    assert [action.name for action in finding.trace.actions if action.name != "invoke"] == ["accept", "accept", "park"]
    assert model_of(PAYMENT, SPENDING).view(finding.trace.last).balances == (("A", 39), ("B", 48))


def test_n3_or_others_are_refused():
    assert check(model_of(PAYMENT, SPENDING), [N3_UNDONE]).finding("N3").verdict == "reached"


def test_what_is_parked_may_be_taken_back_later():
    after = Property("late", "late", Kind.SOMETIMES, lambda v: "undo d1" in v.accepted and any(
        call.status == "rejected" for call in v.undos
    ))  # fmt: skip
    assert check(model_of(PAYMENT, SPENDING, undos=("k1", "k2")), [after]).finding("late").verdict == "reached"


def test_a_compensation_that_nothing_disturbs_is_not_parked_while_it_can_be_paid():
    parked = Property("p", "p", Kind.SOMETIMES, lambda v: bool(v.parked) and all(call.alone for call in v.undos))
    assert check(model_of(PAYMENT), [parked]).finding("p").verdict == "unreached"


class NoTombstones(Compensations):
    """Makes changes although their compensation came first."""

    def other(self, s, i):
        return super().other(s, i) if i in self.undos else None


class TakesBackAgain(Compensations):
    """Does not know what it has taken back, once."""

    def take_back(self, s, i):
        fresh = super().take_back(s, i)
        again = s._replace(bound=(*s.bound[: self._key[i]], None, *s.bound[self._key[i] + 1 :]))
        return super().take_back(again, i) if fresh is None and s.accepted.count(self.first[i]) == 1 else fresh


class Overdraws(Compensations):
    """Takes back what is no longer there."""

    def take_back(self, s, i):
        rich = tuple(balance + 1_000 for balance in s.balances)
        after = super().take_back(s._replace(balances=rich), i)
        return after and after._replace(balances=tuple(balance - 1_000 for balance in after.balances))


class ParksAtWill(Compensations):
    """Parks what could be taken back."""

    def park(self, s, i):
        after = super().park(s._replace(alone=(False,) * len(s.alone)), i)
        return after and after._replace(alone=s.alone)


@pytest.mark.parametrize(
    ("kind", "broken"),
    [(NoTombstones, "CT5"), (TakesBackAgain, "CT3"), (Overdraws, "CT7"), (ParksAtWill, "G11")],
)
def test_a_model_with_a_bug_violates_what_the_bug_is_about(kind, broken):
    assert broken in violated(model_of(("k1", (("A", -61),)), kind=kind), PROPERTIES) | violated(model_of(PAYMENT, SPENDING, kind=kind), PROPERTIES)


def test_the_study_is_of_this_model():
    assert [size.states for size in SERVICE.sizes] == [796, 1_050]
