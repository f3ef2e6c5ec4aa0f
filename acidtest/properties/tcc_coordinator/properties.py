"""What must hold of a coordinator of Try-Confirm/Cancel: PATTERNS section 13, and what is shared (section 0)."""

from __future__ import annotations

from acidtest.checker.machine import Kind, Property, implied
from acidtest.properties.shared.predicates import SOURCE, idempotent
from acidtest.properties.tcc_coordinator import predicates

_PARDON = "Pardon & Pautasso 2011; PATTERNS 13"
_SEATA = "Seata, TCC fence; DTM, sub-transaction barrier; PATTERNS 13"
ALWAYS, STEP, AT_REST, SOMETIMES = Kind.ALWAYS, Kind.STEP, Kind.AT_REST, Kind.SOMETIMES

# The order matters: a wrong decision breaks several of them, and what says most comes first.
PROPERTIES = (
    Property("G12", "money is whole minor units, and nothing is tried or confirmed that was not validly asked for", ALWAYS, predicates.exact, SOURCE),
    Property("T3", "no branch is held twice, under two ids", ALWAYS, predicates.held_once, _SEATA),
    Property("G3", "no branch that is confirmed is held or confirmed again, under another id", ALWAYS, predicates.booked_once, SOURCE),
    Property("T1", "no branch is confirmed where another is cancelled", ALWAYS, predicates.agree, _PARDON),
    implied(
        "T2", "who is told to confirm holds what it takes", ALWAYS, predicates.is_told_to_confirm, predicates.holds_what_is_confirmed, _PARDON,
    ),
    implied(
        "T7", "no Confirm is called before every Try has succeeded", ALWAYS, predicates.is_told_to_confirm, predicates.all_were_held, _PARDON,
    ),
    implied(
        "T7", "who was told to confirm is never told to cancel, nor are others of the transaction", ALWAYS, predicates.is_told_to_confirm,
        predicates.told_one_thing, _PARDON,
    ),
    Property("G7", "one id, one answer; another payload under it is refused", ALWAYS, idempotent, SOURCE),
    Property("G7", "an id that was answered is of no use for other branches", ALWAYS, predicates.ids_are_kept, SOURCE),
    Property("G9", "nobody waits for a lock that is never released", ALWAYS, lambda v: not v.stuck, SOURCE),
    Property("G4", "ok means that it is held everywhere, rejected that it is confirmed nowhere", STEP, predicates.truthful, SOURCE),
    implied(
        "G5", "after ok nothing is cancelled, after rejected nothing confirmed", STEP, predicates.some_answered, predicates.keeps_answers, SOURCE,
    ),
    implied(
        "G11", "an undisturbed, funded transaction is not cancelled or refused", STEP, predicates.is_deserved, predicates.serves, SOURCE,
    ),
    Property("T1", "in the end what is confirmed somewhere is confirmed everywhere", AT_REST, predicates.all_or_none, _PARDON),
    implied(
        "T11", "after a crash, too, every branch is known that may have been tried", AT_REST, predicates.is_cut_short, predicates.forgets_no_branch,
        "Seata PR#1825; PATTERNS 13",
    ),
    Property("T8", "in the end no service holds anything", AT_REST, predicates.nothing_is_held, _PARDON),
    Property("T12", "in the end whole transactions were taken, and nothing else", AT_REST, predicates.takes_whole_amounts, SOURCE),
    implied(
        "G10", "recovery that was cut short ends as one that was not", AT_REST, lambda v: "crash" in v.happened,
        lambda v: predicates.all_or_none(v) and predicates.nothing_is_held(v), SOURCE,
    ),
    Property("G11", "what nothing ever disturbed is confirmed in the end", AT_REST, predicates.undisturbed_confirmed, SOURCE),
    Property("G9", "recovery works without a restart", AT_REST, lambda v: not v.wedged, SOURCE),
    Property("SOME-CONFIRMED", "a transaction is confirmed everywhere", SOMETIMES, lambda v: bool(v.accepted) and predicates.all_or_none(v), SOURCE),
    Property(
        "SOME-REJECTED", "one that nobody can pay is told rejected", SOMETIMES,
        lambda v: any(c.status == "rejected" and c.alone and c.request.valid and not predicates.funded(v, c.request) for c in v.calls), SOURCE,
        waived=("deferred",),
    ),
)  # fmt: skip
