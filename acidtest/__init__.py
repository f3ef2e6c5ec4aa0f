"""acidtest: checks implementations of transaction patterns through interleavings, crashes and lost replies."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from acidtest.environment import (
    BrokerRefused,
    BrokerTimeout,
    CallRefused,
    CallTimeout,
    Environment,
    ExternalRefused,
    ExternalTimeout,
    Outcome,
    Receipt,
    Reply,
    Status,
)
from acidtest.errors import (
    AcidtestError,
    BackendUnavailable,
    ContractError,
    HarnessError,
    NondeterminismError,
    UsageError,
)

if TYPE_CHECKING:
    from acidtest.properties.acid import AcidContract
    from acidtest.properties.compensation import CompensationContract
    from acidtest.properties.outbox import OutboxContract
    from acidtest.properties.reserve_confirm import ReserveConfirmContract
    from acidtest.properties.saga_orchestration import SagaOrchestrationContract
    from acidtest.properties.tcc import TccContract
    from acidtest.properties.tcc_coordinator import TccCoordinatorContract
    from acidtest.properties.two_phase_commit import TwoPhaseCommitContract
    from acidtest.testing import assert_schedule, check

__version__ = "0.1.0"

__all__ = [
    "AcidContract",
    "AcidtestError",
    "BackendUnavailable",
    "BrokerRefused",
    "BrokerTimeout",
    "CallRefused",
    "CallTimeout",
    "CompensationContract",
    "ContractError",
    "Environment",
    "ExternalRefused",
    "ExternalTimeout",
    "HarnessError",
    "NondeterminismError",
    "OutboxContract",
    "Outcome",
    "Receipt",
    "Reply",
    "ReserveConfirmContract",
    "SagaOrchestrationContract",
    "Status",
    "TccContract",
    "TccCoordinatorContract",
    "TwoPhaseCommitContract",
    "UsageError",
    "assert_schedule",
    "check",
]

#: What is imported when first asked for: code under test imports `Outcome` from here, and should not pay for the rest.
_LAZY = {
    "AcidContract": "acidtest.properties.acid",
    "CompensationContract": "acidtest.properties.compensation",
    "OutboxContract": "acidtest.properties.outbox",
    "TccContract": "acidtest.properties.tcc",
    "TccCoordinatorContract": "acidtest.properties.tcc_coordinator",
    "ReserveConfirmContract": "acidtest.properties.reserve_confirm",
    "SagaOrchestrationContract": "acidtest.properties.saga_orchestration",
    "TwoPhaseCommitContract": "acidtest.properties.two_phase_commit",
    "assert_schedule": "acidtest.testing",
    "check": "acidtest.testing",
}


def __getattr__(name: str) -> object:
    module = _LAZY.get(name)
    if module is None:
        message = f"module 'acidtest' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(module), name)
