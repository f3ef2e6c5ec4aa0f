"""The properties of TCC's coordinator: PATTERNS section 13 and what every pattern shares, as predicates over views.

They speak of what the services keep and of what clients were told, of nothing that the coordinator keeps itself.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from acidtest.checker.machine import Kind, Property, implied
from acidtest.models.tcc.coordinator import PENDING, REFUSED, Branch, CoordinationView
from acidtest.models.tcc.protocol import CANCEL, CANCELLED, CONFIRM, CONFIRMED, NONE, TOMBSTONE, TRIED
from acidtest.properties.shared.balances import label
from acidtest.properties.shared.predicates import SOURCE, idempotent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acidtest.models.shared.ledger import Call, Request

#: (account, amount): what tells the branches of a transaction apart.
Label = tuple[str, int]


# Transactions and their branches.


def _asked(view: CoordinationView) -> list[Request]:
    """The requests that clients have made; of equal ones the first."""
    firsts: dict[object, Request] = {}
    for call in view.calls:
        firsts.setdefault(call.request.ask, call.request)
    made = {call.request.ask for call in view.calls if call.status != "new"}
    return [request for ask, request in firsts.items() if ask in made]


def labels_of(request: Request) -> Counter[Label]:
    """The branches of a request."""
    return Counter((account, -change) for account, change in request.deltas)


def _of(view: CoordinationView, request: Request) -> list[Branch]:
    """The branches at services that are of this request; one without a Try is, unless the id has other payloads."""
    labels = labels_of(request)
    alone = all(other.ask == request.ask for other in _asked(view) if other.key == request.key)
    return [
        b for b in view.branches if b.gid == request.key and ((b.account, b.amount) in labels or (alone and not b.account))
    ]


def _transactions(view: CoordinationView) -> Iterator[tuple[Request, list[Branch]]]:
    """Every request that was made, with what became of its branches."""
    for request in _asked(view):
        yield request, _of(view, request)


def _statuses(branches: list[Branch]) -> set[str]:
    return {branch.status for branch in branches}


def _told(branches: list[Branch]) -> set[str]:
    return {method for branch in branches for method in branch.told}


def _lacking(request: Request, branches: list[Branch], *statuses: str) -> Counter[Label]:
    """The branches of a request that stand in none of these statuses."""
    return labels_of(request) - Counter((b.account, b.amount) for b in branches if b.status in statuses)


def accepted_of(view: CoordinationView) -> tuple[str, ...]:
    """The requests of which some branch is confirmed."""
    return tuple(sorted([request.name for request, branches in _transactions(view) if CONFIRMED in _statuses(branches)]))


# In every state.


def exact(view: CoordinationView) -> bool:
    """Amounts are whole numbers, nothing was tried that nobody asked for, and nothing invalid is confirmed."""
    asked = {(request.key, *label) for request in _asked(view) for label in labels_of(request)}
    tried = [branch for branch in view.branches if branch.account]
    known = all((b.gid, b.account, b.amount) in asked and type(b.amount) is int for b in tried)
    valid = {call.request.name: call.request.valid for call in view.calls}
    return known and all(valid[name] for name in view.accepted)


def _times(view: CoordinationView, *statuses: str) -> dict[tuple[str, Label], int]:
    """How often each branch stands in one of these statuses, beyond how often it was asked for."""
    wanted = [(request.key, labels_of(request)) for request in _asked(view)]
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
    return not any(CONFIRMED in of and of & {CANCELLED, TOMBSTONE} for of in (_statuses(bs) for _, bs in _transactions(view)))


def _confirming(view: CoordinationView) -> list[tuple[Request, list[Branch]]]:
    return [(request, branches) for request, branches in _transactions(view) if CONFIRM in _told(branches)]


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
    for request, branches in _transactions(view):
        rivals = [call for call in view.calls if call.request.key == request.key and call.request.ask != request.ask]
        asked = [call for call in view.calls if call.request.ask == request.ask and call.status != "new"]
        late = len(asked) == 1 and asked[0].status == "open" and asked[0].alone
        spent = any(c.status == "ok" or (late and c.status == "rejected" and c.alone and c.request.valid) for c in rivals)
        if spent and _statuses(branches) & {TRIED, CONFIRMED}:
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
        not _lacking(call.request, _of(after, call.request), TRIED, CONFIRMED) for call in _told_now(before, after, "ok")
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
        if against is not None and against in _told(_of(after, call.request)) - _told(_of(before, call.request)):
            return False
    return True


def _funded(view: CoordinationView, request: Request) -> bool:
    """Whether there is enough for it even if everything else is paid that was asked for."""
    left = Counter(dict(view.opening))
    for account, change in [delta for other in _asked(view) for delta in other.deltas]:
        left[account] += min(change, 0)
    return request.valid and all(left[account] >= 0 for account, _ in request.deltas)


def _deserved(view: CoordinationView, call: Call) -> bool:
    """Whether a call is undisturbed, valid, funded, and the only one under its id."""
    others = [c for c in view.calls if c.request.name != call.request.name and c.request.key == call.request.key]
    return call.alone and all(c.status == "new" for c in others) and _funded(view, call.request)


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
        call.status in ("open", "ok", PENDING) and CANCEL not in _told(_of(after, call.request)) for call in _served(before, after)
    )


# At rest.


def all_or_none(view: CoordinationView) -> bool:
    """What is confirmed somewhere is confirmed everywhere."""
    return not any(CONFIRMED in _statuses(bs) and _lacking(r, bs, CONFIRMED) for r, bs in _transactions(view))


def nothing_is_held(view: CoordinationView) -> bool:
    """No service holds anything."""
    return all(branch.status != TRIED for branch in view.branches)


def is_cut_short(view: CoordinationView) -> bool:
    """A process crashed, and a transaction was cancelled."""
    return "crash" in view.happened and any(CANCEL in branch.told for branch in view.branches)


def forgets_no_branch(view: CoordinationView) -> bool:
    """Of a transaction that was cancelled anywhere no branch is held."""
    return not any(CANCEL in _told(bs) and TRIED in _statuses(bs) for _, bs in _transactions(view))


def takes_whole_amounts(view: CoordinationView) -> bool:
    """What was taken from the accounts is what whole transactions take."""
    left = dict(view.opening)
    for request in _asked(view):
        for account, change in request.deltas if request.name in view.accepted else ():
            left[account] = left.get(account, 0) + change
    return all(left[account] == sum_ for account, sum_ in view.balances)


def undisturbed_confirmed(view: CoordinationView) -> bool:
    """If nothing ever disturbed anything, what was funded is confirmed, also where the client was told pending."""
    asked = [call for call in view.calls if call.status != "new"]
    if view.happened or not all(call.alone for call in asked):
        return True
    return all(label(view.calls, call.request) in view.accepted for call in asked if _deserved(view, call))


_PARDON = "Pardon & Pautasso 2011; PATTERNS 13"
_SEATA = "Seata, TCC fence; DTM, sub-transaction barrier; PATTERNS 13"
ALWAYS, STEP, AT_REST, SOMETIMES = Kind.ALWAYS, Kind.STEP, Kind.AT_REST, Kind.SOMETIMES

# The order matters: a wrong decision breaks several of them, and what says most comes first.
PROPERTIES = (
    Property("G12", "money is whole minor units, and nothing is tried or confirmed that was not validly asked for", ALWAYS, exact, SOURCE),
    Property("T3", "no branch is held twice, under two ids", ALWAYS, held_once, _SEATA),
    Property("G3", "no branch that is confirmed is held or confirmed again, under another id", ALWAYS, booked_once, SOURCE),
    Property("T1", "no branch is confirmed where another is cancelled", ALWAYS, agree, _PARDON),
    implied("T2", "who is told to confirm holds what it takes", ALWAYS, is_told_to_confirm, holds_what_is_confirmed, _PARDON),
    implied("T7", "no Confirm is called before every Try has succeeded", ALWAYS, is_told_to_confirm, all_were_held, _PARDON),
    implied(
        "T7", "who was told to confirm is never told to cancel, nor are others of the transaction", ALWAYS, is_told_to_confirm,
        told_one_thing, _PARDON,
    ),
    Property("G7", "one id, one answer; another payload under it is refused", ALWAYS, idempotent, SOURCE),
    Property("G7", "an id that was answered is of no use for other branches", ALWAYS, ids_are_kept, SOURCE),
    Property("G9", "nobody waits for a lock that is never released", ALWAYS, lambda v: not v.stuck, SOURCE),
    Property("G4", "ok means that it is held everywhere, rejected that it is confirmed nowhere", STEP, truthful, SOURCE),
    implied("G5", "after ok nothing is cancelled, after rejected nothing confirmed", STEP, some_answered, keeps_answers, SOURCE),
    implied("G11", "an undisturbed, funded transaction is not cancelled or refused", STEP, is_deserved, serves, SOURCE),
    Property("T1", "in the end what is confirmed somewhere is confirmed everywhere", AT_REST, all_or_none, _PARDON),
    implied(
        "T11", "after a crash, too, every branch is known that may have been tried", AT_REST, is_cut_short, forgets_no_branch,
        "Seata PR#1825; PATTERNS 13",
    ),
    Property("T8", "in the end no service holds anything", AT_REST, nothing_is_held, _PARDON),
    Property("T12", "in the end whole transactions were taken, and nothing else", AT_REST, takes_whole_amounts, SOURCE),
    implied(
        "G10", "recovery that was cut short ends as one that was not", AT_REST, lambda v: "crash" in v.happened,
        lambda v: all_or_none(v) and nothing_is_held(v), SOURCE,
    ),
    Property("G11", "what nothing ever disturbed is confirmed in the end", AT_REST, undisturbed_confirmed, SOURCE),
    Property("G9", "recovery works without a restart", AT_REST, lambda v: not v.wedged, SOURCE),
    Property("SOME-CONFIRMED", "a transaction is confirmed everywhere", SOMETIMES, lambda v: bool(v.accepted) and all_or_none(v), SOURCE),
    Property(
        "SOME-REJECTED", "one that nobody can pay is told rejected", SOMETIMES,
        lambda v: any(c.status == "rejected" and c.alone and c.request.valid and not _funded(v, c.request) for c in v.calls), SOURCE,
        waived=("deferred",),
    ),
)  # fmt: skip
