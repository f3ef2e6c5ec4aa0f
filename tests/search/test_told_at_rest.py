"""A violation while coming to rest is told with its steps, up to the one that decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import pytest
import tiny_contract as tiny
from tiny_contract import Tiny, add, alone, scope

from acidtest.checker.machine import Kind, Property
from acidtest.port import background
from acidtest.report.columns import render
from acidtest.search.check import check_scope
from acidtest.search.explain import explain_failure
from acidtest.search.harness import Harness

if TYPE_CHECKING:
    from acidtest.search.failure import Failure


class _Port(tiny.TinyPort, Protocol):
    @background
    def tidy(self) -> None: ...


class _Always(tiny.TinyContract):
    port = _Port
    properties: ClassVar[tuple[Property, ...]] = (Property("T2", "the sum is at most five", Kind.ALWAYS, lambda v: v.total <= 5),)


class _Step(tiny.TinyContract):
    port = _Port
    properties: ClassVar[tuple[Property, ...]] = (
        Property("T3", "the sum never jumps", Kind.STEP, lambda before, v: v.total <= before.total + 5),
    )


class AddsLater(Tiny):
    """Background work that adds once more what was added before."""

    def tidy(self) -> None:
        connection = self.connect()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE sums SET total = total + 7 WHERE total = 5")
        connection.execute("COMMIT")
        connection.execute("DELETE FROM seen")


def fail(contract: tiny.TinyContract, factory: Any = AddsLater, **budget: Any) -> Failure:
    """The failure of an implementation that one client asks once."""
    harness = Harness(contract, factory)
    try:
        result = check_scope(harness, scope(alone("app-1", add("w1", 5)), **budget))
        assert result.violation is not None
        return explain_failure(harness, result, "my:AddsLater")
    finally:
        harness.close()


@pytest.mark.parametrize("contract", [_Always(), _Step()], ids=["always", "step"])
def test_the_steps_of_coming_to_rest_are_told_up_to_the_violation(contract: tiny.TinyContract) -> None:
    failure = fail(contract)
    assert [row.action for row in failure.resting] == ["tidy()", "bank: BEGIN IMMEDIATE", "bank: UPDATE sums", "bank: COMMIT"]
    assert failure.resting[-1].changes == ("bank.sums: A: total 5 → 12",)
    assert {row.process for row in failure.resting} == {"app-1"}
    assert not failure.rest
    assert "does not hold at step 9, while coming to rest, without any fault" in failure.cause


def test_they_are_rows_of_the_table_under_a_heading() -> None:
    text = render(fail(_Always())).splitlines()
    heading = next(i for i, line in enumerate(text) if "coming to rest: faults stop" in line)
    assert text[heading + 1].split() == ["6", "tidy()"]
    assert text[heading + 4].split(maxsplit=3) == ["9", "bank:", "COMMIT", "bank.sums: A: total 5 → 12"]


def test_what_is_violated_before_coming_to_rest_has_no_such_steps() -> None:
    class TooMuch(Tiny):
        def tidy(self) -> None:
            """Nothing."""

        def add(self, key: str, amount: int) -> Any:
            return super().add(key, amount + 1)

    failure = fail(_Always(), TooMuch)
    assert failure.resting == ()
    assert "coming to rest" not in failure.cause
