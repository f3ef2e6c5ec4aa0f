"""The outbox as a protocol: rows, relays that claim them under a lease, and a broker that refuses, vanishes or is silent.

A business transaction changes something and inserts a row, at once. A relay claims the first row that it may take,
publishes it, and marks it: three steps, between which it may crash, stall past its lease, or learn nothing of what
the broker did. Sources: Richardson, "Microservices Patterns", 2018; Kleppmann, "How to do distributed locking", 2016.

Assumed: transactions on one key wait for each other, as they change the same account, and one client asks for them in
turn. The database does not lose what it committed; the broker neither loses nor repeats what it accepted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.machine import Action, Model, Transition
from acidtest.checker.theory import Switch
from acidtest.models.shared.tuples import put

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Whose actions these are; all others are the service's.
OF_RELAYS = frozenset({"Claim", "MarkFirst", "Publish", "LoseAck", "Refuse", "Fail", "Settle", "Crash", "Restart", "Stall"})
#: Copies of a message are counted up to here, more than faults excuse: some broken rules make them without end.
MOST_COPIES = 3
OF_BROKER, OF_DATABASE = frozenset({"Outage", "Return", "Repair"}), frozenset({"Lapse", "Cleanup"})
#: A row before its transaction, and in place of it a message that only the memory of the service holds.
ABSENT, IN_MEMORY = "absent", "in memory"
PENDING, SENT, PARKED, FAILED, DELETED = "pending", "sent", "parked", "failed", "deleted"
#: What a relay is at: nothing, a row claimed, marked ahead, accepted, refused for its content, not known to be accepted.
IDLE, CLAIMED, MARKED, ACKED, NACKED, ERROR = "idle", "claimed", "marked", "acked", "nacked", "error"
#: A relay that crashed and will be restarted, and one that an error ended, of which nobody knows.
DOWN, STOPPED = "down", "stopped"
NOBODY = -1


class Relay(NamedTuple):
    """The memory of a relay: what it is at, and with which message."""

    phase: str
    message: int = NOBODY


class RelayState(NamedTuple):
    """Durable unless said otherwise; messages and relays are numbered.

    Arguments:
        positions: the messages in the order in which their rows were inserted.
        commits: those that are committed, in that order.
        aborted: those whose transactions were rolled back.
        rows: the status of each row.
        owners: which relay holds the lease of each row. A relay has one claim at a time, so that this tells a stale
            claim from a current one, as the number of a fencing token does.
        relays: their memory.
        published: the messages on the broker, in the order of their first copies.
        copies: the ids that the copies of each message carry.
        excused: how many crashes, lost answers and early ends of a lease befell each message.
        repaired: whether the poison was.
        up: whether the broker is.
        faults: how many there were.
    """

    positions: tuple[int, ...]
    commits: tuple[int, ...]
    aborted: frozenset[int]
    rows: tuple[str, ...]
    owners: tuple[int, ...]
    relays: tuple[Relay, ...]
    published: tuple[int, ...]
    copies: tuple[tuple[int, ...], ...]
    excused: tuple[int, ...]
    repaired: bool = False
    up: bool = True
    faults: int = 0


class RelayView(NamedTuple):
    """What an outsider sees: everything, with the key of each message, and the one that is poisoned."""

    keys: str
    poison: int
    state: RelayState


SWITCHES = (
    Switch("claims", "a relay takes a row only if no other holds its lease", default=True),
    Switch("leases", "the lease of a relay runs out", default=True),
    Switch("fenced", "a relay without the lease cannot change the row", default=True),
    Switch("serial_keys", "a row waits for earlier pending rows of its key", default=True),
    Switch("block_key", "a row waits for earlier parked rows of its key", default=True),
    Switch("park", "what the broker refuses for its content is parked", default=True),
    Switch("mark_first", "rows are marked before they are published"),
    Switch("hook_only", "there are no rows: the service publishes from memory after the commit"),
    Switch("publish_early", "the service publishes before it commits"),
    Switch("by_position", "relays poll by position: what lies behind the last sent row is not looked at"),
    Switch("by_age", "cleanup deletes rows whatever their status"),
    Switch("fresh_ids", "every attempt to publish makes a new id"),
    Switch("give_up", "a row that could not be published is marked as failed, and never tried again"),
    Switch("dies_on_error", "an error ends the loop of a relay, but not its process"),
)


class OutboxRelay(Model[RelayState]):
    """The outbox over a fixed list of messages.

    Arguments:
        keys: the key of each message, one letter each.
        relays: how many.
        faults: how many crashes, lost answers, stalls and outages there may be in all.
        poison: the message that the broker refuses for its content until it is repaired; -1 for none.
        slow: the messages whose transactions take time between insert and commit.
        switches: rules of the protocol, as listed in SWITCHES.
    """

    name = "outbox with relays"
    faults = frozenset({"Rollback", "Crash", "Stall", "LoseAck", "Outage", "Repair", "Cleanup", "ServiceCrash"})

    def __init__(
        self, keys: str, relays: int, faults: int, poison: int = NOBODY, slow: tuple[int, ...] = (), **switches: bool
    ) -> None:
        self.keys, self.n_relays, self.budget, self.poison, self.slow = keys, relays, faults, poison, slow
        self.on = frozenset(s.name for s in SWITCHES if switches.get(s.name, s.default))

    def initial_states(self) -> list[RelayState]:
        """Nothing has been asked for."""
        n = len(self.keys)
        rows, owners, relays = (ABSENT,) * n, (NOBODY,) * n, (Relay(IDLE),) * self.n_relays
        return [RelayState((), (), frozenset(), rows, owners, relays, (), ((),) * n, (0,) * n)]

    def transitions(self) -> Sequence[Transition]:
        """The service, the relays, the broker, time; and what only a broken rule allows."""
        each, relays = [(i,) for i in range(len(self.keys))], [(r,) for r in range(self.n_relays)]
        slow, quick = [e for e in each if e[0] in self.slow], [e for e in each if e[0] not in self.slow]
        table = [
            Transition("Execute", self.execute, quick),
            Transition("Insert", self.insert, slow),
            Transition("Commit", self.commit, slow),
            Transition("Rollback", self.rollback, slow),
            Transition("PublishEarly" if "publish_early" in self.on else "", self.publish_early, slow),
            Transition("Claim", self.claim, relays),
            Transition("MarkFirst" if "mark_first" in self.on else "", self.mark_first, relays),
            Transition("Publish", self.publish, relays),
            Transition("LoseAck", self.lose_ack, relays),
            Transition("Refuse" if self.poison != NOBODY else "", self.refuse, relays),
            Transition("Fail", self.fail, relays),
            Transition("Settle", self.settle, relays),
            Transition("Crash", self.crash, relays),
            Transition("Restart", self.restart, relays),
            Transition("Stall" if "leases" in self.on else "", self.stall, relays),
            Transition("Lapse" if "leases" in self.on else "", self.lapse, each),
            Transition("Cleanup", self.cleanup, each),
            Transition("Outage", self.outage),
            Transition("Return", self.come_back),
            Transition("Repair" if self.poison != NOBODY and "park" in self.on else "", self.repair),
            Transition("Hook" if "hook_only" in self.on else "", self.hook, each),
            Transition("ServiceCrash" if "hook_only" in self.on else "", self.service_crash),
        ]
        return [t for t in table if t.name and t.domain]

    def execute(self, s: RelayState, i: int) -> RelayState | None:
        """A transaction that inserts its row and commits at once."""
        inserted = self.insert(s, i)
        return inserted and self.commit(inserted, i)

    def insert(self, s: RelayState, i: int) -> RelayState | None:
        """A row gets its position; nobody else sees it yet."""
        earlier = [j for j in range(i) if self.keys[j] == self.keys[i]]
        if i in s.positions or any(j not in s.commits and j not in s.aborted for j in earlier):
            return None
        return s._replace(positions=(*s.positions, i))

    def commit(self, s: RelayState, i: int) -> RelayState | None:
        """The business change and the row become true."""
        if i not in s.positions or i in s.commits or i in s.aborted:
            return None
        row = IN_MEMORY if "hook_only" in self.on else PENDING
        return s._replace(commits=(*s.commits, i), rows=put(s.rows, i, row))

    def rollback(self, s: RelayState, i: int) -> RelayState | None:
        """Neither does."""
        if i not in s.positions or i in s.commits or i in s.aborted:
            return None
        return s._replace(aborted=s.aborted | {i})

    def publish_early(self, s: RelayState, i: int) -> RelayState | None:
        """A bug: the service publishes what it has not committed."""
        return self._accept(s, i) if i in s.positions and i not in s.published and s.up else None

    def hook(self, s: RelayState, i: int) -> RelayState | None:
        """The service publishes what it remembers having committed."""
        if s.rows[i] != IN_MEMORY or not s.up:
            return None
        return self._accept(s._replace(rows=put(s.rows, i, ABSENT)), i)

    def service_crash(self, s: RelayState) -> RelayState | None:
        """The service forgets what it was going to publish."""
        if s.faults == self.budget or IN_MEMORY not in s.rows:
            return None
        return s._replace(faults=s.faults + 1, rows=tuple([ABSENT if row == IN_MEMORY else row for row in s.rows]))

    def claim(self, s: RelayState, r: int) -> RelayState | None:
        """Take a lease of the first row that may be published, by position."""
        i = next((i for i in s.positions if self._may_take(s, i)), None)
        if i is None or s.relays[r].phase != IDLE:
            return None
        return self._at(s, r, CLAIMED, i)._replace(owners=put(s.owners, i, r))

    def _may_take(self, s: RelayState, i: int) -> bool:
        """What a poll selects, by the rows alone."""
        if s.rows[i] != PENDING or (s.owners[i] != NOBODY and "claims" in self.on):
            return False
        place = s.positions.index(i)
        if "by_position" in self.on and any(s.rows[j] in (SENT, DELETED) for j in s.positions[place + 1 :]):
            return False
        earlier = [s.rows[j] for j in s.positions[:place] if self.keys[j] == self.keys[i]]
        return not ("serial_keys" in self.on and PENDING in earlier) and not ("block_key" in self.on and PARKED in earlier)

    def mark_first(self, s: RelayState, r: int) -> RelayState | None:
        """A bug: mark the row before it is published."""
        phase, i = s.relays[r]
        if phase != CLAIMED:
            return None
        if s.owners[i] != r:
            return self._at(s, r, IDLE)
        return self._at(s, r, MARKED, i)._replace(rows=put(s.rows, i, SENT))

    def _sends(self, s: RelayState, r: int) -> bool:
        """Whether a relay is about to publish."""
        return s.relays[r].phase == (MARKED if "mark_first" in self.on else CLAIMED)

    def publish(self, s: RelayState, r: int) -> RelayState | None:
        """The broker accepts, and the relay learns that."""
        i = s.relays[r].message
        if not self._sends(s, r) or not s.up or self._is_poison(s, i):
            return None
        return self._at(self._accept(s, i), r, ACKED, i)

    def lose_ack(self, s: RelayState, r: int) -> RelayState | None:
        """The broker accepts, and the relay does not learn it: publish again later, or never if that is the rule."""
        accepted, i = self.publish(s, r), s.relays[r].message
        if accepted is None or s.faults == self.budget:
            return None
        return self._at(self._excuse(accepted, i), r, ACKED if "mark_first" in self.on else ERROR, i)

    def refuse(self, s: RelayState, r: int) -> RelayState | None:
        """The broker refuses a message for its content."""
        if not self._sends(s, r) or not s.up or not self._is_poison(s, s.relays[r].message):
            return None
        return self._at(s, r, NACKED, s.relays[r].message)

    def fail(self, s: RelayState, r: int) -> RelayState | None:
        """The broker cannot be reached."""
        return None if s.up or not self._sends(s, r) else self._at(s, r, ERROR, s.relays[r].message)

    def settle(self, s: RelayState, r: int) -> RelayState | None:
        """Mark the row as sent, park it, or give it back; nothing, if somebody else has the lease by now."""
        phase, i = s.relays[r]
        if phase not in {ACKED, NACKED, ERROR}:
            return None
        if phase != ACKED and "dies_on_error" in self.on:
            return self._at(s, r, STOPPED)
        idle = self._at(s, r, IDLE)
        if s.rows[i] == DELETED or (s.owners[i] != r and "fenced" in self.on):
            return idle
        rows = {
            ACKED: SENT,
            NACKED: PARKED if "park" in self.on else PENDING,
            ERROR: FAILED if "give_up" in self.on else PENDING,
        }
        return idle._replace(rows=put(s.rows, i, rows[phase]), owners=put(s.owners, i, NOBODY))

    def crash(self, s: RelayState, r: int) -> RelayState | None:
        """A relay loses its memory; an idle one has none to lose."""
        if s.relays[r].message == NOBODY or s.faults == self.budget:
            return None
        return self._at(self._excuse(s, s.relays[r].message), r, DOWN)

    def restart(self, s: RelayState, r: int) -> RelayState | None:
        """Start again with an empty memory."""
        return self._at(s, r, IDLE) if s.relays[r].phase == DOWN else None

    def stall(self, s: RelayState, r: int) -> RelayState | None:
        """A relay pauses for so long that its lease runs out; it does not notice."""
        i = s.relays[r].message
        if i == NOBODY or s.owners[i] != r or s.faults == self.budget:
            return None
        return self._excuse(s, i)._replace(owners=put(s.owners, i, NOBODY))

    def lapse(self, s: RelayState, i: int) -> RelayState | None:
        """The lease of a relay that is gone runs out."""
        r = s.owners[i]
        gone = r != NOBODY and s.relays[r].message != i
        return s._replace(owners=put(s.owners, i, NOBODY)) if gone else None

    def cleanup(self, s: RelayState, i: int) -> RelayState | None:
        """The retention period of a row is over."""
        if s.rows[i] != SENT and not (s.rows[i] == PENDING and "by_age" in self.on):
            return None
        return s._replace(rows=put(s.rows, i, DELETED), owners=put(s.owners, i, NOBODY))

    def outage(self, s: RelayState) -> RelayState | None:
        """The broker goes away, for as long as it likes."""
        return s._replace(up=False, faults=s.faults + 1) if s.up and s.faults < self.budget else None

    def come_back(self, s: RelayState) -> RelayState | None:
        """The broker is there again."""
        return None if s.up else s._replace(up=True)

    def repair(self, s: RelayState) -> RelayState | None:
        """Somebody looks at what is parked, and mends it."""
        if s.rows[self.poison] != PARKED:
            return None
        return s._replace(rows=put(s.rows, self.poison, PENDING), repaired=True)

    def _is_poison(self, s: RelayState, i: int) -> bool:
        return i == self.poison and not s.repaired

    def _accept(self, s: RelayState, i: int) -> RelayState:
        """One more copy is on the broker."""
        published = s.published if i in s.published else (*s.published, i)
        name = len(s.copies[i]) if "fresh_ids" in self.on else i
        ids = (*s.copies[i], name)[:MOST_COPIES]
        return s._replace(published=published, copies=put(s.copies, i, ids))

    def _excuse(self, s: RelayState, i: int) -> RelayState:
        return s._replace(faults=s.faults + 1, excused=put(s.excused, i, s.excused[i] + 1))

    def _at(self, s: RelayState, r: int, phase: str, i: int = NOBODY) -> RelayState:
        return s._replace(relays=put(s.relays, r, Relay(phase, i)))

    def view(self, state: RelayState) -> RelayView:
        """Everything."""
        return RelayView(self.keys, self.poison, state)

    def actor(self, action: Action) -> str:
        """A relay, the broker, the database or the service."""
        if action.name in OF_RELAYS:
            return f"relay {action.args[0]}"
        return "broker" if action.name in OF_BROKER else "database" if action.name in OF_DATABASE else "service"
