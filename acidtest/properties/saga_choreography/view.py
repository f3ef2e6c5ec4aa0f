"""How what was seen of services without an orchestrator becomes a view: their ledgers, which must add up to their balances."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from acidtest.errors import ContractError
from acidtest.properties.saga.services import DONE, SERVICES, UNDONE, WRONG, Work, opening_of
from acidtest.properties.saga.view import orders_view
from acidtest.properties.shared.reading import amount_of, shown

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from acidtest.models.saga.service import OrdersView
    from acidtest.models.shared.ledger import Call
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Scope


def view_of(scope: Scope, calls: tuple[Call, ...], seen: Seen) -> OrdersView:
    """What the services say that they have done, and whether it adds up.

    Arguments:
        scope: what the services have at the start.
        calls: what clients know.
        seen: what was observed.
    """
    durable: Any = seen.durable
    named, opening = list(zip(SERVICES, durable, strict=True)), opening_of(scope)
    view = orders_view(scope, calls, seen, dict(durable[0][2]), [works_of(ledger) for ledger, _, _ in durable])
    return view._replace(
        unbalanced=tuple(name for name, (ledger, has, _) in named if not _adds_up(opening[name], ledger, has)),
        overdrawn=tuple(name for name, (_, has, _) in named if any(n is None or n < 0 for _, n in has)),
    )


def ledger_of(service: str, value: Any) -> Hashable:  # noqa: ANN401 - whatever the adapter returns
    """What a service has done, sorted by order.

    Raises:
        ContractError: it is not what the port asks for.
    """
    try:
        rows = [(str(key), what, str(resource), amount) for key, what, resource, amount in value]
    except (TypeError, ValueError):
        rows = [("", "", "", 0)]
    if any(what not in ("do", "undo") for _, what, _, _ in rows):
        message = f"ledger() of {service} returned {shown(value)}; it must return (order, 'do' or 'undo', resource, amount) tuples."
        raise ContractError(message)
    found = [(key, what, resource, amount_of(amount, f"ledger() of {service} gives", f" for {resource!r}")) for key, what, resource, amount in rows]
    return tuple(sorted(found, key=lambda row: row[0]))


def works_of(ledger: Sequence[tuple[str, str, str, int]]) -> list[Work]:
    """What was done, each with whether it was undone, and what was undone without having been done."""
    done = Counter((key, resource, amount) for key, what, resource, amount in ledger if what == "do")
    undone = Counter((key, resource, amount) for key, what, resource, amount in ledger if what == "undo")
    statuses = ((done - undone, DONE), (done & undone, UNDONE), (undone - done, WRONG))
    return [
        Work("", key, resource, amount, status) for counted, status in statuses for key, resource, amount in counted.elements()
    ]


def _adds_up(opening: Mapping[str, int], ledger: Sequence[tuple[str, str, str, int]], has: Sequence[tuple[str, int]]) -> bool:
    """Whether balances are what the ledger makes of them."""
    left = dict(opening)
    for _, what, resource, amount in ledger:
        if resource in left:
            left[resource] -= amount if what == "do" else -amount
    return {name: n for name, n in has if name in opening} == left
