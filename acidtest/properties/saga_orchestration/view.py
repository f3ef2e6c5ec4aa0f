"""How what was seen of an orchestrator of sagas becomes a view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acidtest.properties.saga.view import orders_view

if TYPE_CHECKING:
    from acidtest.models.saga.service import OrdersView
    from acidtest.models.shared.ledger import Call
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Scope


def view_of(scope: Scope, calls: tuple[Call, ...], seen: Seen) -> OrdersView:
    """What the services have done, beside what clients know.

    Arguments:
        scope: what the services have at the start.
        calls: what clients know.
        seen: what was observed.
    """
    durable: Any = seen.durable
    ledgers: Any = tuple(state for _, state in seen.of("services").states)
    executors = 1 if scope.serial else len(scope.processes())
    return orders_view(scope, calls, seen, dict(durable), ledgers)._replace(executors=executors)
