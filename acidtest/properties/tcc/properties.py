"""What must hold of a service that takes part in Try-Confirm/Cancel: PATTERNS section 13, and what is shared (section 0)."""

from __future__ import annotations

from acidtest.checker.machine import Kind, Property, implied
from acidtest.models.tcc.participant import CONFIRM, TRY
from acidtest.properties.shared.predicates import SOURCE
from acidtest.properties.tcc import predicates

_SEATA = "Seata, TCC fence; DTM, sub-transaction barrier; PATTERNS 13"
_PARDON = "Pardon & Pautasso 2011; PATTERNS 13"
ALWAYS, STEP, AT_REST, SOMETIMES = Kind.ALWAYS, Kind.STEP, Kind.AT_REST, Kind.SOMETIMES

# The order matters: money that does not add up breaks several of them, and what says most comes first.
PROPERTIES = (
    Property("G12", "money is whole minor units, and nothing invalid takes effect", ALWAYS, predicates.exact, SOURCE),
    Property("T3", "Try and Confirm take effect at most once", ALWAYS, predicates.once, _SEATA),
    Property("T6", "a branch is confirmed or cancelled, never both", ALWAYS, predicates.ends_one_way, _SEATA),
    Property("G2", "nothing is promised away twice", ALWAYS, predicates.not_promised_twice, SOURCE),
    Property("G1", "the balance is what it was, less whole amounts that were confirmed", ALWAYS, predicates.books_whole, SOURCE),
    Property("T9", "what may be spent is the balance less whole holds", ALWAYS, predicates.holds_whole, _PARDON),
    Property("T9", "what is held is not seen as spent", ALWAYS, predicates.not_seen_as_spent, _PARDON),
    Property("T4", "a Cancel is refused of what is confirmed, and of nothing else", ALWAYS, predicates.cancels_all_but_confirmed, _SEATA),
    Property("G7", "one call, one answer; another payload for the same branch is refused", ALWAYS, predicates.idempotent, SOURCE),
    Property("G9", "nobody waits for a lock that is never released", ALWAYS, lambda v: not v.stuck, SOURCE),
    implied("T5", "after its Cancel no Try takes effect", STEP, predicates.is_fenced, predicates.stays_fenced, _SEATA),
    implied("G5", "what is confirmed stays", STEP, predicates.is_booked, predicates.keeps_bookings, SOURCE),
    implied("T1", "a service drops no hold on its own: only a Cancel does", STEP, predicates.is_held, predicates.keeps_holds, _PARDON),
    Property("G4", "ok means done, rejected means never done", STEP, predicates.truthful, SOURCE),
    implied(
        "T8", "what is told cancelled or confirmed is not held any more", STEP, predicates.is_told_ended, predicates.has_released,
        _PARDON,
    ),
    implied(
        "T10", "a hold is booked in one step, the row and the money together", STEP, predicates.books, predicates.moves_whole, _SEATA,
    ),
    implied(
        "T2", "an undisturbed Confirm of what is held, or was confirmed before, never fails", STEP, predicates.is_confirmed,
        predicates.answers_confirm, _PARDON,
    ),
    implied(
        "T4", "an undisturbed Cancel is answered ok, also where there was no Try", STEP, predicates.is_cancelled,
        predicates.answers_cancel, _SEATA,
    ),
    implied("G11", "an undisturbed, funded Try is answered ok", STEP, predicates.is_deserved, predicates.serves, SOURCE),
    Property("G4", "only a Try that is invalid, cancelled or cannot be paid is rejected", ALWAYS, predicates.has_reason, SOURCE),
    Property("T8", "of what was cancelled or confirmed no hold is left", AT_REST, predicates.releases, _PARDON),
    Property("SOME-CONFIRMED", "a Confirm is told ok", SOMETIMES, predicates.is_told(CONFIRM, "ok"), SOURCE),
    Property("SOME-REFUSED", "a valid Try is told rejected", SOMETIMES, predicates.is_told(TRY, "rejected"), SOURCE),
    Property("SOME-FENCED", "a Try comes after its Cancel and is refused", SOMETIMES, predicates.is_fenced_off, _SEATA),
)

N2 = Property(
    "N2", "a service that cancels what it never tried cannot tell a Try that is late from one that was never sent", SOMETIMES,
    lambda v: predicates.is_open_ended(v, "open"), _SEATA,
)  # fmt: skip
N2_OTHERWISE = Property("N2", "it was never sent", SOMETIMES, lambda v: predicates.is_open_ended(v, "new"), _SEATA)
