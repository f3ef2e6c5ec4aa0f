"""The inbox: a consumer that handles each message once, although it may come twice, at the same time, late or wrong.

A worker takes a message, looks for its record, works, commits record and effect in one transaction, and acknowledges:
separate steps, between which it may crash or the message may be given to another worker. The uncommitted insert of a
record makes a second one wait, as a unique index does. Sources: Helland, "Life beyond distributed transactions", 2007;
Leach, "Designing robust and predictable APIs with idempotency", 2017; PATTERNS 11.

Assumed: no worker holds a message for longer than the broker may redeliver it, and the broker stops at some time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.machine import Action, Model, Transition
from acidtest.checker.theory import Switch
from acidtest.models.shared.tuples import put

if TYPE_CHECKING:
    from collections.abc import Sequence

#: More mails and effects than these are not counted: twice is enough to be wrong, and it keeps the model finite.
MANY = 2
#: Where a delivery is: not acknowledged, acknowledged, past all redelivery, set aside as poison or as an imposter.
QUEUED, ACKED, OVER, DEAD, ALARMED = "queued", "acked", "over", "dead", "alarmed"
#: What a worker is at.
IDLE, GOT, WORKING, MAILED, APPLIED, DONE = "idle", "got", "working", "mailed", "applied", "done"
DUPLICATE, IMPOSTER, FAILED, REFUSED = "duplicate", "imposter", "failed", "refused"
#: What a record says.
NONE, CLAIMED, RECORDED = "none", "claimed", "recorded"
NOBODY = -1


class Delivery(NamedTuple):
    """A message to a consumer, with the id and the payload that its sender gave it."""

    consumer: str
    id: int
    payload: str


class Worker(NamedTuple):
    """The memory of a worker: what it is at, with which delivery."""

    phase: str
    delivery: int = NOBODY


class Record(NamedTuple):
    """A row of the inbox: its status, who claimed it, the delivery that it is of, and the answer that was given."""

    status: str = NONE
    owner: int = NOBODY
    delivery: int = NOBODY
    answer: int = 0


class InboxState(NamedTuple):
    """Durable but for the workers; all by number of the delivery.

    Arguments:
        broker: where each delivery is.
        records: the inbox, by the first delivery that has the same key.
        effects: how often each took effect.
        latest: per consumer in order of the deliveries, the version that its state has; the later number is the newer.
        outputs: the ids of what was sent on.
        answers: what senders were told; -1 is an error.
        mails: how many mails went out.
        workers: their memory.
        faults: how many crashes, errors and resent messages there were.
    """

    broker: tuple[str, ...]
    records: tuple[Record, ...]
    effects: tuple[int, ...]
    latest: tuple[int, ...]
    outputs: tuple[frozenset[int], ...]
    answers: tuple[frozenset[int], ...]
    mails: tuple[int, ...]
    workers: tuple[Worker, ...]
    faults: int = 0


class InboxView(NamedTuple):
    """What an outsider sees: everything, the deliveries, their keys, and the one that cannot be handled."""

    deliveries: tuple[Delivery, ...]
    key: tuple[int, ...]
    poison: int
    state: InboxState


SWITCHES = (
    Switch("unique", "a record is inserted before the work, and a second insert waits for the first", default=True),
    Switch("fenced", "a claim that ran out cannot be completed", default=True),
    Switch("claim_first", "a record is committed before the work, as claimed, and completed after it"),
    Switch("expiry", "claims run out"),
    Switch("record_last", "the record is committed after the effect"),
    Switch("ack_first", "a message is acknowledged when it is received"),
    Switch("any_consumer", "the key is the id alone, whoever consumes"),
    Switch("by_content", "the key is the payload"),
    Switch("no_hash", "records do not keep the payload"),
    Switch("short_retention", "records are cleaned away while messages may still come again"),
    Switch("unbounded", "messages may come again after any time"),
    Switch("unguarded", "an older version overwrites a newer one"),
    Switch("new_ids", "a duplicate sends on again, under new ids"),
    Switch("duplicate_is_error", "a duplicate is answered with an error"),
    Switch("requeue_poison", "what cannot be handled is tried for ever"),
    Switch("dead_on_error", "what failed once is set aside"),
    Switch("mail_before", "the handler also sends a mail, before it commits"),
    Switch("mail_after", "the handler also sends a mail, after it committed"),
)


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
        self.on = frozenset(s.name for s in SWITCHES if switches.get(s.name, s.default))
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
        workers, latest = (Worker(IDLE),) * self.n_workers, (NOBODY,) * len(self.consumers)
        return [InboxState((QUEUED,) * n, (Record(),) * n, (0,) * n, latest, nothing, nothing, (0,) * n, workers)]

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
        if s.workers[w].phase != IDLE or s.broker[i] != QUEUED or any(other.delivery == i for other in s.workers):
            return None
        broker = put(s.broker, i, ACKED) if "ack_first" in self.on else s.broker
        return self._at(s._replace(broker=broker), w, GOT, i)

    def redeliver(self, s: InboxState, w: int, i: int) -> InboxState | None:
        """The broker loses patience, and gives it to a second one."""
        if s.workers[w].phase != IDLE or s.broker[i] != QUEUED or all(other.delivery != i for other in s.workers):
            return None
        return self._at(s, w, GOT, i)

    def resend(self, s: InboxState, i: int) -> InboxState | None:
        """The message comes again, although it was acknowledged."""
        again = s.broker[i] == ACKED or (s.broker[i] == OVER and "unbounded" in self.on)
        if not again or s.faults == self.budget:
            return None
        return s._replace(broker=put(s.broker, i, QUEUED), faults=s.faults + 1)

    def forget(self, s: InboxState, i: int) -> InboxState | None:
        """So much time passes that the message will not come again."""
        if s.broker[i] != ACKED or any(worker.delivery == i for worker in s.workers):
            return None
        return s._replace(broker=put(s.broker, i, OVER))

    def purge(self, s: InboxState, i: int) -> InboxState | None:
        """Records that are older than that are cleaned away."""
        old = all(s.broker[j] == OVER for j, key in enumerate(self.key) if key == i)
        if s.records[i].status != RECORDED or not (old or "short_retention" in self.on):
            return None
        return s._replace(records=put(s.records, i, Record()))

    def begin(self, s: InboxState, w: int) -> InboxState | None:
        """Look for the record, and insert one if there is none; wait while somebody else has inserted one."""
        phase, i = s.workers[w]
        record = s.records[self.key[i]]
        if phase != GOT or (record.status == NONE and self._is_locked(s, i)):
            return None
        if record.status == NONE:
            claim = Record(CLAIMED, w, i) if "claim_first" in self.on else record
            return self._at(s._replace(records=put(s.records, self.key[i], claim)), w, WORKING, i)
        if record.status == CLAIMED and "expiry" in self.on:
            return self._at(s, w, IDLE)
        same = "no_hash" in self.on or self.deliveries[record.delivery].payload == self.deliveries[i].payload
        return self._at(s, w, DUPLICATE if same else IMPOSTER, i)

    def _is_locked(self, s: InboxState, i: int) -> bool:
        """Whether an uncommitted insert of the same key is in the way; a claim is committed, and in nobody's way."""
        held = [x.delivery for x in s.workers if x.phase in (WORKING, MAILED)]
        return {"unique", "claim_first"} & self.on == {"unique"} and any(self.key[j] == self.key[i] for j in held)

    def mail(self, s: InboxState, w: int) -> InboxState | None:
        """An effect outside of the database."""
        phase, i = s.workers[w]
        if phase != (WORKING if "mail_before" in self.on else DONE) or i == self.poison:
            return None
        return self._at(s._replace(mails=put(s.mails, i, min(s.mails[i] + 1, MANY))), w, MAILED, i)

    def commit(self, s: InboxState, w: int) -> InboxState | None:
        """Effect, outputs and record become true together."""
        phase, i = s.workers[w]
        if phase != (MAILED if "mail_before" in self.on else WORKING) or i == self.poison:
            return None
        if "claim_first" in self.on and "fenced" in self.on and s.records[self.key[i]][:2] != (CLAIMED, w):
            return self._at(s, w, IDLE)
        c = self.consumers.index(self.deliveries[i].consumer)
        version = i if "unguarded" in self.on else max(i, s.latest[c])
        done = s._replace(
            effects=put(s.effects, i, min(s.effects[i] + 1, MANY)),
            latest=put(s.latest, c, version),
            outputs=put(s.outputs, i, s.outputs[i] | {i}),
        )
        return self._at(done, w, APPLIED, i) if "record_last" in self.on else self._recorded(done, w, i)

    def record(self, s: InboxState, w: int) -> InboxState | None:
        """The record, in a transaction of its own."""
        phase, i = s.workers[w]
        return self._recorded(s, w, i) if phase == APPLIED else None

    def _recorded(self, s: InboxState, w: int, i: int) -> InboxState:
        record = Record(RECORDED, NOBODY, i, sum(s.effects))
        return self._at(s._replace(records=put(s.records, self.key[i], record)), w, DONE, i)

    def ack(self, s: InboxState, w: int) -> InboxState | None:
        """Answer with what the record says, and acknowledge."""
        phase, i = s.workers[w]
        if phase not in {DUPLICATE, MAILED if "mail_after" in self.on else DONE}:
            return None
        error = phase == DUPLICATE and "duplicate_is_error" in self.on
        answers = s.answers[i] | {-1 if error else s.records[self.key[i]].answer}
        fresh = frozenset({len(self.deliveries)}) if phase == DUPLICATE and "new_ids" in self.on else frozenset[int]()
        known = s._replace(answers=put(s.answers, i, answers), outputs=put(s.outputs, i, s.outputs[i] | fresh))
        return self._at(known._replace(broker=put(s.broker, i, ACKED)), w, IDLE)

    def fail(self, s: InboxState, w: int) -> InboxState | None:
        """The handler meets an error, and the transaction is rolled back."""
        phase, i = s.workers[w]
        if phase != WORKING or s.faults == self.budget:
            return None
        return self._at(s._replace(faults=s.faults + 1), w, FAILED, i)

    def refuse(self, s: InboxState, w: int) -> InboxState | None:
        """The handler cannot handle this message, now or later."""
        phase, i = s.workers[w]
        return self._at(s, w, REFUSED, i) if phase == WORKING and i == self.poison else None

    def nack(self, s: InboxState, w: int) -> InboxState | None:
        """Give it back, or set it aside if it cannot be handled."""
        phase, i = s.workers[w]
        if phase not in {FAILED, REFUSED}:
            return None
        aside = "requeue_poison" not in self.on if phase == REFUSED else "dead_on_error" in self.on
        return self._at(s._replace(broker=put(s.broker, i, DEAD)) if aside else s, w, IDLE)

    def alarm(self, s: InboxState, w: int) -> InboxState | None:
        """Set aside a message whose id belongs to another, for all to see."""
        phase, i = s.workers[w]
        return self._at(s._replace(broker=put(s.broker, i, ALARMED)), w, IDLE) if phase == IMPOSTER else None

    def crash(self, s: InboxState, w: int) -> InboxState | None:
        """A worker loses its memory and its open transaction, and starts again."""
        if s.workers[w].phase == IDLE or s.faults == self.budget:
            return None
        return self._at(s._replace(faults=s.faults + 1), w, IDLE)

    def expire(self, s: InboxState, i: int) -> InboxState | None:
        """A claim runs out, whether its owner is alive or not: nobody can tell."""
        return s._replace(records=put(s.records, i, Record())) if s.records[i].status == CLAIMED else None

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
