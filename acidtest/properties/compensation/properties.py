"""What must hold of compensating transactions: PATTERNS section 7.

What was done and what was taken back is concluded from the balances alone, so nothing about tables is assumed. Only
that the history is kept (CT8, CT10) takes a history to look at, which is a capability.
"""

from __future__ import annotations

from acidtest.checker.machine import Kind, Property, implied
from acidtest.models.compensation.service import backwards, payable
from acidtest.properties.compensation.predicates import (
    as_recorded,
    compensates,
    done_though_barred,
    ends,
    has_reason,
    last_first,
    lost,
    on_record,
    overdrawn_by_undo,
    overwrites,
    refused_for_its_sake,
    same_answer,
    serves,
    something_was_done,
    still_parked,
    taken_back,
    taking_back,
    told,
    truthful,
    undoing,
    undone_in_vain,
    undone_once,
    visible,
)
from acidtest.properties.shared.predicates import G2, G3, G7, G12, REMEMBERED, SOURCE, whole

_KLS = "Korth, Levy & Silberschatz 1990; PATTERNS 7"
_HERE = "PATTERNS 7"

# The order matters: what breaks several of them is reported by the one that says most, which comes first.
PROPERTIES = (
    G12,
    Property(
        "CT1", "a compensation takes back nothing of what others did", Kind.STEP,
        lambda before, after: not (undoing(before, after) and lost(before, after)), _KLS,
    ),
    Property(
        "CT2", "changes commute: none overwrites another (no lost update)", Kind.STEP, lambda before, after: not overwrites(before, after), _KLS,
    ),
    implied(
        "CT7", "a compensation overdraws nobody", Kind.ALWAYS,
        lambda v: bool(taken_back(v.accepted)), lambda v: not overdrawn_by_undo(v), _HERE,
    ),
    G2,
    Property("G1", "balances change by whole changes and whole compensations", Kind.ALWAYS, whole, SOURCE),
    G3,
    implied(
        "CT3", "a compensation takes effect once, however often it is asked for", Kind.ALWAYS,
        lambda v: bool(taken_back(v.accepted)), undone_once, _HERE,
    ),
    implied(
        "CT6", "a compensation that is refused is parked for all to see", Kind.ALWAYS,
        lambda v: bool(told(v, "rejected")), visible, _HERE,
    ),
    Property("G7", G7.name, Kind.ALWAYS, same_answer, SOURCE),
    Property(
        "CT10", "what is in effect is on record: the history accounts for every balance", Kind.ALWAYS,
        lambda v: on_record(v) == v.balances, _HERE, "history",
    ),
    implied(
        "CT4", "the compensation of what was never done changes nothing", Kind.STEP, taking_back, something_was_done, _HERE,
    ),
    implied("CT9", "a compensation takes back what was recorded", Kind.STEP, taking_back, as_recorded, _HERE),
    Property(
        "CT5", "what was compensated is not done afterwards", Kind.STEP,
        lambda before, after: not done_though_barred(before, after), _HERE,
    ),
    Property("CT6", "an undisturbed compensation succeeds or is parked", Kind.STEP, ends, _HERE),
    Property(
        "CT8", "the history of changes and compensations only grows", Kind.STEP,
        lambda before, after: after.history[: len(before.history)] == before.history, _HERE, "history",
    ),
    Property("G4", "ok means done, rejected means not in effect", Kind.STEP, truthful, SOURCE),
    Property(
        "G4", "ok of a compensation means that nothing of it is in effect", Kind.STEP,
        lambda before, after: not undone_in_vain(before, after), SOURCE,
    ),
    REMEMBERED,
    Property("CT11", "what can be undone by undoing the last change first is undone", Kind.STEP, last_first, _HERE),
    Property("G11", "an undisturbed, funded request is accepted", Kind.STEP, serves, SOURCE),
    Property("G4", "only changes that are invalid, compensated or cannot be paid are rejected", Kind.ALWAYS, has_reason, SOURCE),
    Property("G11", "an undisturbed compensation that overdraws nobody is executed", Kind.STEP, compensates, SOURCE),
    Property("SOME-OK", "a change is told ok", Kind.SOMETIMES, lambda v: any(c.status == "ok" for c in v.calls), SOURCE),
    Property("SOME-UNDONE", "a change is taken back", Kind.SOMETIMES, lambda v: bool(taken_back(v.accepted)), _HERE),
)  # fmt: skip

#: Those who have used up what was given make it impossible to be compensated without overdrawing somebody.
N3_PARKED = Property(
    "N3", "a compensation waits, for others have spent what was given …", Kind.SOMETIMES,
    lambda v: any(not payable(v.balances, backwards(c.request.deltas)) for c in still_parked(v)), "PATTERNS 7",
)  # fmt: skip
N3_UNDONE = Property(
    "N3", "… or others are refused what they would have been paid without it", Kind.SOMETIMES, refused_for_its_sake, "PATTERNS 7",
)
