"""The inbox: a consumer that handles each message once, although it may come twice, at the same time, late or wrong.

A worker takes a message, looks for its record, works, commits record and effect in one transaction, and acknowledges:
separate steps, between which it may crash or the message may be given to another worker. The uncommitted insert of a
record makes a second one wait, as a unique index does. Sources: Helland, "Life beyond distributed transactions", 2007;
Leach, "Designing robust and predictable APIs with idempotency", 2017; PATTERNS 11.

Assumed: no worker holds a message for longer than the broker may redeliver it, and the broker stops at some time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.checker.machine import Action, Model, Transition
from acidtest.checker.theory import Claim, Diagram, Size, Study, Theorem, Theory
from acidtest.models.inbox import dedup as of
from acidtest.models.inbox.dedup import NOBODY, Delivery, InboxState, InboxView, Record, Worker
from acidtest.models.shared.ledger import put

if TYPE_CHECKING:
    from collections.abc import Sequence

#: More mails, effects and ids than these are not counted.
MANY = 2


class Inbox(Model[InboxState]):
    """An inbox over a fixed list of deliveries.

    Arguments:
        deliveries: in the order of their versions.
        workers: how many, for all consumers.
        faults: how many crashes, errors and resent messages there may be in all.
        poison: the delivery that cannot be handled; -1 for none.
        switches: rules and assumptions, as listed in SWITCHES.
    """

    name = "inbox"
    faults = frozenset({"Redeliver", "Resend", "Forget", "Purge", "Fail", "Crash"})

    def __init__(
        self, deliveries: tuple[Delivery, ...], workers: int, faults: int = 1, poison: int = NOBODY, **switches: bool
    ) -> None:
        self.deliveries, self.n_workers, self.budget, self.poison = deliveries, workers, faults, poison
        self.on = frozenset(s.name for s in of.SWITCHES if switches.get(s.name, s.default))
        names = [self._name(delivery) for delivery in deliveries]
        self.key = tuple([names.index(name) for name in names])
        self.consumers = sorted({delivery.consumer for delivery in deliveries})

    def _name(self, d: Delivery) -> tuple[object, ...]:
        """What identifies a message to the inbox."""
        if "by_content" in self.on:
            return d.consumer, d.payload
        return (d.id,) if "any_consumer" in self.on else (d.consumer, d.id)

    def initial_states(self) -> list[InboxState]:
        """Everything is queued."""
        n, nothing = len(self.deliveries), (frozenset[int](),) * len(self.deliveries)
        workers, latest = (Worker(of.IDLE),) * self.n_workers, (NOBODY,) * len(self.consumers)
        return [InboxState((of.QUEUED,) * n, (Record(),) * n, (0,) * n, latest, nothing, nothing, (0,) * n, workers)]

    def transitions(self) -> Sequence[Transition]:
        """The broker, the workers, and time."""
        each, workers = [(i,) for i in range(len(self.deliveries))], [(w,) for w in range(self.n_workers)]
        given = [(w, i) for (w,) in workers for (i,) in each]
        mails = not self.on.isdisjoint({"mail_before", "mail_after"})
        table = [
            Transition("Deliver", self.deliver, given),
            Transition("Redeliver", self.redeliver, given),
            Transition("Resend", self.resend, each),
            Transition("Forget", self.forget, each),
            Transition("Purge", self.purge, each),
            Transition("Begin", self.begin, workers),
            Transition("Mail" if mails else "", self.mail, workers),
            Transition("Commit", self.commit, workers),
            Transition("Record" if "record_last" in self.on else "", self.record, workers),
            Transition("Ack", self.ack, workers),
            Transition("Fail", self.fail, workers),
            Transition("Refuse" if self.poison != NOBODY else "", self.refuse, workers),
            Transition("Nack", self.nack, workers),
            Transition("Alarm", self.alarm, workers),
            Transition("Crash", self.crash, workers),
            Transition("Expire" if "expiry" in self.on else "", self.expire, each),
        ]
        return [t for t in table if t.name]

    def deliver(self, s: InboxState, w: int, i: int) -> InboxState | None:
        """A message is given to an idle worker."""
        if s.workers[w].phase != of.IDLE or s.broker[i] != of.QUEUED or any(other.delivery == i for other in s.workers):
            return None
        broker = put(s.broker, i, of.ACKED) if "ack_first" in self.on else s.broker
        return self._at(s._replace(broker=broker), w, of.GOT, i)

    def redeliver(self, s: InboxState, w: int, i: int) -> InboxState | None:
        """The broker loses patience, and gives it to a second one."""
        if s.workers[w].phase != of.IDLE or s.broker[i] != of.QUEUED or all(other.delivery != i for other in s.workers):
            return None
        return self._at(s, w, of.GOT, i)

    def resend(self, s: InboxState, i: int) -> InboxState | None:
        """The message comes again, although it was acknowledged."""
        again = s.broker[i] == of.ACKED or (s.broker[i] == of.OVER and "unbounded" in self.on)
        if not again or s.faults == self.budget:
            return None
        return s._replace(broker=put(s.broker, i, of.QUEUED), faults=s.faults + 1)

    def forget(self, s: InboxState, i: int) -> InboxState | None:
        """So much time passes that the message will not come again."""
        if s.broker[i] != of.ACKED or any(worker.delivery == i for worker in s.workers):
            return None
        return s._replace(broker=put(s.broker, i, of.OVER))

    def purge(self, s: InboxState, i: int) -> InboxState | None:
        """Records that are older than that are cleaned away."""
        old = all(s.broker[j] == of.OVER for j, key in enumerate(self.key) if key == i)
        if s.records[i].status != of.RECORDED or not (old or "short_retention" in self.on):
            return None
        return s._replace(records=put(s.records, i, Record()))

    def begin(self, s: InboxState, w: int) -> InboxState | None:
        """Look for the record, and insert one if there is none; wait while somebody else has inserted one."""
        phase, i = s.workers[w]
        record = s.records[self.key[i]]
        if phase != of.GOT or (record.status == of.NONE and self._is_locked(s, i)):
            return None
        if record.status == of.NONE:
            claim = Record(of.CLAIMED, w, i) if "claim_first" in self.on else record
            return self._at(s._replace(records=put(s.records, self.key[i], claim)), w, of.WORKING, i)
        if record.status == of.CLAIMED and "expiry" in self.on:
            return self._at(s, w, of.IDLE)
        same = "no_hash" in self.on or self.deliveries[record.delivery].payload == self.deliveries[i].payload
        return self._at(s, w, of.DUPLICATE if same else of.IMPOSTER, i)

    def _is_locked(self, s: InboxState, i: int) -> bool:
        """Whether an uncommitted insert of the same key is in the way; a claim is committed, and in nobody's way."""
        held = [x.delivery for x in s.workers if x.phase in (of.WORKING, of.MAILED)]
        return {"unique", "claim_first"} & self.on == {"unique"} and any(self.key[j] == self.key[i] for j in held)

    def mail(self, s: InboxState, w: int) -> InboxState | None:
        """An effect outside of the database."""
        phase, i = s.workers[w]
        if phase != (of.WORKING if "mail_before" in self.on else of.DONE) or i == self.poison:
            return None
        return self._at(s._replace(mails=put(s.mails, i, min(s.mails[i] + 1, MANY))), w, of.MAILED, i)

    def commit(self, s: InboxState, w: int) -> InboxState | None:
        """Effect, outputs and record become true together."""
        phase, i = s.workers[w]
        if phase != (of.MAILED if "mail_before" in self.on else of.WORKING) or i == self.poison:
            return None
        if "claim_first" in self.on and "fenced" in self.on and s.records[self.key[i]][:2] != (of.CLAIMED, w):
            return self._at(s, w, of.IDLE)
        c = self.consumers.index(self.deliveries[i].consumer)
        version = i if "unguarded" in self.on else max(i, s.latest[c])
        done = s._replace(
            effects=put(s.effects, i, min(s.effects[i] + 1, MANY)),
            latest=put(s.latest, c, version),
            outputs=put(s.outputs, i, s.outputs[i] | {i}),
        )
        return self._at(done, w, of.APPLIED, i) if "record_last" in self.on else self._recorded(done, w, i)

    def record(self, s: InboxState, w: int) -> InboxState | None:
        """The record, in a transaction of its own."""
        phase, i = s.workers[w]
        return self._recorded(s, w, i) if phase == of.APPLIED else None

    def _recorded(self, s: InboxState, w: int, i: int) -> InboxState:
        record = Record(of.RECORDED, NOBODY, i, sum(s.effects))
        return self._at(s._replace(records=put(s.records, self.key[i], record)), w, of.DONE, i)

    def ack(self, s: InboxState, w: int) -> InboxState | None:
        """Answer with what the record says, and acknowledge."""
        phase, i = s.workers[w]
        if phase not in {of.DUPLICATE, of.MAILED if "mail_after" in self.on else of.DONE}:
            return None
        error = phase == of.DUPLICATE and "duplicate_is_error" in self.on
        answers = s.answers[i] | {-1 if error else s.records[self.key[i]].answer}
        fresh = frozenset({len(self.deliveries)}) if phase == of.DUPLICATE and "new_ids" in self.on else frozenset[int]()
        known = s._replace(answers=put(s.answers, i, answers), outputs=put(s.outputs, i, s.outputs[i] | fresh))
        return self._at(known._replace(broker=put(s.broker, i, of.ACKED)), w, of.IDLE)

    def fail(self, s: InboxState, w: int) -> InboxState | None:
        """The handler meets an error, and the transaction is rolled back."""
        phase, i = s.workers[w]
        if phase != of.WORKING or s.faults == self.budget:
            return None
        return self._at(s._replace(faults=s.faults + 1), w, of.FAILED, i)

    def refuse(self, s: InboxState, w: int) -> InboxState | None:
        """The handler cannot handle this message, now or later."""
        phase, i = s.workers[w]
        return self._at(s, w, of.REFUSED, i) if phase == of.WORKING and i == self.poison else None

    def nack(self, s: InboxState, w: int) -> InboxState | None:
        """Give it back, or set it aside if it cannot be handled."""
        phase, i = s.workers[w]
        if phase not in {of.FAILED, of.REFUSED}:
            return None
        aside = "requeue_poison" not in self.on if phase == of.REFUSED else "dead_on_error" in self.on
        return self._at(s._replace(broker=put(s.broker, i, of.DEAD)) if aside else s, w, of.IDLE)

    def alarm(self, s: InboxState, w: int) -> InboxState | None:
        """Set aside a message whose id belongs to another, for all to see."""
        phase, i = s.workers[w]
        return self._at(s._replace(broker=put(s.broker, i, of.ALARMED)), w, of.IDLE) if phase == of.IMPOSTER else None

    def crash(self, s: InboxState, w: int) -> InboxState | None:
        """A worker loses its memory and its open transaction, and starts again."""
        if s.workers[w].phase == of.IDLE or s.faults == self.budget:
            return None
        return self._at(s._replace(faults=s.faults + 1), w, of.IDLE)

    def expire(self, s: InboxState, i: int) -> InboxState | None:
        """A claim runs out, whether its owner is alive or not: nobody can tell."""
        return s._replace(records=put(s.records, i, Record())) if s.records[i].status == of.CLAIMED else None

    def _at(self, s: InboxState, w: int, phase: str, i: int = NOBODY) -> InboxState:
        return s._replace(workers=put(s.workers, w, Worker(phase, i)))

    def view(self, state: InboxState) -> InboxView:
        """Everything."""
        return InboxView(self.deliveries, self.key, self.poison, state)

    def actor(self, action: Action) -> str:
        """A worker, the broker, or time."""
        if action.name in {"Deliver", "Redeliver", "Resend"}:
            return "broker"
        return "time" if action.name in {"Forget", "Purge", "Expire"} else f"worker {action.args[0]}"


