"""Predicates over views of compensating transactions, and how they read a view."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from acidtest.models.compensation.service import UNDO, CompensationView, backwards, is_undo, payable
from acidtest.properties.shared.balances import folded, is_overwriting, label
from acidtest.properties.shared.predicates import idempotent, is_payable_in_any_case, no_overdraft

if TYPE_CHECKING:
    from collections.abc import Iterable

    from acidtest.models.shared.ledger import Call, Request


def _in_effect(view: CompensationView) -> dict[str, str]:
    """By key, the request that is in effect: done, and not taken back as often."""
    keys = {call.request.name: call.request.key for call in view.calls}
    times = Counter(view.accepted)
    return {key: name for name, key in keys.items() if times[name] > times[f"{UNDO} {name}"]}


def _fresh(before: CompensationView, after: CompensationView) -> list[str]:
    """What took effect in this step."""
    return list((Counter(after.accepted) - Counter(before.accepted)).elements())


def lost(before: CompensationView, after: CompensationView) -> bool:
    """Whether something that took effect is gone, without having been taken back."""
    return bool(Counter(before.accepted) - Counter(after.accepted))


def overwrites(before: CompensationView, after: CompensationView) -> bool:
    """Whether something that took effect is gone, or was overwritten by what was computed without it."""
    done = {call.request.name: call.request.deltas for call in after.calls}
    deltas = done | {f"{UNDO} {name}": backwards(changes) for name, changes in done.items()}
    return lost(before, after) or is_overwriting(before.accepted, after.accepted, deltas, after.opening, after.balances)


def taken_back(names: Iterable[str]) -> list[str]:
    """The requests that are taken back, of what took effect."""
    return [name.removeprefix(f"{UNDO} ") for name in names if name.startswith(f"{UNDO} ")]


def taking_back(before: CompensationView, after: CompensationView) -> bool:
    """A compensation takes effect."""
    return bool(taken_back(_fresh(before, after)))


def told(view: CompensationView, outcome: str) -> set[str]:
    """The keys of which some client was told `outcome` when it asked for the compensation."""
    return {_key(call) for call in view.undos if call.status == outcome}


def _key(call: Call) -> str:
    """The key of changes, or that a compensation is about."""
    return str(call.request.payload[1]) if is_undo(call.request) else call.request.key


def undoing(before: CompensationView, after: CompensationView) -> bool:
    """A compensation is under way."""
    return any(call.status == "open" for call in (*before.undos, *after.undos))


def overdrawn_by_undo(view: CompensationView) -> bool:
    """An account is overdrawn, and what took effect last was a compensation."""
    return not no_overdraft(view) and bool(taken_back(view.accepted[-1:]))


def undone_once(view: CompensationView) -> bool:
    """Nothing is taken back twice."""
    return max(Counter(taken_back(view.accepted)).values(), default=0) <= 1


def something_was_done(before: CompensationView, after: CompensationView) -> bool:
    """What is taken back was done, or something else under its key was."""
    keys = {call.request.name: call.request.key for call in after.calls}
    there = _in_effect(before)
    return all(keys.get(name) in there for name in taken_back(_fresh(before, after)))


def as_recorded(before: CompensationView, after: CompensationView) -> bool:
    """What is taken back is what was in effect."""
    there = set(_in_effect(before).values())
    return all(name in there for name in taken_back(_fresh(before, after)))


def _barred(view: CompensationView) -> set[str]:
    """The keys that are not to be done any more."""
    keys = {call.request.name: call.request.key for call in view.calls}
    return told(view, "ok") | {keys[name] for name in taken_back(view.accepted) if name in keys}


def done_though_barred(before: CompensationView, after: CompensationView) -> bool:
    """Something is done under a key under which nothing is to be done any more."""
    keys = {call.request.name: call.request.key for call in after.calls}
    return bool({keys.get(name) for name in _fresh(before, after)} & _barred(before))


def visible(view: CompensationView) -> bool:
    """What is in effect although its compensation was refused is parked."""
    return all(key in view.parked for key in told(view, "rejected") & set(_in_effect(view)))


def on_record(view: CompensationView) -> tuple[tuple[str, int], ...]:
    """The balances that the history makes of the opening ones."""
    after = Counter(dict(view.opening))
    for entry in view.history:
        after[entry.account] += entry.amount
    return tuple((account, after[account]) for account, _ in view.balances)


def truthful(before: CompensationView, after: CompensationView) -> bool:
    """Told now: done means done. Told at any time: refused means that it is not in effect."""
    answers = [(label(after.calls, now.request), then.status, now.status)
               for then, now in zip(before.calls, after.calls, strict=True)]  # fmt: skip
    done, there = set(after.accepted), set(_in_effect(after).values())
    fresh = {name for name, then, now in answers if now == "ok" != then}
    return fresh <= done and not {name for name, _, now in answers if now == "rejected"} & there


def undone_in_vain(before: CompensationView, after: CompensationView) -> set[str]:
    """The keys whose compensation is told ok in this step although something of them is in effect."""
    return (told(after, "ok") - told(before, "ok")) & set(_in_effect(after))


def same_answer(view: CompensationView) -> bool:
    """What was taken back may be refused although it was done before."""
    back = {call.request.key for call in view.calls if call.request.name in taken_back(view.accepted)}
    return idempotent(view._replace(calls=tuple(call for call in view.calls if call.request.key not in back)))


def has_reason(view: CompensationView) -> bool:
    """No changes were refused that are valid, alone under their key, and payable whatever else was done, or taken back."""
    asked = {_key(call) for call in view.undos if call.status != "new"}
    back = tuple(
        call._replace(request=call.request._replace(name="", key=f"{UNDO} {call.request.key}", deltas=backwards(call.request.deltas)))
        for call in view.calls if call.request.key in asked
    )  # fmt: skip
    whole = view._replace(calls=(*view.calls, *back))
    refused = [c for c in view.calls if c.status == "rejected" and c.request.valid and c.request.key not in asked]
    return not any(is_payable_in_any_case(whole, call) for call in refused)


def serves(before: CompensationView, after: CompensationView) -> bool:
    """Changes that nothing disturbed, that are valid and payable, and whose key is fresh, are made."""
    used = Counter(_key(call) for call in (*before.calls, *before.undos) if call.status != "new")
    return not any(
        call.request.valid and used[_key(call)] == 1 and payable(before.balances, call.request.deltas)
        for call in _turned_down(before, after)
        if not is_undo(call.request)
    )


def _turned_down(before: CompensationView, after: CompensationView) -> list[Call]:
    """The calls that nothing disturbed, and whose client was refused just now, or told nothing."""
    pairs = zip((*before.calls, *before.undos), (*after.calls, *after.undos), strict=True)
    return [
        now for then, now in pairs
        if then.status == "open" and now.status in ("rejected", "unknown") and now.alone and not _haunted(before)
    ]  # fmt: skip


def _haunted(view: CompensationView) -> bool:
    """Whether something may take effect at any time although nobody waits for it: it disturbs others."""
    return any(call.status == "unknown" for call in (*view.calls, *view.undos))


def _refused_undos(before: CompensationView, after: CompensationView) -> list[Request]:
    """What nobody would have been overdrawn by taking back, although it is parked now, or an undisturbed client refused.

    What was parked before is in the hands of people.
    """
    parked = [call for call in after.undos if call.status == "open" and call.alone and _key(call) in after.parked]
    refused = [call for call in _turned_down(before, after) if is_undo(call.request)]
    there = {key: name for key, name in _in_effect(before).items() if key not in before.parked}
    names = {there.get(_key(call)) for call in (*parked, *refused) if not _haunted(before)}
    requests = [call.request for call in before.calls if call.request.name in names]
    return [request for request in requests if payable(before.balances, backwards(request.deltas))]


def ends(before: CompensationView, after: CompensationView) -> bool:
    """A compensation that nothing disturbed is answered."""
    return not any(is_undo(call.request) and call.status == "unknown" for call in _turned_down(before, after))


def last_first(before: CompensationView, after: CompensationView) -> bool:
    """Of keys that change an account more than once: in any other order it might be overdrawn on the way."""
    return all(max(Counter(a for a, _ in r.deltas).values()) == 1 for r in _refused_undos(before, after))


def compensates(before: CompensationView, after: CompensationView) -> bool:
    """Also where there is nothing to be undone."""
    down = [call for call in _turned_down(before, after) if is_undo(call.request)]
    idle = [call for call in down if _key(call) not in _in_effect(before)]
    return not idle and not _refused_undos(before, after)


def still_parked(view: CompensationView) -> list[Call]:
    """The changes that are in effect although their compensation was asked for, and is parked."""
    there = _in_effect(view)
    return [call for call in view.calls if call.request.key in view.parked and call.request.name in there.values()]


def refused_for_its_sake(view: CompensationView) -> bool:
    """A third party is refused what could have been paid right before a compensation took back what it did."""
    deltas = {call.request.name: call.request.deltas for call in view.calls}
    changes = [deltas[n] if n in deltas else backwards(deltas[n.removeprefix(f"{UNDO} ")]) for n in view.accepted]
    concerned = {_key(call) for call in view.undos}
    refused = [c.request.deltas for c in view.calls if c.status == "rejected" and c.request.valid and c.request.key not in concerned]
    return any(
        payable(folded(view.opening, changes[:place]), asked)
        for place, name in enumerate(view.accepted) if name not in deltas
        for asked in refused
    )  # fmt: skip
