"""The observable service of XA transactions: what is promised of it holds, also where a resource manager decides alone."""

import pytest

from acidtest.checker.check import check
from acidtest.models.shared.ledger import Request
from acidtest.models.xa.service import GlobalTransactions
from acidtest.properties.xa.properties import OF_CODE, PROPERTIES

OPENING = (("left/A", 100), ("right/B", 60))
CHANGES = (("left/A", -61), ("right/B", 61))
TRANSFER = Request("t1", "k1", tuple((*name.split("/"), n) for name, n in CHANGES), CHANGES)
AGAIN = TRANSFER._replace(name="t2")
#: The model knows no records, no names and no crashes.
DEMANDED = [p for p in PROPERTIES if p.id not in OF_CODE | {"G10"}]


@pytest.mark.parametrize(
    ("requests", "heuristics"), [([TRANSFER], False), ([TRANSFER], True), ([TRANSFER, AGAIN], False)],
    ids=["one run", "one run, decided alone", "one run, asked for twice"],
)  # fmt: skip
def test_what_is_promised_holds(requests, heuristics):
    # A branch may be prepared by a call that comes late, after its run was rejected, and be committed alone then.
    demanded = [p for p in DEMANDED if not heuristics or p.id != "G4"]
    exploration = check(GlobalTransactions(OPENING, requests, heuristics=heuristics), demanded)
    assert [finding.property.id for finding in exploration.findings if finding.verdict == "violated"] == []


def test_a_mixed_outcome_can_be_told():
    exploration = check(GlobalTransactions(OPENING, [TRANSFER]), DEMANDED)
    assert exploration.finding("SOME-MIXED").verdict == "reached"
