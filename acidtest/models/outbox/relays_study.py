"""The outbox with relays: what is claimed of it, which rule each claim rests on, and what cannot be had.

Rows have a position, which they get when they are inserted, and are seen when they are committed. The claims are those
of Richardson, "Microservices Patterns", 2018, chapter 3, and of PATTERNS 10 (OB1-OB12, N1-N5). The machine is in
`relays`.
"""

from __future__ import annotations

from itertools import pairwise

from acidtest.checker.machine import Kind, Property, implied
from acidtest.checker.theory import Diagram, Size, Study, Theorem, counted
from acidtest.models.outbox.relays import (
    ABSENT,
    DELETED,
    ERROR,
    IN_MEMORY,
    NACKED,
    NOBODY,
    PARKED,
    PENDING,
    SENT,
    STOPPED,
    SWITCHES,
    OutboxRelay,
    RelayView,
)

#: Which rule each property needs, if it is a single one: turned over, the property falls.
NEEDS = {
    name: next(switch for switch in SWITCHES if switch.name == rule)
    for name, rule in {
        "OB1": "hook_only", "OB2": "publish_early", "OB3": "give_up", "OB5": "claims", "OB6": "fresh_ids",
        "OB7": "mark_first", "OB9": "by_age", "OB10": "fenced", "OB12": "dies_on_error", "OB3.live": "dies_on_error",
        "G1": "by_age", "G5": "mark_first", "G6": "leases",
    }.items()
}  # fmt: skip


# Predicates over views.


def is_over(v: RelayView) -> bool:
    """Every transaction has ended."""
    return len(v.state.commits) + len(v.state.aborted) == len(v.keys)


def waits(v: RelayView, i: int) -> bool:
    """A message is parked, or stands behind a parked one of its key: unpublished, but for all to see."""
    s = v.state
    return any(s.rows[j] == PARKED and v.keys[j] == v.keys[i] for j in s.positions[: s.positions.index(i) + 1])


def owed(v: RelayView) -> list[int]:
    """What is committed, neither published nor waiting."""
    return [i for i in v.state.commits if i not in v.state.published and not waits(v, i)]


def row_for_change(v: RelayView) -> bool:
    """Business changes and rows belong together."""
    return {i for i, row in enumerate(v.state.rows) if row not in (ABSENT, IN_MEMORY)} == set(v.state.commits)


def on_its_way(v: RelayView) -> bool:
    """What is committed is published, or a row says that it is owed."""
    s = v.state
    return all(i in s.published or s.rows[i] in (PENDING, PARKED) for i in s.commits)


def in_order(v: RelayView) -> bool:
    """First copies follow commit order, per key."""
    place = v.state.commits.index
    return all(place(i) < place(j) for i, j in same_key(v))


def same_key(v: RelayView) -> list[tuple[int, int]]:
    """Published messages of one key that follow each other."""
    by_key = [[i for i in v.state.published if v.keys[i] == key and i in v.state.commits] for key in sorted(set(v.keys))]
    return [pair for found in by_key for pair in pairwise(found)]


def repeated(v: RelayView) -> bool:
    """Some message is on the broker twice."""
    return any(len(ids) > 1 for ids in v.state.copies)


def excused(v: RelayView) -> bool:
    """Further copies are not more than what went wrong with a message."""
    return all(len(ids) <= 1 + n for ids, n in zip(v.state.copies, v.state.excused, strict=True))


def confirmed(v: RelayView, *statuses: str) -> bool:
    """All rows of these statuses are published."""
    return all(i in v.state.published for i, row in enumerate(v.state.rows) if row in statuses)


def stale(before: RelayView, after: RelayView) -> bool:
    """A relay moved that had lost its lease."""
    both = enumerate(zip(before.state.relays, after.state.relays, strict=True))
    return any(was != now and was.message != NOBODY and before.state.owners[was.message] != r for r, (was, now) in both)


def same_rows(before: RelayView, after: RelayView) -> bool:
    """Nothing changed in the table."""
    return before.state.rows == after.state.rows and before.state.owners == after.state.owners


def met_error(before: RelayView, after: RelayView) -> bool:
    """A relay to which the broker did not say yes went on from there."""
    both = zip(before.state.relays, after.state.relays, strict=True)
    return any(was != now and was.phase in (NACKED, ERROR) for was, now in both)


def stays(before: RelayView, after: RelayView) -> bool:
    """What was sent or deleted is so for ever, and so is what was committed or published."""
    was, now = before.state, after.state
    ended = all(a in (SENT, DELETED) for b, a in zip(was.rows, now.rows, strict=True) if b in (SENT, DELETED))
    kept = now.commits[: len(was.commits)] == was.commits and now.published[: len(was.published)] == was.published
    return ended and kept


def others_done(v: RelayView) -> bool:
    """All messages of keys without poison are published."""
    spoilt = v.keys[v.poison] if v.poison != NOBODY else ""
    return is_over(v) and all(i in v.state.published for i in v.state.commits if v.keys[i] != spoilt)


def seen_late(v: RelayView) -> bool:
    """A row became visible after one of a higher position."""
    return tuple(i for i in v.state.positions if i in v.state.commits) != v.state.commits


def lost(v: RelayView) -> bool:
    """Something is committed that nobody will ever publish, as far as rows and memories tell."""
    s = v.state
    held = {relay.message for relay in s.relays}
    return any(s.rows[i] not in (PENDING, IN_MEMORY) and i not in held for i in owed(v))


def none_behind(v: RelayView) -> bool:
    """Nothing that could be published waits."""
    return not any(v.state.rows[i] == PENDING and waits(v, i) for i in v.state.commits)


_R = "Richardson 2018, ch. 3; PATTERNS 10"
_HELD = "PATTERNS 0"