TWO_CONSUMERS = (Delivery("A", 1, "a"), Delivery("B", 1, "a"))
#: Two equal payments, and one that took the id of the first.
THREE_MESSAGES = (Delivery("A", 1, "a"), Delivery("A", 2, "a"), Delivery("A", 1, "b"))

STUDY = Study(
    name="inbox",
    make=Inbox,
    switches=of.SWITCHES,
    sizes=(
        Size("1 message to 2 consumers, poison to one, 1 fault", {"deliveries": TWO_CONSUMERS, "workers": 2, "poison": 1}, 598, 16),
        Size("3 messages, 2 of one id, 2 of one payload, 1 fault", {"deliveries": THREE_MESSAGES, "workers": 2}, 7_968, 19),
    ),
    properties=of.properties(),
    theorems=(
        Theorem(of.N1, {"unbounded": True}, {}),
        Theorem(of.N2, {"mail_before": True}, {"mail_after": True}),
        Theorem(of.N2_LOSS, {"mail_after": True}, {"mail_before": True}),
        Theorem(of.N3, {"by_content": True}, {}, size=1),
        Theorem(of.N4_LOSS, {"claim_first": True}, {}),
        Theorem(of.N4_TWICE, {"claim_first": True, "expiry": True, "fenced": False}, {"claim_first": True, "expiry": True}),
        Theorem(of.ONCE, {"unique": False}, {}),
        Theorem(of.IN_THE_END, {"dead_on_error": True}, {}),
        Theorem(of.ATOMIC, {"record_last": True}, {}),
        Theorem(of.ACK_LAST, {"ack_first": True}, {}),
        Theorem(of.SCOPE, {"any_consumer": True}, {}),
        Theorem(of.RETENTION, {"short_retention": True}, {}),
        Theorem(of.NO_TRACE, {"claim_first": True}, {}),
        Theorem(of.SAME_OUTPUTS, {"new_ids": True}, {}),
        Theorem(of.SAME_ANSWER, {"duplicate_is_error": True}, {}),
        Theorem(of.RACE, {"unique": False}, {}),
        Theorem(of.ALARM, {"no_hash": True}, {}, size=1),
        Theorem(of.NEWEST, {"unguarded": True}, {}, size=1),
        Theorem(of.NO_CLAIM_LEFT, {"claim_first": True}, {}),
        Theorem(of.SETTLES, {"requeue_poison": True}, {}),
    ),
    diagram=Diagram(
        {"deliveries": TWO_CONSUMERS[:1], "workers": 1},
        lambda s: f"{s.broker[0]}, {s.effects[0]} effects\nrecord: {s.records[0].status}\nworker {s.workers[0].phase}",
    ),
)

THEORY = Theory(
    promise=(
        "A message that comes more than once has one effect: the consumer keeps a record of what it has handled, and "
        "commits it together with the effect. A copy finds the record, and gets the answer that the first one got."
    ),
    studies=(STUDY,),
    aspects={
        "atomicity": ("IB2", "IB6", "N2"), "isolation": ("IB8.race",), "durability": ("IB3",),
        "idempotency": ("IB1", "IB4", "IB7", "IB8", "IB9", "N1", "N3"), "termination": ("G9", "IB1.rest", "IB11", "N4"),
        "order": ("IB10",),
    },
    omitted={
        "G2": "the effect of a message is counted, not weighed: nothing here has a balance that could be overdrawn",
    },
    claims=(
        Claim("consumers can be made idempotent, which the outbox needs", "refined", ("IB1", "IB1.rest", "N1", "N2"),
              "as long as records outlive redelivery, and only for effects in the database of the record"),
    ),
)  # fmt: skip
