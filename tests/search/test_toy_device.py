"""A device from outside the package: the searches explore what can befall it, and reports show what it did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import tiny_contract as tiny
import toy_device as toy
from tiny_contract import add, alone

from acidtest.search import harness as search_harness
from acidtest.search.exhaustive import Explorer, Search
from acidtest.search.harness import Harness
from acidtest.search.replay import replay
from acidtest.workload import Operation, Scope
from acidtest.world.devices.table import DEVICES

if TYPE_CHECKING:
    from collections.abc import Iterator

SCOPE = Scope("one", "one increment", (), (alone("app", Operation("i1", "add")),), faults=1, kinds=frozenset({*toy.FAULTS, "crash"}))


@pytest.fixture
def explored(request: pytest.FixtureRequest) -> Iterator[tuple[Harness, Search]]:
    harness = Harness(toy.CounterContract(), request.param)
    yield harness, Explorer(harness, SCOPE, seconds=60).explore()
    harness.close()


@pytest.mark.parametrize("explored", [toy.Once], indirect=True)
def test_every_fault_of_it_is_tried(explored: tuple[Harness, Search]) -> None:
    _, search = explored
    assert search.complete and search.violation is None
    assert set(search.fired) == {*toy.FAULTS, "crash"}
    assert {view.count for view, _ in search.finals} == {7, 8}


@pytest.mark.parametrize("explored", [toy.UntilItWorks], indirect=True)
def test_code_that_takes_an_error_for_a_no_is_found_and_told(explored: tuple[Harness, Search]) -> None:
    harness, search = explored
    assert search.violation is not None and search.faults == 1
    told = [change for step in replay(harness, SCOPE, search.schedule).steps for change in step.changes]
    assert told == ["counter: 7 → 8", "counter: 8 → 9"]


@pytest.mark.parametrize("left_out", [device.name for device in DEVICES])
def test_what_does_not_use_a_device_can_be_explored_without_it(left_out: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for devices in (DEVICES, tuple(device for device in DEVICES if device.name != left_out)):
        monkeypatch.setattr(search_harness, "DEVICES", devices)
        harness = Harness(tiny.TinyContract(), tiny.Tiny)
        search = Explorer(harness, tiny.scope(alone("app", add("w1", 5)), alone("web", add("w1", 5)), faults=1, kinds=frozenset({"crash"}))).explore()
        found.append((search.complete, search.schedules, len(search.states), search.finals))
        harness.close()
    assert found[0] == found[1] and found[0][0]
