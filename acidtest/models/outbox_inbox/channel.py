"""An exactly-once channel over two hops, and what a chain of outboxes and inboxes that implements it looks like.

`Channel` passes each transfer on once and in order. What is claimed of the chain (`outbox_inbox` is the machine) is
PATTERNS 12: EO1-EO8, with money counted by the ids of what is on the way.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from acidtest.checker.machine import Kind, Model, Property, Transition, implied
from acidtest.checker.theory import Size, Study, Switch
from acidtest.models.shared.ledger import put

if TYPE_CHECKING:
    from collections.abc import Sequence

ABSENT, PENDING, PUBLISHED, SENT = "absent", "pending", "published", "sent"
HOPS = (0, 1)
#: How much of a transfer leaves the first service, and how much of that the second one passes on.
AMOUNTS = (2, 1)
NOTHING = -1

Order: TypeAlias = tuple[int, ...]


class Channel(Model[tuple[Order, ...]]):
    """Exactly once, in order: what was taken, what has passed the second service, and what has arrived."""

    name = "exactly-once channel"
    fields = ("taken", "passed", "arrived")

    def __init__(self, n: int, **_: object) -> None:
        self.n = n

    def initial_states(self) -> list[tuple[Order, ...]]:
        """Nothing was taken."""
        return [((), (), ())]

    def transitions(self) -> Sequence[Transition]:
        """Take the next transfer, or move one on."""
        return [Transition("Take", self.take), Transition("Move", self.move, [(h,) for h in HOPS])]

    def take(self, s: tuple[Order, ...]) -> tuple[Order, ...] | None:
        """The next transfer is accepted."""
        return ((*s[0], len(s[0])), *s[1:]) if len(s[0]) < self.n else None

    def move(self, s: tuple[Order, ...], hop: int) -> tuple[Order, ...] | None:
        """The next transfer takes effect one service further."""
        here, there = s[hop], s[hop + 1]
        return put(s, hop + 1, (*there, here[len(there)])) if len(there) < len(here) else None

    def view(self, s: tuple[Order, ...]) -> tuple[Order, ...]:
        """Everything."""
        return s


class ChainState(NamedTuple):
    """Durable but for `held` and `owing`; two of everything, one for each hop, and messages by their ids.

    Arguments:
        taken: how many transfers the first service has accepted.
        rows: the outbox; PUBLISHED is what only the memory of the relay knows.
        queue: the broker.
        held: the message that the consumer has committed and not acknowledged.
        inbox: the records of the consumer.
        purged: those that were cleaned away.
        applied: the transfers that took effect, in order.
        owing: transfers whose rows the second service has yet to write, where that is a transaction of its own.
        mails: how many mails the last service has sent, per transfer.
        faults: how many there were.
    """

    taken: int
    rows: tuple[tuple[str, ...], ...]
    queue: tuple[Order, ...] = ((), ())
    held: Order = (NOTHING, NOTHING)
    inbox: tuple[frozenset[int], ...] = (frozenset(), frozenset())
    purged: tuple[frozenset[int], ...] = (frozenset(), frozenset())
    applied: tuple[Order, ...] = ((), ())
    owing: Order = ()
    mails: Order = ()
    faults: int = 0


class ChainView(NamedTuple):
    """What an outsider sees of all services and the broker, and how many transfers there are."""

    n: int
    state: ChainState


SWITCHES = (
    Switch("separate_tx", "the second service writes what it owes in a transaction of its own"),
    Switch("publish_early", "the second service publishes before it commits"),
    Switch("random_ids", "a copy that is processed again makes outputs with new ids"),
    Switch("short_retention", "records are cleaned away while copies may still come"),
    Switch("no_record", "a consumer does not look for records"),
    Switch("unordered", "the broker delivers in any order"),
    Switch("versions", "a consumer takes a message only after the one before it"),
    Switch("restore", "the last service may be set back to a backup"),
    Switch("mail", "the last service also sends a mail, before it commits"),
)


# Predicates over views.


def may_come(s: ChainState, hop: int, i: int) -> bool:
    """Whether a copy of a message may still arrive."""
    return s.rows[hop][i] != SENT or i in s.queue[hop]


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
G11 = Property(
    "G11", "everything can arrive without faults", Kind.SOMETIMES, lambda v: arrived(v) and not v.state.faults, "PATTERNS 0"
)

N1 = Property(
    "N1", "a transfer is taken here, and not to be seen there", Kind.SOMETIMES,
    lambda v: v.state.taken > len(v.state.applied[0]), "PATTERNS 12",
)  # fmt: skip
N2 = Property("N2", "a mail goes out twice", Kind.SOMETIMES, lambda v: max(v.state.mails) > 1, "PATTERNS 12")
N3 = Property(
    "N3", "a service is set back, and what it had is nowhere", Kind.SOMETIMES, lambda v: not conserved(v), "PATTERNS 12",
)  # fmt: skip
N4 = Property(
    "N4", "transfers overtake each other on a broker without order", Kind.SOMETIMES, lambda v: not in_order(v), "PATTERNS 12",
)  # fmt: skip


def properties() -> tuple[Property, ...]:
    """What holds while the rules are kept."""
    return EO1, EO1_REST, EO2, EO3, EO4, EO5, EO6, EO7, G9, G11


CHANNEL_ORDER = implied(
    "EO4", "transfers move in order", Kind.ALWAYS, lambda s: len(s[1]) > 1,
    lambda s: all(a < b for done in s for a, b in pairwise(done)), _H,
)  # fmt: skip
CHANNEL_PASSES = Property("G9", "everything arrives", Kind.EVENTUALLY, lambda s: s[0] == s[2] != (), "PATTERNS 0")

CHANNEL = Study(
    name="exactly-once channel",
    make=Channel,
    sizes=(Size("2 transfers", {"n": 2}, 10, 7), Size("4 transfers", {"n": 4}, 35, 13)),
    properties=(CHANNEL_ORDER, CHANNEL_PASSES),
)
