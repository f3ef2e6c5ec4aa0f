"""What every saga must keep, whatever its style: PATTERNS section 5, and what is shared (section 0).

The contracts of the two styles are `saga_orchestration` and `saga_choreography`. Both fill orders, by the
steps and services of `services`, and both are judged by what the services have done: nobody looks into the log of a saga.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.models.saga.service import Orders, OrdersView
from acidtest.properties.saga.services import PIVOT, SERVICES
from acidtest.properties.saga.view import certain_of, order_shown, requests_of, status_of
from acidtest.properties.shared.ledger import LedgerContract
from acidtest.workload import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from acidtest.models.shared.ledger import Request
    from acidtest.workload import Scope


class SagaContract(LedgerContract):
    """What the contracts of both styles share: how orders are asked for, and how they stand."""

    asks_again: ClassVar[bool] = True

    def requests(self, scope: Scope) -> tuple[Request, ...]:
        """The orders of `scope`."""
        return requests_of(scope)

    def model(self, scope: Scope) -> Orders:
        """The orders of `scope`, beside the services."""
        calm = not scope.faults and not scope.unsteady and all(one.process != ENVIRONMENT for one in scope.clients)
        certain = calm and all(certain_of(scope))
        return Orders(self.requests(scope), len(SERVICES), PIVOT, certain=certain, bars=not self.members, late="late" in scope.kinds)

    def abstract(self, view: OrdersView) -> Hashable:
        """Calls, and what has become of the orders."""
        return OrdersView(view.calls, view.sagas, view.keys)

    def shown(self, view: OrdersView) -> Mapping[str, Any]:
        """Each order by its key: how it stands, and what the services have done for it."""
        orders = {f"order {key}": order_shown(saga) for key, saga in zip(view.keys, view.sagas, strict=True)}
        fields = ("strangers", "unbalanced", "overdrawn", "stuck")
        return {"calls": view.calls, **orders, **{name: getattr(view, name) for name in fields}}

    def read(self, value: object) -> Hashable:
        """No client reads."""
        return str(value)

    def status(self, implementation: Any, scope_keys: Sequence[str]) -> dict[str, str]:  # noqa: ANN401
        """How orders stand.

        Raises:
            ContractError: it says something else than the port knows.
        """
        return {key: status_of(key, implementation.status(key)) for key in scope_keys}
