"""The inbox: what is claimed of a consumer that keeps one, and what it cannot have.

A delivery is a message on its way to one consumer. It is handled once if the inbox keeps a record of it that is written
together with the effect (Helland, "Life beyond distributed transactions", 2007; PATTERNS 11: IB1-IB11, N1-N4).
The machine is in `consumer`.
"""

from __future__ import annotations

from acidtest.checker.machine import Kind, Property, implied
from acidtest.checker.theory import Diagram, Size, Study, Theorem, counted
from acidtest.models.inbox.consumer import (
    ACKED,
    ALARMED,
    CLAIMED,
    DEAD,
    DUPLICATE,
    FAILED,
    NOBODY,
    NONE,
    OVER,
    QUEUED,
    RECORDED,
    SWITCHES,
    Delivery,
    Inbox,
    InboxView,
)

# Predicates over views.


def holding(v: InboxView, phase: str) -> list[int]:
    """The deliveries with which workers are at something."""
    return [worker.delivery for worker in v.state.workers if worker.phase == phase]


def silently(v: InboxView, i: int) -> bool:
    """A delivery went away as if it had been handled."""
    return v.state.broker[i] in (ACKED, OVER)


def handled(v: InboxView) -> bool:
    """Each delivery took effect once, or was set aside for a reason."""
    s = v.state
    return all(
        s.effects[i] == 1 or (s.broker[i] == DEAD and i == v.poison) or s.broker[i] == ALARMED for i in range(len(s.broker))
    )


def with_effect(v: InboxView) -> bool:
    """Records are of what took effect, and what took effect and may come again has a record."""
    s = v.state
    backed = all(s.effects[r.delivery] for r in s.records if r.status == RECORDED)
    return backed and all(
        s.records[v.key[i]].status == RECORDED for i, n in enumerate(s.effects) if n and s.broker[i] == QUEUED
    )


def same_answers(v: InboxView) -> bool:
    """Whoever asked about one message was told the same."""
    return all(len(told) <= 1 and -1 not in told for told in v.state.answers)


def no_imposter(v: InboxView) -> bool:
    """Of two deliveries with one id and different payloads, at most one looks handled."""
    each = range(len(v.deliveries))
    pairs = [(i, j) for i in each for j in each if i < j and v.deliveries[i][:2] == v.deliveries[j][:2]]
    return not any(silently(v, i) and silently(v, j) for i, j in pairs)


def newest(v: InboxView) -> bool:
    """The state of each consumer has the greatest version of those that took effect there."""
    consumers = sorted({delivery.consumer for delivery in v.deliveries})
    done = [[i for i, n in enumerate(v.state.effects) if n and v.deliveries[i].consumer == name] for name in consumers]
    return all(latest == max(numbers, default=NOBODY) for latest, numbers in zip(v.state.latest, done, strict=True))


def only_imposters(v: InboxView) -> bool:
    """Whatever was set aside as an imposter shares consumer and id with a delivery of another payload."""
    own = [v.deliveries[i] for i, where in enumerate(v.state.broker) if where == ALARMED]
    return all(any(d[:2] == each[:2] and d.payload != each.payload for d in v.deliveries) for each in own)


def settled(v: InboxView) -> bool:
    """The broker has nothing left to deliver."""
    return QUEUED not in v.state.broker


def two_at_one(v: InboxView) -> bool:
    """Two workers hold the same delivery."""
    held = [worker.delivery for worker in v.state.workers if worker.delivery != NOBODY]
    return len(held) > len(set(held))


