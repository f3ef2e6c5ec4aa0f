"""A property that is left out: what breaks it is told by nobody, and what else is wrong is still found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acidtest.environment import Outcome
from acidtest.impl.broken.outbox import BalanceReadBefore, NoClaim
from acidtest.impl.outbox import Outbox
from acidtest.properties.outbox.contract import OutboxContract
from acidtest.search.check import check_exhaustively, find_scope
from acidtest.workload import Scope

if TYPE_CHECKING:
    from acidtest.search.verdict import Result

TWO = ("two relays", "two funded withdrawals")


def checked(factory: Any, *without: str, scopes: tuple[str, ...] = TWO) -> Result:
    """The last result of these scopes."""
    contract = OutboxContract()
    chosen: tuple[Scope, ...] = tuple(find_scope(contract, name) for name in scopes)
    *_, (_, last) = check_exhaustively(contract, factory, scopes=chosen, without=frozenset(without))
    return last


def test_the_model_does_not_complain_of_what_breaks_a_property_that_is_left_out() -> None:
    assert checked(NoClaim).violation.property == "OB5"
    assert checked(NoClaim, "OB5").violation is None


class NothingIsRight(NoClaim, BalanceReadBefore):
    """Publishes twice, and loses updates."""


def test_another_bug_beside_it_is_found() -> None:
    assert checked(NothingIsRight, "OB5").violation.property in ("G1", "G5", "G4")


class RejectsAfterwards(Outbox):
    """Publishes inline as well, without a claim, and then rejects what comes next, although it could be paid."""

    def execute(self, key: str, account: str, amount: int) -> Outcome:
        if not self.balances()[account] % 100:
            outcome = super().execute(key, account, amount)
            message = self._message(key, account, amount)
            self.broker.publish(**message)
            self.broker.publish(**message)
            return outcome
        return Outcome.REJECTED


def test_a_property_is_judged_also_behind_what_is_left_out() -> None:
    assert checked(RejectsAfterwards, "OB5", "OB4", scopes=("one process",)).violation.property == "G11"
