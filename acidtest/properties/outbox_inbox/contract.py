"""The contract of outboxes and inboxes in a chain: PATTERNS section 12, and what every pattern shares (section 0).

All three services are under test, each in processes and with databases of its own; the harness is the broker between them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.checker.machine import Action
from acidtest.errors import ContractError
from acidtest.models.outbox_inbox.restored import RestorableTransfers
from acidtest.models.outbox_inbox.service import TransfersModel, TransfersView
from acidtest.properties.outbox_inbox.port import (
    DEAD,
    MIDDLE,
    SERVICES,
    SINK,
    SOURCE,
    STATEMENTS,
    TOPICS,
    OutboxInboxPort,
)
from acidtest.properties.outbox_inbox.properties import PROPERTIES
from acidtest.properties.outbox_inbox.scopes import MONTHS, SCOPES, SLOW_SCOPES
from acidtest.properties.outbox_inbox.stories import workloads
from acidtest.properties.outbox_inbox.view import balances_of, opening_of, request_of, view_of
from acidtest.properties.shared.ledger import LedgerContract
from acidtest.properties.shared.policies import OF_KEYS
from acidtest.properties.shared.reading import Reading, amounts_of, texts_of
from acidtest.properties.shared.requests import requests_of
from acidtest.properties.shared.scopes import DAY
from acidtest.workload import Queueing, service_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from acidtest.models.shared.ledger import Request
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Operation, Scope


class OutboxInboxContract(LedgerContract):
    """Transfers through a chain of services. Subclass it and give `implementation(env)`, for each `env.service`."""

    pattern: ClassVar[str] = "outbox_inbox"
    port = OutboxInboxPort
    members: ClassVar[tuple[str, ...]] = SERVICES
    asks_again: ClassVar[bool] = True
    known_capabilities: ClassVar[dict[str, str]] = {
        **OF_KEYS,
        "ordered": "transfers of one account take effect in the order of the source at every service, also with several processes (EO4)",
        "restorable": "a service may be restored from a backup: what it has forgotten is made good in the end, or somebody notices (EO8)",
    }
    promised: ClassVar[dict[str, str]] = {"backup": "restorable"}
    properties = PROPERTIES
    scopes = SCOPES
    slow_scopes = SLOW_SCOPES
    stateful_kinds: ClassVar[tuple[str, ...]] = ("crash", "unacknowledged", "refused", "late", "duplicated", "reordered")
    stateful_changes: ClassVar[tuple[tuple[str, float], ...]] = (("jump", 2 * DAY), ("jump", MONTHS), ("outage", 0.0), ("restore", 0.0))

    @classmethod
    def check_port(cls, implementation: object, member: str = "") -> None:
        """Refuse an implementation that lacks a method of the port, or, behind the source, has both `handle` and `consume`.

        Raises:
            ContractError: names what is missing, and the whole port.
        """
        super().check_port(implementation, member)
        offered = [name for name in ("handle", "consume") if hasattr(implementation, name)]
        if member in (MIDDLE, SINK) and len(offered) != 1:
            what = "has both handle and consume" if offered else "has neither handle nor consume"
            message = (
                f"{type(implementation).__name__}, which is the {member}, {what}, and must have one of them: handle(message) where "
                "messages are pushed, consume() where it pulls them by env.broker.receive."
            )
            raise ContractError(message)

    def install(self, implementation: Any, scope: Scope, member: str = "") -> None:  # noqa: ANN401
        """Create the schema of a service and open its accounts."""
        implementation.install(dict(opening_of(scope)[member]))

    def equipment(self, scope: Scope) -> Mapping[str, Any]:  # noqa: ARG002
        """The two hops, and statements; the processes of a service share its messages."""
        return {"broker": Queueing((*TOPICS, STATEMENTS), DEAD)}

    def fitted(self, scope: Scope, offered: Mapping[str, frozenset[str]]) -> Scope:
        """The scope, with polls where a service pulls; without what it does not have: cleaning, comparing, a handler at the source."""
        clients = []
        for one in scope.clients:
            has = offered.get(service_of(one.process))
            clients.append(one if has is None else one._replace(operations=_fitted(one.operations, has)))
        return replace(scope, clients=tuple(clients))

    def requests(self, scope: Scope) -> tuple[Request, ...]:
        """The transfers of `scope`."""
        return requests_of(scope, ("execute",), request_of)

    def model(self, scope: Scope) -> TransfersModel:
        """The chain over the transfers of `scope`."""
        source, middle, sink = (balances_of(opening_of(scope)[name]) for name in SERVICES)
        chain = RestorableTransfers if "backup" in scope.kinds else TransfersModel
        return chain(source, (middle, sink), self.requests(scope), self.promises)

    def actions(self, scope: Scope, kind: str, subject: str, value: object) -> Sequence[Action]:
        """Clients' events by number of the request, and that a service was restored, by its place; nothing for other operations."""
        if kind == "restored":
            return (Action(kind, (SERVICES.index(subject),)),)
        return super().actions(scope, kind, subject, value)

    def observe_member(self, implementation: Any, member: str) -> Hashable:  # noqa: ANN401
        """The committed balances of a service, what it owes, and what it has noticed."""
        owed = getattr(implementation, "owed", None) if member in (SOURCE, MIDDLE) else None
        balances = amounts_of(implementation.balances(), f"balances() of {member}")
        alarms = getattr(implementation, "alarms", None)
        return (
            balances, None if owed is None else amounts_of(owed(), f"owed() of {member}"),
            None if alarms is None else texts_of(alarms(), f"alarms() of {member}"),
        )  # fmt: skip

    def readings(self, scope: Scope, observed: Any, member: str = "") -> tuple[Reading, ...]:  # noqa: ANN401
        """The balances; nothing is owed, or noticed."""
        balances, owed, alarms = observed
        return (
            Reading(f"balances() of {member}", balances, balances_of(opening_of(scope)[member])),
            Reading(f"owed() of {member}", owed or ()),
            Reading(f"alarms() of {member}", alarms or ()),
        )

    def view(self, scope: Scope, seen: Seen, before: TransfersView | None) -> TransfersView:
        """Say of the balances of every service, and of messages, which transfer they are about."""
        return view_of(scope, self.calls(scope, seen), seen, before)

    def abstract(self, view: TransfersView) -> Hashable:
        """Without what is owed and what is on the broker, and without what befell the run."""
        return TransfersView(view.opening, view.balances, view.calls, view.accepted, view.others, view.taken)

    def shown(self, view: TransfersView) -> Mapping[str, Any]:
        """Of each service its balances, what took effect there, and what it owes; and the messages between them."""
        differ = len({(copy.hop, copy.about) for copy in view.copies}) < len({copy[:2] + copy[3:] for copy in view.copies})
        carried = [f" as {c.id}: {c.payload.replace(chr(0), ' ')}" if differ else "" for c in view.copies]
        on = [f"{TOPICS[c.hop]}: {c.about} {c.status}{what}" for c, what in zip(view.copies, carried, strict=True)]
        services: dict[str, Any] = {}
        for name, balances, taken, owed in zip(
            SERVICES, (view.balances, *view.others), (view.accepted, *view.taken), (*view.owed, None), strict=True
        ):
            services |= {f"{name} has": balances, f"took effect at {name}": taken}
            services |= {} if owed is None else {f"{name} owes": owed}
        services |= {f"{name} has noticed": noticed for name, noticed in zip(SERVICES, view.alarms, strict=True) if noticed}
        return {"calls": view.calls, **services, "messages": tuple(on)}

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """Stories of transfers, one or two."""
        return workloads(cls.stateful_kinds)


def _fitted(operations: Sequence[Operation], has: frozenset[str]) -> tuple[Operation, ...]:
    """What a process is asked that has these methods."""
    found = [op._replace(method="consume", source="") if op.method == "handle" and "consume" in has else op for op in operations]
    return tuple([op for op in found if op.method in has])
