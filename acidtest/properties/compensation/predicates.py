"""What must hold of compensating transactions, as predicates over views: PATTERNS section 7.

What was done and what was taken back is concluded from the balances alone, so nothing about tables is assumed. Only
that the history is kept (CT8, CT10) takes a history to look at, which is a capability.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from acidtest.checker.machine import Kind, Property, implied
from acidtest.models.compensation.service import UNDO, CompensationView, backwards, is_undo, payable
from acidtest.properties.shared.balances import label
from acidtest.properties.shared.predicates import (
    G2,
    G3,
    G7,
    G12,
    REMEMBERED,
    SOURCE,
    idempotent,
    no_overdraft,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from acidtest.models.shared.ledger import Call, Request

# Reading a view.


def _in_effect(view: CompensationView) -> dict[str, str]:
    """By key, the request that is in effect: done, and not taken back as often."""
    keys = {call.request.name: call.request.key for call in view.calls}
    times = Counter(view.accepted)
    return {key: name for name, key in keys.items() if times[name] > times[f"{UNDO} {name}"]}


def _fresh(before: CompensationView, after: CompensationView) -> list[str]:
    """What took effect in this step."""
    return list((Counter(after.accepted) - Counter(before.accepted)).elements())


def _lost(before: CompensationView, after: CompensationView) -> bool:
    """Whether something that took effect is gone, without having been taken back."""
    return bool(Counter(before.accepted) - Counter(after.accepted))


def _taken_back(names: Iterable[str]) -> list[str]:
    """The requests that are taken back, of what took effect."""
    return [name.removeprefix(f"{UNDO} ") for name in names if name.startswith(f"{UNDO} ")]


def _taking_back(before: CompensationView, after: CompensationView) -> bool:
    """A compensation takes effect."""
    return bool(_taken_back(_fresh(before, after)))


def _told(view: CompensationView, outcome: str) -> set[str]:
    """The keys of which some client was told `outcome` when it asked for the compensation."""
    return {_key(call) for call in view.undos if call.status == outcome}


def _key(call: Call) -> str:
    """The key of changes, or that a compensation is about."""
    return str(call.request.payload[1]) if is_undo(call.request) else call.request.key


def _undoing(before: CompensationView, after: CompensationView) -> bool:
    """A compensation is under way."""
    return any(call.status == "open" for call in (*before.undos, *after.undos))


# Properties. Each is a predicate over views.


def _overdrawn_by_undo(view: CompensationView) -> bool:
    return not no_overdraft(view) and bool(_taken_back(view.accepted[-1:]))


def _undone_once(view: CompensationView) -> bool:
    return max(Counter(_taken_back(view.accepted)).values(), default=0) <= 1


def _nothing_to_undo(before: CompensationView, after: CompensationView) -> bool:
    """What is taken back was done, or something else under its key was."""
    keys = {call.request.name: call.request.key for call in after.calls}
    there = _in_effect(before)
    return all(keys.get(name) in there for name in _taken_back(_fresh(before, after)))


def _as_recorded(before: CompensationView, after: CompensationView) -> bool:
    there = set(_in_effect(before).values())
    return all(name in there for name in _taken_back(_fresh(before, after)))


def _barred(view: CompensationView) -> set[str]:
    """The keys that are not to be done any more."""
    keys = {call.request.name: call.request.key for call in view.calls}
    return _told(view, "ok") | {keys[name] for name in _taken_back(view.accepted) if name in keys}


def _not_barred(before: CompensationView, after: CompensationView) -> bool:
    keys = {call.request.name: call.request.key for call in after.calls}
    return not {keys.get(name) for name in _fresh(before, after)} & _barred(before)


def _visible(view: CompensationView) -> bool:
    return all(key in view.parked for key in _told(view, "rejected") & set(_in_effect(view)))


def _adds_up(view: CompensationView) -> bool:
    after = Counter(dict(view.opening))
    for entry in view.history:
        after[entry.account] += entry.amount
    return all(after[account] == balance for account, balance in view.balances)


def _truthful(before: CompensationView, after: CompensationView) -> bool:
    """Told now: done means done. Told at any time: refused means that it is not in effect."""
    told = [(label(after.calls, now.request), then.status, now.status)
            for then, now in zip(before.calls, after.calls, strict=True)]  # fmt: skip
    done, there = set(after.accepted), set(_in_effect(after).values())
    fresh = {name for name, then, now in told if now == "ok" != then}
    return fresh <= done and not {name for name, _, now in told if now == "rejected"} & there


def _undone_is_undone(before: CompensationView, after: CompensationView) -> bool:
    return not (_told(after, "ok") - _told(before, "ok")) & set(_in_effect(after))


def _same_answer(view: CompensationView) -> bool:
    """What was taken back may be refused although it was done before."""
    back = {call.request.key for call in view.calls if call.request.name in _taken_back(view.accepted)}
    return idempotent(view._replace(calls=tuple(call for call in view.calls if call.request.key not in back)))


def _serves(before: CompensationView, after: CompensationView) -> bool:
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


def _ends(before: CompensationView, after: CompensationView) -> bool:
    """A compensation that nothing disturbed is answered."""
    return not any(is_undo(call.request) and call.status == "unknown" for call in _turned_down(before, after))


def _last_first(before: CompensationView, after: CompensationView) -> bool:
    """Of keys that change an account more than once: in any other order it might be overdrawn on the way."""
    return all(max(Counter(a for a, _ in r.deltas).values()) == 1 for r in _refused_undos(before, after))


def _compensates(before: CompensationView, after: CompensationView) -> bool:
    """Also where there is nothing to be undone."""
    down = [call for call in _turned_down(before, after) if is_undo(call.request)]
    idle = [call for call in down if _key(call) not in _in_effect(before)]
    return not idle and not _refused_undos(before, after)


_KLS = "Korth, Levy & Silberschatz 1990; PATTERNS 7"
_HERE = "PATTERNS 7"

# The order matters: what breaks several of them is reported by the one that says most, which comes first.
PROPERTIES = (
    G12,
    implied(
        "CT7", "a compensation overdraws nobody", Kind.ALWAYS,
        lambda v: bool(_taken_back(v.accepted)), lambda v: not _overdrawn_by_undo(v), _HERE,
    ),
    G2,
    Property("G1", "balances change by whole changes and whole compensations", Kind.ALWAYS, whole, SOURCE),
    G3,
    implied(
        "CT3", "a compensation takes effect once, however often it is asked for", Kind.ALWAYS,
        lambda v: bool(_taken_back(v.accepted)), _undone_once, _HERE,
    ),
    implied(
        "CT6", "a compensation that is refused is parked for all to see", Kind.ALWAYS,
        lambda v: bool(_told(v, "rejected")), _visible, _HERE,
    ),
    Property("G7", G7.name, Kind.ALWAYS, _same_answer, SOURCE),
    Property(
        "CT10", "what is in effect is on record: the history accounts for every balance", Kind.ALWAYS, _adds_up, _HERE, "history",
    ),
    implied(
        "CT4", "the compensation of what was never done changes nothing", Kind.STEP, _taking_back, _nothing_to_undo, _HERE,
    ),
    implied("CT9", "a compensation takes back what was recorded", Kind.STEP, _taking_back, _as_recorded, _HERE),
    Property("CT5", "what was compensated is not done afterwards", Kind.STEP, _not_barred, _HERE),
    Property(
        "CT1", "a compensation takes back nothing of what others did", Kind.STEP,
        lambda before, after: not (_undoing(before, after) and _lost(before, after)), _KLS,
    ),
    Property(
        "CT2", "changes commute: none overwrites another", Kind.STEP, lambda before, after: not _lost(before, after), _KLS,
    ),
    Property("CT6", "an undisturbed compensation succeeds or is parked", Kind.STEP, _ends, _HERE),
    Property(
        "CT8", "the history of changes and compensations only grows", Kind.STEP,
        lambda before, after: after.history[: len(before.history)] == before.history, _HERE, "history",
    ),
    Property("G4", "ok means done, rejected means not in effect", Kind.STEP, _truthful, SOURCE),
    Property("G4", "ok of a compensation means that nothing of it is in effect", Kind.STEP, _undone_is_undone, SOURCE),
    REMEMBERED,
    Property("CT11", "what can be undone by undoing the last change first is undone", Kind.STEP, _last_first, _HERE),
    Property("G11", "an undisturbed, funded request is accepted", Kind.STEP, _serves, SOURCE),
    Property("G11", "an undisturbed compensation that overdraws nobody is executed", Kind.STEP, _compensates, SOURCE),
    Property("SOME-OK", "a change is told ok", Kind.SOMETIMES, lambda v: any(c.status == "ok" for c in v.calls), SOURCE),
    Property("SOME-UNDONE", "a change is taken back", Kind.SOMETIMES, lambda v: bool(_taken_back(v.accepted)), _HERE),
)  # fmt: skip

#: Those who have used up what was given make it impossible to be compensated without overdrawing somebody.
N3_PARKED = Property(
    "N3", "a compensation waits, for others have spent what was given …", Kind.SOMETIMES,
    lambda v: any(not payable(v.balances, backwards(c.request.deltas)) for c in _parked(v)), "PATTERNS 7",
)  # fmt: skip
N3_UNDONE = Property(
    "N3", "… or others are refused what they would have been paid without it", Kind.SOMETIMES,
    lambda v: bool(_taken_back(v.accepted)) and any(c.status == "rejected" and c.request.valid for c in v.calls), "PATTERNS 7",
)  # fmt: skip


def _parked(view: CompensationView) -> list[Call]:
    there = _in_effect(view)
    return [call for call in view.calls if call.request.key in view.parked and call.request.name in there.values()]
