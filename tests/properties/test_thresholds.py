"""What forgets or gives up does so past some threshold: every contract has a cheap scope that goes past those of most code."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from acidtest.patterns import coded, pattern
from acidtest.properties.shared.scopes import A_PAGE, ATTEMPTS, ITEMS, LONG_PAUSES
from acidtest.workload import ENVIRONMENT

if TYPE_CHECKING:
    from acidtest.patterns import Pattern
    from acidtest.workload import Scope

PATTERNS = pytest.mark.parametrize("entry", coded(), ids=lambda entry: entry.stem)
#: Where an outage keeps nobody busy: what is tried again is in the database, which is never out of reach for long.
NEVER_IN_VAIN = {"acid", "two_phase_commit", "three_phase_commit", "xa", "xa_resource", "compensation", "cqrs", "inbox", "tcc"}
#: Where the same relay is tried eleven hundred times as a pattern of its own, and each try would cost four times as much.
FEWER = {"saga_choreography": ATTEMPTS // 4, "outbox_inbox": 12}
#: Whose pauses are others: of the chain of two that have them, and of protocols that keep nothing beyond their timeouts.
SHORTER: dict[str, set[float]] = {"outbox_inbox": {LONG_PAUSES[1]}, "three_phase_commit": set(), "xa": set(), "xa_resource": set()}
#: How many requests, or events, one scope of those has that work through lists.
MANY = {"outbox": ITEMS, "cqrs": A_PAGE, "event_sourcing": A_PAGE, "event_store": A_PAGE, "inbox": 30}


def _pauses(entry: Pattern) -> set[float]:
    operations = [op for scope in entry.contract_class().scopes for one in scope.clients if one.process == ENVIRONMENT for op in one.operations]
    return {float(op.arguments[0]) for op in operations if op.method == "jump"}  # type: ignore[arg-type]


@PATTERNS
def test_pauses_are_a_second_longer_than_a_day_and_of_months_and_more_than_a_year(entry: Pattern) -> None:
    assert SHORTER.get(entry.stem, set(LONG_PAUSES)) <= _pauses(entry)


def _attempts(scope: Scope) -> int:
    calls = Counter((one.process, op.method) for one in scope.clients for op in one.operations if op.method in ("relay", "tick", "poll"))
    down = any(op.method == "outage" for one in scope.clients for op in one.operations)
    return max(calls.values(), default=0) if down else 0


@PATTERNS
def test_what_is_tried_in_vain_is_tried_more_often_than_a_double_can_be_doubled(entry: Pattern) -> None:
    most = max(_attempts(scope) for scope in entry.contract_class().scopes)
    assert most >= FEWER.get(entry.stem, ATTEMPTS) or entry.stem in NEVER_IN_VAIN


@pytest.mark.parametrize(("stem", "most"), MANY.items())
def test_what_works_through_a_list_is_given_a_long_one(stem: str, most: int) -> None:
    scopes = pattern(stem).contract_class().scopes
    assert max(len(scope.operations()) + _events(scope) for scope in scopes if scope.serial) >= most


def _events(scope: Scope) -> int:
    appended = [op.arguments[2] for op in scope.operations() if op.method == "append"]
    return sum(map(len, appended))  # type: ignore[arg-type]


@PATTERNS
def test_long_scopes_have_one_schedule(entry: Pattern) -> None:
    long = [scope for scope in entry.contract_class().scopes if sum(len(one.operations) for one in scope.clients) > A_PAGE]
    assert all(scope.has_one_schedule for scope in long)
