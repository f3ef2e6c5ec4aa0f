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
    Request,
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
    from acidtest.properties.own.contract import Contract
    from acidtest.properties.own.declared import (
        background,
        callback,
        handler,
        installation,
        operation,
        read,
        recovery,
        reply,
        statement,
        timeout,
    )
    from acidtest.properties.own.invariants import (
        always,
        at_rest,
        conserved,
        nothing_left,
        once_per_key,
        sometimes,
        step,
        told_means_done,
    )
    from acidtest.properties.own.scopes import Scope, changes, client, time_passes
    from acidtest.properties.own.seen import Call, Seen
    from acidtest.properties.reserve_confirm.contract import ReserveConfirmContract
    from acidtest.properties.saga_choreography.contract import SagaChoreographyContract
    from acidtest.properties.saga_orchestration.contract import SagaOrchestrationContract
    from acidtest.properties.tcc.contract import TccContract
    from acidtest.properties.tcc_coordinator.contract import TccCoordinatorContract
    from acidtest.properties.three_phase_commit.contract import ThreePhaseCommitContract
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
    "Call",
    "CallRefused",
    "CallTimeout",
    "CompensationContract",
    "Conflict",
    "Contract",
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
    "Request",
    "ReserveConfirmContract",
    "SagaChoreographyContract",
    "SagaOrchestrationContract",
    "Scope",
    "Seen",
    "Status",
    "TccContract",
    "TccCoordinatorContract",
    "ThreePhaseCommitContract",
    "TwoPhaseCommitContract",
    "UnknownEvent",
    "UsageError",
    "Xa",
    "XaContract",
    "XaError",
    "XaResourceContract",
    "Xid",
    "always",
    "assert_schedule",
    "at_rest",
    "background",
    "callback",
    "changes",
    "check",
    "client",
    "conserved",
    "handler",
    "installation",
    "nothing_left",
    "once_per_key",
    "operation",
    "read",
    "recovery",
    "reply",
    "sometimes",
    "statement",
    "step",
    "time_passes",
    "timeout",
    "told_means_done",
]

#: What is imported when first asked for: code under test imports `Outcome` from here, and should not pay for the rest.
_LAZY = {
    "Contract": "acidtest.properties.own.contract",
    "Scope": "acidtest.properties.own.scopes",
    "client": "acidtest.properties.own.scopes",
    "changes": "acidtest.properties.own.scopes",
    "time_passes": "acidtest.properties.own.scopes",
    "always": "acidtest.properties.own.invariants",
    "step": "acidtest.properties.own.invariants",
    "at_rest": "acidtest.properties.own.invariants",
    "sometimes": "acidtest.properties.own.invariants",
    "conserved": "acidtest.properties.own.invariants",
    "once_per_key": "acidtest.properties.own.invariants",
    "told_means_done": "acidtest.properties.own.invariants",
    "nothing_left": "acidtest.properties.own.invariants",
    "operation": "acidtest.properties.own.declared",
    "read": "acidtest.properties.own.declared",
    "background": "acidtest.properties.own.declared",
    "recovery": "acidtest.properties.own.declared",
    "installation": "acidtest.properties.own.declared",
    "handler": "acidtest.properties.own.declared",
    "callback": "acidtest.properties.own.declared",
    "statement": "acidtest.properties.own.declared",
    "reply": "acidtest.properties.own.declared",
    "timeout": "acidtest.properties.own.declared",
    "Seen": "acidtest.properties.own.seen",
    "Call": "acidtest.properties.own.seen",
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
    "ThreePhaseCommitContract": "acidtest.properties.three_phase_commit.contract",
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
