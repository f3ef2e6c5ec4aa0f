"""What code under test raises is told with its type, its text and the place in the user's own files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import tiny_contract as tiny
from tiny_contract import Tiny, add, alone, scope

from acidtest.checker.machine import Kind, Property
from acidtest.environment import Outcome
from acidtest.port import recovery
from acidtest.report.columns import render
from acidtest.search.check import check_scope
from acidtest.search.explain import explain_failure
from acidtest.search.harness import Harness
from acidtest.world.core.raised import own, raised

if TYPE_CHECKING:
    from acidtest.search.failure import Failure

LONG = "the rate of exchange of the day before yesterday is not known to this branch"


class _Port(tiny.TinyPort, Protocol):
    @recovery
    def recover(self) -> None: ...


class _Recovering(tiny.TinyContract):
    port = _Port


class _Told(tiny.TinyContract):
    properties: ClassVar[tuple[Property, ...]] = (
        Property("T4", "nobody is left without an answer", Kind.AT_REST, lambda v: all(status == "ok" for *_, status in v.calls)),
    )


class Refuses(Tiny):
    """Raises from a method of its own, for every request."""

    def add(self, key: str, amount: int) -> Outcome:
        return self.convert(amount)

    def convert(self, amount: int) -> Outcome:
        raise LookupError(LONG)


class CannotRecover(Tiny):
    """Recovery raises."""

    def recover(self) -> None:
        raise RuntimeError(LONG)


def fail(contract: tiny.TinyContract, factory: Any, *operations: Any, **budget: Any) -> Failure:
    """The failure of an implementation that one client asks."""
    harness = Harness(contract, factory)
    try:
        result = check_scope(harness, scope(alone("app-1", *operations), **budget))
        assert result.violation is not None
        return explain_failure(harness, result, "my:Tiny")
    finally:
        harness.close()


def test_an_exception_is_told_once_with_its_whole_text_and_its_place() -> None:
    failure = fail(_Told(), Refuses, add("w1", 5), add("w2", 5))
    (error,) = failure.raised
    here = str(Path(__file__).relative_to(Path.cwd()))
    assert (error.kind, error.text, error.by) == ("LookupError", LONG, "app-1")
    assert [(file, function) for file, _, function in error.frames] == [(here, "add"), (here, "convert")]
    lines = render(failure).splitlines()
    assert f"  app-1: LookupError: {LONG}" in lines
    assert f"      {here}:{error.frames[-1][1]} in convert" in lines


def test_a_process_that_does_not_start_says_why() -> None:
    failure = fail(_Recovering(), CannotRecover, add("w1", 5), faults=1, kinds={"crash"})
    assert failure.property_id == "G9"
    assert [(error.kind, error.text) for error in failure.raised] == [("RuntimeError", LONG)]
    assert failure.raised[0].frames[-1][2] == "recover"


def test_an_exception_that_cannot_say_its_text_is_told_by_its_type() -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise ValueError

    assert "ValueError" in raised(MuteError()).text


def test_frames_of_ours_of_libraries_and_of_python_are_left_out() -> None:
    stack = [("/app/pay.py", 3, "pay"), ("/v/lib/site-packages/sqlalchemy/engine.py", 9, "execute"), ("<string>", 1, "x")]
    assert own(stack) == [("/app/pay.py", 3, "pay")]
    assert own([("/v/lib/site-packages/pay/pay.py", 3, "pay"), stack[1]]) == [("/v/lib/site-packages/pay/pay.py", 3, "pay")]
