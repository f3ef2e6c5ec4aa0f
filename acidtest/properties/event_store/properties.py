"""What must hold of an event store: PATTERNS section 8, as far as it is about storage, and what is shared (section 0)."""

from __future__ import annotations

from acidtest.checker.machine import Kind, Property, implied
from acidtest.models.event_sourcing.store import CONFLICT, versions_of
from acidtest.properties.event_store import predicates
from acidtest.properties.shared.predicates import SOURCE

_YOUNG = "Young, CQRS Documents, 2010; PATTERNS 8"
_KURRENT = "KurrentDB, optimistic concurrency and idempotence; PATTERNS 8"
_GAPS = "marten#1629, watermill#311, SQLStreamStore#121; PATTERNS 8"
ALWAYS, STEP, AT_REST, SOMETIMES = Kind.ALWAYS, Kind.STEP, Kind.AT_REST, Kind.SOMETIMES

# The order matters: what breaks several of them is reported by the one that says most, which comes first.
PROPERTIES = (
    Property("ES2", "the versions of a stream are 1, 2, 3 …, each once", ALWAYS, predicates.is_numbered, _YOUNG),
    Property("ES1", "what is stored stays, and stays where it is", STEP, predicates.only_grows, _YOUNG),
    Property("G8", "nothing is stored that nobody appended", ALWAYS, lambda v: not predicates.has_phantoms(v), SOURCE),
    Property("ES4", "of an append all events are stored or none, in a row", ALWAYS, predicates.is_whole, _YOUNG),
    Property(
        "ES9", "no event id is stored twice in a stream", ALWAYS, predicates.is_unique, _KURRENT, waived=("versions_only",),
    ),
    Property("ES3", "an append is stored at the version that it expects", ALWAYS, predicates.is_where_expected, _YOUNG),
    Property("G4", "who is told a version, its events are stored up to it", ALWAYS, predicates.told_versions_are_true, SOURCE),
    implied(
        "G4", "what was refused is never stored", STEP, lambda _, v: any(one.status == CONFLICT for one in v.appends),
        predicates.refused_is_not_done, SOURCE,
    ),
    Property(
        "ES9", "an append that is stored already is not refused", STEP, predicates.recognised, _KURRENT, waived=("versions_only",),
    ),
    Property(
        "ES9", "who asks for the same is told the same version", ALWAYS, predicates.told_alike, _KURRENT, waived=("versions_only",),
    ),
    implied(
        "ES3", "an append is refused only where the version is another, or an id is used for something else", STEP,
        predicates.some_refused, predicates.refused_with_reason, _YOUNG,
    ),
    Property("G11", "an undisturbed append on the version that it expects is stored", STEP, predicates.serves, SOURCE),
    Property("G11", "an undisturbed append is stored or refused, and does not end in an error", STEP, predicates.answers, SOURCE),
    implied(
        "ES5", "a read gives all of a stream, as it was at some instant while the read ran", ALWAYS, predicates.was_read,
        predicates.read_is_true, _YOUNG,
    ),
    implied(
        "ES8", "a read of all streams gives what is stored, in order, and no more than asked for", ALWAYS,
        predicates.were_all_read, predicates.all_read_is_true, _GAPS,
    ),
    implied(
        "G8", "subscribers are handed only what is stored, as it is", ALWAYS, lambda v: v.handed or v.told,
        predicates.handed_what_is_stored, SOURCE,
    ),
    implied(
        "ES8", "subscribers are handed every event once, each stream in its order", ALWAYS, lambda v: v.handed or v.told,
        predicates.handed_in_order, _GAPS,
    ),
    Property("G9", "what an error has left works without a restart", AT_REST, lambda v: not v.wedged, SOURCE),
    Property(
        "ES8", "who reads on from the last position has everything in the end: nothing is passed over, no gap stops it", AT_REST,
        predicates.follower_is_complete, _GAPS,
    ),
    Property(
        "ES8", "the store's subscriber has everything in the end: nothing is passed over, no gap stops it", AT_REST,
        predicates.subscriber_is_complete, _GAPS,
    ),
    Property("SOME-STORED", "an append is told its version", SOMETIMES, lambda v: any(one.status.isdigit() for one in v.appends), SOURCE),
    Property("SOME-CONFLICT", "an append is refused", SOMETIMES, predicates.some_are_refused, SOURCE),
)  # fmt: skip

#: What no client can tell: whether its append was stored.
UNSURE = "PATTERNS 8; PATTERNS 1, N3"
STORED_UNKNOWN = Property(
    "G4.unknown", "a client that was told nothing cannot tell whether its events are stored", SOMETIMES,
    lambda v: any(one.status == "unknown" and versions_of(one.append, dict(v.streams)[one.append.stream]) for one in v.appends), UNSURE,
)  # fmt: skip
LOST_UNKNOWN = Property(
    "G4.unknown", "they are not stored", SOMETIMES,
    lambda v: any(one.status == "unknown" and not versions_of(one.append, dict(v.streams)[one.append.stream]) for one in v.appends), UNSURE,
)  # fmt: skip
