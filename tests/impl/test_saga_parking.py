"""Orders that are left to people: what was under way then may take effect late, and nothing else may."""

import pytest

from acidtest.environment import CallRefused, CallTimeout
from acidtest.impl.saga_orchestration import PIVOT, UNDO, Cursor, Orchestrator
from acidtest.properties.saga_orchestration.contract import SagaOrchestrationContract
from acidtest.search.check import check_scope, find_scope
from acidtest.search.harness import Harness
from acidtest.search.verdict import Verdict


class UndoParks(Orchestrator):
    """Parks an order as soon as a compensation before the pivot is not answered."""

    def _command(self, row):
        try:
            return super()._command(row)
        except (CallRefused, CallTimeout):
            if row.direction == UNDO and row.step < PIVOT:
                self._move(row, Cursor("parked", row.step))
            raise


class ParkedIsUndone(UndoParks):
    """Parks it, and sends the compensation once more all the same."""

    def _move(self, row, to):
        moved = super()._move(row, to)
        if to.direction == "parked":
            super()._command(row)
        return moved


def checked(form, name):
    contract = SagaOrchestrationContract()
    harness = Harness(contract, form)
    try:
        return check_scope(harness, find_scope(contract, name))
    finally:
        harness.close()


@pytest.mark.parametrize("name", ["late commands", "refusal and crash", "refused orders"])
def test_who_parks_an_order_whose_compensation_is_not_answered_passes_a_scope_completely(name):
    result = checked(UndoParks, name)
    assert (result.violation, result.reasons, result.verdict) == (None, (), Verdict.PASS)


def test_what_is_commanded_of_a_parked_order_is_found():
    result = checked(ParkedIsUndone, "refused orders")
    assert result.violation is not None
    assert result.violation.property == "S8"
