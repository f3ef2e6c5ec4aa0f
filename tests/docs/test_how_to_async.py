"""The code on the page about asynchronous code is right and passes; with the mistake that the page speaks of, it does not."""

import re
import sys
import types
from pathlib import Path

import pytest

from acidtest.properties.outbox.contract import OutboxContract
from acidtest.report.columns import render
from acidtest.search.check import check_scope, find_scope
from acidtest.search.explain import explain_failure
from acidtest.search.harness import Harness
from acidtest.search.verdict import Verdict

PAGE = (Path(__file__).parents[2] / "docs/how-to/check-async-code.md").read_text(encoding="utf-8")
CODE, ADAPTER, MISTAKE = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
CONTRACT = OutboxContract()


def bench_of(monkeypatch, code):
    """A harness for the class of the page, on top of some code."""
    bank, test = types.ModuleType("async_bank"), types.ModuleType("test_async_bank")
    monkeypatch.setitem(sys.modules, "async_bank", bank)
    exec(code, bank.__dict__)  # noqa: S102 - the page's own code
    exec(ADAPTER, test.__dict__)  # noqa: S102
    return Harness(CONTRACT, test.BankAdapter)


@pytest.mark.parametrize("name", ["one withdrawal", "same key", "invalid requests", "one process", "late relay"])
def test_the_code_of_the_page_passes(monkeypatch, name):
    harness = bench_of(monkeypatch, CODE)
    try:
        result = check_scope(harness, find_scope(CONTRACT, name))
    finally:
        harness.close()
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())


def test_with_the_mistake_of_the_page_it_fails_as_the_page_says(monkeypatch):
    harness = bench_of(monkeypatch, CODE[: CODE.index("    async def send")] + MISTAKE)
    try:
        result = check_scope(harness, find_scope(CONTRACT, "one process"))
        told = render(explain_failure(harness, result, "test_async_bank:BankAdapter"))
    finally:
        harness.close()
    assert [(d.fault, d.effect) for d in result.schedule if d.fault] == [("cancelled", "broker: publish A")]
    assert re.search(r"^```text\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)[1] in told


def test_the_adapter_is_as_short_as_the_pages_say():
    assert len([line for line in ADAPTER.splitlines() if line]) < 40
