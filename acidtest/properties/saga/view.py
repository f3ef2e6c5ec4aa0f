"""How what was asked and seen of sagas becomes a view, whichever style fills the orders."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

from acidtest.errors import ContractError
from acidtest.models.saga.service import UNKNOWN, OrdersView
from acidtest.models.shared.ledger import Request
from acidtest.models.shared.steps import COMPENSATED, COMPLETED, PARKED, RUNNING, SagaSeen
from acidtest.properties.saga.services import (
    BARRED,
    DONE,
    PARCEL,
    PIVOT,
    PLACE,
    SERVICES,
    UNDONE,
    WRONG,
    Work,
)
from acidtest.properties.shared.predicates import is_stuck
from acidtest.properties.shared.reading import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from acidtest.models.shared.ledger import Call
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Operation, Scope

_STATUSES = (RUNNING, COMPLETED, COMPENSATED, PARKED)


# What clients order.


@lru_cache(maxsize=128)
def requests_of(scope: Scope) -> tuple[Request, ...]:
    """The orders of a scope."""
    return tuple(_request(operation) for operation in scope.operations() if operation.method == "start")


def _request(operation: Operation) -> Request:
    key, *payload = operation.arguments
    account, amount, item, quantity = payload
    whole = all(isinstance(n, int) and n > 0 for n in (amount, quantity))
    return Request(operation.name, str(key), (account, amount, item, quantity), (), whole)


@lru_cache(maxsize=128)
def certain_of(scope: Scope) -> tuple[bool, ...]:
    """Of each order, by key, whether the services can fill all orders together."""
    wanted: dict[tuple[str, str], int] = {}
    for key, payload in {request.ask for request in requests_of(scope) if request.valid}:
        account, amount, item, quantity = payload
        for name, n in ((f"payment/{account}", amount), (f"stock/{item}", quantity), ("booking/place", 1)):
            wanted[key, name] = max(wanted.get((key, name), 0), n)  # type: ignore[call-overload]
    left = Counter(dict(scope.accounts))
    for (_, name), n in wanted.items():
        left[name] -= n
    enough = all(n >= 0 for n in left.values())
    keys = dict.fromkeys(request.key for request in requests_of(scope))
    return tuple(enough for _ in keys)


# What was seen.


def status_of(key: str, value: object) -> str:
    """How `status` says that an order stands.

    Raises:
        ContractError: it says something else than the port knows.
    """
    if value is None:
        return UNKNOWN
    if value not in _STATUSES:
        message = f"status({key!r}) returned {shown(value)}; it must return one of {', '.join(map(repr, _STATUSES))}, or None for an order that is not known."
        raise ContractError(message)
    return str(value)


def orders_view(
    scope: Scope, calls: Sequence[Call], seen: Seen, statuses: Mapping[str, str], works: Sequence[Sequence[Work]]
) -> OrdersView:
    """The view, without what only one of the styles knows.

    Arguments:
        scope: what the services have at the start.
        calls: what clients know.
        seen: what was observed.
        statuses: how orders are said to stand, by key.
        works: what each service has done.
    """
    keys = tuple(dict.fromkeys(call.request.key for call in calls))
    placed = [(c.request.key, c.request.payload) for c in calls if c.status != "new" and c.request.valid]
    return OrdersView(
        tuple(calls), tuple(saga_of(key, works, statuses.get(key, UNKNOWN)) for key in keys), keys,
        strangers(works, placed), certain=certain_of(scope), happened=seen.happened, stuck=is_stuck(seen.happened),
    )  # fmt: skip


def saga_of(key: str, works: Sequence[Sequence[Work]], outcome: str) -> SagaSeen:
    """What has become of the order `key`, given what each service has done."""
    mine = [[work for work in own if work.order == key] for own in works]
    did = tuple(sum(work.status in (DONE, UNDONE) for work in own) for own in mine)
    undid = tuple(sum(work.status in (UNDONE, WRONG) for work in own) for own in mine)
    return SagaSeen(PIVOT, did, undid, tuple(any(work.status == BARRED for work in own) for own in mine), outcome)


def strangers(works: Sequence[Sequence[Work]], orders: Iterable[tuple[str, tuple[object, ...]]]) -> tuple[str, ...]:
    """What was done for no order, or otherwise than it was ordered.

    Arguments:
        works: what each service has done.
        orders: of every order that was placed its key, and account, amount, item and quantity.
    """
    asked = [(key, (payload[:2], payload[2:], (PLACE, 1), (PARCEL, 1))) for key, payload in orders]
    found = []
    for step, own in enumerate(works):
        wanted = {(key, *taken[step]) for key, taken in asked}
        found += [
            f"{SERVICES[step]}: {work.order} {work.resource} {work.amount}" for work in own
            if work.status in (DONE, UNDONE, WRONG) and (work.order, work.resource, work.amount) not in wanted
        ]  # fmt: skip
    return tuple(found)


def order_shown(saga: SagaSeen) -> tuple[str, ...]:
    """An order for a report: how it stands, and what each service has done for it, where that is anything."""
    steps = zip(SERVICES, saga.did, saga.undid, saga.cancelled, strict=False)
    done = [f"{service} {_step_shown(did, undid, barred=barred)}" for service, did, undid, barred in steps if did or undid or barred]
    return (saga.outcome or "not known", *done)


def _step_shown(did: int, undid: int, *, barred: bool) -> str:
    told = {(1, 0): "done", (1, 1): "undone", (0, 0): ""}.get((did, undid), f"done {did} times and undone {undid} times")
    return " and ".join([*([told] if told else []), *(["barred"] if barred else [])])
