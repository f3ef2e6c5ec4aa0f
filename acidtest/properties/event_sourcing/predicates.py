"""What must hold of event-sourced accounts beside what holds of all keyed requests, as predicates over views."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from acidtest.properties.shared.predicates import once, stable, truthful, whole

if TYPE_CHECKING:
    from acidtest.models.event_sourcing.service import AccountsView
    from acidtest.models.outbox.service import Copy

#: How balances come about is the business of these: what they do is seen in balances alone.
SNAPSHOTS = frozenset({"snapshot", "rebuild"})


# What balances are made of:


def is_sound(before: AccountsView, after: AccountsView) -> bool:
    """Balances are what whole commands make of them, each once; what had taken effect still has."""
    return whole(after) and stable(before, after) and once(after)


def is_meant(before: AccountsView, after: AccountsView) -> bool:
    """ES7: and so has what was told ok, which an old event may say in a form that is not understood."""
    return is_sound(before, after) and truthful(after)


def has_old_events(before: AccountsView, after: AccountsView) -> bool:  # noqa: ARG001 - a step
    """ES7: the previous release has been at work."""
    return "legacy" in after.used


def has_snapshots(before: AccountsView, after: AccountsView) -> bool:  # noqa: ARG001 - a step
    """ES6: snapshots have been asked for."""
    return not SNAPSHOTS.isdisjoint(after.used)


def was_read(view: AccountsView) -> bool:
    """Whether a process has just been asked for balances."""
    return view.read is not None


def read_is_fresh(view: AccountsView) -> bool:
    """ES5: what a process says is what a fresh one would have said while it was asked, account by account."""
    assert view.read is not None  # noqa: S101 - asked only where something was read
    if not view.read or view.unreadable:
        return not view.read and view.unreadable
    said = {pair for state in view.window for pair in state}
    return len(view.read) == len(view.opening) and said.issuperset(view.read)


def is_unknown(view: AccountsView) -> bool:
    """Whether there is an event of a newer release."""
    return view.unknown


def says_so(view: AccountsView) -> bool:
    """ES5: whoever must fold it says that it cannot be done."""
    return view.unreadable


def unknown_before(before: AccountsView, after: AccountsView) -> bool:  # noqa: ARG001 - a step
    """Whether there was one already."""
    return before.unreadable


def decides_nothing(before: AccountsView, after: AccountsView) -> bool:
    """ES5: a command that was asked for after it is not answered."""
    return all(
        was.status != "new" or one.status not in ("ok", "rejected") or not one.request.valid
        for was, one in zip(before.calls, after.calls, strict=True)
    ) and not any(was.status == "open" and one.status in ("ok", "rejected") for was, one in zip(before.calls, after.calls, strict=True))


# What others are told:


def is_told_what_happened(view: AccountsView) -> bool:
    """ES12: nobody is told of what is not in the log."""
    return all(copy.about in view.accepted for copy in view.copies)


def is_told_once(view: AccountsView) -> bool:
    """A further copy needs a disturbance."""
    return len(view.copies) - len({copy.about for copy in view.copies}) <= view.excused


def is_told_alike(view: AccountsView) -> bool:
    """Every copy of a message is the same."""
    by_id: dict[str, Copy] = {}
    by_name: dict[str, Copy] = {}
    return all(by_id.setdefault(c.id, c) == c and by_name.setdefault(c.about, c) == c for c in view.copies if c.id)


def is_told_in_order(view: AccountsView) -> bool:
    """ES12: first copies are in the order of the account's events."""
    accounts = {call.request.name: call.request.deltas[0][0] for call in view.calls}
    place = {name: n for n, name in enumerate(view.accepted)}
    first = [name for name in dict.fromkeys(copy.about for copy in view.copies) if name in place]
    by_account: dict[str, list[int]] = {}
    for name in first:
        by_account.setdefault(accounts[name], []).append(place[name])
    return all(a < b for places in by_account.values() for a, b in pairwise(places))


def all_are_told(view: AccountsView) -> bool:
    """ES12: what happened is told in the end, by those who tell."""
    return not view.polls or view.unreadable or {copy.about for copy in view.copies} >= set(view.accepted)
