"""What every pattern of keyed requests on accounts must keep, as predicates over views (PATTERNS 0).

The views have the fields `opening`, `balances`, `calls` and `accepted`.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from acidtest.checker.machine import Kind, Property
from acidtest.models.shared.ledger import Call
from acidtest.properties.shared.balances import UNEXPLAINED

SOURCE = "PATTERNS 0"


def whole(view: Any) -> bool:  # noqa: ANN401 - any view with the fields above; likewise below
    """Balances are what some whole requests make of them."""
    return UNEXPLAINED not in view.accepted


def no_overdraft(view: Any) -> bool:  # noqa: ANN401
    """No balance is negative."""
    return all(balance >= 0 for _, balance in view.balances if isinstance(balance, (int, float)))


def once(view: Any) -> bool:  # noqa: ANN401
    """No key took effect twice."""
    keys = {call.request.name: call.request.key for call in view.calls}
    return max(Counter(keys[name] for name in view.accepted if name in keys).values(), default=0) <= 1


def truthful(view: Any) -> bool:  # noqa: ANN401
    """Ok was told of what took effect, rejected of what did not."""
    first = {call.request.ask: call.request.name for call in reversed(view.calls)}
    accepted = set(view.accepted)
    return all(
        call.status not in ("ok", "rejected") or (call.status == "ok") == (first[call.request.ask] in accepted)
        for call in view.calls
    )


def stable(before: Any, after: Any) -> bool:  # noqa: ANN401
    """What took effect stays, in its order."""
    return bool(after.accepted[: len(before.accepted)] == before.accepted)


def idempotent(view: Any) -> bool:  # noqa: ANN401
    """Equal requests were told the same, and of requests that only share a key at most one was told ok."""
    told: dict[str, list[Call]] = {}
    for one in view.calls:
        if one.status not in ("ok", "rejected"):
            continue
        others = told.setdefault(one.request.key, [])
        others.append(one)
        for other in others[:-1]:
            if one.request.ask == other.request.ask and one.status != other.status:
                return False
            if one.request.ask != other.request.ask and one.status == other.status == "ok":
                return False
    return True


def remembers(before: Any, after: Any) -> bool:  # noqa: ANN401
    """Nothing takes effect under a key that was refused, for want of funds, to another payload.

    Only of calls that ran alone: beside another call, a key may have been refused because it was claimed already.
    """
    refused = {
        c.request.key: c.request.ask for c in before.calls if c.status == "rejected" and c.request.valid and c.alone
    }
    disturbed = {call.request.ask for call in after.calls if call.status != "new" and not call.alone}
    asks = {call.request.name: call.request.ask for call in after.calls}
    fresh = {asks[name] for name in after.accepted if name in asks and name not in before.accepted} - disturbed
    return all(refused.get(ask[0], ask) == ask for ask in fresh)


def serves(before: Any, after: Any) -> bool:  # noqa: ANN401
    """A request that nothing disturbed, that is valid and funded, and whose key is fresh, is accepted."""
    for then, now in zip(before.calls, after.calls, strict=True):
        if then.status == "open" and now.status in ("rejected", "unknown") and now.alone and _deserved(before, now):
            return False
    return True


def _deserved(view: Any, call: Call) -> bool:  # noqa: ANN401
    request = call.request
    balances = dict(view.balances)
    others = [c for c in view.calls if c.request.name != request.name and c.request.key == request.key]
    return (
        request.valid
        and all(c.status == "new" for c in others)
        and all(balances.get(account, 0) + change >= 0 for account, change in request.deltas)
    )


def has_reason(view: Any) -> bool:  # noqa: ANN401
    """Nobody was told rejected who asked for something valid, under a key of its own, and could pay in any case."""
    return not any(call.status == "rejected" and call.request.valid and is_payable_in_any_case(view, call) for call in view.calls)


def is_payable_in_any_case(view: Any, call: Call) -> bool:  # noqa: ANN401
    """Whether a request is the only one under its key, and could be paid whatever else of all that was asked took effect."""
    asked = {other.request.ask: other.request for other in view.calls if other.status != "new"}
    if any(other.key == call.request.key and other.ask != call.request.ask for other in asked.values()):
        return False
    left = Counter(dict(view.opening))
    for account, change in (delta for other in asked.values() if other.valid for delta in other.deltas):
        left[account] += min(change, 0)
    return all(left[account] >= 0 for account, _ in call.request.deltas)


def exact(view: Any) -> bool:  # noqa: ANN401
    """Money is whole numbers, and nothing invalid took effect."""
    valid = {call.request.name: call.request.valid for call in view.calls}
    return all(type(b) is int for _, b in view.balances) and all(valid.get(name, True) for name in view.accepted)


def conserved(view: Any) -> bool:  # noqa: ANN401
    """The sum of all balances is what it was."""
    return bool(sum(b for _, b in view.balances if b is not None) == sum(b for _, b in view.opening))


def is_stuck(happened: frozenset[str]) -> bool:
    """Whether a lock was waited for in vain. Only a COMMIT that has yet to take effect may keep one without a task."""
    words = {what.split(" ", 1)[0] for what in happened}
    return "victim" in words and "late" not in words


G2 = Property("G2", "no account is overdrawn", Kind.ALWAYS, no_overdraft, SOURCE)
G3 = Property("G3", "a key takes effect at most once", Kind.ALWAYS, once, SOURCE)
G4 = Property("G4", "ok means done, rejected means never done", Kind.ALWAYS, truthful, SOURCE)
G5 = Property("G5", "what took effect stays", Kind.STEP, stable, SOURCE)
G7 = Property("G7", "one key, one answer; another payload under it is refused", Kind.ALWAYS, idempotent, SOURCE)
REMEMBERED = Property("G7", "a key that was refused stays refused", Kind.STEP, remembers, SOURCE)
G11 = Property("G11", "an undisturbed, funded request is accepted", Kind.STEP, serves, SOURCE)
G12 = Property("G12", "money is whole minor units, and nothing invalid takes effect", Kind.ALWAYS, exact, SOURCE)
REASONED = Property("G4", "only what is invalid or cannot be paid is rejected", Kind.ALWAYS, has_reason, SOURCE)
