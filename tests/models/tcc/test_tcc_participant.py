"""The model of a service that takes part in TCC: what is promised of it holds, and nothing more is forbidden."""

from __future__ import annotations

from itertools import combinations

import pytest
from runs import enabled, run, violated

from acidtest.checker.check import check, reachable
from acidtest.models.shared.ledger import Request
from acidtest.models.tcc.participant import CANCEL, CONFIRM, TRY, TccService, TccServiceState, request
from acidtest.properties.tcc.properties import N2, N2_OTHERWISE, PROPERTIES
from acidtest.properties.tcc.scopes import SCOPES
from acidtest.properties.tcc.theory import of_service
from acidtest.properties.tcc.view import explain_holds

OPENING = (("A", 100),)
TRIED = request("t1", TRY, "g1/b1", "A", 61)
CONFIRMED = request("c1", CONFIRM, "g1/b1")
CANCELLED = request("x1", CANCEL, "g1/b1")
OTHER = request("t2", TRY, "g2/b1", "A", 47)
OTHER_AMOUNT = request("t2", TRY, "g1/b1", "A", 13)
INVALID = request("t1", TRY, "g1/b1", "nobody", 5, valid=False)


def asked(*numbers: int) -> list[tuple[object, ...]]:
    """Calls that were made, one after the other, and answered ok."""
    return [step for i in numbers for step in (("invoke", i), ("accept", i), ("reply", i, "ok"))]


def answers(model: TccService, state: TccServiceState) -> set[str]:
    """The replies that may be given next."""
    return enabled(model, state, "reply")


@pytest.mark.parametrize(
    ("requests", "states", "generated"),
    [
        ([TRIED, CONFIRMED], 87, 237),
        ([TRIED, CONFIRMED, CANCELLED], 642, 2_333),
        ([TRIED, OTHER_AMOUNT, CANCELLED], 907, 3_281),
        ([TRIED, OTHER, CONFIRMED], 743, 2_848),
    ],
    ids=["one branch", "confirm or cancel", "another amount", "two that cannot both be paid"],
)
def test_everything_that_the_contract_demands_holds(requests, states, generated):
    exploration = check(TccService(OPENING, requests), PROPERTIES)
    assert [f.property.id for f in exploration.findings if f.verdict == "violated"] == []
    assert (exploration.states, exploration.generated) == (states, generated)


def test_every_action_can_happen():
    fired = check(TccService(OPENING, [TRIED, OTHER_AMOUNT, OTHER, CONFIRMED])).fired
    assert all(fired.values())


def test_what_is_held_stays_in_the_balance_and_cannot_be_spent():
    model = TccService(OPENING, [TRIED, OTHER])
    held = run(model, *asked(0), ("invoke", 1))
    view = model.view(held)
    assert (view.balances, view.available, view.held) == ((("A", 100),), (("A", 39),), ("t1",))
    assert {action.name for action in model.actions(held)} == {"decline", "disturbed"}


def test_a_confirm_takes_what_is_held_off_the_balance():
    model = TccService(OPENING, [TRIED, CONFIRMED])
    view = model.view(run(model, *asked(0, 1)))
    assert (view.balances, view.available, view.held, view.booked) == ((("A", 39),), (("A", 39),), (), ("t1",))


def test_a_cancel_gives_back_what_is_held():
    model = TccService(OPENING, [TRIED, CANCELLED])
    view = model.view(run(model, *asked(0, 1)))
    assert (view.balances, view.available, view.held) == ((("A", 100),), (("A", 100),), ())


def test_a_cancel_without_a_try_is_ok_and_fences_the_try_off():
    model = TccService(OPENING, [TRIED, CANCELLED])
    assert answers(model, run(model, *asked(1), ("invoke", 0))) == {"reply(0, rejected)"}


def test_a_cancel_of_what_is_confirmed_is_refused_and_the_other_way_round():
    model = TccService(OPENING, [TRIED, CONFIRMED, CANCELLED])
    assert answers(model, run(model, *asked(0, 1), ("invoke", 2))) == {"reply(2, rejected)"}
    assert answers(model, run(model, *asked(0, 2), ("invoke", 1))) == {"reply(1, rejected)"}


