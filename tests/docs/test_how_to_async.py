"""The code on the page about asynchronous code is right and passes; with the mistake that the page speaks of, it does not."""

import pytest
from pages import adapter_of, blocks, how_to, length

from acidtest.properties.outbox.contract import OutboxContract
from acidtest.report.columns import render
from acidtest.search.check import check_scope, find_scope
from acidtest.search.explain import explain_failure
from acidtest.search.harness import Harness
from acidtest.search.verdict import Verdict

PAGE = how_to("check-async-code")
CODE, ADAPTER, MISTAKE = blocks(PAGE, "python")
CONTRACT = OutboxContract()


def bench_of(monkeypatch, code, backend="sqlite"):
    """A harness for the class of the page, on top of some code."""
    return Harness(CONTRACT, adapter_of(monkeypatch, "async_bank", code, ADAPTER), backend)


@pytest.mark.usefixtures("postgresql")
@pytest.mark.parametrize("name", ["one process", "late relay"])
def test_the_code_of_the_page_passes_on_postgresql_as_well(monkeypatch, name):
    harness = bench_of(monkeypatch, CODE, "postgresql")
    try:
        result = check_scope(harness, find_scope(CONTRACT, name))
    finally:
        harness.close()
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())


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
    assert blocks(PAGE, "text")[0].removesuffix("\n") in told


def test_the_adapter_is_as_short_as_the_pages_say():
    assert length(ADAPTER) < 40