OB4 = implied("OB4", "first copies follow commit order, per key", Kind.ALWAYS, lambda v: bool(same_key(v)), in_order, _R)
OB8 = Property("OB8", "what is refused for ever does not hold up other keys", Kind.EVENTUALLY, others_done, _R)
OB11 = Property("OB11", "no row is passed over, however late it is seen", Kind.AT_REST, lambda v: not owed(v), _R)
OB3_LIVE = Property(
    "OB3.live", "all that is committed gets published, or waits visibly", Kind.EVENTUALLY,
    lambda v: is_over(v) and not owed(v), _R,
)  # fmt: skip
G11 = Property(
    "G11", "without faults everything can be published", Kind.SOMETIMES,
    lambda v: not v.state.faults and len(v.state.published) == len(v.keys), _HELD,
)  # fmt: skip


def properties() -> tuple[Property, ...]:
    """What holds while the rules are kept."""
    return (
        Property("OB1", "a change is committed if and only if its row is", Kind.ALWAYS, row_for_change, _R),
        implied(
            "OB2", "what is published was committed", Kind.ALWAYS, lambda v: bool(v.state.published),
            lambda v: set(v.state.published) <= set(v.state.commits), _R,
        ),
        implied("OB3", "what was committed is published in the end, or waits visibly", Kind.AT_REST,
                lambda v: bool(v.state.commits), lambda v: not owed(v), _R),
        OB4,
        implied("OB5", "a further copy needs a crash, a lost answer or a lost lease", Kind.ALWAYS, repeated, excused, _R),
        implied("OB6", "all copies of a message carry one id", Kind.ALWAYS, repeated,
                lambda v: all(len(set(ids)) <= 1 for ids in v.state.copies), _R),
        implied("OB7", "what is marked was accepted by the broker", Kind.ALWAYS, lambda v: SENT in v.state.rows,
                lambda v: confirmed(v, SENT), _R),
        OB8,
        implied("OB9", "what is cleaned away was published", Kind.ALWAYS, lambda v: DELETED in v.state.rows,
                lambda v: confirmed(v, DELETED), _R),
        implied("OB10", "a relay without the lease changes no row", Kind.STEP, stale, same_rows, "Kleppmann 2016; PATTERNS 10"),
        OB11,
        implied("OB12", "a relay survives an error", Kind.STEP, met_error,
                lambda _, v: all(relay.phase != STOPPED for relay in v.state.relays), _R),
        implied("G1", "what is committed is published or owed, at every instant", Kind.ALWAYS,
                lambda v: bool(v.state.commits), on_its_way, _HELD),
        Property("G5", "what is committed, published or marked stays so", Kind.STEP, stays, _HELD),
        Property("G6", "no claim is left behind", Kind.AT_REST, lambda v: set(v.state.owners) == {NOBODY}, _HELD),
        OB3_LIVE,
        G11,
    )  # fmt: skip


N1 = Property("N1", "publish, then mark: a message is published twice", Kind.SOMETIMES, repeated, "PATTERNS 10, N1")
N1_LOSS = Property("N1.loss", "mark, then publish: a message is lost", Kind.SOMETIMES, lost, "PATTERNS 10, N1")
N2 = Property("N2", "nothing stays behind a parked message of its key", Kind.AT_REST, none_behind, "PATTERNS 10, N2")
N3 = Property("N3", "two relays publish one key out of order", Kind.SOMETIMES, lambda v: not in_order(v), "PATTERNS 10, N3")
N4 = Property("N4", "a hook after the commit loses a message", Kind.SOMETIMES, lost, "PATTERNS 10, N4")
N5 = Property("N5", "a row is seen after one of a higher position", Kind.SOMETIMES, seen_late, "PATTERNS 10, N5")


ONE_KEY = {"keys": "aa", "relays": 2, "faults": 1, "slow": (1,)}
POISONED = {"keys": "aab", "relays": 1, "faults": 1, "poison": 0, "slow": (2,)}

STUDY = Study(
    name="outbox with relays",
    make=OutboxRelay,
    switches=SWITCHES,
    sizes=(
        Size("2 messages of 1 key, 2 relays, 1 fault", ONE_KEY, 619, 16),
        Size("3 messages of 2 keys, 1 of them poisoned, 1 relay, 1 fault", POISONED, 7_597, 26),
        Size("3 messages of 2 keys, 2 relays, 1 fault", {"keys": "aab", "relays": 2, "faults": 1}, 14_185, 20),
    ),
    properties=properties(),
    theorems=(
        Theorem(N1, {}, {"mark_first": True}),
        Theorem(N1_LOSS, {"mark_first": True}, {}),
        Theorem(N2, {}, {"block_key": False}, size=Size("2 messages of 1 key, the first poisoned", {"keys": "aa", "relays": 1, "faults": 0, "poison": 0}, 0, 0)),
        Theorem(OB4, {"block_key": False}, {}, size=1),
        Theorem(N3, {"serial_keys": False}, {}),
        Theorem(N4, {"hook_only": True}, {}),
        Theorem(N5, size=1),
        Theorem(OB8, {"park": False}, {}, size=1),
        Theorem(OB11, {"by_position": True}, {}, size=1),
        *(Theorem(p, {NEEDS[p.id].name: not NEEDS[p.id].default}, {}) for p in properties() if p.id in NEEDS),
    ),
    diagram=Diagram(
        {"keys": "a", "relays": 1, "faults": 1},
        lambda s: f"row {s.rows[0]}\nrelay {s.relays[0].phase}\n{counted(len(s.copies[0]), 'copy', 'copies')}",
        hidden=frozenset({"Outage", "Return", "Cleanup"}),
    ),
)
