"""A service is restored from a backup: what it comes to does not depend on what is left out, and what is played."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import tiny_contract as tiny
from test_reductions import endings
from tiny_contract import Tiny, add, alone, scope

from acidtest.search.check import check_scope
from acidtest.search.harness import Harness
from acidtest.search.replay import replay
from acidtest.world.core.effects import BACKUP, Decision

if TYPE_CHECKING:
    from acidtest.checker.machine import Property

WAYS = [{"reduced": reduced, "scripted": scripted} for reduced in (True, False) for scripted in (True, False)]
TWO = scope(alone("app-1", add("w1", 5), add("w2", 7)), alone("app-2", add("w3", 11)), faults=1, kinds=frozenset({BACKUP, "late"}))


class _Lenient(tiny.TinyContract):
    """Lets everything pass, so that every schedule is run to its end."""

    properties: ClassVar[tuple[Property, ...]] = ()


def test_what_is_left_out_and_what_is_played_changes_nothing() -> None:
    first, *others = endings(_Lenient(), Tiny, TWO, WAYS)
    assert len(first.finals) > 4
    assert others == [first] * len(others)


@pytest.fixture(scope="module")
def found() -> Any:
    harness = Harness(tiny.TinyContract(), Tiny)
    result = check_scope(harness, TWO)
    yield harness, result
    harness.close()


def test_what_was_acknowledged_before_the_backup_was_restored_is_lost(found: Any) -> None:
    _, result = found
    assert [decision for decision in map(str, result.schedule) if decision.startswith("backup")] == ["backup database 0"]


def test_the_schedule_replays_and_reads_back(found: Any) -> None:
    harness, result = found
    assert replay(harness, result.scope, result.schedule).violation.property == result.violation.property
    assert all(Decision.parse(str(decision)) == decision for decision in result.schedule)


def test_a_backup_that_was_never_made_cannot_be_restored(found: Any) -> None:
    harness, result = found
    assert replay(harness, result.scope, [Decision(BACKUP, "database 9")]).diverged == 0
