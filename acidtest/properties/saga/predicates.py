"""What must hold of every saga, as predicates over views."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.models.saga.service import UNKNOWN, OrdersView
from acidtest.models.saga.specification import moves
from acidtest.models.shared.steps import COMPENSATED, COMPLETED, PARKED, RUNNING, SagaSeen

if TYPE_CHECKING:
    from acidtest.models.shared.ledger import Request


def _asks(view: OrdersView, *statuses: str) -> list[tuple[str, Request]]:
    """The orders whose clients were told one of these, by key."""
    return [(call.request.key, call.request) for call in view.calls if call.status in statuses]


def _by_key(view: OrdersView) -> dict[str, SagaSeen]:
    return dict(zip(view.keys, view.sagas, strict=True))


def truthful(view: OrdersView) -> bool:
    """Ok was told of orders that are known; rejected of those for which nothing was done, under no other order's key."""
    sagas = _by_key(view)
    if any(sagas[key].outcome == UNKNOWN for key, _ in _asks(view, "ok")):
        return False
    taken = {key for key, _ in _asks(view, "ok", "open", "unknown")}
    refused = [sagas[key] for key, request in _asks(view, "rejected") if request.valid and key not in taken]
    return not any(any(saga.did) or saga.outcome in (RUNNING, COMPLETED) for saga in refused)


def exact(view: OrdersView) -> bool:
    """Nothing is done, or known, of an order that nobody has validly placed."""
    valid = {call.request.key for call in view.calls if call.request.valid and call.status != "new"}
    return not any(any(saga.did) or saga.outcome for key, saga in _by_key(view).items() if key not in valid)


def is_touched(saga: SagaSeen) -> bool:
    """A service has done its step, or was told to undo it."""
    return any(saga.did) or any(saga.cancelled)


def is_known(saga: SagaSeen, _: SagaSeen | None = None) -> bool:
    """It is known durably."""
    return saga.outcome != UNKNOWN


def is_parked(saga: SagaSeen, _: SagaSeen | None = None) -> bool:
    """It is left to people."""
    return saga.outcome == PARKED


def any_parked(before: OrdersView, _: OrdersView) -> bool:
    """An order is left to people."""
    return any(map(is_parked, before.sagas))


def stays_parked(before: OrdersView, after: OrdersView) -> bool:
    """What is left to people is so still, and nothing is done or undone of it but by a call that takes effect late."""
    late = any(what.startswith("late call") for what in after.happened)
    pairs = [(then, now) for then, now in zip(before.sagas, after.sagas, strict=True) if is_parked(then)]
    return all(is_parked(now) and (late or not moves(then, now)) for then, now in pairs)


def done_in_order(before: SagaSeen, after: SagaSeen) -> bool:
    """What has just been done follows a step that is in effect."""
    fresh = [i for i, (was, now) in enumerate(zip(before.did, after.did, strict=True)) if now > was]
    return all(i == 0 or after.did[i - 1] > after.undid[i - 1] for i in fresh)


def goes_forward(before: SagaSeen, after: SagaSeen) -> bool:
    """A step took effect."""
    return before.did != after.did


def comes_early(before: SagaSeen, after: SagaSeen) -> bool:
    """A compensation found nothing to undo."""
    return after.cancelled != before.cancelled


def nothing_in_effect(before: SagaSeen, after: SagaSeen) -> bool:
    """Where a compensation has just found nothing, there was nothing."""
    fresh = [i for i, (was, now) in enumerate(zip(before.cancelled, after.cancelled, strict=True)) if now and not was]
    return all(before.did[i] == before.undid[i] for i in fresh)


def serves(before: OrdersView, after: OrdersView) -> bool:
    """An order that nothing disturbed, valid and under a fresh key, is taken."""
    for then, now in zip(before.calls, after.calls, strict=True):
        others = [c for c in after.calls if c.request.key == now.request.key and c.request.name != now.request.name]
        fresh = now.request.valid and all(c.status == "new" for c in others)
        if then.status == "open" and now.status in ("rejected", "unknown") and now.alone and fresh and _certain(after, now.request.key):
            return False
    return True


def _certain(view: OrdersView, key: str) -> bool:
    """Whether the services can fill an order whatever else was ordered; where that is not known, yes."""
    return not view.certain or view.certain[view.keys.index(key)]


def goes_back_in_vain(view: OrdersView) -> bool:
    """An order that can be filled is taken back, or parked."""
    sagas = zip(view.keys, view.sagas, strict=True)
    return any(_certain(view, key) and (any(saga.undid) or saga.outcome in (COMPENSATED, PARKED)) for key, saga in sagas)
