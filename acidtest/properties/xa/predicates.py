"""Predicates over views of XA transactions.

A request takes effect in one resource after the other, so what took effect is said per resource; and a resource manager that
decided alone is no fault of the transaction manager, who has to tell of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.models.two_phase_commit.service import database_of
from acidtest.models.xa.service import ALL, MIXED, GlobalView
from acidtest.properties.shared.balances import UNEXPLAINED, label
from acidtest.properties.shared.predicates import once, serves

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.models.shared.ledger import Request

DEFINITE = ("ok", "rejected", MIXED)
#: These leave nobody in doubt how an only branch has ended: it was rolled back, or nothing befell it.
_KNOWN = frozenset({"refused resource", "timed out resource", "jump"})


def _resources(request: Request) -> list[str]:
    """The resources in which a request changes something."""
    return list(dict.fromkeys(database_of(account) for account, _ in request.deltas))


def _enlisted(request: Request) -> set[str]:
    """The resources in which a request changes or reads something."""
    return {str(operation[0]) for operation in request.payload}  # type: ignore[index] # (resource, account, change)


def _named(view: GlobalView, names: Sequence[str]) -> list[Request]:
    """The requests with these names, each once."""
    return [call.request for call in view.calls if call.request.name in names]


def _alone(view: GlobalView, request: Request) -> dict[str, str]:
    """By resource, what a branch of the request came to that was decided alone."""
    found = {}
    for resource, words in view.alone:
        for word in words:
            key, _, how = word.partition(" ")
            if key == request.key and resource in _resources(request):
                found[resource] = how
    return found


def _asked_first(view: GlobalView, request: Request) -> Request:
    """The first of equal requests."""
    return next(call.request for call in view.calls if call.request.ask == request.ask)


def exact(view: GlobalView) -> bool:
    """Money is whole numbers, and nothing invalid took effect."""
    valid = {call.request.name: call.request.valid for call in view.calls}
    return all(type(balance) is int for _, balance in view.balances) and all(valid.get(name, True) for name in view.accepted)


def whole(view: GlobalView) -> bool:
    """What took effect in a resource is what a request asked for there, and all of it."""
    return not any(UNEXPLAINED in names for _, names in view.took)


def served(before: GlobalView, after: GlobalView) -> bool:
    """A run that nothing disturbed and that every resource could still pay is accepted."""
    balances = dict(before.balances)
    for resource, keys in before.in_doubt:
        for request in [call.request for call in before.calls if call.request.key in keys]:
            for account, change in request.deltas:
                balances[account] += min(0, change) if database_of(account) == resource else 0
    return serves(before._replace(balances=tuple(balances.items())), after)


def voted(view: GlobalView) -> bool:
    """What took effect as told was promised by all of its resources before."""
    ever = dict(view.voted)
    return all(
        request.key in ever.get(resource, ())
        for request in _as_told(view)
        for resource in _resources(request)
    )


def _settled_or_in_doubt(view: GlobalView, request: Request, *, doubt: bool = True) -> bool:
    """In every resource of it, the request took effect, was decided alone, or may still take effect."""
    took, doubtful, alone = dict(view.took), dict(view.in_doubt), _alone(view, request)
    return all(
        request.name in took.get(r, ()) or r in alone or (doubt and request.key in doubtful.get(r, ())) for r in _resources(request)
    )


def _as_told(view: GlobalView) -> list[Request]:
    """The requests that took effect in some resource which did not decide that alone."""
    return [
        request for request in _named(view, view.accepted)
        if any(request.name in names and resource not in _alone(view, request) for resource, names in view.took)
    ]  # fmt: skip


def agreed(view: GlobalView) -> bool:
    """What one resource commits as told, every other commits, still can, or decided alone."""
    return all(_settled_or_in_doubt(view, request) for request in _as_told(view))


def truthful(view: GlobalView) -> bool:
    """Ok was told of what took effect everywhere, rejected of what did nowhere."""
    took = dict(view.took)
    for call in view.calls:
        first = _asked_first(view, call.request)
        if call.status == "ok" and not all(first.name in took.get(r, ()) for r in _resources(first)):
            return False
        if call.status == "rejected" and first.name in view.accepted and not _came_late(view, first):
            return False
    return True


def told_of_mixed(view: GlobalView) -> bool:
    """Whoever was told ok or rejected has no branch that a resource manager decided otherwise, alone."""
    for call in view.calls:
        first = _asked_first(view, call.request)
        came = set(_alone(view, first).values())
        if call.status == "ok" and came - {ALL}:
            return False
        if call.status == "rejected" and came - {"rolled back"} and not _came_late(view, first):
            return False
    return True


def _came_late(view: GlobalView, request: Request) -> bool:
    """Whether a branch that was decided alone may have been prepared by a call that came after all was over."""
    return "late resource" in view.happened and bool(_alone(view, request))


def all_or_none(view: GlobalView) -> bool:
    """What took effect as told did so in all of its resources that did not decide alone."""
    return all(_settled_or_in_doubt(view, request, doubt=False) for request in _as_told(view))


def nothing_left(view: GlobalView) -> bool:
    """No branch is in doubt, and no record of a decision is kept by a resource manager."""
    return not any(keys for _, keys in (*view.in_doubt, *view.kept))


def same_answer(view: GlobalView) -> bool:
    """Equal requests were told the same, and of requests that only share a key at most one was told ok."""
    told: dict[str, list[tuple[Request, str]]] = {}
    for call in [call for call in view.calls if call.status in DEFINITE]:
        for other, status in told.setdefault(call.request.key, []):
            if other.ask == call.request.ask and status != call.status:
                return False
            if other.ask != call.request.ask and status == call.status == "ok":
                return False
        told[call.request.key].append((call.request, call.status))
    return True


def reported_first(before: GlobalView, after: GlobalView) -> bool:
    """A resource manager is told to forget only what the transaction manager had written down, if it matters."""
    kept = dict(after.kept)
    known = {key for key, _ in before.reported}
    dropped = {key for resource, keys in before.kept for key in keys if key not in kept[resource]}
    return all(request.key in known for request in _contrary(after) if request.key in dropped)


def _contrary(view: GlobalView) -> list[Request]:
    """The requests of which one branch took effect and another, decided alone, did not, or not as a whole; or the other way round."""
    found = []
    for request in [call.request for call in view.calls if call.request == _asked_first(view, call.request)]:
        came, some = _alone(view, request), request.name in view.accepted
        undone = [r for r in _resources(request) if request.name not in dict(view.took).get(r, ())]
        if came and ("in part" in came.values() or (some and undone and not _may_follow(view, request, undone))):
            found.append(request)
    return found


def _may_follow(view: GlobalView, request: Request, undone: Sequence[str]) -> bool:
    """Whether the branches that did not take effect yet are all in doubt still."""
    doubt = dict(view.in_doubt)
    return all(request.key in doubt.get(resource, ()) for resource in undone)


def mixed_is_reported(view: GlobalView) -> bool:
    """In the end a mixed outcome is told of."""
    known = {key for key, _ in view.reported}
    return all(request.key in known for request in _contrary(view))


def told_mixed_is_reported(view: GlobalView) -> bool:
    """What a client was told is mixed, is reported."""
    known = {key for key, _ in view.reported}
    return all(call.request.key in known for call in view.calls if call.status == MIXED)


def no_false_hazard(view: GlobalView) -> bool:
    """A mixed outcome or a hazard is told of only where a branch was decided alone, or an only branch may not have answered."""
    told = {call.request.key for call in view.calls if call.status == MIXED} | {key for key, _ in view.reported}
    for key in told:
        asked = [call.request for call in view.calls if call.request.key == key and call.status != "new"]
        if not any(_alone(view, request) or (view.happened - _KNOWN and len(_enlisted(request)) == 1) for request in asked):
            return False
    return True


def unanimous_committed(view: GlobalView) -> bool:
    """If nothing ever disturbed any run, what all of its resources voted for took effect."""
    ever = dict(view.voted)
    asked = [call for call in view.calls if call.status != "new"]
    if not all(call.alone for call in asked):
        return True
    for request in [call.request for call in asked]:
        rivals = any(call.request.key == request.key and call.request.ask != request.ask for call in asked)
        unanimous = all(request.key in ever.get(resource, ()) for resource in _resources(request))
        if not request.deltas or _alone(view, request):
            continue
        if request.valid and unanimous and not rivals and label(view.calls, request) not in view.accepted:
            return False
    return True


def as_if_uninterrupted(view: GlobalView) -> bool:
    """Everything is decided in all of its resources, and took effect at most once."""
    return all_or_none(view) and nothing_left(view) and once(view)