def test_a_confirm_that_comes_before_the_try_is_refused_and_binds_nothing():
    again = request("c2", CONFIRM, "g1/b1")
    model = TccService(OPENING, [TRIED, CONFIRMED, again])
    early = [("invoke", 1), ("miss", 1), ("reply", 1, "rejected")]
    assert model.view(run(model, *early, *asked(0, 2))).booked == ("t1",)


def test_a_try_that_is_repeated_after_its_cancel_may_be_told_either():
    repeated = TRIED._replace(name="t2")
    model = TccService(OPENING, [TRIED, CANCELLED, repeated])
    state = run(model, *asked(0, 1), ("invoke", 2))
    assert answers(model, state) == {"reply(2, ok)", "reply(2, rejected)"}


def test_a_client_makes_its_calls_one_after_the_other():
    model = TccService(OPENING, [TRIED, CONFIRMED], after=[None, 0])
    assert [str(action) for action in model.actions(run(model))] == ["invoke(0)"]
    assert len(reachable(model).states) < len(reachable(TccService(OPENING, [TRIED, CONFIRMED])).states)


def test_n2_a_try_on_its_way_and_one_never_sent_leave_the_same_rows():
    model = TccService(OPENING, [TRIED, CANCELLED])
    late, never = (check(model, [each]).findings[0].trace for each in (N2, N2_OTHERWISE))
    assert [str(action) for action in never.actions] == ["invoke(1)", "accept(1)", "reply(1, ok)"]
    assert of_service(model, late.last) == of_service(model, never.last)
    assert model.view(late.last) != model.view(never.last)


def test_an_invalid_try_is_never_held():
    exploration = check(TccService(OPENING, [INVALID, CONFIRMED, CANCELLED]), PROPERTIES)
    assert not any(finding.verdict == "violated" for finding in exploration.findings)
    assert all(not state.ledger.accepted for state in reachable(TccService(OPENING, [INVALID, CONFIRMED])).states)


class Forgets(TccService):
    """Cancels without a tombstone."""

    def accept(self, s: TccServiceState, i: int) -> TccServiceState | None:
        found = super().accept(s, i)
        if found is None or self.requests[i] != CANCELLED or self._tried(s, "g1/b1") is not None:
            return found
        return s

    def _answers(self, s: TccServiceState, i: int) -> set[str | None]:
        return {"ok"} if self.requests[i] == CANCELLED else super()._answers(s, i)


class Expires(TccService):
    """Gives holds back as it likes."""

    def miss(self, s: TccServiceState, i: int) -> TccServiceState | None:
        held = self._tried(s, "g1/b1")
        if held is None or held in s.booked:
            return super().miss(s, i)
        ledger = s.ledger._replace(accepted=())
        return self._release(s._replace(ledger=ledger), held)


@pytest.mark.parametrize(
    ("kind", "broken"), [(Forgets, {"T5", "T8"}), (Expires, {"T1"})], ids=["no tombstone", "holds expire"]
)
def test_a_model_with_a_bug_violates_what_the_bug_is_about(kind, broken):
    assert broken <= violated(kind(OPENING, [TRIED, CONFIRMED, CANCELLED]), PROPERTIES)


@pytest.mark.parametrize("scope", SCOPES, ids=[scope.name for scope in SCOPES])
def test_the_amounts_of_a_scope_tell_its_branches_apart(scope):
    tries = [op.arguments for op in scope.operations() if op.method == "try_"]
    for account, opening in scope.accounts:
        amounts = {(gid, branch, sum_) for gid, branch, of, sum_ in tries if of == account and 0 < sum_ <= opening}
        chosen = [some for n in range(len(amounts) + 1) for some in combinations(sorted(amounts), n)]
        sums = [sum(sum_ for *_, sum_ in some) for some in chosen]
        assert len(set(sums)) == len(sums)


def test_what_is_held_and_what_is_booked_are_read_off_the_balances():
    model = TccService(OPENING, [TRIED, OTHER, Request("t3", "try g3/b1", ("A", 13), (("A", -13),))])
    calls = model.view(run(model, ("invoke", 0), ("invoke", 1), ("invoke", 2))).calls
    assert explain_holds(OPENING, calls, (("A", 39),), (("A", 26),)) == (("t3",), ("t1",))
    assert explain_holds(OPENING, calls, (("A", 100),), (("A", 74),)) == (("t3", "t3"), ())
    assert explain_holds(OPENING, calls, (("A", None),), (("A", None),)) == (("?",), ("?",))
