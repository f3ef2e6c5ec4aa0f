"""The contract of the saga with an orchestrator: PATTERNS sections 5 and 6, and what is shared (section 0).

The orchestrator is under test; the harness plays the services (`saga.services`). They know a command that comes again by the
operation that it names, so what they have done twice was commanded under two names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.models.saga.service import UNKNOWN
from acidtest.properties.saga.contract import SagaContract
from acidtest.properties.saga.scopes import KEYS
from acidtest.properties.saga.services import services_of
from acidtest.properties.saga_orchestration.port import SagaOrchestrationPort
from acidtest.properties.saga_orchestration.properties import PROPERTIES
from acidtest.properties.saga_orchestration.scopes import SCOPES, SLOW_SCOPES
from acidtest.properties.saga_orchestration.stories import workloads
from acidtest.properties.saga_orchestration.view import view_of
from acidtest.properties.shared.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from acidtest.models.saga.service import OrdersView
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Scope


class SagaOrchestrationContract(SagaContract):
    """Orders that an orchestrator has other services fill. Subclass it and give `implementation(env)`."""

    pattern: ClassVar[str] = "saga_orchestration"
    port = SagaOrchestrationPort
    properties = PROPERTIES
    scopes = SCOPES
    slow_scopes = SLOW_SCOPES
    stateful_kinds: ClassVar[tuple[str, ...]] = ("crash", "unacknowledged", "lost", "refused", "late", "twice")

    def install(self, implementation: Any, scope: Scope, member: str = "") -> None:  # noqa: ANN401, ARG002
        """Create the schema; what there is belongs to the services."""
        implementation.install()

    def equipment(self, scope: Scope) -> Mapping[str, Any]:
        """The four services."""
        return {"services": services_of(scope)}

    def observe(self, implementation: Any) -> Hashable:  # noqa: ANN401
        """How the orders stand."""
        return tuple(self.status(implementation, KEYS).items())

    def readings(self, scope: Scope, observed: Any, member: str = "") -> tuple[Reading, ...]:  # noqa: ANN401, ARG002
        """No order is known."""
        return (Reading("status(key)", tuple((key, status) for key, status in observed if status != UNKNOWN)),)

    def view(self, scope: Scope, seen: Seen, before: OrdersView | None) -> OrdersView:  # noqa: ARG002
        """What the services have done, beside what clients know."""
        return view_of(scope, self.calls(scope, seen), seen)

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """What becomes of orders, one story or two."""
        return workloads(cls.stateful_kinds)
