"""The chain of outboxes and inboxes: what is claimed of it, and what takes from it.

The claims are PATTERNS 12: EO1-EO8, with money counted by the ids of what is on the way. The machine is in
`chain`, and what it implements in `channel`.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from acidtest.checker.machine import Kind, Property, implied
from acidtest.checker.theory import Diagram, Refines, Size, Study, Theorem
from acidtest.models.outbox_inbox.chain import (
    ABSENT,
    PENDING,
    PUBLISHED,
    SWITCHES,
    Chain,
    ChainView,
    chain_to_channel,
    may_come,
)
from acidtest.models.outbox_inbox.channel import HOPS, Channel

#: How much of a transfer leaves the first service, and how much of that the second one passes on.
AMOUNTS = (2, 1)


# Predicates over views.


def on_the_way(v: ChainView, hop: int) -> set[int]:
    """The transfers that are owed or on the broker, and have not taken effect beyond."""
    rows, queue = v.state.rows[hop], v.state.queue[hop]
    out = {i % v.n for i, row in enumerate(rows) if row in (PENDING, PUBLISHED)} | {i % v.n for i in queue}
    return out - set(v.state.applied[hop])


def conserved(v: ChainView) -> bool:
    """What left the first service is at the others or on the way, counted by id."""
    s, (whole, rest) = v.state, AMOUNTS
    arrived = (whole - rest) * len(s.applied[0]) + rest * len(s.applied[1])
    return whole * s.taken == arrived + whole * len(on_the_way(v, 0)) + rest * len(on_the_way(v, 1))


def once(v: ChainView) -> bool:
    """Nothing took effect twice."""
    return all(len(done) == len(set(done)) for done in v.state.applied)


def in_order(v: ChainView) -> bool:
    """Transfers took effect in the order in which they were taken, at every service."""
    return all(a < b for done in v.state.applied for a, b in pairwise(dict.fromkeys(done)))


def together(v: ChainView) -> bool:
    """At the second service, records, changes and what is owed next are of the same transfers."""
    s = v.state
    owed = {i % v.n for i, row in enumerate(s.rows[1]) if row != ABSENT}
    return owed == set(s.applied[0]) == s.inbox[0] | s.purged[0]


def arrived(v: ChainView) -> bool:
    """Everything has arrived."""
    return len(set(v.state.applied[1])) == v.n


def some_applied(v: ChainView) -> bool:
    """Something has taken effect at the last service."""
    return bool(v.state.applied[1])


_H = "Helland 2007; PATTERNS 12"
EO1 = implied("EO1", "nothing takes effect twice, at any service", Kind.ALWAYS, lambda v: bool(v.state.applied[0]), once, _H)
EO1_REST = implied(
    "EO1.rest", "what was taken arrived in the end", Kind.AT_REST, lambda v: v.state.taken > 0,
    lambda v: len(set(v.state.applied[1])) == v.state.taken, _H,
)  # fmt: skip
EO2 = implied(
    "EO2", "record, change and what is owed next are one", Kind.ALWAYS, lambda v: bool(v.state.applied[0]), together, _H
)
EO3 = implied(
    "EO3", "one transfer has one output, whose id follows from it", Kind.ALWAYS,
    lambda v: set(v.state.rows[1]) != {ABSENT}, lambda v: set(v.state.rows[1][v.n :]) <= {ABSENT}, _H,
)  # fmt: skip
EO4 = implied(
    "EO4", "transfers of one key take effect in order", Kind.ALWAYS, lambda v: len(v.state.applied[0]) > 1, in_order, _H,
)  # fmt: skip
EO5 = implied(
    "EO5", "nothing arrives that has not passed the service before", Kind.ALWAYS, some_applied,
    lambda v: set(v.state.applied[1]) <= set(v.state.applied[0]), _H,
)  # fmt: skip
EO6 = implied(
    "EO6", "money is conserved across services, counted by id", Kind.ALWAYS, lambda v: v.state.taken > 0, conserved, _H
)
EO7 = implied(
    "EO7", "of what was cleaned away no copy may come", Kind.ALWAYS, lambda v: any(v.state.purged),
    lambda v: not any(may_come(v.state, hop, i) for hop in HOPS for i in v.state.purged[hop]), _H,
)  # fmt: skip
G9 = Property("G9", "everything arrives", Kind.EVENTUALLY, arrived, "PATTERNS 0")
PURGED = Property(
    "SOME-PURGED", "records are cleaned away at both hops", Kind.SOMETIMES, lambda v: all(v.state.purged), _H,
)  # fmt: skip
G11 = Property(
    "G11", "everything can arrive without faults", Kind.SOMETIMES, lambda v: arrived(v) and not v.state.faults, "PATTERNS 0"
)

N1 = Property(
    "N1", "a transfer is taken here, and not to be seen there", Kind.SOMETIMES,
    lambda v: v.state.taken > len(v.state.applied[0]), "PATTERNS 12",
)  # fmt: skip
N2 = Property("N2", "a mail goes out twice", Kind.SOMETIMES, lambda v: max(v.state.mails) > 1, "PATTERNS 12")
N3 = Property(
    "N3", "the last service is set back, and nobody owes it any more what it had", Kind.SOMETIMES, lambda v: not conserved(v), "PATTERNS 12",
)  # fmt: skip
EO8 = replace(EO1_REST, id="EO8", name="what a service that was set back has forgotten arrives again in the end")
N3_SENDER = replace(EO1, id="N3.sender", name="a sender that is set back, and sends again, has no effect twice, though records were cleaned away")
N4 = Property(
    "N4", "transfers overtake each other on a broker without order", Kind.SOMETIMES, lambda v: not in_order(v), "PATTERNS 12",
)  # fmt: skip


def properties() -> tuple[Property, ...]:
    """What holds while the rules are kept."""
    return EO1, EO1_REST, EO2, EO3, EO4, EO5, EO6, EO7, G9, G11, PURGED


STUDY = Study(
    name="chain of outbox and inbox",
    make=Chain,
    switches=SWITCHES,
    sizes=(
        Size("2 transfers, no faults", {"n": 2, "faults": 0}, 726, 23),
        Size("2 transfers, 1 fault", {"n": 2, "faults": 1}, 4_947, 25),
        Size("3 transfers, no faults", {"n": 3, "faults": 0}, 8_986, 34),
    ),
    properties=properties(),
    theorems=(
        Theorem(N1),
        Theorem(N2, {"mail": True}, size=1),
        Theorem(N3, {"restore": True}, {}, size=1),
        Theorem(EO8, {"restore": True}, {"restore": True, "witness": True}, size=1),
        Theorem(N3_SENDER, {"restore_sender": True}, {}, size=1),
        Theorem(N4, {"unordered": True}, {"unordered": True, "versions": True}),
        Theorem(EO1, {"no_record": True}, {}, size=1),
        Theorem(EO1_REST, {"separate_tx": True}, {}, size=1),
        Theorem(EO2, {"separate_tx": True}, {}),
        Theorem(EO3, {"random_ids": True}, {}, size=1),
        Theorem(EO1, {"random_ids": True}, {}, size=1),
        Theorem(EO4, {"unordered": True}, {}),
        Theorem(EO5, {"publish_early": True}, {}),
        Theorem(EO6, {"publish_early": True}, {}),
        Theorem(EO7, {"short_retention": True}, {}),
        Theorem(EO1, {"short_retention": True}, {}, size=1),
        Theorem(G9, {"separate_tx": True}, {}, size=1),
    ),
    refines=Refines("exactly-once channel", Channel, chain_to_channel),
    diagram=Diagram(
        {"n": 1, "faults": 0}, lambda s: f"{s.rows[0][0]} | {s.rows[1][0]}\n{len(s.applied[0])} passed, {len(s.applied[1])} arrived"
    ),
)
