"""Budgets: kept in the middle of a run, and shared by the scopes; what is found within one is what is found without."""

import time
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from acidtest.environment import Outcome
from acidtest.impl.outbox import Outbox
from acidtest.port import background
from acidtest.properties.outbox.contract import OutboxContract
from acidtest.search.budget import OutOfTime
from acidtest.search.check import check_exhaustively, check_scope
from acidtest.search.exhaustive import Explorer
from acidtest.search.harness import Harness
from acidtest.search.stateful import check_statefully
from acidtest.search.verdict import Verdict
from acidtest.world.core.effects import CRASH, LOST
from tests.search import tiny_contract as tiny
from tests.search.tiny_contract import Tiny, TinyPort, add, alone, scope

FAULTS = {"faults": 2, "kinds": (CRASH, LOST)}
HEAVY = replace(scope(*[alone(f"app-{i}", add(f"w{i}", 10**i), add(f"v{i}", 10**i)) for i in range(4)], **FAULTS), name="heavy")
WITH_BUG = replace(scope(alone("app", add("w1", 7)), **FAULTS), name="with bug")
ONE = replace(scope(alone("app", add("w1", 5)), **FAULTS), name="one")
TWO = replace(scope(alone("app-1", add("w1", 5)), alone("app-2", add("w2", 5)), faults=1, kinds=(CRASH,)), name="two")
ELSEWHERE = replace(ONE, name="elsewhere", accounts=(("A", 0), ("B", 0)))


class WrongWithSeven(Tiny):
    """What is asked to add seven forgets that it has begun, when it crashes."""

    def add(self, key: str, amount: int) -> Outcome:
        if amount == 7:
            for part in (3, 4):
                self.connect().execute("UPDATE sums SET total = total + ?", (part,))
            return Outcome.OK
        return super().add(key, amount)


class Reads(Tiny):
    """Reads some hundreds of times for each request."""

    def add(self, key: str, amount: int) -> Outcome:
        for _ in range(350):
            self.connect().execute("SELECT total FROM sums").fetchall()
        return super().add(key, amount)


class TickingPort(TinyPort):
    @background
    def tick(self) -> None: ...


class _Ticking(tiny.TinyContract):
    pattern: ClassVar[str] = "ticking"
    port = TickingPort


class Ticks(Tiny):
    """Has a background that reads some thousands of times whenever it runs."""

    def tick(self) -> None:
        connection = self.connect()
        for _ in range(4_500):
            connection.execute("SELECT total FROM sums").fetchall()


def counted(result: Any) -> tuple[Any, ...]:
    return result.scope.name, result.verdict, result.schedules, result.runs, result.effects, result.states, result.coverage


def test_a_heavy_scope_does_not_starve_the_next():
    def failures(**way):
        results = [result for _, result in check_exhaustively(tiny.TinyContract(), WrongWithSeven, **way)]
        return [(r.scope.name, r.violation.property, r.schedule) for r in results if r.violation is not None]

    found = failures(scopes=(HEAVY, WITH_BUG), seconds=8)
    assert [(name, violated) for name, violated, _ in found] == [("with bug", "T1")]
    assert found == failures(scopes=(WITH_BUG,))


def test_scopes_within_a_budget_that_suffices_come_to_the_same_as_without():
    scopes = (TWO, ONE, ELSEWHERE)
    without = {counted(result) for _, result in check_exhaustively(tiny.TinyContract(), Tiny, scopes=scopes)}
    within = {counted(result) for _, result in check_exhaustively(tiny.TinyContract(), Tiny, scopes=scopes, seconds=600)}
    assert {verdict for _, verdict, *_ in without} == {Verdict.PASS}
    assert within == without


def test_a_search_goes_on_where_it_was_although_the_harness_did_something_else_meanwhile():
    harness = Harness(tiny.TinyContract(), Tiny)
    try:
        whole = Explorer(harness, ONE).explore()
        parts, other = Explorer(harness, ONE), Explorer(harness, TWO)
        bounds = []
        for faults in (0, 1, 2):
            found = parts.explore(faults)
            bounds.append(found.bound)
            other.explore(faults)
    finally:
        harness.close()
    assert bounds == [0, 1, 2]
    assert (found.complete, other.found.complete) == (True, True)
    assert (found.schedules, found.runs, found.effects, len(found.states)) == (
        whole.schedules, whole.runs, whole.effects, len(whole.states),
    )  # fmt: skip
    assert {view for view, _ in found.finals} == {view for view, _ in whole.finals}


@pytest.mark.parametrize(
    ("contract", "factory", "operations"),
    [(tiny.TinyContract(), Reads, 20), (_Ticking(), Ticks, 1)],
    ids=["between decisions", "while coming to rest"],
)
def test_a_budget_is_kept_within_a_second_in_the_middle_of_a_run(contract, factory, operations):
    chosen = scope(alone("app", *[add(f"w{i}", 1) for i in range(operations)]))
    harness = Harness(contract, factory)
    try:
        began = time.monotonic()
        result = check_scope(harness, chosen, seconds=0.2)
        taken = time.monotonic() - began
    finally:
        harness.close()
    assert result.runs == 1
    assert result.verdict == Verdict.INCONCLUSIVE
    assert taken < 1.2


def test_a_search_that_was_given_up_in_its_last_run_does_not_pass_when_it_is_asked_again():
    harness = Harness(_Ticking(), Ticks)
    try:
        explorer = Explorer(harness, scope(alone("app", add("w1", 1))), seconds=0.1)
        explorer.explore()
        assert not explorer.explore().complete
    finally:
        harness.close()


def test_the_stateful_search_keeps_its_budget_and_is_then_inconclusive():
    began = time.monotonic()
    harness, result = check_statefully(OutboxContract(), Outbox, examples=100_000, seed=1, seconds=1)
    taken = time.monotonic() - began
    harness.close()
    assert result.verdict == Verdict.INCONCLUSIVE
    assert result.reasons == ("the budget ran out before every example was run",)
    assert str(result.runs) in result.bound
    assert taken < 3


def test_what_was_found_is_told_although_time_runs_out_before_it_is_small():
    class PublishesTwice(Outbox):
        def _publish(self, row):
            super()._publish(row)
            super()._publish(row)

    def stop(tally):
        if tally.violation is not None:
            raise OutOfTime

    harness, result = check_statefully(OutboxContract(), PublishesTwice, examples=20, seed=1, progress=stop)
    harness.close()
    assert result.verdict == Verdict.FAIL
    assert result.violation is not None
    assert result.schedule


def test_a_budget_that_is_over_before_anything_was_drawn_is_inconclusive() -> None:
    harness, result = check_statefully(OutboxContract(), Outbox, examples=5, seconds=1e-9)
    harness.close()
    assert (result.verdict, result.runs) == (Verdict.INCONCLUSIVE, 0)
