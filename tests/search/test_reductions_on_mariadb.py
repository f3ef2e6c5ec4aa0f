"""On MariaDB, too, what the search leaves out loses nothing: verdicts and final views are the same without."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from acidtest.impl.acid import Transfers
from acidtest.impl.broken.acid.innodb import LostUpdateAtRepeatableRead, UpsertDeadlocks
from acidtest.impl.broken.acid.levels import ReadSkewInside
from acidtest.patterns import pattern
from acidtest.search.check import find_scope
from acidtest.search.exhaustive import Explorer, Search
from acidtest.search.harness import Harness

pytestmark = pytest.mark.usefixtures("mariadb")


class SkewAtReadCommitted(ReadSkewInside):
    """What is right at the default level."""

    level = "READ COMMITTED"


def explored(factory: Any, stem: str, scope: str, *, reduced: bool, merged: bool) -> Search:
    contract = pattern(stem).contract_class()()
    harness = Harness(contract, factory, "mariadb")
    chosen = replace(find_scope(contract, scope), faults=0, kinds=frozenset())
    try:
        return Explorer(harness, chosen, reduced=reduced, merged=merged).explore()
    finally:
        harness.close()


@pytest.mark.parametrize(
    ("factory", "stem", "scope"),
    [
        (Transfers, "acid", "competing transfers"), (LostUpdateAtRepeatableRead, "acid", "competing transfers"),
        (UpsertDeadlocks, "acid", "one process"), (SkewAtReadCommitted, "acid", "one process"),
    ],
)  # fmt: skip
def test_merging_and_reducing_lose_no_final_view(factory: Any, stem: str, scope: str) -> None:
    whole = explored(factory, stem, scope, reduced=False, merged=False)
    found = explored(factory, stem, scope, reduced=True, merged=True)
    assert whole.complete == found.complete
    assert found.schedules <= whole.schedules
    assert (whole.violation is None) == (found.violation is None)
    if whole.violation is None:
        assert {view for view, _ in found.finals} == {view for view, _ in whole.finals}
