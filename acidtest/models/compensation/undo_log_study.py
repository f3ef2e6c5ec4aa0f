"""What is claimed of undoing by an undo log: what it guarantees beside third parties, what it costs, what it cannot do.

Sources: Korth, Levy & Silberschatz, "A formal approach to recovery by compensating transactions", VLDB 1990; the bugs of
Seata's automatic undo (seata#3721, #152, #5666, #2848). What PATTERNS 7 lists as impossible is N1 to N3 here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from acidtest.checker.machine import Kind, Property, implied
from acidtest.checker.theory import Diagram, Size, Study, Switch, Theorem
from acidtest.models.compensation.undo_log import ABORTING, KEPT, OPEN, UNDONE, UndoLog, UndoView
from acidtest.models.shared.steps import LEGEND


def left(view: UndoView) -> int:
    """What the changes that are in effect have added to the row."""
    return sum(amount * (did - undid) for amount, did, undid in zip(view.amounts, view.did, view.undid, strict=True))


def all_undone(view: UndoView) -> bool:
    """Something was undone, and nothing is in effect."""
    return any(view.undid) and view.did == view.undid


def as_alone(view: UndoView) -> bool:
    """The row is as if there had been third parties only."""
    return view.row == view.alone


def in_between(view: UndoView) -> bool:
    """A third party has written, and some change is or was in effect."""
    return view.writes > 0 and any(view.did)


def adds_up(view: UndoView) -> bool:
    """Changes and the writes of third parties commute: the row is the sum of both."""
    return view.row == view.alone + left(view)


def grown(before: tuple[int, ...], after: tuple[int, ...]) -> Iterator[int]:
    """The keys whose count has grown."""
    return (key for key, (was, now) in enumerate(zip(before, after, strict=True)) if now > was)


def undoes(before: UndoView, after: UndoView) -> bool:
    """A compensation took effect."""
    return before.undid != after.undid


def does(before: UndoView, after: UndoView) -> bool:
    """A change took effect, once or again."""
    return any(grown(before.did, after.did))


def cancels_early(before: UndoView, after: UndoView) -> bool:
    """A compensation came to a key of which nothing had been done."""
    return any(barred and not did for barred, did in zip(after.cancelled, after.did, strict=True)) and (
        before.cancelled != after.cancelled
    )


def not_barred(before: UndoView, after: UndoView) -> bool:
    """What was done had been neither undone nor cancelled."""
    return not any(before.cancelled[key] or before.undid[key] for key in grown(before.did, after.did))


def last_first(before: UndoView, after: UndoView) -> bool:
    """No later change of the same business transaction is in effect while an earlier one is undone."""
    return not any(
        before.owners[later] == before.owners[key] and before.did[later] > before.undid[later]
        for key in grown(before.undid, after.undid)
        for later in before.log[before.log.index(key) + 1 :] if later != key
    )  # fmt: skip


def as_recorded(before: UndoView, after: UndoView) -> bool:
    """The row falls by what the change had added."""
    return before.row - after.row == sum(before.amounts[key] for key in grown(before.undid, after.undid))


def nothing_vanishes(before: UndoView, after: UndoView) -> bool:
    """The history only grows."""
    pairs = zip(before.did + before.undid, after.did + after.undid, strict=True)
    return all(now >= was for was, now in pairs)


def have_ended(view: UndoView) -> bool:
    """Every business transaction is kept, undone, or parked for all to see."""
    return not {OPEN, ABORTING} & set(view.outcomes)


def gave_up(view: UndoView) -> bool:
    """Some business transaction is not kept."""
    return set(view.outcomes) != {KEPT}


def nothing_left(view: UndoView) -> bool:
    """Whatever a business transaction did that is not kept was undone, and nobody is overdrawn."""
    keys = zip(view.owners, view.did, view.undid, strict=True)
    return view.row >= 0 and all(view.outcomes[owner] == KEPT or did == undid for owner, did, undid in keys)


def kept_adds_up(view: UndoView) -> bool:
    """The row holds what third parties and the business transactions that were kept have added."""
    keys = zip(view.owners, view.amounts, strict=True)
    return view.row == view.alone + sum(amount for owner, amount in keys if view.outcomes[owner] == KEPT)


_KLS = "Korth, Levy & Silberschatz 1990; PATTERNS 7"
_HERE = "PATTERNS 7"
CT1 = implied("CT1", "once all is undone, the row is as if it had never been done", Kind.ALWAYS, all_undone, as_alone, _KLS)
CT2 = implied("CT2", "changes, compensations and the writes of others commute", Kind.ALWAYS, in_between, adds_up, _KLS)
CT3 = implied(
    "CT3", "a compensation takes effect once, however often it is asked for", Kind.ALWAYS,
    lambda view: any(view.undid), lambda view: max(view.undid) <= 1, _HERE,
)  # fmt: skip
CT4 = implied(
    "CT4", "the compensation of what was never done changes nothing", Kind.STEP,
    cancels_early, lambda before, after: before.row == after.row and before.undid == after.undid, _HERE,
)  # fmt: skip
CT5 = implied("CT5", "what was compensated is not done afterwards", Kind.STEP, does, not_barred, _HERE)
CT6 = Property("CT6", "every compensation succeeds or is parked", Kind.EVENTUALLY, have_ended, _HERE)
CT7 = implied("CT7", "a compensation overdraws nobody", Kind.STEP, undoes, lambda _, after: after.row >= 0, _HERE)
CT8 = Property("CT8", "the history of changes and compensations only grows", Kind.STEP, nothing_vanishes, _HERE)
CT9 = implied("CT9", "a compensation takes back what was recorded", Kind.STEP, undoes, as_recorded, _HERE)
CT10 = implied(
    "CT10", "whatever is in effect has its undo record", Kind.ALWAYS, lambda view: any(view.did),
    lambda view: all(key in view.log for key, did in enumerate(view.did) if did), _HERE,
)  # fmt: skip
CT11 = implied("CT11", "of one business transaction, what was done last is undone first", Kind.STEP, undoes, last_first, _HERE)
G1 = Property("G1", "in the end the row holds what was kept", Kind.AT_REST, kept_adds_up, "PATTERNS 0")
G2 = Property("G2", "the row is never overdrawn", Kind.ALWAYS, lambda view: view.row >= 0, "PATTERNS 0")
G3 = implied(
    "G3", "no change takes effect twice", Kind.ALWAYS, lambda view: any(view.did), lambda view: max(view.did) <= 1, "PATTERNS 0"
)
G6 = Property("G6", "no business transaction is left pending", Kind.AT_REST, have_ended, "PATTERNS 0")
G11 = Property(
    "G11", "without crashes all can be kept", Kind.SOMETIMES,
    lambda view: not view.crashes and set(view.outcomes) == {KEPT}, "PATTERNS 0",
)  # fmt: skip
BESIDE = Property(
    "SOME-UNDONE", "a change is undone after a third party has written", Kind.SOMETIMES,
    lambda view: UNDONE in view.outcomes and all_undone(view) and in_between(view), _HERE,
)  # fmt: skip
N2 = implied("N2", "what was given up leaves nothing behind", Kind.AT_REST, gave_up, nothing_left, _HERE)
N1 = replace(CT1, id="N1", name="restoring what the row held before brings back the row", source="seata#3721; PATTERNS 7")
NB = Property("NB", "no third party waits for a business transaction to end", Kind.ALWAYS, lambda view: not view.waited, _HERE)
N1_LOCK = replace(NB, id="N1.lock", name="where before-images are restored, no third party waits for a business transaction to end")
N3 = replace(N2, id="N3", name="what was given up leaves nothing behind, and overdraws nobody")

_IMAGES, _LOCKED = {"before_image": True}, {"before_image": True, "global_lock": True}

STUDY = Study(
    name="undo log beside third parties",
    make=UndoLog,
    switches=(
        Switch("tombstones", "a compensation of what was never done bars it from then on", default=True),
        Switch("idempotent", "the database knows a command that comes again", default=True),
        Switch("parking", "what cannot be undone is left to people", default=True),
        Switch("last_first", "an undo waits for those of later changes", default=True),
        Switch("before_image", "an undo restores what the row held before the change"),
        Switch("global_lock", "nobody else writes a row until the business transaction has ended"),
        Switch("bypass", "third parties do not know of the global lock"),
        Switch("current_price", "an undo takes back the price of now"),
        Switch("record_apart", "the undo record is written in a transaction of its own"),
        Switch("erase", "an undo removes the change from the history"),
        Switch("blind", "an undo takes back also what was never added"),
        Switch("overdraw", "an undo overdraws the row rather than fail"),
        Switch("spendable", "third parties may spend what is not kept yet"),
        Switch("interest", "third parties also multiply the row"),
        Switch("irreversible", "the first change cannot be undone: cash was dispensed, mail was sent"),
    ),
    sizes=(
        Size("1 business transaction, 2 changes, 1 crash", {"transactions": 1, "changes": 2, "writes": 1, "crashes": 1}, 648, 11),
        Size("2 business transactions, 2 writes", {"transactions": 2, "changes": 1, "writes": 2, "crashes": 0}, 1_544, 12),
    ),
    properties=(CT1, CT2, CT3, CT4, CT5, CT6, CT7, CT8, CT9, CT10, CT11, NB, G1, G2, G3, G6, G11, BESIDE),
    theorems=(
        Theorem(CT1, {"interest": True}, {}),
        Theorem(CT1, {"current_price": True}, {}),
        Theorem(CT1, _LOCKED | {"last_first": False}, {"last_first": False}),
        Theorem(CT2, {"interest": True}, {}),
        Theorem(CT3, {"idempotent": False}, {}),
        Theorem(CT4, {"blind": True}, {}),
        Theorem(CT5, {"tombstones": False}, {}),
        Theorem(CT6, {"spendable": True, "parking": False}, {"spendable": True}),
        Theorem(CT7, {"spendable": True, "overdraw": True}, {"spendable": True}),
        Theorem(CT8, {"erase": True}, {}),
        Theorem(CT9, {"current_price": True}, {}),
        Theorem(CT9, _IMAGES, {}),
        Theorem(CT10, {"record_apart": True}, {}),
        Theorem(CT11, {"last_first": False}, {}),
        Theorem(G1, {"record_apart": True}, {}),
        Theorem(G2, {"spendable": True, "overdraw": True}, {"spendable": True}),
        Theorem(G3, {"idempotent": False}, {}),
        Theorem(G6, {"irreversible": True, "parking": False}, {"irreversible": True}),
        Theorem(N1, _IMAGES, _LOCKED),
        Theorem(N1, _IMAGES, _LOCKED, size=1),
        Theorem(N1, _LOCKED | {"bypass": True}, _LOCKED),
        Theorem(N1_LOCK, _LOCKED, {}),
        Theorem(N2, {"irreversible": True}, {}),
        Theorem(N3, {"spendable": True}, {}),
        Theorem(N3, {"spendable": True, "overdraw": True}, {}),
    ),
    diagram=Diagram({"transactions": 1, "changes": 1, "writes": 0}, lambda state: f"{state.marks}\n{state.outcomes[0]}", legend=LEGEND),
)
