"""What must hold of a coordinator of Try-Confirm/Cancel, as predicates over views.

They speak of what the services keep and of what clients were told, of nothing that the coordinator keeps itself.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from acidtest.models.tcc.coordinator import PENDING, REFUSED, Branch, CoordinationView
from acidtest.models.tcc.protocol import CANCEL, CANCELLED, CONFIRM, CONFIRMED, NONE, TOMBSTONE, TRIED
from acidtest.properties.shared.balances import label
from acidtest.properties.tcc_coordinator.view import (
    Label,
    asked_of,
    branches_for,
    labels_of,
    statuses_of,
    transactions_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acidtest.models.shared.ledger import Call, Request


def _told(branches: list[Branch]) -> set[str]:
    return {method for branch in branches for method in branch.told}


def _lacking(request: Request, branches: list[Branch], *statuses: str) -> Counter[Label]:
    """The branches of a request that stand in none of these statuses."""
    return labels_of(request) - Counter((b.account, b.amount) for b in branches if b.status in statuses)


# In every state.


def exact(view: CoordinationView) -> bool:
    """Amounts are whole numbers, nothing was tried that nobody asked for, and nothing invalid is confirmed."""
    asked = {(request.key, *label) for request in asked_of(view) for label in labels_of(request)}
    tried = [branch for branch in view.branches if branch.account]
    known = all((b.gid, b.account, b.amount) in asked and type(b.amount) is int for b in tried)
    valid = {call.request.name: call.request.valid for call in view.calls}
    return known and all(valid[name] for name in view.accepted)


def _times(view: CoordinationView, *statuses: str) -> dict[tuple[str, Label], int]:
    """How often each branch stands in one of these statuses, beyond how often it was asked for."""
    wanted = [(request.key, labels_of(request)) for request in asked_of(view)]
    times = Counter((b.gid, (b.account, b.amount)) for b in view.branches if b.status in statuses)
    return {
        (gid, label): count - max([labels[label] for key, labels in wanted if key == gid], default=0)
        for (gid, label), count in times.items()
    }


def held_once(view: CoordinationView) -> bool:
    """No branch is held twice, under two ids."""
    return max(_times(view, TRIED).values(), default=0) <= 0


def booked_once(view: CoordinationView) -> bool:
    """No branch that is confirmed is held or confirmed again, under another id."""
    again = _times(view, TRIED, CONFIRMED)
    return not any(again[b.gid, (b.account, b.amount)] > 0 for b in view.branches if b.status == CONFIRMED)


def agree(view: CoordinationView) -> bool:
    """No transaction has a branch that is confirmed and one that is cancelled."""
    return not any(CONFIRMED in of and of & {CANCELLED, TOMBSTONE} for of in (statuses_of(bs) for _, bs in transactions_of(view)))


def _confirming(view: CoordinationView) -> list[tuple[Request, list[Branch]]]:
    return [(request, branches) for request, branches in transactions_of(view) if CONFIRM in _told(branches)]


def is_told_to_confirm(view: CoordinationView) -> bool:
    """Some branch was told to confirm."""
    return any(CONFIRM in branch.told for branch in view.branches)


def holds_what_is_confirmed(view: CoordinationView) -> bool:
    """Whoever is told to confirm holds what it takes, or has booked it."""
    return not any(CONFIRM in b.told and b.status in (NONE, REFUSED, TOMBSTONE) for b in view.branches)


def all_were_held(view: CoordinationView) -> bool:
    """Where one branch is told to confirm, every Try has succeeded."""
    return not any(_lacking(request, branches, TRIED, CONFIRMED, CANCELLED) for request, branches in _confirming(view))


def told_one_thing(view: CoordinationView) -> bool:
    """No transaction is told to confirm here and to cancel there."""
    return not any(CANCEL in _told(branches) for _, branches in _confirming(view))


def ids_are_kept(view: CoordinationView) -> bool:
    """Nothing is held or confirmed under an id that was answered for other branches.

    Ok is for ever. What was refused, undisturbed and without a rival, must not succeed for a call that came later: one that
    is going on now, undisturbed, and the first of its kind.
    """
    for request, branches in transactions_of(view):
        rivals = [call for call in view.calls if call.request.key == request.key and call.request.ask != request.ask]
        asked = [call for call in view.calls if call.request.ask == request.ask and call.status != "new"]
        late = len(asked) == 1 and asked[0].status == "open" and asked[0].alone
        spent = any(c.status == "ok" or (late and c.status == "rejected" and c.alone and c.request.valid) for c in rivals)
        if spent and statuses_of(branches) & {TRIED, CONFIRMED}:
            return False
    return True


# From one state to the next: pairs of when something is demanded, and what.


def _told_now(before: CoordinationView, after: CoordinationView, *answers: str) -> Iterator[Call]:
    for then, now in zip(before.calls, after.calls, strict=True):
        if then.status != now.status and now.status in answers:
            yield now


def truthful(before: CoordinationView, after: CoordinationView) -> bool:
    """Ok is told of what is held or confirmed everywhere, rejected of what is confirmed nowhere."""
    ok = all(
        not _lacking(call.request, branches_for(after, call.request), TRIED, CONFIRMED) for call in _told_now(before, after, "ok")
    )
    names = {call.request.ask: call.request.name for call in reversed(after.calls)}
    return ok and not any(names[call.request.ask] in after.accepted for call in _told_now(before, after, "rejected"))


def some_answered(before: CoordinationView, _: CoordinationView) -> bool:
    """A client was told ok or rejected."""
    return any(call.status in ("ok", "rejected") for call in before.calls)


def keeps_answers(before: CoordinationView, after: CoordinationView) -> bool:
    """After ok no branch is told to cancel, after rejected none to confirm."""
    for call in before.calls:
        against = {"ok": CANCEL, "rejected": CONFIRM}.get(call.status)
        if against is not None and against in _told(branches_for(after, call.request)) - _told(branches_for(before, call.request)):
            return False
    return True


def funded(view: CoordinationView, request: Request) -> bool:
    """Whether there is enough for it even if everything else is paid that was asked for."""
    left = Counter(dict(view.opening))
    for account, change in [delta for other in asked_of(view) for delta in other.deltas]:
        left[account] += min(change, 0)
    return request.valid and all(left[account] >= 0 for account, _ in request.deltas)


def _deserved(view: CoordinationView, call: Call) -> bool:
    """Whether a call is undisturbed, valid, funded, and the only one under its id."""
    others = [c for c in view.calls if c.request.name != call.request.name and c.request.key == call.request.key]
    return call.alone and all(c.status == "new" for c in others) and funded(view, call.request)


def _served(before: CoordinationView, after: CoordinationView) -> list[Call]:
    """The calls that are going on or ended just now, and that deserve to be told ok."""
    now = [call for then, call in zip(before.calls, after.calls, strict=True) if "open" in (then.status, call.status)]
    return [call for call in now if _deserved(after, call)]


def is_deserved(before: CoordinationView, after: CoordinationView) -> bool:
    """There is such a call."""
    return bool(_served(before, after))


def serves(before: CoordinationView, after: CoordinationView) -> bool:
    """It is told ok, or that it will be, and nothing of it is cancelled."""
    return all(
        call.status in ("open", "ok", PENDING) and CANCEL not in _told(branches_for(after, call.request)) for call in _served(before, after)
    )


# At rest.


def all_or_none(view: CoordinationView) -> bool:
    """What is confirmed somewhere is confirmed everywhere."""
    return not any(CONFIRMED in statuses_of(bs) and _lacking(r, bs, CONFIRMED) for r, bs in transactions_of(view))


def nothing_is_held(view: CoordinationView) -> bool:
    """No service holds anything."""
    return all(branch.status != TRIED for branch in view.branches)


def is_cut_short(view: CoordinationView) -> bool:
    """A process crashed, and a transaction was cancelled."""
    return "crash" in view.happened and any(CANCEL in branch.told for branch in view.branches)


def forgets_no_branch(view: CoordinationView) -> bool:
    """Of a transaction that was cancelled anywhere no branch is held."""
    return not any(CANCEL in _told(bs) and TRIED in statuses_of(bs) for _, bs in transactions_of(view))


def takes_whole_amounts(view: CoordinationView) -> bool:
    """What was taken from the accounts is what whole transactions take."""
    left = dict(view.opening)
    for request in asked_of(view):
        for account, change in request.deltas if request.name in view.accepted else ():
            left[account] = left.get(account, 0) + change
    return all(left[account] == sum_ for account, sum_ in view.balances)


def undisturbed_confirmed(view: CoordinationView) -> bool:
    """If nothing ever disturbed anything, what was funded is confirmed, also where the client was told pending."""
    asked = [call for call in view.calls if call.status != "new"]
    if view.happened or not all(call.alone for call in asked):
        return True
    return all(label(view.calls, call.request) in view.accepted for call in asked if _deserved(view, call))
