"""Services under test that call one another: a call is carried out there, whatever its caller hears of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import chain_contract as chain
import pytest

from acidtest.errors import UsageError
from acidtest.search.exhaustive import Explorer
from acidtest.search.harness import Harness
from acidtest.workload import Client, Operation, Scope
from acidtest.world.core.effects import CALL_FAULTS

LEFT = Client("left-1", "left-1", tuple(Operation(f"a{i}", "add", (f"k{i}", 2 + i), 1) for i in (1, 2)))
CALLS = Scope("calls", "", (), (LEFT,), idle=("right-1",), called=("right",))
FAULTY = replace(CALLS, faults=1, kinds=frozenset({*CALL_FAULTS, "crash"}))


def explore(factory: Any, scope: Scope, **way: bool) -> Any:
    harness = Harness(chain.ChainContract(), factory)
    try:
        return Explorer(harness, scope, seconds=60, **way).explore()
    finally:
        harness.close()


def test_a_call_is_carried_out_by_the_service_that_is_called():
    search = explore(chain.Calling, CALLS)
    assert search.complete
    assert {view.right for view, _ in search.finals} == {7}
    assert ("right-1 serves put 1", "right_rows: INSERT rows") in search.crash_points


def test_whatever_befalls_a_call_what_is_repeated_in_the_end_is_done():
    search = explore(chain.Calling, FAULTY)
    assert search.violation is None
    assert search.complete
    assert set(search.fired) == FAULTY.kinds


@pytest.mark.parametrize(("factory", "violated"), [(chain.TimeoutIsDone, "T2"), (chain.PutsAgain, "T1")])
def test_mistakes_about_calls_are_found(factory, violated):
    search = explore(factory, FAULTY)
    assert search.violation.property == violated


@pytest.mark.parametrize("factory", [chain.Calling, chain.TimeoutIsDone, chain.PutsAgain])
def test_nothing_is_lost_of_calls(factory):
    small = replace(FAULTY, clients=(LEFT._replace(operations=LEFT.operations[:1]),))
    reduced, whole = (explore(factory, small, reduced=reduced) for reduced in (True, False))
    assert (reduced.violation is None) == (whole.violation is None)
    if whole.violation is None:
        assert {view for view, _ in reduced.finals} == {view for view, _ in whole.finals}


class AsksForSomethingElse(chain.Calling):
    """Calls a method that the other service does not have."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.env = _Misspelt(env)


class _Misspelt:
    def __init__(self, env: Any) -> None:
        self._env = env

    def __getattr__(self, name: str) -> Any:
        return getattr(self._env, name)

    def call(self, service: str, method: str, *arguments: Any) -> Any:
        return self._env.call(service, f"{method}s", *arguments)


def test_a_call_of_a_method_that_a_service_under_test_lacks_is_not_answered_and_goes_on():
    search = explore(AsksForSomethingElse, CALLS)
    assert search.violation is not None  # nothing comes over to the right


def test_a_service_that_nobody_may_call_is_refused_with_those_that_may():
    with pytest.raises(UsageError, match="There is no service 'right'"):
        explore(chain.Calling, replace(CALLS, called=()))
