"""The model of a coordinator of TCC: what is promised of it holds, and nothing more is forbidden."""

from __future__ import annotations

import pytest
from runs import enabled, run, violated

from acidtest.checker.check import check
from acidtest.models.tcc.coordinator import PENDING, Coordination, CoordinationState, request
from acidtest.properties.tcc.theory import COORDINATOR
from acidtest.properties.tcc_coordinator.scopes import SCOPES
from acidtest.properties.tcc_coordinator.view import labels_of

OPENING = (("bank/A", 100), ("shop/D", 60))
PAID = request("t1", "g1", ("bank", "A", 41), ("shop", "D", 17))
RIVAL = request("t2", "g2", ("bank", "A", 67))
OTHER = request("t2", "g1", ("shop", "D", 5))
TOO_MUCH = request("t1", "g1", ("bank", "A", 41), ("shop", "D", 61))
INVALID = request("t1", "g1", ("bank", "A", 41), ("shop", "nobody", 1), valid=False)


HELD = [("invoke", 0), ("try", 0, 0), ("try", 0, 1)]


@pytest.mark.parametrize(
    ("requests", "states"),
    [([PAID], 73), ([PAID, PAID._replace(name="t2")], 694), ([PAID, OTHER], 761), ([TOO_MUCH, RIVAL], 485), ([INVALID], 22)],
    ids=["one", "one asked for twice", "one id for two", "two that cannot both be paid", "an invalid one"],
)
def test_everything_that_the_contract_demands_holds(requests, states):
    exploration = check(Coordination(OPENING, requests), COORDINATOR.properties)
    assert [f.property.id for f in exploration.findings if f.verdict == "violated"] == []
    assert exploration.states == states


def test_every_action_can_happen():
    assert all(check(Coordination(OPENING, [PAID, OTHER])).fired.values())


def test_what_is_held_stays_in_the_balance_and_cannot_be_spent():
    model = Coordination(OPENING, [PAID, RIVAL])
    view = model.view(run(model, *HELD))
    assert (view.balances, view.available) == (OPENING, (("bank/A", 59), ("shop/D", 43)))
    assert [branch.status for branch in view.branches] == ["tried", "tried"]


def test_nothing_is_confirmed_before_everything_is_held():
    model = Coordination(OPENING, [PAID])
    assert enabled(model, run(model, *HELD[:2]), "confirm") == set()
    assert enabled(model, run(model, *HELD), "confirm") == {"confirm(0, 0)", "confirm(0, 1)"}


def test_an_undisturbed_transaction_that_can_be_paid_is_not_cancelled():
    model = Coordination(OPENING, [PAID])
    assert enabled(model, run(model, *HELD[:2]), "cancel", "reply") == {"reply(0, pending)"}
    assert enabled(model, run(model, ("invoke", 0), ("disturbed", 0), *HELD[1:2]), "cancel") == {"cancel(0, 0)"}


def test_what_a_service_cannot_hold_is_cancelled():
    model = Coordination(OPENING, [TOO_MUCH])
    assert enabled(model, run(model, *HELD[:2]), "cancel", "try") == {"cancel(0, 0)"}


def test_the_decision_falls_once():
    model = Coordination(OPENING, [PAID])
    disturbed = [HELD[0], ("disturbed", 0), *HELD[1:]]
    assert enabled(model, run(model, *disturbed, ("confirm", 0, 0)), "cancel", "confirm") == {"confirm(0, 1)"}
    assert enabled(model, run(model, *disturbed, ("cancel", 0, 0)), "cancel", "confirm") == {"cancel(0, 1)"}


def test_an_answer_is_a_decision_too():
    model = Coordination(OPENING, [PAID])
    disturbed = [HELD[0], ("disturbed", 0), *HELD[1:]]
    assert enabled(model, run(model, *disturbed, ("reply", 0, "ok")), "cancel") == set()
    assert enabled(model, run(model, *disturbed, ("reply", 0, "rejected")), "confirm") == set()


def test_a_late_try_may_be_held_after_the_rejection_and_is_cancelled():
    model = Coordination(OPENING, [PAID])
    late = run(model, HELD[0], ("disturbed", 0), ("reply", 0, "rejected"), HELD[1])
    assert enabled(model, late, "cancel", "confirm") == {"cancel(0, 0)"}
    assert not model.at_rest(late)


def test_whoever_was_told_pending_may_ask_again():
    model = Coordination(OPENING, [PAID])
    told = run(model, HELD[0], ("reply", 0, PENDING), *HELD[1:])
    assert enabled(model, told, "invoke", "confirm") == {"invoke(0)", "confirm(0, 0)", "confirm(0, 1)"}


def test_an_id_is_of_no_use_for_other_branches():
    model = Coordination(OPENING, [PAID, OTHER])
    asked = run(model, *HELD, ("invoke", 1))
    assert enabled(model, asked, "try", "reply") >= {"reply(1, rejected)"}
    assert not {"try(1, 0)", "reply(1, ok)"} & enabled(model, asked, "try", "reply")


def test_an_invalid_transaction_is_never_confirmed():
    model = Coordination(OPENING, [INVALID])
    assert enabled(model, run(model, *HELD[:2]), "cancel", "confirm", "try", "reply") == {
        "cancel(0, 0)", "reply(0, rejected)", "reply(0, pending)",
    }  # fmt: skip


class DecidesTwice(Coordination):
    """Cancels what is held whatever was decided."""

    def cancel(self, s: CoordinationState, i: int, b: int) -> CoordinationState | None:
        return super().cancel(s._replace(ledger=s.ledger._replace(bound=(None,), alone=(False,))), i, b)


class ConfirmsEarly(Coordination):
    """Confirms each branch as soon as it is held."""

    def _confirmed(self, s: CoordinationState, first: int, i: int) -> CoordinationState | None:
        return s


@pytest.mark.parametrize(
    ("kind", "broken"), [(DecidesTwice, {"T1", "T7"}), (ConfirmsEarly, {"T7", "G4"})], ids=["decides twice", "confirms early"]
)
def test_a_model_with_a_bug_violates_what_the_bug_is_about(kind, broken):
    assert broken <= violated(kind(OPENING, [PAID]), COORDINATOR.properties)


@pytest.mark.parametrize("scope", SCOPES, ids=[scope.name for scope in SCOPES])
def test_no_two_payloads_under_one_id_share_a_branch(scope):
    asked = {(gid, branches) for gid, branches in (op.arguments for op in scope.operations() if op.method == "run")}
    for gid, branches in asked:
        others = [labels_of(request("", gid, *more)) for key, more in asked if key == gid and more != branches]
        assert not any(labels_of(request("", gid, *branches)) & labels for labels in others)
