"""What must hold of a chain of outboxes and inboxes: PATTERNS section 12, and what every pattern shares (section 0)."""

from __future__ import annotations

from dataclasses import replace

from acidtest.checker.machine import Kind, Property, implied
from acidtest.properties.outbox_inbox.predicates import (
    arrived,
    caused,
    conserved,
    exact,
    has_happened,
    identical,
    in_order,
    made_good,
    noticed,
    once,
    one_restored,
    owed_at_once,
    passed,
    published_if_taken,
    restored,
    stable,
    taken_if_acked,
    undisturbed,
    whole,
)
from acidtest.properties.shared.policies import with_policies
from acidtest.properties.shared.predicates import G2, G3, G4, G7, G11, REASONED, REMEMBERED, SOURCE

ALWAYS, STEP, AT_REST = Kind.ALWAYS, Kind.STEP, Kind.AT_REST
_HERE = "PATTERNS 12"
_HELLAND = "Helland, Life beyond distributed transactions, 2007; PATTERNS 12"



def _of_lasting(property: Property) -> Property:  # noqa: A002 - that is what it is
    """What holds as long as the source has not been restored: it has forgotten whom it told what."""
    holds = property.predicate
    return replace(property, predicate=lambda *views: restored(views[-1], 0) or holds(*views))


# The order matters: what breaks several of them is reported by the one that says most, which comes first.
PROPERTIES = with_policies((
    Property("G12", "money is whole minor units, and nothing invalid takes effect", ALWAYS, exact, SOURCE),
    G2,
    Property("G1", "balances change by whole transfers", ALWAYS, whole, SOURCE),
    G3,
    Property("EO3", "all messages about a transfer carry one id and one payload, on each hop", ALWAYS, identical, _HELLAND),
    Property("EO5", "nothing takes effect or is published that the service before has not committed", ALWAYS, caused, _HERE),
    Property(
        "EO7", "however late a copy comes, or a relay tries again, a transfer takes effect once", ALWAYS,
        lambda v: not has_happened(v, "jump") or once(v), _HERE, when=lambda v: has_happened(v, "jump") and passed(v),
    ),
    implied("EO1", "a transfer takes effect once at every service", ALWAYS, passed, once, _HELLAND),
    Property("EO2", "the record and the effect are one: what was acknowledged took effect", ALWAYS, taken_if_acked, _HELLAND),
    Property("EO2", "the effect and what is owed next are one", STEP, owed_at_once, _HELLAND),
    Property("G5", "what took effect stays", STEP, stable, SOURCE),
    implied(
        "EO6", "money is conserved at every step: what is nowhere posted is owed, or on the broker", ALWAYS,
        lambda v: bool(v.accepted), conserved, _HELLAND,
    ),
    Property("EO4", "transfers of one account take effect in the order of the source, everywhere", ALWAYS, in_order, _HERE, "ordered"),
    *map(_of_lasting, (G4, G7, REMEMBERED)),
    Property(
        "EO8", "nobody says that a backup was restored where none was", ALWAYS, lambda v: restored(v) or not any(v.alarms), _HERE,
    ),
    Property("G9", "nobody waits for a lock that is never released", ALWAYS, lambda v: not v.stuck, SOURCE),
    *map(_of_lasting, (G11, REASONED)),
    Property(
        "EO8", "what a restored service has forgotten is made good in the end, or somebody notices", AT_REST,
        lambda v: not one_restored(v) or made_good(v) or noticed(v), _HERE, "restorable", when=one_restored,
    ),
    Property("EO2", "what took effect was published in the end", AT_REST, lambda v: restored(v, 0) or published_if_taken(v), _HELLAND),
    Property("EO1", "what was withdrawn has arrived in the end", AT_REST, lambda v: restored(v) or arrived(v), _HELLAND),
    Property(
        "SOME-ARRIVED", "a transfer arrives without faults", Kind.SOMETIMES, lambda v: bool(v.taken[1]) and undisturbed(v), SOURCE,
    ),
), _of_lasting)  # fmt: skip

#: What no chain can prevent: there is no instant at which a transfer takes effect everywhere.
N1 = Property(
    "N1", "a transfer is taken here, and not to be seen there", Kind.SOMETIMES, lambda v: len(v.accepted) > len(v.taken[0]), _HERE,
)  # fmt: skip
