"""What must hold of reserve/confirm, as predicates over views."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from acidtest.models.reserve_confirm.service import ABSENT, DONE, PENDING, ReserveView, is_open
from acidtest.properties.shared.predicates import is_payable_in_any_case

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from acidtest.models.reserve_confirm.service import Deal
    from acidtest.models.shared.ledger import Call, Request

_FINAL = ("ok", "rejected")


def _requests(view: ReserveView) -> dict[str, Request]:
    return {call.request.name: call.request for call in view.calls}


def _sums(view: ReserveView, of: Callable[[Deal, Request], int]) -> dict[str, int]:
    """By account, the sum of something over the orders at the provider."""
    requests = _requests(view)
    sums: Counter[str] = Counter()
    for deal in view.orders:
        request = requests.get(str(deal.about))
        if request is not None:
            sums[str(request.payload[0])] += of(deal, request)
    return dict(sums)


def _paid(view: ReserveView) -> dict[str, int]:
    return _sums(view, lambda deal, _: sum(deal.paid))


def _posted(view: ReserveView) -> dict[str, int]:
    """By account, what was withdrawn in the books."""
    opening = dict(view.opening)
    return {name: opening[name] - balance for name, balance in view.balances}


def _first_of(view: ReserveView, call: Call) -> str:
    """Equal requests go by the name of the first."""
    return next(other.request.name for other in view.calls if other.request.ask == call.request.ask)


def exact(view: ReserveView) -> bool:
    """Money is whole numbers, and nothing invalid was held or ordered."""
    valid = {name: request.valid for name, request in _requests(view).items()}
    whole = all(type(n) is int for part in (view.balances, view.held, view.available) for _, n in part)
    return whole and all(valid.get(str(deal.about), True) for deal in view.orders)


def covered(view: ReserveView) -> bool:
    """What is available is what is not held, and nothing is below zero."""
    held, free = dict(view.held), dict(view.available)
    return all(free[name] == n - held[name] and free[name] >= 0 and held[name] >= 0 for name, n in view.balances)


def paid_once(view: ReserveView) -> bool:
    """No request was paid twice, nor what nobody asked for."""
    times: Counter[str | int] = Counter()
    for deal in view.orders:
        times[deal.about] += len(deal.paid)
    return max(times.values(), default=0) <= 1 and "?" not in times


def posted_was_paid(view: ReserveView) -> bool:
    """No more was withdrawn in the books than was paid."""
    paid = _paid(view)
    return all(posted <= paid.get(name, 0) for name, posted in _posted(view).items())


def secured(view: ReserveView) -> bool:
    """What was paid, or may yet be paid, is withdrawn or held."""
    owed = _sums(view, lambda deal, r: sum(deal.paid) if deal.paid else -r.deltas[0][1] * is_open(deal))
    held = dict(view.held)
    return all(posted + held[name] >= owed.get(name, 0) for name, posted in _posted(view).items())


def keeps_holding(before: ReserveView, after: ReserveView) -> bool:
    """If all that was pending was held, what is pending still is held still, unless the provider has decided it."""
    decided = {_requests(after)[str(d.about)].key for d in after.orders if _is_decided(d) and str(d.about) in _requests(after)}
    pending = [key for key, status in before.statuses if status == PENDING]
    still = [key for key in pending if dict(after.statuses).get(key) == PENDING and key not in decided]
    then, now, held = dict(before.held), _least(after, still), dict(after.held)
    return all(held[user] >= now.get(user, 0) for user, due in _least(before, pending).items() if then[user] >= due)


def _is_decided(deal: Deal) -> bool:
    return deal.status != ABSENT and not is_open(deal)


def _least(view: ReserveView, keys: Iterable[str]) -> dict[str, int]:
    """By account, what must be held for withdrawals under these keys; of several payloads the least counts."""
    sums: Counter[str] = Counter()
    for key in keys:
        asked = [call.request for call in view.calls if call.request.key == key and call.request.valid and call.status != "new"]
        users = {str(request.payload[0]) for request in asked}
        if len(users) == 1:
            sums[users.pop()] += min(-request.deltas[0][1] for request in asked)
    return sums


def held_was_asked(view: ReserveView) -> bool:
    """No more is withdrawn and held than was asked for; of several payloads under a key the largest counts."""
    most: dict[tuple[str, str], int] = {}
    for request in (call.request for call in view.calls if call.status != "new" and call.request.valid):
        slot = str(request.payload[0]), request.key
        most[slot] = max(most.get(slot, 0), -request.deltas[0][1])
    asked: Counter[str] = Counter()
    for (user, _), amount in most.items():
        asked[user] += amount
    held = dict(view.held)
    return all(posted + held[user] <= asked[user] for user, posted in _posted(view).items())


def pending_is_known(view: ReserveView) -> bool:
    """What a client was told is pending is known under its key."""
    known = dict(view.statuses)
    return all(call.request.key in known for call in view.calls if call.status == PENDING and call.request.valid)


def has_reason(view: ReserveView) -> bool:
    """Nobody was told rejected who asked for something valid and payable in any case, unless it was declined or a status says so."""
    statuses = dict(view.statuses)
    refused = [call for call in view.calls if call.status == "rejected" and call.request.valid]
    return not any(
        is_payable_in_any_case(view, call) and statuses.get(call.request.key) != "rejected"
        and call.request.payload[1] not in view.provider.declines
        for call in refused
    )  # fmt: skip


def silence_is_no_failure(view: ReserveView) -> bool:
    """What was paid, or may yet be, is called failed by nobody: neither to a client nor by the status of its key."""
    owed = {str(deal.about) for deal in view.orders if deal.paid or is_open(deal)}
    failed = {key for key, status in view.statuses if status == "rejected"}
    return all(
        _first_of(view, call) not in owed for call in view.calls if call.status == "rejected" or call.request.key in failed
    )


def ok_is_paid(view: ReserveView) -> bool:
    """What clients were told is ok, or a status says is, was paid."""
    done = {str(deal.about) for deal in view.orders if deal.status == DONE}
    keys = {request.key for name, request in _requests(view).items() if name in done}
    told = all(_first_of(view, call) in done for call in view.calls if call.status == "ok")
    return told and all(key in keys for key, status in view.statuses if status == "ok")


def resolved_once(before: ReserveView, after: ReserveView) -> bool:
    """What was withdrawn is not given back, nor the other way round."""
    now = dict(after.statuses)
    return all(now.get(key) in (status, PENDING, None) for key, status in before.statuses if status in _FINAL)


def monotone(before: ReserveView, after: ReserveView) -> bool:
    """What has an end is not pending again."""
    now = dict(after.statuses)
    return all(now.get(key) in _FINAL for key, status in before.statuses if status in _FINAL)


def same_answer(view: ReserveView) -> bool:
    """Equal requests are not told different ends."""
    told: dict[object, str] = {}
    ends = [call for call in view.calls if call.status in _FINAL]
    return all(told.setdefault(call.request.ask, call.status) == call.status for call in ends)


def answers_again(before: ReserveView, after: ReserveView) -> bool:
    """A call that nothing has disturbed is answered, under a key of which a client was told the end."""
    known = {call.request.key for call in before.calls if call.status in _FINAL}
    return not any(
        then.status == "open" and now.status == "unknown" and now.alone and now.request.key in known
        for then, now in zip(before.calls, after.calls, strict=True)
    )


def no_credit(before: ReserveView, after: ReserveView) -> bool:
    """A hold that is given back raises no balance."""
    then = dict(before.balances)
    return all(balance <= then[name] for name, balance in after.balances)


def serves(before: ReserveView, after: ReserveView) -> bool:
    """A request that nothing disturbed, that is valid, funded and not declined, and whose key is fresh, is not refused."""
    for then, now in zip(before.calls, after.calls, strict=True):
        refused = then.status == "open" and now.status in ("rejected", "unknown")
        if refused and now.alone and _deserved(before, then):
            return False
    return True


def _deserved(view: ReserveView, call: Call) -> bool:
    request = call.request
    others = [c for c in view.calls if c.request.name != request.name and c.request.key == request.key]
    account, change = request.deltas[0]
    funded = dict(view.available).get(account, 0) >= -change
    declined = -change in view.provider.declines
    settled = all(c.status in ("new", *_FINAL) for c in view.calls if c is not call)
    return request.valid and all(c.status == "new" for c in others) and funded and settled and not declined


def books_are_true(view: ReserveView) -> bool:
    """The books say what the provider did, if there is any way to learn it."""
    if not view.provider.tells and view.happened:
        return True
    paid = _paid(view)
    statuses = dict(view.statuses)
    requests = _requests(view)
    done = {requests[str(deal.about)].key for deal in view.orders if deal.paid and str(deal.about) in requests}
    told = all(statuses.get(key) == "ok" for key in done)
    return (told or not statuses) and all(posted == paid.get(name, 0) for name, posted in _posted(view).items())


def nothing_is_held(view: ReserveView) -> bool:
    """Every hold has an end, if there is any way to bring one about."""
    may_stay = bool(view.happened) and not (view.provider.tells and view.provider.settles)
    return may_stay or (not any(n for _, n in view.held) and PENDING not in dict(view.statuses).values())


def held_in_the_dark(view: ReserveView) -> bool:
    """Something is held, and the provider will never say what became of it."""
    return not view.provider.tells and any(n for _, n in view.held)
