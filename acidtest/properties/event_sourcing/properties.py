"""What must hold of event-sourced accounts: PATTERNS section 8, and what is shared (section 0)."""

from __future__ import annotations

from acidtest.checker.machine import Kind, Property, implied
from acidtest.properties.event_sourcing import predicates
from acidtest.properties.shared.policies import with_policies
from acidtest.properties.shared.predicates import (
    G3,
    G4,
    G5,
    G7,
    G11,
    G12,
    REASONED,
    REMEMBERED,
    SOURCE,
    no_overdraft,
    whole,
)

_YOUNG = "Young, CQRS Documents, 2010; PATTERNS 8"
_VERSIONS = "Young, Versioning in an Event Sourced System, 2016; PATTERNS 8"
ALWAYS, STEP, AT_REST, SOMETIMES = Kind.ALWAYS, Kind.STEP, Kind.AT_REST, Kind.SOMETIMES

# The order matters: what breaks several of them is reported by the one that says most, which comes first.
PROPERTIES = with_policies((
    implied(
        "ES5", "an event that is not known is an error, not a zero: nobody says what balances are", ALWAYS, predicates.is_unknown,
        predicates.says_so, _YOUNG,
    ),
    implied(
        "ES5", "and no command is decided on it", STEP, predicates.unknown_before, predicates.decides_nothing, _YOUNG,
    ),
    implied(
        "ES5", "what a process says is what a fresh one folds", ALWAYS, predicates.was_read, predicates.read_is_fresh, _YOUNG,
    ),
    G12,
    implied(
        "ES7", "old events and snapshots mean what they meant when they were written", STEP, predicates.has_old_events, predicates.is_meant,
        _VERSIONS,
    ),
    implied(
        "ES6", "with snapshots balances are what they are without", STEP, predicates.has_snapshots, predicates.is_sound, _YOUNG,
    ),
    Property("ES10", "no account is overdrawn, by any number of its events", ALWAYS, no_overdraft, _YOUNG),
    Property("G1", "balances change by whole commands", ALWAYS, whole, SOURCE),
    G3,
    G4,
    G5,
    G7,
    REMEMBERED,
    G11,
    REASONED,
    Property("ES12", "others are told only of what is in the log", ALWAYS, predicates.is_told_what_happened, _YOUNG),
    Property("ES12", "all copies of a message carry one id and one payload", ALWAYS, predicates.is_told_alike, _YOUNG),
    implied(
        "ES11", "a rebuild tells nobody what was told before", ALWAYS, lambda v: "rebuild" in v.used, predicates.is_told_once, _YOUNG,
    ),
    Property("ES12", "a further copy needs a crash, a lost reply or a lost checkpoint", ALWAYS, predicates.is_told_once, _YOUNG),
    Property("ES12", "others are told in the order of an account's events", ALWAYS, predicates.is_told_in_order, _YOUNG),
    Property("G9", "what an error has left works without a restart", AT_REST, lambda v: not v.wedged, SOURCE),
    Property("ES12", "others are told of everything in the end", AT_REST, predicates.all_are_told, _YOUNG),
    Property("SOME-OK", "a command is told ok", SOMETIMES, lambda v: any(c.request.valid and c.status == "ok" for c in v.calls), SOURCE),
))  # fmt: skip

#: What no implementation can escape: telling and noting that it is done are two steps in two systems (PATTERNS 8, N4).
TOLD_TWICE = Property(
    "N4", "others are told twice, after a disturbance", SOMETIMES,
    lambda v: v.excused > 0 and len(v.copies) > len({copy.about for copy in v.copies}), "PATTERNS 8, N4",
)  # fmt: skip
