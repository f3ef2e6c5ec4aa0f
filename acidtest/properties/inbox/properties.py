"""What must hold of an inbox: PATTERNS section 11, and what every pattern shares (section 0)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.checker.machine import Kind, Property
from acidtest.properties.inbox.predicates import (
    all_handled,
    all_parked,
    answered,
    as_in_sequence,
    duplicates_acknowledged,
    equals_are_two,
    has_happened,
    in_sequence,
    kept,
    lost,
    no_duplicate_set_aside,
    no_imposter,
    not_wedged,
    nothing_dropped,
    resent_handled,
    resent_not_dropped,
    same_answer,
    stays_declined,
    told_apart,
    tried,
    truthful,
    waiting,
)
from acidtest.properties.shared.predicates import G2, G5, G12, SOURCE, once, whole

if TYPE_CHECKING:
    from acidtest.models.inbox.service import InboxView

ALWAYS, STEP, AT_REST = Kind.ALWAYS, Kind.STEP, Kind.AT_REST
_HERE = "PATTERNS 11"
_HELLAND = "Helland, Life beyond distributed transactions, 2007; PATTERNS 11"
#: What makes a handler fail while its process lives on.
_ERRORS = ("refused", "lost", "unacknowledged", "late", "victim", "deadlock", "timeout")



def _has_failed(view: InboxView) -> bool:
    """Whether a handler has met an error."""
    return any(has_happened(view, what) for what in _ERRORS)


def _is_at_once(view: InboxView) -> bool:
    """Whether two may have been at one message: a COMMIT that comes late is at it while it is delivered again."""
    return has_happened(view, "redelivered") or has_happened(view, "late")


def _is_whole(view: InboxView) -> bool:
    """Nothing is half done: after a crash nothing took effect twice or was lost, and after an error nothing took effect twice."""
    return kept(view) if has_happened(view, "crash") else not _has_failed(view) or once(view)


# The order matters: a lost message, or one that takes effect twice, breaks several of them, and the one that says most comes first.
PROPERTIES = (
    G12,
    G2,
    Property("G1", "balances change by whole messages", ALWAYS, whole, SOURCE),
    G5,
    Property("IB9", "of two payloads under one id at most one passes", ALWAYS, no_imposter, "Leach 2017; PATTERNS 11"),
    Property("IB4", "one id on two subscriptions is two messages", ALWAYS, told_apart, _HERE),
    Property(
        "IB11", "a claim that ran out is not completed beside whoever took it over", ALWAYS,
        lambda v: not (has_happened(v, "jump") and has_happened(v, "redelivered")) or once(v), "PATTERNS 11; Kleppmann 2016 (fencing tokens)",
    ),
    Property("IB8", "two at the same message have one effect", ALWAYS, lambda v: not _is_at_once(v) or kept(v), _HELLAND),
    Property(
        "IB5", "however late a message comes, again or for the first time, it has one effect or is refused for all to see", ALWAYS,
        lambda v: not has_happened(v, "jump") or kept(v), _HERE,
    ),
    Property("IB2", "the record and the effect are committed together", ALWAYS, _is_whole, _HELLAND),
    Property("IB1", "two equal payments with ids of their own are two", ALWAYS, equals_are_two, "PATTERNS 11, N3"),
    Property("IB1", "nothing takes effect twice", ALWAYS, once, _HELLAND),
    Property(
        "IB6", "a failed attempt leaves no record: what it could not do is not acknowledged", ALWAYS,
        lambda v: not _has_failed(v) or not lost(v), _HERE,
    ),
    Property("IB6", "a dead letter that is sent again is no duplicate", ALWAYS, resent_not_dropped, _HERE, "parks"),
    Property("IB3", "what was acknowledged took effect", ALWAYS, lambda v: not lost(v), _HELLAND),
    Property("G9", "what cannot be handled is set aside for all to see, and not dropped", ALWAYS, nothing_dropped, SOURCE),
    Property("IB8", "a duplicate is no error: it is not set aside", ALWAYS, no_duplicate_set_aside, _HELLAND),
    Property("G9", "what can be handled is not set aside at its first failures", ALWAYS, tried, SOURCE),
    Property("IB11", "what a crash or an error has interrupted can be handled by the next attempt", ALWAYS, not_wedged, _HERE),
    Property("G4", "what was declined never takes effect", STEP, stays_declined, SOURCE),
    Property("G4", "ok is answered to what took effect, rejected to what did not", ALWAYS, truthful, SOURCE, "replies"),
    Property("IB7", "whoever asks gets the same answer, under the same id", ALWAYS, same_answer, _HERE, "replies"),
    Property("IB10", "messages of one account take effect in the order of their sequence", ALWAYS, in_sequence, _HERE, "ordered"),
    Property("G11", "what can be handled is handled without faults", Kind.SOMETIMES, lambda v: bool(v.accepted) and not v.happened, SOURCE),
    Property("IB10", "what took effect is what does in the order of the sequence", AT_REST, as_in_sequence, _HERE, "ordered"),
    Property(
        "IB11", "what a crash or an error has interrupted is handled in the end", AT_REST,
        lambda v: not (has_happened(v, "crash") or _has_failed(v)) or all_handled(v), _HERE,
    ),
    Property("IB8", "a duplicate is acknowledged in the end", AT_REST, duplicates_acknowledged, _HERE),
    Property("IB1", "what was delivered is handled in the end", AT_REST, lambda v: not waiting(v), _HELLAND),
    Property("IB7", "what was handled is answered", AT_REST, answered, _HERE, "replies"),
    Property("IB6", "a dead letter that is repaired and sent again is handled", AT_REST, resent_handled, _HERE, "parks"),
    Property("G9", "what cannot be handled is among the dead letters after at most ten attempts", AT_REST, all_parked, SOURCE, "parks"),
)  # fmt: skip
