"""The code on the page about choreographed services is right, of another design than the reference, and passes."""

import re
import sys
import types
from pathlib import Path

import pytest

from acidtest.properties.saga_choreography.contract import SCOPES, SagaChoreographyContract
from acidtest.search.check import check_scope
from acidtest.search.harness import Harness
from acidtest.search.verdict import Verdict

PAGE = Path(__file__).parents[2] / "docs/how-to/check-saga-choreography.md"
CODE, ADAPTER = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
QUICK = [scope for scope in SCOPES if scope.name in ("invalid requests", "cancelled", "two processes", "side by side", "outage", "out of order")]


@pytest.fixture
def adapter(monkeypatch):
    """The class of the page."""
    shop, test = types.ModuleType("shop"), types.ModuleType("test_shop")
    monkeypatch.setitem(sys.modules, "shop", shop)
    exec(CODE, shop.__dict__)  # noqa: S102 - the page's own code
    exec(ADAPTER, test.__dict__)  # noqa: S102
    return test.ShopAdapter


@pytest.mark.parametrize("scope", QUICK, ids=[scope.name for scope in QUICK])
def test_the_code_of_the_page_passes(adapter, scope):
    harness = Harness(SagaChoreographyContract(), adapter)
    try:
        assert check_scope(harness, scope).verdict == Verdict.PASS
    finally:
        harness.close()


def test_the_adapter_is_as_short_as_the_pages_say():
    assert len([line for line in ADAPTER.splitlines() if line]) < 40
