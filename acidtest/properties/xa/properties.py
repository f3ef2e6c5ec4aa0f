"""What must hold of XA transactions: PATTERNS section 4."""

from __future__ import annotations

from acidtest.checker.machine import Kind, Property
from acidtest.models.xa.service import MIXED, GlobalView
from acidtest.properties.shared.predicates import G3, SOURCE
from acidtest.properties.xa import predicates


def _some_ok(view: GlobalView) -> bool:
    return any(call.status == "ok" and call.request.deltas for call in view.calls)


def _some_rejected(view: GlobalView) -> bool:
    """Not because of a disturbance, after which some implementations reject and others do not answer."""
    return any(call.status == "rejected" and call.alone and call.request.valid for call in view.calls)


def _some_mixed(view: GlobalView) -> bool:
    return any(call.status == MIXED for call in view.calls) and any(words for _, words in view.alone)


def _left_alone(view: GlobalView) -> bool:
    """After a crash nobody knows any more which branches have only read."""
    return "told after it had only read" not in view.notes or "crash" in view.happened


_XA, _JTA = "X/Open XA C193; PATTERNS 4", "JSR 907; PATTERNS 4"
_BERNSTEIN = "Bernstein, Hadzilacos & Goodman 1987, ch. 7; PATTERNS 2"
ALWAYS, STEP, AT_REST, SOMETIMES = Kind.ALWAYS, Kind.STEP, Kind.AT_REST, Kind.SOMETIMES

SOME_MIXED = Property("SOME-MIXED", "a caller learns of a mixed outcome", SOMETIMES, _some_mixed, _JTA)
#: The model knows no names of branches, no other transaction manager and no records: these would demand nothing of it.
OF_CODE = frozenset({"XA3", "XA4", "XA5", "XA7", "XA9"})

PROPERTIES = (
    Property("G12", "money is whole minor units, and nothing invalid takes effect", ALWAYS, predicates.exact, SOURCE),
    Property(
        "XA5", "a transaction manager completes only its own branches", ALWAYS,
        lambda v: all(status == "prepared" for status in v.foreign), "Narayana JBTM-2685, JBTM-2885; PATTERNS 4",
    ),
    Property(
        "XA9", "no branch is named like an earlier one", ALWAYS, lambda v: "named like an earlier branch" not in v.notes, _XA,
    ),
    Property("XA3", "a branch that only read gets no second phase", ALWAYS, _left_alone, _XA),
    Property(
        "XA4", "one phase is for an only branch", ALWAYS, lambda v: "one phase, beside another branch" not in v.notes, _XA,
    ),
    G3,
    Property("G1", "what took effect in a resource is a whole request", ALWAYS, predicates.whole, SOURCE),
    Property("AC3", "a run commits only if all of its resources have voted yes", ALWAYS, predicates.voted, _BERNSTEIN),
    Property("XA2", "what one resource commits as told, every other commits, still can, or decided alone", ALWAYS, predicates.agreed, _XA),
    Property(
        "XA7", "what a resource manager decided alone is not told as ok, nor as rejected, where it is not so", ALWAYS,
        predicates.told_of_mixed, _JTA,
    ),
    Property("G7", "one key, one answer; another payload under it is refused", ALWAYS, predicates.same_answer, SOURCE),
    Property("G4", "ok means committed everywhere, rejected means nowhere", ALWAYS, predicates.truthful, _JTA),
    Property("XA6", "no outcome is called mixed or a hazard that is none", ALWAYS, predicates.no_false_hazard, _XA),
    Property("XA7", "who was told of a mixed outcome finds it in the report", ALWAYS, predicates.told_mixed_is_reported, _JTA),
    Property("XA7", "a heuristic decision is forgotten only when it has been written down", STEP, predicates.reported_first, _XA),
    Property("G9", "nobody waits for a lock that is never released", ALWAYS, lambda v: not v.stuck, SOURCE),
    Property("G11", "an undisturbed, funded run commits", STEP, predicates.served, SOURCE),
    Property("AC5", "in the end every run is decided in all of its resources", AT_REST, predicates.all_or_none, _BERNSTEIN),
    Property("XA7", "in the end every mixed outcome is reported", AT_REST, predicates.mixed_is_reported, _XA),
    Property("G6", "in the end no branch is in doubt, and no decision waits to be forgotten", AT_REST, predicates.nothing_left, SOURCE),
    Property(
        "G10", "recovery that was cut short ends as one that was not", AT_REST,
        lambda v: "crash" not in v.happened or predicates.as_if_uninterrupted(v), SOURCE,
    ),
    Property("AC4", "without failures, what all voted for commits", AT_REST, predicates.unanimous_committed, _BERNSTEIN),
    Property("G9", "recovery works without a restart", AT_REST, lambda v: not v.wedged, SOURCE),
    Property("SOME-OK", "a run is told ok", SOMETIMES, _some_ok, SOURCE),
    Property("SOME-REJECTED", "a run that nobody can pay is told rejected", SOMETIMES, _some_rejected, SOURCE),
    SOME_MIXED,
)  # fmt: skip
