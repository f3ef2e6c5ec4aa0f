"""The service model of reserve/confirm keeps what it promises, and one with a bug does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from runs import violated

from acidtest.checker.check import check
from acidtest.models.reserve_confirm.service import RELEASED, Provider, ReserveModel, ReserveState
from acidtest.models.shared.ledger import Request
from acidtest.properties.reserve_confirm.properties import N1_PAID, N1_UNPAID
from acidtest.properties.reserve_confirm.theory import SERVICE

if TYPE_CHECKING:
    from typing import Any

MUTE = dict.fromkeys(("idempotent", "queryable", "voidable"), False)


def model_of(kind: type[ReserveModel] = ReserveModel, **can: Any) -> ReserveModel:
    """Build the model of one withdrawal of 61 from 100."""
    return kind((("A", 100),), [Request("w1", "k1", ("A", 61), (("A", -61),))], Provider(**can))


@pytest.mark.parametrize("can", [{}, {"queues": True}, {"declines": (61,)}, {"parts": ((61, 40),)}, {"idempotent": False}])
def test_every_property_that_the_model_can_show_holds(can):
    assert violated(model_of(**can), SERVICE.properties) == set()


def test_n1_with_a_provider_that_says_nothing_paid_and_unpaid_look_alike():
    exploration = check(model_of(**MUTE), [N1_PAID, N1_UNPAID])
    assert {finding.verdict for finding in exploration.findings} == {"reached"}


class GivesUp(ReserveModel):
    """Releases what is on its way."""

    def release(self, s: ReserveState, i: int) -> ReserveState | None:
        return self._give_back(s, i, s.holds[i], RELEASED) if self._bound(s, i) == "held" else None


class BooksTheWhole(ReserveModel):
    """Books what was held, though a part was paid."""

    def capture(self, s: ReserveState, i: int, kept: int) -> ReserveState | None:
        captured = super().capture(s, i, kept)
        return captured and captured._replace(ledger=captured.ledger._replace(balances=s.ledger.balances))


class NeverEnds(ReserveModel):
    """Takes itself to be at rest whatever is held."""

    def at_rest(self, state: ReserveState) -> bool:
        return "open" not in state.ledger.status


@pytest.mark.parametrize(
    ("kind", "broken"), [(GivesUp, {"RC2", "RC5"}), (BooksTheWhole, {"RC3"}), (NeverEnds, {"RC1", "G6"})]
)
def test_a_model_with_a_bug_violates_what_the_bug_is_about(kind, broken):
    assert broken <= violated(model_of(kind, parts=((61, 40),)), SERVICE.properties)
