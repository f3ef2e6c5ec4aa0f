"""The model of a chain beside running code keeps what it promises, and one with a bug does not."""

from __future__ import annotations

import pytest

from acidtest.checker.check import check
from acidtest.models.outbox_inbox.service import TransfersModel, TransfersState, commission
from acidtest.models.shared.ledger import Request
from acidtest.properties.outbox_inbox.theory import SERVICE

TWO = (("k1", 61), ("k2", 23))


def model_of(asks, kind=TransfersModel):
    requests = [Request(f"t{i}", key, ("A", n), (("A", -n),), n > 0) for i, (key, n) in enumerate(asks, 1)]
    return kind((("A", 100),), ((("A", 3),), (("A", 5),)), requests)


def violated(model):
    return {finding.property.id for finding in check(model, SERVICE.properties).findings if finding.verdict == "violated"}


@pytest.mark.parametrize("asks", [TWO, (("k1", 61), ("k1", 23)), (("k1", 161), ("k2", 0))], ids=["two", "other payload", "refused"])
def test_every_property_that_the_model_can_show_holds(asks):
    assert violated(model_of(asks)) == set()


def test_every_action_can_happen():
    assert all(check(model_of((("k1", 61), ("k1", 53), ("k2", 53)))).fired.values())


class PassesBeforeItIsTaken(TransfersModel):
    """The middle takes what nobody has committed."""

    def pass_on(self, s: TransfersState, i: int) -> TransfersState | None:
        passed, arrived = s.taken
        return None if i in passed else s._replace(taken=((*passed, i), arrived))


class ArrivesAgain(TransfersModel):
    """The sink takes a transfer twice."""

    def arrive(self, s: TransfersState, i: int) -> TransfersState | None:
        passed, arrived = s.taken
        return s._replace(taken=(passed, (*arrived, i))) if i in passed and arrived.count(i) < 2 else None


class ForgetsOne(TransfersModel):
    """The sink never takes the second transfer."""

    def arrive(self, s: TransfersState, i: int) -> TransfersState | None:
        return None if i else super().arrive(s, i)

    def at_rest(self, state: TransfersState) -> bool:
        return "open" not in state.ledger.status and 0 in state.taken[1]


@pytest.mark.parametrize(
    ("kind", "found"), [(PassesBeforeItIsTaken, "EO5"), (ArrivesAgain, "EO1"), (ArrivesAgain, "EO6"), (ForgetsOne, "EO1")]
)
def test_a_model_with_a_bug_violates_what_the_bug_is_about(kind, found):
    assert found in violated(model_of(TWO, kind))


def test_what_comes_to_all_three_is_what_was_withdrawn():
    model = model_of(TWO)
    (state,) = model.initial_states()
    for name, *args in [("invoke", 0), ("accept", 0), ("pass", 0), ("arrive", 0)]:
        state = next(after for action, after in model.successors(state) if (action.name, *action.args) == (name, *args))
    view = model.view(state)
    assert (view.balances, view.others) == ((("A", 39),), ((("A", 33),), (("A", 36),)))


def test_the_part_of_the_middle_is_rounded_down():
    assert [commission(amount) for amount in (61, 60, 1, 0)] == [30, 30, 0, 0]