_P = "PATTERNS 11"
ONCE = Property("IB1", "nothing takes effect twice", Kind.ALWAYS, lambda v: max(v.state.effects) <= 1, _P)
IN_THE_END = Property("IB1.rest", "all that was delivered took effect in the end", Kind.AT_REST, handled, _P)
ATOMIC = Property("IB2", "records and effects are committed together", Kind.ALWAYS, with_effect, _P)
ACK_LAST = implied(
    "IB3", "what was acknowledged took effect", Kind.ALWAYS, lambda v: ACKED in v.state.broker,
    lambda v: all(v.state.effects[i] for i, where in enumerate(v.state.broker) if where == ACKED), _P,
)  # fmt: skip
SCOPE = implied(
    "IB4", "what passes for a duplicate took effect at its own consumer", Kind.ALWAYS, lambda v: bool(holding(v, DUPLICATE)),
    lambda v: all(v.state.effects[i] for i in holding(v, DUPLICATE)), _P,
)  # fmt: skip
RETENTION = implied(
    "IB5", "what may still come again has its record", Kind.ALWAYS, lambda v: ACKED in v.state.broker,
    lambda v: all(v.state.records[v.key[i]].status != NONE for i, where in enumerate(v.state.broker) if where == ACKED), _P,
)  # fmt: skip
NO_TRACE = implied(
    "IB6", "a failed attempt leaves no record", Kind.ALWAYS, lambda v: bool(holding(v, FAILED)),
    lambda v: all(v.state.records[v.key[i]].status != CLAIMED for i in holding(v, FAILED)), _P,
)  # fmt: skip
SAME_OUTPUTS = Property(
    "IB7", "a duplicate sends on the same, under the same ids", Kind.ALWAYS,
    lambda v: all(len(ids) <= 1 for ids in v.state.outputs), _P,
)  # fmt: skip
SAME_ANSWER = Property("IB8", "who loses a race is told what the winner was", Kind.ALWAYS, same_answers, _P)
RACE = implied(
    "IB8.race", "two at the same message have one effect", Kind.ALWAYS, two_at_one, lambda v: max(v.state.effects) <= 1, _P,
)  # fmt: skip
ALARM = Property("IB9", "one id with two payloads does not pass", Kind.ALWAYS, no_imposter, _P)
NEWEST = Property(
    "IB10", "no older version overwrites a newer one", Kind.STEP,
    lambda b, a: all(was <= now for was, now in zip(b.state.latest, a.state.latest, strict=True)), _P,
)  # fmt: skip
NEWEST_IN_THE_END = Property("IB10.rest", "in the end each consumer has the newest version that took effect", Kind.AT_REST, newest, _P)
ONLY_IMPOSTERS = Property(
    "IB9.only", "nobody is set aside as an imposter but who shares an id with another payload", Kind.ALWAYS, only_imposters, _P,
)  # fmt: skip
NO_CLAIM_LEFT = Property(
    "IB11", "no claim is left behind", Kind.AT_REST, lambda v: all(r.status != CLAIMED for r in v.state.records), _P,
)  # fmt: skip
SETTLES = Property("G9", "every message is handled, or set aside for all to see", Kind.EVENTUALLY, settled, "PATTERNS 0")
G11 = Property(
    "G11", "without faults all that can be handled can come to be", Kind.SOMETIMES,
    lambda v: handled(v) and settled(v) and not v.state.faults, "PATTERNS 0",
)  # fmt: skip

N1 = Property(
    "N1", "deliver, clean away, deliver again: two effects", Kind.SOMETIMES, lambda v: max(v.state.effects) > 1,
    "PATTERNS 11, N1",
)  # fmt: skip
N2 = Property("N2", "a mail goes out twice", Kind.SOMETIMES, lambda v: max(v.state.mails) > 1, "PATTERNS 11, N2")
N2_LOSS = Property(
    "N2.loss", "all is done and settled, and no mail went out", Kind.AT_REST,
    lambda v: all(not n or mails for n, mails in zip(v.state.effects, v.state.mails, strict=True)), "PATTERNS 11, N2",
)  # fmt: skip
N3 = Property(
    "N3", "of two equal payments one is swallowed", Kind.AT_REST,
    lambda v: all(v.state.effects[i] or not silently(v, i) for i in range(len(v.deliveries))), "PATTERNS 11, N3",
)  # fmt: skip
N4_LOSS = Property(
    "N4", "claimed first, never done: a crash loses the message", Kind.AT_REST,
    lambda v: all(n or i == v.poison or not silently(v, i) for i, n in enumerate(v.state.effects)), "PATTERNS 11, N4",
)  # fmt: skip
N4_TWICE = Property(
    "N4.twice", "claimed first, done twice: a claim ran out under a worker that was alive", Kind.SOMETIMES,
    lambda v: max(v.state.effects) > 1, "PATTERNS 11, N4",
)  # fmt: skip


