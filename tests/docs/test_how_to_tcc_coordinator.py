"""The code on the page about coordinators of TCC is right, of another design than the reference, and passes."""

import re
import sys
import types
from pathlib import Path

import pytest

from acidtest.properties.tcc_coordinator.contract import SCOPES, TccCoordinatorContract
from acidtest.search.check import check_scope
from acidtest.search.harness import Harness
from acidtest.search.verdict import Verdict

PAGE = Path(__file__).parents[2] / "docs/how-to/check-tcc-coordinator.md"
CODE, ADAPTER = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def adapter(monkeypatch):
    """The class of the page."""
    trips, test = types.ModuleType("trips"), types.ModuleType("test_trips")
    monkeypatch.setitem(sys.modules, "trips", trips)
    exec(CODE, trips.__dict__)  # noqa: S102 - the page's own code
    exec(ADAPTER, test.__dict__)  # noqa: S102
    return test.TripsAdapter


@pytest.mark.parametrize("scope", SCOPES[:6], ids=[scope.name for scope in SCOPES[:6]])
def test_the_code_of_the_page_passes(adapter, scope):
    harness = Harness(TccCoordinatorContract(), adapter)
    try:
        assert check_scope(harness, scope).verdict == Verdict.PASS
    finally:
        harness.close()


def test_the_adapter_is_as_short_as_the_pages_say():
    assert len([line for line in ADAPTER.splitlines() if line]) < 40
