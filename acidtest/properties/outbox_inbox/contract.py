"""The contract of outboxes and inboxes in a chain: PATTERNS section 12, and what every pattern shares (section 0).

All three services are under test, each in processes and with databases of its own; the harness is the broker between them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.errors import ContractError
from acidtest.models.outbox_inbox.service import TransfersModel, TransfersView
from acidtest.properties.outbox_inbox.port import (
    DEAD,
    MIDDLE,
    SERVICES,
    SINK,
    SOURCE,
    TOPICS,
    OutboxInboxPort,
)
from acidtest.properties.outbox_inbox.properties import PROPERTIES
from acidtest.properties.outbox_inbox.scopes import MONTHS, SCOPES, SLOW_SCOPES
from acidtest.properties.outbox_inbox.stories import workloads
from acidtest.properties.outbox_inbox.view import balances_of, opening_of, request_of, view_of
from acidtest.properties.shared.ledger import LedgerContract
from acidtest.properties.shared.reading import Reading, amounts_of
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
        "ordered": "transfers of one account take effect in the order of the source at every service, also with several processes (EO4)",
    }
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
        """The two hops; the processes of a service share its messages."""
        return {"broker": Queueing(TOPICS, DEAD)}

    def fitted(self, scope: Scope, offered: Mapping[str, frozenset[str]]) -> Scope:
        """The scope, with polls where a service pulls; without cleaning where it never cleans."""
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
        return TransfersModel(source, (middle, sink), self.requests(scope))

    def observe_member(self, implementation: Any, member: str) -> Hashable:  # noqa: ANN401
        """The committed balances of a service, and what it owes."""
        owed = getattr(implementation, "owed", None) if member in (SOURCE, MIDDLE) else None
        balances = amounts_of(implementation.balances(), f"balances() of {member}")
        return balances, None if owed is None else amounts_of(owed(), f"owed() of {member}")

    def readings(self, scope: Scope, observed: Any, member: str = "") -> tuple[Reading, ...]:  # noqa: ANN401
        """The balances; nothing is owed."""
        balances, owed = observed
        return (
            Reading(f"balances() of {member}", balances, balances_of(opening_of(scope)[member])),
            Reading(f"owed() of {member}", owed or ()),
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
        return {"calls": view.calls, **services, "messages": tuple(on)}

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """Stories of transfers, one or two."""
        return workloads(cls.stateful_kinds)


def _fitted(operations: Sequence[Operation], has: frozenset[str]) -> tuple[Operation, ...]:
    """What a process is asked that has these methods."""
    found = [op for op in operations if op.method != "purge" or "purge" in has]
    if "consume" in has:
        found = [op._replace(method="consume", source="") if op.method == "handle" else op for op in found]
    return tuple(found)