def properties() -> tuple[Property, ...]:
    """What holds while the rules are kept."""
    return (
        ONCE, IN_THE_END, ATOMIC, ACK_LAST, SCOPE, RETENTION, NO_TRACE, SAME_OUTPUTS, SAME_ANSWER, RACE, ALARM, NEWEST, NEWEST_IN_THE_END, ONLY_IMPOSTERS,
        NO_CLAIM_LEFT, SETTLES, G11,
    )  # fmt: skip


TWO_CONSUMERS = (Delivery("A", 1, "a"), Delivery("B", 1, "a"))
#: Two equal payments, and one that took the id of the first.
THREE_MESSAGES = (Delivery("A", 1, "a"), Delivery("A", 2, "a"), Delivery("A", 1, "b"))

#: For what one message shows.
ONE_MESSAGE = Size("1 message, 1 worker, 1 fault", {"deliveries": TWO_CONSUMERS[:1], "workers": 1}, 0, 0)

STUDY = Study(
    name="inbox",
    make=Inbox,
    switches=SWITCHES,
    sizes=(
        Size("1 message to 2 consumers, poison to one, 1 fault", {"deliveries": TWO_CONSUMERS, "workers": 2, "poison": 1}, 598, 16),
        Size("3 messages, 2 of one id, 2 of one payload, 1 fault", {"deliveries": THREE_MESSAGES, "workers": 2}, 7_968, 19),
    ),
    properties=properties(),
    theorems=(
        Theorem(N1, {"unbounded": True}, {}),
        Theorem(N2, {"mail_before": True}, {"mail_after": True}),
        Theorem(N2_LOSS, {"mail_after": True}, {"mail_before": True}),
        Theorem(N3, {"by_content": True}, {}, size=1),
        Theorem(N4_LOSS, {"claim_first": True}, {}, size=ONE_MESSAGE),
        Theorem(N4_TWICE, {"claim_first": True, "expiry": True, "fenced": False}, {"claim_first": True, "expiry": True}),
        Theorem(ONCE, {"unique": False}, {}),
        Theorem(IN_THE_END, {"dead_on_error": True}, {}),
        Theorem(ATOMIC, {"record_last": True}, {}),
        Theorem(ACK_LAST, {"ack_first": True}, {}),
        Theorem(SCOPE, {"any_consumer": True}, {}),
        Theorem(RETENTION, {"short_retention": True}, {}),
        Theorem(NO_TRACE, {"claim_first": True}, {}),
        Theorem(SAME_OUTPUTS, {"new_ids": True}, {}),
        Theorem(SAME_ANSWER, {"duplicate_is_error": True}, {}),
        Theorem(RACE, {"unique": False}, {}),
        Theorem(ALARM, {"no_hash": True}, {}, size=1),
        Theorem(NEWEST, {"unguarded": True}, {}, size=1),
        Theorem(NO_CLAIM_LEFT, {"claim_first": True}, {}),
        Theorem(SETTLES, {"requeue_poison": True}, {}),
    ),
    diagram=Diagram(
        {"deliveries": TWO_CONSUMERS[:1], "workers": 1},
        lambda s: f"{s.broker[0]}, {counted(s.effects[0], 'effect')}\nrecord: {s.records[0].status}\nworker {s.workers[0].phase}",
    ),
)
