"""What must hold of a chain of outboxes and inboxes, as predicates over views: PATTERNS section 12.

A transfer is *on its way* to a service where the one before has committed it and the service itself has not. It is *nowhere* then if
the one before does not owe it any more and no message about it waits to be taken.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from acidtest.models.outbox_inbox.service import ACKED, BURIED, Copy, TransfersView, commission
from acidtest.properties.outbox_inbox.port import SERVICES
from acidtest.properties.shared.balances import UNEXPLAINED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HOPS = (0, 1)


def has_happened(view: TransfersView, *what: str) -> bool:
    """Whether one of these befell the run: a fault kind, crash, or a change of the environment."""
    return any(event.split(" ", 1)[0] in what for event in view.happened)


def restored(view: TransfersView, *services: int) -> bool:
    """Whether one of these services, or of all where none is named, was restored from a backup; by their places, 0 is the source."""
    return any(f"backup {SERVICES[place]}" in view.happened for place in services or range(len(SERVICES)))


def sent_by(view: TransfersView, hop: int) -> tuple[str, ...]:
    """The transfers that the service before a hop has committed."""
    return view.taken[0] if hop else view.accepted


def amounts(view: TransfersView) -> Mapping[str, tuple[int, int]]:
    """Of each transfer what leaves the source, and what leaves the middle."""
    asked = {call.request.name: -call.request.deltas[0][1] for call in view.calls if call.request.valid}
    return {name: (amount, amount - commission(amount)) for name, amount in asked.items()}


def owed_by(view: TransfersView, hop: int) -> Mapping[str, int] | None:
    """What the service before a hop owes, by the name of the transfer; None where it does not say."""
    owed = view.owed[hop]
    committed = {*view.accepted, *view.taken[0]} if restored(view, 0) else view.accepted
    names = {call.request.key: call.request.name for call in reversed(view.calls) if call.request.name in committed}
    return None if owed is None else {names.get(key, key): amount for key, amount in owed}


def about(view: TransfersView, hop: int) -> set[str]:
    """The transfers of which there are messages on a hop."""
    return {copy.about for copy in view.copies if copy.hop == hop}


def on_the_way(view: TransfersView, hop: int) -> list[str]:
    """The transfers that one service has committed, and the next has not; those that nobody can explain left out."""
    return [name for name in dict.fromkeys(sent_by(view, hop)) if name not in view.taken[hop] and name != UNEXPLAINED]


def nowhere(view: TransfersView, hop: int) -> list[str]:
    """The transfers on their way that are not owed any more, and of which no message waits or is among the dead letters."""
    owed = owed_by(view, hop)
    there = {copy.about for copy in view.copies if copy.hop == hop and copy.status != ACKED}
    sent = about(view, hop)
    return [
        name for name in on_the_way(view, hop)
        if name not in there and (name in sent if owed is None else name not in owed)
    ]  # fmt: skip


# EO1, EO7: once, everywhere, in the end.


def once(view: TransfersView) -> bool:
    """Nothing took effect twice at any service behind the source, under one key."""
    keys = {call.request.name: call.request.key for call in view.calls}
    taken = [Counter(keys[name] for name in place if name in keys) for place in view.taken]
    return all(n == 1 for counted in taken for n in counted.values())


def arrived(view: TransfersView) -> bool:
    """Whatever the source has committed has taken effect at the sink."""
    return set(view.accepted) <= set(view.taken[1])


def undisturbed(view: TransfersView) -> bool:
    """Nothing befell the run, but that time has passed."""
    return view.happened <= {"jump"}


def passed(view: TransfersView) -> bool:
    """Something has taken effect behind the source."""
    return any(view.taken)


# EO2: one transaction.


def taken_if_acked(view: TransfersView) -> bool:
    """What was acknowledged took effect where it was, unless it was forgotten there with all else."""
    return all(copy.about in view.taken[copy.hop] for copy in view.copies if copy.status == ACKED and not restored(view, copy.hop + 1))


def owed_at_once(before: TransfersView, after: TransfersView) -> bool:
    """Of what a service has just committed it says that it owes a message, or there is one on the broker."""
    for hop in HOPS:
        owed, fresh = owed_by(after, hop), set(sent_by(after, hop)) - {*sent_by(before, hop), UNEXPLAINED}
        if owed is not None and not fresh <= owed.keys() | about(after, hop):
            return False
    return True


def published_if_taken(view: TransfersView) -> bool:
    """Of what a service has committed there is a message on the broker."""
    return all(set(sent_by(view, hop)) - {UNEXPLAINED} <= about(view, hop) for hop in HOPS)


# EO3: ids.


def identical(view: TransfersView) -> bool:
    """All messages about a transfer, of one hop, carry one id and one payload, and no other does.

    A source that was restored has forgotten which ids it has used up.
    """
    if restored(view, 0):
        return True
    by_id: dict[tuple[int, str], Copy] = {}
    by_name: dict[tuple[int, str], Copy] = {}
    copies = [copy._replace(status="") for copy in view.copies]
    return all(by_id.setdefault((c.hop, c.id), c) == c and by_name.setdefault((c.hop, c.about), c) == c for c in copies)


# EO4, EO5: order.


def in_order(view: TransfersView) -> bool:
    """What took effect at a service did so in the order of the one before, per account, unless that was restored."""
    accounts = {call.request.name: call.request.deltas[0][0] for call in view.calls}
    return all(restored(view, hop) or _follows(sent_by(view, hop), view.taken[hop], accounts) for hop in HOPS)


def _follows(before: Sequence[str], after: Sequence[str], accounts: Mapping[str, str]) -> bool:
    place = {name: i for i, name in enumerate(before)}
    by_account: dict[str, list[int]] = {}
    for name in dict.fromkeys(after):
        if name in place:
            by_account.setdefault(accounts.get(name, ""), []).append(place[name])
    return all(a < b for places in by_account.values() for a, b in pairwise(places))


def caused(view: TransfersView) -> bool:
    """Nothing took effect, is owed or is published, that the service before has not committed, unless that was restored."""
    known = [{*sent_by(view, hop), UNEXPLAINED} for hop in HOPS]
    found = [{*view.taken[hop], *about(view, hop), *(owed_by(view, hop) or ())} for hop in HOPS]
    return all(restored(view, *range(hop + 1)) or found[hop] <= known[hop] for hop in HOPS)


# EO6: money.


def conserved(view: TransfersView) -> bool:
    """What all services have, and what is on its way and is somewhere, counted once, is what they had together.

    Not so while a service that was restored lacks what it has forgotten.
    """
    return restored(view) or adds_up(view)


def adds_up(view: TransfersView) -> bool:
    """The same, whatever befell the run."""
    everything = [n for has in (view.balances, *view.others) for _, n in has]
    if not all(type(n) is int for n in everything):
        return True  # that is what G12 is about
    return sum(everything) + sum(_under_way(view, hop) for hop in HOPS) == view.total


def _under_way(view: TransfersView, hop: int) -> int:
    """How much is on its way on a hop, by what is owed or by what was asked for, and is somewhere."""
    owed, asked, gone = owed_by(view, hop) or {}, amounts(view), nowhere(view, hop)
    return sum(owed.get(name, asked[name][hop] if name in asked else 0) for name in on_the_way(view, hop) if name not in gone)


# What is shared, of three services.


def whole(view: TransfersView) -> bool:
    """The balances of every service are what some whole transfers make of them."""
    return not any(UNEXPLAINED in names for names in (view.accepted, *view.taken))


def exact(view: TransfersView) -> bool:
    """Money is whole numbers everywhere, and nothing invalid took effect or is owed."""
    valid = {call.request.name: call.request.valid for call in view.calls}
    money = [n for has in (view.balances, *view.others) for _, n in has]
    keys = {call.request.key for call in view.calls if call.request.valid}
    wrong = {call.request.key for call in view.calls} - keys
    return (
        all(type(n) is int for n in money)
        and all(valid.get(name, True) for names in (view.accepted, *view.taken) for name in names)
        and wrong.isdisjoint(key for owed in view.owed for key, _ in owed or ())
    )


def stable(before: TransfersView, after: TransfersView) -> bool:
    """What took effect stays, everywhere, unless the service was restored."""
    then, now = (before.accepted, *before.taken), (after.accepted, *after.taken)
    return all(new[: len(old)] == old or restored(after, place) for place, (old, new) in enumerate(zip(then, now, strict=True)))


# EO8: a backup.


def made_good(view: TransfersView) -> bool:
    """The books of all services agree again: the same has taken effect everywhere, once, and money adds up.

    What a client was told ok of, and nobody else ever heard of, can be gone without a trace: then they agree as well.
    """
    places = [sorted(place) for place in (view.accepted, *view.taken)]
    return all(place == places[0] for place in places) and adds_up(view)


def one_restored(view: TransfersView) -> bool:
    """Whether one service was restored from a backup, and no other: with two of them the witness may be gone as well."""
    return sum(restored(view, place) for place in range(len(SERVICES))) == 1


def noticed(view: TransfersView) -> bool:
    """A service says that somebody has to look, or a message lies among the dead letters."""
    return any(view.alarms) or any(copy.status == BURIED for copy in view.copies)
