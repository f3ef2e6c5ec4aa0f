"""The contract of the saga without an orchestrator: PATTERNS sections 5 and 5A, and what is shared (section 0).

All four services are under test, each in a process and with databases of its own; the harness is the broker between them. What
they have done is read from their business ledgers, which must add up to their balances.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.models.saga.service import UNKNOWN
from acidtest.properties.saga.contract import SagaContract
from acidtest.properties.saga.scopes import KEYS
from acidtest.properties.saga.services import PAYMENT, SERVICES, opening_of
from acidtest.properties.saga_choreography.port import SagaChoreographyPort
from acidtest.properties.saga_choreography.properties import PROPERTIES
from acidtest.properties.saga_choreography.scopes import SCOPES, SLOW_SCOPES
from acidtest.properties.saga_choreography.stories import workloads
from acidtest.properties.saga_choreography.view import ledger_of, view_of
from acidtest.properties.shared.reading import Reading, amounts_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from acidtest.models.saga.service import OrdersView
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Scope


class SagaChoreographyContract(SagaContract):
    """Orders that services fill on each other's events. Subclass it and give `implementation(env)`, for each `env.service`."""

    pattern: ClassVar[str] = "saga_choreography"
    port = SagaChoreographyPort
    members: ClassVar[tuple[str, ...]] = SERVICES
    properties = PROPERTIES
    scopes = SCOPES
    slow_scopes = SLOW_SCOPES
    stateful_kinds: ClassVar[tuple[str, ...]] = ("crash", "unacknowledged", "lost", "refused", "late", "twice", "duplicated", "reordered")

    def install(self, implementation: Any, scope: Scope, member: str = "") -> None:  # noqa: ANN401
        """Create the schema of a service, and put there what it has."""
        implementation.install(dict(opening_of(scope)[member]))

    def observe_member(self, implementation: Any, member: str) -> Hashable:  # noqa: ANN401
        """What a service has done, what it has, and, of payment, how the orders stand."""
        ledger = ledger_of(member, implementation.ledger())
        statuses = tuple(self.status(implementation, KEYS).items()) if member == PAYMENT else ()
        return ledger, amounts_of(implementation.balances(), f"balances() of {member}"), statuses

    def readings(self, scope: Scope, observed: Any, member: str = "") -> tuple[Reading, ...]:  # noqa: ANN401
        """What a service has; nothing is done, and no order is known."""
        ledger, has, statuses = observed
        known = tuple((key, status) for key, status in statuses if status != UNKNOWN)
        opening = tuple(sorted(opening_of(scope)[member].items()))
        return Reading(f"balances() of {member}", has, opening), Reading(f"ledger() of {member}", ledger), Reading("status(key)", known)

    def view(self, scope: Scope, seen: Seen, before: OrdersView | None) -> OrdersView:  # noqa: ARG002
        """What the services say that they have done, and whether it adds up."""
        return view_of(scope, self.calls(scope, seen), seen)

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """What becomes of orders, one story or two."""
        return workloads(cls.stateful_kinds)
