"""On PostgreSQL, too, what the search leaves out loses nothing: verdicts and final views are the same without."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from acidtest.impl.acid import Transfers
from acidtest.impl.broken.acid.levels import WriteSkewInside
from acidtest.properties.acid.contract import AcidContract
from acidtest.search.check import find_scope
from acidtest.search.exhaustive import Explorer, Search
from acidtest.search.harness import Harness

pytestmark = pytest.mark.usefixtures("postgresql")


class AtSerializable(Transfers):
    """The reference, as if one transaction ran after the other."""

    level = "SERIALIZABLE"


class SkewAtSerializable(WriteSkewInside):
    """What is wrong at any lower level."""

    level = "SERIALIZABLE"


def explored(factory: Any, scope: str, *, reduced: bool, merged: bool) -> Search:
    contract = AcidContract()
    harness = Harness(contract, factory, "postgresql")
    chosen = replace(find_scope(contract, scope), faults=0, kinds=frozenset())
    try:
        return Explorer(harness, chosen, reduced=reduced, merged=merged).explore()
    finally:
        harness.close()


@pytest.mark.parametrize(
    ("factory", "scope"),
    [(AtSerializable, "one process"), (Transfers, "competing transfers"), (SkewAtSerializable, "competing transfers")],
)
def test_merging_and_reducing_lose_no_final_view(factory: Any, scope: str) -> None:
    whole = explored(factory, scope, reduced=False, merged=False)
    found = explored(factory, scope, reduced=True, merged=True)
    assert whole.complete
    assert found.complete
    assert found.schedules <= whole.schedules
    assert {view for view, _ in found.finals} == {view for view, _ in whole.finals}
