"""What must hold of every saga, whatever its style: PATTERNS section 5, and what is shared (section 0)."""

from __future__ import annotations

from dataclasses import replace

from acidtest.checker.machine import Kind, Property, implied
from acidtest.models.saga.specification import G6, S1, S2, S3, S4, S5, S5_TAIL, S6, S8, S10, past_pivot
from acidtest.models.shared.steps import COMPENSATED, COMPLETED, PARKED, of_sagas
from acidtest.properties.saga import predicates
from acidtest.properties.shared.predicates import SOURCE, idempotent

_HERE = "PATTERNS 5"
_GMS = "Garcia-Molina & Salem 1987; PATTERNS 5"
ALWAYS, STEP, AT_REST, SOMETIMES = Kind.ALWAYS, Kind.STEP, Kind.AT_REST, Kind.SOMETIMES

# The order matters: what breaks several of them is reported by the one that says most, which comes first.
PROPERTIES = (
    Property("G12", "nothing is done or known of an order that nobody has validly placed", ALWAYS, predicates.exact, SOURCE),
    S4,
    Property("S8", "nothing is done but what was ordered", ALWAYS, lambda v: not v.strangers, _HERE),
    S6,
    S8,
    implied("S8", "nothing is done of an order that is parked, which stays so", STEP, predicates.any_parked, predicates.stays_parked, _HERE),
    of_sagas("S7", "an order that is known stays known", STEP, predicates.is_known, lambda _, after: predicates.is_known(after), _HERE),
    of_sagas(
        "S7", "what is done, or told to be undone, is of an order that is known durably", ALWAYS,
        predicates.is_touched, predicates.is_known, _HERE,
    ),
    S5,
    S3,
    of_sagas("S3", "a compensation finds the step that it is for", STEP, predicates.comes_early, predicates.nothing_in_effect, _HERE),
    of_sagas("S2", "a step is done after the one before it", STEP, predicates.goes_forward, predicates.done_in_order, _GMS),
    S2,
    of_sagas("S5", "no order is parked once the pivot is done", ALWAYS, past_pivot, lambda saga: not predicates.is_parked(saga), _HERE),
    S10,
    replace(S1, kind=ALWAYS),  # an order that is said to have ended has: nobody says so before
    implied(
        "G11", "where nothing goes wrong, an order that can be filled is not taken back", ALWAYS,
        lambda v: bool(v.certain) and not v.happened, lambda v: not predicates.goes_back_in_vain(v), SOURCE,
    ),
    Property("G4", "ok means known and brought to an end, rejected means that nothing is done", ALWAYS, predicates.truthful, SOURCE),
    Property("G7", "one key, one answer; another order under it is refused", ALWAYS, idempotent, SOURCE),
    Property("G9", "nobody waits for a lock that is never released", ALWAYS, lambda v: not v.stuck, SOURCE),
    Property("G11", "an undisturbed, valid order is taken", STEP, predicates.serves, SOURCE),
    S5_TAIL,
    implied(
        "S10", "an order is parked only after something went wrong", AT_REST,
        lambda v: any(saga.outcome == PARKED for saga in v.sagas), lambda v: bool(v.happened), _HERE,
    ),
    G6,
    Property("SOME-COMPLETED", "an order is filled", SOMETIMES, lambda v: any(s.outcome == COMPLETED for s in v.sagas), _GMS),
    Property(
        "SOME-COMPENSATED", "an order is taken back after it had begun, unless all can be filled", SOMETIMES,
        lambda v: (bool(v.certain) and all(v.certain)) or any(s.outcome == COMPENSATED and any(s.undid) for s in v.sagas), _GMS,
    ),
)  # fmt: skip

#: What no saga can prevent: there is no isolation.
N2 = Property(
    "N2", "a reader sees half of an order", SOMETIMES,
    lambda v: any(any(saga.did) and not all(saga.did) and not any(saga.undid) for saga in v.sagas), _HERE,
)  # fmt: skip
