"""What must hold of a service that takes part in Try-Confirm/Cancel, as predicates over views.

A branch that is named held or booked stands there by the name of its Try; UNEXPLAINED stands for what no whole Try
explains.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from acidtest.models.tcc.participant import CANCEL, CONFIRM, TRY, TccServiceView, branch_of, method_of
from acidtest.properties.shared.balances import UNEXPLAINED
from acidtest.properties.shared.predicates import is_payable_in_any_case

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from acidtest.models.shared.ledger import Call


# What was asked and told.


def _calls(view: TccServiceView, method: str, *statuses: str) -> Iterator[Call]:
    """The calls of a method; those with one of these statuses, if any are given."""
    for call in view.calls:
        if method_of(call.request) == method and (not statuses or call.status in statuses):
            yield call


def _told(view: TccServiceView, method: str, outcome: str) -> set[str]:
    """The branches of which the coordinator was told `outcome` by `method`."""
    return {branch_of(call.request) for call in _calls(view, method, outcome)}


def _asked(view: TccServiceView, method: str) -> set[str]:
    """The branches for which `method` was called."""
    return {branch_of(call.request) for call in _calls(view, method) if call.status != "new"}


def _branches(view: TccServiceView, names: Sequence[str]) -> Counter[str]:
    """How often each branch stands among these Try requests."""
    of = {call.request.name: branch_of(call.request) for call in view.calls}
    return Counter(of[name] for name in names if name in of)


def _holding(view: TccServiceView) -> Counter[str]:
    return _branches(view, view.held)


def _booking(view: TccServiceView) -> Counter[str]:
    return _branches(view, view.booked)


def _answered(before: TccServiceView, after: TccServiceView, method: str) -> Iterator[Call]:
    """Calls of `method` that nothing disturbed and that ended just now, whatever their clients were told.

    What was left unknown before may take effect beside a call, and disturbs it too.
    """
    if any(call.status == "unknown" for call in before.calls):
        return
    for then, now in zip(before.calls, after.calls, strict=True):
        if then.status == "open" and now.status != "open" and now.alone and method_of(now.request) == method:
            yield now


# Money.


def exact(view: TccServiceView) -> bool:
    """Money is whole numbers, and no invalid Try took effect."""
    valid = {call.request.name: call.request.valid for call in view.calls}
    numbers = all(type(sum_) is int for _, sum_ in (*view.balances, *view.available))
    return numbers and all(valid.get(name, True) for name in (*view.held, *view.booked))


def books_whole(view: TccServiceView) -> bool:
    """The balance is what it was, less whole amounts."""
    return UNEXPLAINED not in view.booked


def holds_whole(view: TccServiceView) -> bool:
    """What may be spent is the balance less whole holds."""
    return UNEXPLAINED not in view.held


def not_seen_as_spent(view: TccServiceView) -> bool:
    """The balance shows nothing of a branch that nobody asked to confirm."""
    return set(_booking(view)) <= _asked(view, CONFIRM)


def not_promised_twice(view: TccServiceView) -> bool:
    """No balance is negative, nor what may be spent of it."""
    return all(sum_ >= 0 for _, sum_ in (*view.balances, *view.available) if sum_ is not None)


# Branches.


def once(view: TccServiceView) -> bool:
    """No branch is held twice or booked twice."""
    return max([0, *_holding(view).values(), *_booking(view).values()]) <= 1


def ends_one_way(view: TccServiceView) -> bool:
    """Nothing that was told cancelled is booked, or was told confirmed."""
    cancelled = _told(view, CANCEL, "ok")
    return not cancelled & (set(_booking(view)) | _told(view, CONFIRM, "ok"))


def truthful(before: TccServiceView, after: TccServiceView) -> bool:
    """Ok is told of a Try that holds or of what became of it, and of a Confirm that is booked; rejected of neither.

    What was told ok and is taken back later is another matter: T1, G5.
    """
    confirmed, tried = (_told(after, method, "ok") - _told(before, method, "ok") for method in (CONFIRM, TRY))
    if not confirmed <= set(_booking(after)):
        return False
    if not tried <= {*_holding(after), *_booking(after)} | _asked(after, CANCEL):
        return False
    names = {call.request.ask: call.request.name for call in reversed(after.calls)}
    took = {*after.held, *after.booked}
    return not any(names[call.request.ask] in took for call in _calls(after, TRY, "rejected"))


def cancels_all_but_confirmed(view: TccServiceView) -> bool:
    """A Cancel is refused of confirmed branches only."""
    return _told(view, CANCEL, "rejected") <= set(_booking(view))


def releases(view: TccServiceView) -> bool:
    """Of what was told cancelled or confirmed nothing is held."""
    return not set(_holding(view)) & (_told(view, CANCEL, "ok") | _told(view, CONFIRM, "ok"))


# Branches: pairs of when something is demanded, and what.


def _told_now(before: TccServiceView, after: TccServiceView) -> set[str]:
    """The branches that were told cancelled or confirmed just now."""
    return {b for method in (CANCEL, CONFIRM) for b in _told(after, method, "ok") - _told(before, method, "ok")}


def is_told_ended(before: TccServiceView, after: TccServiceView) -> bool:
    """A Cancel or a Confirm is told ok just now."""
    return bool(_told_now(before, after))


def has_released(before: TccServiceView, after: TccServiceView) -> bool:
    """What is told cancelled or confirmed just now is not held any more."""
    return not _told_now(before, after) & set(_holding(after))


def _not_confirmed(before: TccServiceView, after: TccServiceView) -> list[Call]:
    return [call for call in _answered(before, after, CANCEL) if branch_of(call.request) not in _booking(after)]


def is_cancelled(before: TccServiceView, after: TccServiceView) -> bool:
    """A Cancel of a branch that is not confirmed ended undisturbed."""
    return bool(_not_confirmed(before, after))


def answers_cancel(before: TccServiceView, after: TccServiceView) -> bool:
    """It was told ok."""
    return all(call.status == "ok" for call in _not_confirmed(before, after))


def _confirms(before: TccServiceView, after: TccServiceView, branches: Counter[str]) -> list[Call]:
    return [call for call in _answered(before, after, CONFIRM) if branch_of(call.request) in branches]


def is_confirmed(before: TccServiceView, after: TccServiceView) -> bool:
    """A Confirm ended undisturbed, of a branch that was held or booked before."""
    return bool(_confirms(before, after, _holding(before) + _booking(before)))


def answers_confirm(before: TccServiceView, after: TccServiceView) -> bool:
    """It was told ok."""
    return all(call.status == "ok" for call in _confirms(before, after, _holding(before) + _booking(before)))


def _deserved(before: TccServiceView, after: TccServiceView) -> Iterator[Call]:
    """Each Try that ended undisturbed, valid, funded and the first call of its branch."""
    available = dict(before.available)
    for call in _answered(before, after, TRY):
        branch = branch_of(call.request)
        others = [c for c in after.calls if branch_of(c.request) == branch and c.request.name != call.request.name]
        # What it holds by now is not available any more; so what it held counts as funded.
        held = call.request.name in after.held
        funded = held or all(available.get(account, 0) + change >= 0 for account, change in call.request.deltas)
        if call.request.valid and funded and all(c.status == "new" for c in others):
            yield call


def is_deserved(before: TccServiceView, after: TccServiceView) -> bool:
    """A Try ended undisturbed, valid, funded and the first call of its branch."""
    return any(True for _ in _deserved(before, after))


def serves(before: TccServiceView, after: TccServiceView) -> bool:
    """It was told ok."""
    return all(call.status == "ok" for call in _deserved(before, after))


def has_reason(view: TccServiceView) -> bool:
    """No Try was refused that is valid, the only one of a branch that nobody cancelled, and payable whatever else was held."""
    refused = [call for call in _calls(view, TRY, "rejected") if call.request.valid and branch_of(call.request) not in _asked(view, CANCEL)]
    return not any(is_payable_in_any_case(view, call) for call in refused)


def is_fenced(before: TccServiceView, _: TccServiceView) -> bool:
    """A Cancel was told ok."""
    return bool(_told(before, CANCEL, "ok"))


def stays_fenced(before: TccServiceView, after: TccServiceView) -> bool:
    """A branch of which a Cancel was told ok holds nothing new."""
    return not _told(before, CANCEL, "ok") & set(_holding(after) - _holding(before))


def is_held(before: TccServiceView, _: TccServiceView) -> bool:
    """Something is held."""
    return bool(before.held)


def keeps_holds(before: TccServiceView, after: TccServiceView) -> bool:
    """What was held is held or booked, unless a Cancel was called."""
    gone = set(_holding(before)) - set(_holding(after)) - set(_booking(after))
    return gone <= _asked(after, CANCEL)


def is_booked(before: TccServiceView, _: TccServiceView) -> bool:
    """Something is booked."""
    return bool(before.booked)


def keeps_bookings(before: TccServiceView, after: TccServiceView) -> bool:
    """What was booked stays booked."""
    return not _booking(before) - _booking(after)


def books(before: TccServiceView, after: TccServiceView) -> bool:
    """Something is booked just now."""
    return bool(_booking(after) - _booking(before))


def moves_whole(before: TccServiceView, after: TccServiceView) -> bool:
    """A booking takes the place of its hold, in one step."""
    fresh = set(_booking(after)) - set(_booking(before))
    return fresh <= set(_holding(before)) - set(_holding(after))


# Branches: what else is told.


def idempotent(view: TccServiceView) -> bool:
    """Equal calls were told the same; of two Try with different payloads for one branch at most one was told ok.

    A Try that is repeated after a Cancel may be told no, and a Confirm that came before its Try was.
    """
    excused = _asked(view, CANCEL)
    told: dict[object, set[str]] = {}
    for call in _calls(view, TRY, "ok", "rejected"):
        if branch_of(call.request) not in excused:
            told.setdefault(call.request.ask, set()).add(call.status)
    accepted = {call.request.ask for call in _calls(view, TRY, "ok")}
    one_each = len({key for key, _ in accepted}) == len(accepted)
    return one_each and all(len(outcomes) == 1 for outcomes in told.values())


def is_open_ended(view: TccServiceView, status: str) -> bool:
    """A Cancel was told ok of a branch whose only Try is in this status: on its way ("open"), or never sent ("new")."""
    statuses: dict[str, set[str]] = {}
    for call in _calls(view, TRY):
        statuses.setdefault(branch_of(call.request), set()).add(call.status)
    return any(statuses.get(branch) == {status} for branch in _told(view, CANCEL, "ok"))


def is_fenced_off(view: TccServiceView) -> bool:
    """A Try that nothing disturbed came after its Cancel, and was refused."""
    return any(
        call.alone and call.request.valid and branch_of(call.request) in _told(view, CANCEL, "ok")
        for call in _calls(view, TRY, "rejected")
    )


# What is to be reached.


def is_told(method: str, outcome: str) -> Callable[[TccServiceView], bool]:
    """Whether a valid call of `method` was told `outcome`."""
    return lambda view: any(
        call.request.valid and call.status == outcome for call in view.calls if call.request.key.startswith(method)
    )
