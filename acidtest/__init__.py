"""acidtest: checks implementations of transaction patterns through interleavings, crashes and lost replies."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from acidtest.environment import (
    BrokerRefused,
    BrokerTimeout,
    BrokerUnreachable,
    CallRefused,
    CallTimeout,
    Conflict,
    Environment,
    ExternalRefused,
    ExternalTimeout,
    HeuristicOutcome,
    Outcome,
    Receipt,
    Reply,
    Status,
    UnknownEvent,
    Xa,
    XaError,
    Xid,
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
    from acidtest.properties.acid.contract import AcidContract
    from acidtest.properties.compensation.contract import CompensationContract
    from acidtest.properties.cqrs.contract import CqrsContract
    from acidtest.properties.event_sourcing.contract import EventSourcingContract
    from acidtest.properties.event_store.contract import EventStoreContract
    from acidtest.properties.inbox.contract import InboxContract
    from acidtest.properties.outbox.contract import OutboxContract
    from acidtest.properties.outbox_inbox.contract import OutboxInboxContract
    from acidtest.properties.reserve_confirm.contract import ReserveConfirmContract
    from acidtest.properties.saga_choreography.contract import SagaChoreographyContract
    from acidtest.properties.saga_orchestration.contract import SagaOrchestrationContract
    from acidtest.properties.tcc.contract import TccContract
    from acidtest.properties.tcc_coordinator.contract import TccCoordinatorContract
    from acidtest.properties.two_phase_commit.contract import TwoPhaseCommitContract
    from acidtest.properties.xa.contract import XaContract
    from acidtest.properties.xa_resource.contract import XaResourceContract
    from acidtest.testing import assert_schedule, check

__version__ = "0.1.0"

__all__ = [
    "AcidContract",
    "AcidtestError",
    "BackendUnavailable",
    "BrokerRefused",
    "BrokerTimeout",
    "BrokerUnreachable",
    "CallRefused",
    "CallTimeout",
    "CompensationContract",
    "Conflict",
    "ContractError",
    "CqrsContract",
    "Environment",
    "EventSourcingContract",
    "EventStoreContract",
    "ExternalRefused",
    "ExternalTimeout",
    "HarnessError",
    "HeuristicOutcome",
    "InboxContract",
    "NondeterminismError",
    "OutboxContract",
    "OutboxInboxContract",
    "Outcome",
    "Receipt",
    "Reply",
    "ReserveConfirmContract",
    "SagaChoreographyContract",
    "SagaOrchestrationContract",
    "Status",
    "TccContract",
    "TccCoordinatorContract",
    "TwoPhaseCommitContract",
    "UnknownEvent",
    "UsageError",
    "Xa",
    "XaContract",
    "XaError",
    "XaResourceContract",
    "Xid",
    "assert_schedule",
    "check",
]

#: What is imported when first asked for: code under test imports `Outcome` from here, and should not pay for the rest.
_LAZY = {
    "AcidContract": "acidtest.properties.acid.contract",
    "CompensationContract": "acidtest.properties.compensation.contract",
    "EventSourcingContract": "acidtest.properties.event_sourcing.contract",
    "EventStoreContract": "acidtest.properties.event_store.contract",
    "InboxContract": "acidtest.properties.inbox.contract",
    "CqrsContract": "acidtest.properties.cqrs.contract",
    "OutboxContract": "acidtest.properties.outbox.contract",
    "OutboxInboxContract": "acidtest.properties.outbox_inbox.contract",
    "TccContract": "acidtest.properties.tcc.contract",
    "TccCoordinatorContract": "acidtest.properties.tcc_coordinator.contract",
    "ReserveConfirmContract": "acidtest.properties.reserve_confirm.contract",
    "SagaChoreographyContract": "acidtest.properties.saga_choreography.contract",
    "SagaOrchestrationContract": "acidtest.properties.saga_orchestration.contract",
    "TwoPhaseCommitContract": "acidtest.properties.two_phase_commit.contract",
    "XaContract": "acidtest.properties.xa.contract",
    "XaResourceContract": "acidtest.properties.xa_resource.contract",
    "assert_schedule": "acidtest.testing",
    "check": "acidtest.testing",
}


def __getattr__(name: str) -> object:
    module = _LAZY.get(name)
    if module is None:
        message = f"module 'acidtest' has no attribute {name!r}"
        raise AttributeError(message)
    # Whoever asks for these is about to import what is to be checked: the locks that it makes must be known from the beginning.
    import_module("acidtest.world.interpose").install_threads()
    return getattr(import_module(module), name)
