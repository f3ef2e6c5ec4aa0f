"""The specification of sagas: what it does not allow."""

from __future__ import annotations

from acidtest.checker.machine import Action
from acidtest.models.saga.specification import Saga


def test_the_specification_allows_no_way_back_from_the_pivot():
    after_pivot = (("TTT-", "running"),)
    assert Saga(1, 4, 2).actions(after_pivot) == [Action("T", (0, 3))]
