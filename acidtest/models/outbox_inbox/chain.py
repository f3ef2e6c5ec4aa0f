"""Outbox and inbox in a chain of three services: money leaves the first, some stays at the second, the rest moves on.

Between two services there is a table of rows that are owed, a relay that publishes and then marks, a broker that keeps
a queue, and a consumer that commits record, change and the rows of the next hop in one transaction, and acknowledges
after that. The chain implements an exactly-once channel (see `channel`). Source: Helland, "Life beyond distributed
transactions", 2007; PATTERNS 12.

Assumed: relays and consumers work for one key, one at a time (what happens else, the models of the two parts show), and
what is committed is not lost. Hop 0 leads from the first service to the second, hop 1 from there to the last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.machine import Action, Model, Transition
from acidtest.checker.theory import Switch
from acidtest.models.outbox_inbox.channel import HOPS, Order
from acidtest.models.shared.tuples import put

if TYPE_CHECKING:
    from collections.abc import Sequence

ABSENT, PENDING, PUBLISHED, SENT = "absent", "pending", "published", "sent"
NOTHING = -1


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
    Switch("restore_sender", "the first service may be set back to one"),
    Switch("witness", "the last service tells the one before how far it has come, and is owed again what it lacks"),
    Switch("mail", "the last service also sends a mail, before it commits"),
)


def may_come(s: ChainState, hop: int, i: int) -> bool:
    """Whether a copy of a message may still arrive."""
    return s.rows[hop][i] != SENT or i in s.queue[hop]


class Chain(Model[ChainState]):
    """Three services and the hops between them.

    Arguments:
        n: how many transfers, all of one key.
        faults: how many crashes of a relay or a consumer there may be in all.
        switches: rules and assumptions, as listed in SWITCHES.
    """

    name = "chain of outbox and inbox"
    faults = frozenset({"RelayCrash", "ConsumerCrash", "Purge", "Restore", "RestoreSender"})

    def __init__(self, n: int, faults: int = 1, **switches: bool) -> None:
        self.n, self.budget = n, faults
        self.on = frozenset(s.name for s in SWITCHES if switches.get(s.name, s.default))
        # A message beyond the n-th is another copy of a transfer, under a new id.
        self.ids = range(2 * n if "random_ids" in self.on else n)

    def initial_states(self) -> list[ChainState]:
        """Nothing was taken."""
        return [ChainState(0, ((ABSENT,) * len(self.ids),) * 2, mails=(0,) * self.n)]

    def transitions(self) -> Sequence[Transition]:
        """The services, the relays and the consumers of both hops, and time."""
        hops, every = [(h,) for h in HOPS], [(h, i) for h in HOPS for i in self.ids]
        table = [
            Transition("Take", self.take),
            Transition("Publish", self.publish, every),
            Transition("Mark", self.mark, every),
            Transition("RelayCrash", self.relay_crash, every),
            Transition("Mail" if "mail" in self.on else "", self.mail, [(i,) for i in self.ids]),
            Transition("Receive", self.receive, every),
            Transition("Emit" if "separate_tx" in self.on else "", self.emit),
            Transition("PublishEarly" if "publish_early" in self.on else "", self.publish_early, [(i,) for i in self.ids]),
            Transition("Ack", self.ack, hops),
            Transition("ConsumerCrash", self.consumer_crash, hops),
            Transition("Purge", self.purge, every),
            Transition("Restore" if "restore" in self.on else "", self.restore),
            Transition("OweAgain" if "witness" in self.on else "", self.owe_again, [(i,) for i in self.ids]),
            Transition("RestoreSender" if "restore_sender" in self.on else "", self.restore_sender),
        ]
        return [t for t in table if t.name]

    def take(self, s: ChainState) -> ChainState | None:
        """The first service takes the money and owes a message, in one transaction."""
        i = s.taken
        return s._replace(taken=i + 1, rows=self._row(s, 0, i, PENDING)) if i < self.n else None

    def publish(self, s: ChainState, hop: int, i: int) -> ChainState | None:
        """The broker accepts what is owed, the first first."""
        first = next((j for j in self.ids if s.rows[hop][j] == PENDING), None)
        if i != first:
            return None
        return s._replace(rows=self._row(s, hop, i, PUBLISHED), queue=put(s.queue, hop, (*s.queue[hop], i)))

    def mark(self, s: ChainState, hop: int, i: int) -> ChainState | None:
        """The relay notes that it was accepted."""
        return s._replace(rows=self._row(s, hop, i, SENT)) if s.rows[hop][i] == PUBLISHED else None

    def relay_crash(self, s: ChainState, hop: int, i: int) -> ChainState | None:
        """The relay forgets that it was."""
        if s.rows[hop][i] != PUBLISHED or s.faults == self.budget:
            return None
        return s._replace(rows=self._row(s, hop, i, PENDING), faults=s.faults + 1)

    def _next(self, s: ChainState, hop: int, i: int) -> bool:
        """Whether the broker gives this message to the consumer now, and the consumer takes it."""
        if s.held[hop] != NOTHING or i not in s.queue[hop]:
            return False
        if "versions" in self.on and i % self.n > len(set(s.applied[hop])):
            return False
        return "unordered" in self.on or s.queue[hop][0] == i

    def mail(self, s: ChainState, i: int) -> ChainState | None:
        """The last service sends a mail about a message that it is about to commit; a crash makes it do so again."""
        again = s.mails[i % self.n] > 0
        if not self._next(s, 1, i) or i in s.inbox[1] or (again and s.faults == self.budget):
            return None
        return s._replace(mails=put(s.mails, i % self.n, s.mails[i % self.n] + 1), faults=s.faults + again)

    def receive(self, s: ChainState, hop: int, i: int) -> ChainState | None:
        """Record, change and what is owed next become true together; a copy changes nothing."""
        if not self._next(s, hop, i) or ("mail" in self.on and hop == 1 and not s.mails[i % self.n]):
            return None
        held = s._replace(held=put(s.held, hop, i))
        if i in s.inbox[hop] and "no_record" not in self.on:
            return self._replayed(held, hop, i)
        applied = (*s.applied[hop], i % self.n)[: 2 * self.n]
        done = held._replace(inbox=put(s.inbox, hop, s.inbox[hop] | {i}), applied=put(s.applied, hop, applied))
        if hop == 1:
            return done
        if "separate_tx" in self.on:
            return done._replace(owing=(*s.owing, i))
        return done if s.rows[1][i] != ABSENT else done._replace(rows=self._row(s, 1, i, PENDING))

    def _replayed(self, s: ChainState, hop: int, i: int) -> ChainState:
        """Make the output of a copy again: the same row, which is there, or one more if ids are made anew."""
        again = i + self.n
        if hop == 1 or "random_ids" not in self.on or s.rows[1][again] != ABSENT:
            return s
        return s._replace(rows=self._row(s, 1, again, PENDING))

    def emit(self, s: ChainState) -> ChainState | None:
        """A bug: what is owed next is a transaction of its own."""
        return s._replace(rows=self._row(s, 1, s.owing[0], PENDING), owing=s.owing[1:]) if s.owing else None

    def publish_early(self, s: ChainState, i: int) -> ChainState | None:
        """A bug: the second service publishes what it has not committed."""
        if i not in s.queue[0] or i in s.inbox[0] or s.rows[1][i] != ABSENT:
            return None
        return s._replace(rows=self._row(s, 1, i, PUBLISHED), queue=put(s.queue, 1, (*s.queue[1], i)))

    def ack(self, s: ChainState, hop: int) -> ChainState | None:
        """The broker forgets what was committed."""
        if s.held[hop] == NOTHING:
            return None
        at = s.queue[hop].index(s.held[hop])
        queue = s.queue[hop][:at] + s.queue[hop][at + 1 :]
        return s._replace(queue=put(s.queue, hop, queue), held=put(s.held, hop, NOTHING))

    def consumer_crash(self, s: ChainState, hop: int) -> ChainState | None:
        """The consumer forgets what it has committed, and will be given it again."""
        if s.held[hop] == NOTHING or s.faults == self.budget:
            return None
        return s._replace(held=put(s.held, hop, NOTHING), owing=() if hop == 0 else s.owing, faults=s.faults + 1)

    def purge(self, s: ChainState, hop: int, i: int) -> ChainState | None:
        """A record is cleaned away, when all retries of the relay and the broker are over."""
        if i not in s.inbox[hop] or (may_come(s, hop, i) and "short_retention" not in self.on):
            return None
        return s._replace(inbox=put(s.inbox, hop, s.inbox[hop] - {i}), purged=put(s.purged, hop, s.purged[hop] | {i}))

    def restore(self, s: ChainState) -> ChainState | None:
        """The last service is set back to what it was at the start, from a backup."""
        if s.faults == self.budget or not s.applied[1]:
            return None
        back = s._replace(inbox=put(s.inbox, 1, frozenset()), applied=put(s.applied, 1, ()), held=put(s.held, 1, NOTHING))
        return back._replace(faults=s.faults + 1)

    def owe_again(self, s: ChainState, i: int) -> ChainState | None:
        """The second service hears that the last has not come as far as it had been told, and owes it that again."""
        if s.rows[1][i] != SENT or i in s.queue[1] or i % self.n in s.applied[1]:
            return None
        return s._replace(rows=self._row(s, 1, i, PENDING))

    def restore_sender(self, s: ChainState) -> ChainState | None:
        """The first service is set back to before its rows were marked: it owes them again, and its relay sends them again."""
        if s.faults == self.budget or SENT not in s.rows[0]:
            return None
        owed = tuple(PENDING if row in (PUBLISHED, SENT) else row for row in s.rows[0])
        return s._replace(rows=put(s.rows, 0, owed), faults=s.faults + 1)

    def _row(self, s: ChainState, hop: int, i: int, status: str) -> tuple[tuple[str, ...], ...]:
        return put(s.rows, hop, put(s.rows[hop], i, status))

    def view(self, state: ChainState) -> ChainView:
        """Everything."""
        return ChainView(self.n, state)

    def actor(self, action: Action) -> str:
        """One of the services; a consumer belongs to the service that it feeds, a relay to the one before."""
        names = ("first", "second", "last")
        if action.name in {"Take", "Restore", "RestoreSender", "Mail", "Emit", "PublishEarly"}:
            return {"Take": "first", "RestoreSender": "first", "Restore": "last", "Mail": "last"}.get(action.name, "second")
        there = action.name not in {"Publish", "Mark", "RelayCrash"}
        return names[int(str(action.args[0])) + there]


def chain_to_channel(s: ChainState) -> tuple[Order, ...]:
    """Map the chain to the channel: forget how transfers get from one service to the next."""
    return tuple(range(s.taken)), *s.applied
