"""What must hold of reserve/confirm: PATTERNS section 14, and what is shared (section 0)."""

from __future__ import annotations

from acidtest.checker.machine import Kind, Property
from acidtest.properties.reserve_confirm import predicates
from acidtest.properties.shared.predicates import SOURCE, idempotent

_TB = "TigerBeetle, two-phase transfers; PATTERNS 14"
_PAY = "Stripe, idempotent requests; PATTERNS 14"
_OWN = "PATTERNS 14"
_GENERALS = "Akkoyunlu, Ekanadham & Huber 1975 (two generals); PATTERNS 14, N1"
ALWAYS, STEP, AT_REST, SOMETIMES = Kind.ALWAYS, Kind.STEP, Kind.AT_REST, Kind.SOMETIMES

HELD_STILL = Property("RC6", "what is pending stays held until the provider has said what becomes of it", STEP, predicates.keeps_holding, _OWN)
KNOWN = Property("G4", "pending is told only of what is known under its key", ALWAYS, predicates.pending_is_known, SOURCE)
REASONED = Property(
    "G4", "only what is invalid, declined or cannot be paid is rejected, or what a status calls so", ALWAYS, predicates.has_reason, SOURCE,
)  # fmt: skip
#: The model has no statuses: nothing can be proved of it that they show.
BY_STATUS = (HELD_STILL, KNOWN, REASONED)

# The order matters: a payment that nobody knows of breaks several of them, and the one that says most comes first.
PROPERTIES = (
    Property("G12", "money is whole minor units, and nothing invalid is ordered", ALWAYS, predicates.exact, SOURCE),
    Property("RC6", "what is held is not available, and nothing is overdrawn", ALWAYS, predicates.covered, SOURCE),
    Property("RC4", "no withdrawal is paid twice, nor what nobody asked for", ALWAYS, predicates.paid_once, _PAY),
    Property("RC3", "no more is withdrawn in the books than was paid", ALWAYS, predicates.posted_was_paid, _OWN),
    Property("RC5", "silence is not taken for failure", ALWAYS, predicates.silence_is_no_failure, _OWN),
    Property("RC2", "what was paid or may yet be paid is withdrawn or held", ALWAYS, predicates.secured, _OWN),
    Property("G1", "no more is withdrawn and held than was asked for", ALWAYS, predicates.held_was_asked, SOURCE),
    Property("RC7", "each hold is resolved once", STEP, predicates.resolved_once, _TB),
    Property("RC8", "late and repeated word makes nothing pending again", STEP, predicates.monotone, "saleor#14648; PATTERNS 14"),
    Property("RC11", "a customer who asks again hears the same", ALWAYS, predicates.same_answer, _PAY),
    Property("RC12", "a hold that is given back raises no balance", STEP, predicates.no_credit, _OWN),
    Property("G7", "one key, one withdrawal; another payload under it is refused", ALWAYS, idempotent, SOURCE),
    Property("G4", "ok means paid", ALWAYS, predicates.ok_is_paid, SOURCE),
    KNOWN,
    HELD_STILL,
    Property("G7", "asked again under a key that is known, a customer is answered", STEP, predicates.answers_again, SOURCE),
    Property("G11", "an undisturbed, funded request is not refused", STEP, predicates.serves, SOURCE),
    REASONED,
    Property(
        "RC10", "in the end the books show every entry of the statement", AT_REST,
        lambda v: not v.provider.statements or predicates.books_are_true(v), _OWN,
    ),
    Property(
        "RC9", "in the end the books say what the provider did, after a crash, too", AT_REST,
        lambda v: "crash" not in v.happened or predicates.books_are_true(v), _OWN,
    ),
    Property("RC1", "in the end the books say what the provider did", AT_REST, predicates.books_are_true, _OWN),
    Property("G6", "in the end nothing is held", AT_REST, predicates.nothing_is_held, SOURCE),
)  # fmt: skip

#: What no implementation can escape, as witnesses: the books are the same, and the truth is not.
N1_PAID = Property(
    "N1.paid", "of a provider that says nothing, a hold whose order was paid …", SOMETIMES,
    lambda v: predicates.held_in_the_dark(v) and any(deal.paid for deal in v.orders), _GENERALS,
)  # fmt: skip
N1_UNPAID = Property(
    "N1.unpaid", "… and one whose order never came", SOMETIMES,
    lambda v: predicates.held_in_the_dark(v) and not v.orders, _GENERALS,
)  # fmt: skip
SOME_PART = Property(
    "SOME-PART", "one is paid in part", SOMETIMES,
    lambda v: any(deal.paid[:1] in {(part,) for _, part in v.provider.parts} for deal in v.orders), _OWN,
)  # fmt: skip
REACHED = (N1_PAID, N1_UNPAID, SOME_PART)
