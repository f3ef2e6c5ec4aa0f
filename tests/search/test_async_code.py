"""Cancellation in the searches: it befalls coroutines and nothing else, and finds what only it can find."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from async_outbox import AsyncOutbox, Busy, ForgetsWhenCancelled, Plain, Swallows

from acidtest.environment import Outcome
from acidtest.impl.outbox import Outbox
from acidtest.properties.outbox.contract import OutboxContract
from acidtest.report.columns import render
from acidtest.search.check import check_scope, find_scope
from acidtest.search.exhaustive import Explorer
from acidtest.search.explain import explain_failure
from acidtest.search.harness import Harness
from acidtest.search.replay import replay
from acidtest.search.stateful import check_statefully
from acidtest.search.verdict import Result, Verdict
from acidtest.testing import assert_schedule
from acidtest.workload import Client, Operation, Scope, scope_from_json, scope_to_json
from acidtest.world.core.effects import CANCELLATIONS, Decision

CONTRACT = OutboxContract()
SMALL = find_scope(CONTRACT, "one withdrawal")


def asks(name: str, key: str, amount: int) -> Operation:
    return Operation(name, "execute", (key, "A", amount))


#: One process, which nobody else could relay for.
ALONE = Scope(
    "alone", "a withdrawal and two polls by one process", (("A", 100),),
    (Client("app-1", "app-1", (asks("w1", "k1", 61), Operation("poll 1", "relay"), Operation("poll 2", "relay"))),),
    faults=1, kinds=frozenset({"crash"}),
)  # fmt: skip
TOGETHER = Scope(
    "together", "two withdrawals by one process at once", (("A", 100),),
    (Client("client-1", "app-1", (asks("w1", "k1", 61),)), Client("client-2", "app-1", (asks("w2", "k2", 13),))),
    faults=1, kinds=frozenset({"crash"}),
)  # fmt: skip


class Serial(AsyncOutbox):
    """One withdrawal of a process at a time."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.lock = asyncio.Lock()

    async def execute(self, key: str, account: str, amount: int) -> Outcome:
        async with self.lock:
            return await super().execute(key, account, amount)


def check(factory: Any, scope: Scope) -> Result:
    harness = Harness(CONTRACT, factory)
    try:
        return check_scope(harness, scope)
    finally:
        harness.close()


@pytest.mark.parametrize("name", ["one withdrawal", "same key", "one process"])
def test_the_reference_as_coroutines_passes_completely_and_is_cancelled_everywhere(name: str) -> None:
    result = check(AsyncOutbox, find_scope(CONTRACT, name))
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())
    assert set(result.coverage.allowed) >= CANCELLATIONS
    assert {kind for kind, count in result.coverage.faults if count} == set(result.coverage.allowed)


def test_what_is_no_coroutine_is_never_cancelled() -> None:
    result = check(Outbox, SMALL)
    assert result.verdict == Verdict.PASS
    assert not CANCELLATIONS & {*result.coverage.allowed, *dict(result.coverage.faults)}


def test_without_crashes_in_the_budget_nothing_is_cancelled() -> None:
    result = check(AsyncOutbox, find_scope(CONTRACT, "lease"))
    assert not CANCELLATIONS & {*result.coverage.allowed, *dict(result.coverage.faults)}


def test_where_nothing_is_awaited_nothing_need_be_cancelled() -> None:
    class InName(Outbox):
        async def execute(self, key: str, account: str, amount: int) -> Outcome:  # type: ignore[override]
            return super().execute(key, account, amount)

    result = check(InName, SMALL)
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())
    assert not CANCELLATIONS & set(result.coverage.allowed)


def test_clean_up_that_cancellation_passes_by_is_found_by_cancellation_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    result = check(ForgetsWhenCancelled, ALONE)
    assert result.violation is not None and result.violation.property == "OB12"
    assert [decision.fault for decision in result.schedule if decision.fault] == ["cancelled"]
    assert check(Busy, ALONE).verdict == Verdict.PASS
    assert check(Plain, ALONE).verdict == Verdict.PASS
    monkeypatch.setattr(Harness, "_fitted", lambda self, scope: scope)
    assert check(ForgetsWhenCancelled, ALONE).verdict == Verdict.PASS


def test_an_answer_to_a_call_that_was_cancelled_must_be_true() -> None:
    result = check(Swallows, SMALL)
    assert result.violation is not None and result.violation.property == "G4"
    assert [decision.fault for decision in result.schedule if decision.fault] == ["cancelled"]


def test_a_failure_says_so_and_is_replayed_from_its_file_and_as_a_regression_test() -> None:
    harness = Harness(CONTRACT, Swallows)
    result = check_scope(harness, SMALL)
    assert "✗ cancelled" in render(explain_failure(harness, result, "tests:Swallows"))
    scope = scope_from_json(json.loads(json.dumps(scope_to_json(result.scope))))
    again = replay(harness, scope, result.schedule)
    assert again.diverged is None and again.violation is not None and again.violation.property == "G4"
    harness.close()
    schedule = [str(decision) for decision in result.schedule]
    with pytest.raises(AssertionError, match="G4"):
        assert_schedule("outbox", Swallows, scope=SMALL.name, schedule=schedule)
    assert_schedule("outbox", AsyncOutbox, scope=SMALL.name, schedule=schedule)


def test_a_call_is_cancelled_also_while_it_waits_for_another() -> None:
    assert check(Serial, TOGETHER).verdict == Verdict.PASS
    waiting = "advance client-2 [cancelled] | app-1: wait for another call"
    begun = ["advance client-1 | begin execute(k1, A, 61)", "advance client-2 | begin execute(k2, A, 13)"]
    harness = Harness(CONTRACT, Serial)
    replayed = replay(harness, TOGETHER, [Decision.parse(text) for text in (*begun, waiting)])
    harness.close()
    assert replayed.diverged is None and replayed.violation is None
    assert replayed.steps[-1].events == ("w2 ⇒ unknown (it was cancelled)",)


def test_drawn_workloads_are_cancelled_as_well() -> None:
    harness, result = check_statefully(CONTRACT, AsyncOutbox, examples=80, seed=3)
    harness.close()
    assert (result.verdict, result.reasons) == (Verdict.PASS, ())
    assert dict(result.coverage.faults).keys() >= CANCELLATIONS


def test_drawn_workloads_find_what_cancellation_alone_can_find() -> None:
    harness, result = check_statefully(CONTRACT, Swallows, examples=80, seed=3)
    harness.close()
    assert result.violation is not None and result.violation.property in ("G1", "G4")
    assert {decision.fault for decision in result.schedule if decision.fault} <= CANCELLATIONS


def test_two_searches_of_one_scope_do_exactly_the_same() -> None:
    harness = Harness(CONTRACT, AsyncOutbox)
    one, other = Explorer(harness, ALONE).explore(), Explorer(harness, ALONE).explore()
    harness.close()
    assert (one.schedules, one.runs, one.effects, one.finals) == (other.schedules, other.runs, other.effects, other.finals)


def test_the_reductions_lose_no_ending() -> None:
    harness = Harness(CONTRACT, AsyncOutbox)
    reduced, whole = Explorer(harness, ALONE).explore(), Explorer(harness, ALONE, reduced=False).explore()
    harness.close()
    assert reduced.complete and whole.complete
    assert reduced.runs < whole.runs
    assert {view for view, _ in reduced.finals} == {view for view, _ in whole.finals}
