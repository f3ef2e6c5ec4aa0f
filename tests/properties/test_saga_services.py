"""What an orchestrator asks of a service that this has no answer to is refused by it, and the check goes on."""

from __future__ import annotations

from typing import Any

import pytest

from acidtest.environment import CallRefused
from acidtest.impl.saga_orchestration import Orchestrator
from acidtest.properties.saga.services import PlayedService
from acidtest.properties.saga_orchestration.contract import SagaOrchestrationContract
from acidtest.search.check import check_scope
from acidtest.search.harness import Harness


@pytest.mark.parametrize(
    ("service", "method", "arguments"),
    [
        ("shipping", "undo", ("k1", "k1")),
        ("payment", "pay", ("k1", "k1", "A", 5)),
        ("payment", "do", ("k1", "k1")),
        ("payment", "do", ("k1", "k1", "A", 0)),
        ("stock", "undo", ()),
    ],
)
def test_a_call_that_a_service_does_not_know_is_refused_with_those_that_it_knows(service: str, method: str, arguments: Any) -> None:
    with pytest.raises(CallRefused, match=rf"{service} knows no call {method}\(.*It knows do\(operation, order"):
        PlayedService(service, {"A": 100}).answer((), method, arguments)


class UndoesShipping(Orchestrator):
    """Undoes whatever comes after a step as well, also the shipping that cannot be undone, and trips over the answer."""

    def _back(self, step: int) -> Any:
        self._call("shipping", "undo", "k1", "k1")
        return super()._back(step)

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self._call = env.call


def test_an_order_that_trips_over_the_refusal_of_a_service_is_a_failure_with_a_schedule() -> None:
    contract = SagaOrchestrationContract()
    harness = Harness(contract, UndoesShipping)
    results = []
    try:
        for scope in contract.scopes:
            results.append(check_scope(harness, scope))
            if results[-1].violation is not None:
                break
    finally:
        harness.close()
    assert results[-1].violation is not None
    assert results[-1].schedule
