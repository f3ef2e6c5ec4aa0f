"""The outbox as a protocol: rows, relays that claim them under a lease, and a broker that refuses, vanishes or is silent.

A business transaction changes something and inserts a row, at once. A relay claims the first row that it may take,
publishes it, and marks it: three steps, between which it may crash, stall past its lease, or learn nothing of what
the broker did. Sources: Richardson, "Microservices Patterns", 2018; Kleppmann, "How to do distributed locking", 2016.

Assumed: transactions on one key wait for each other, as they change the same account, and one client asks for them in
turn. The database does not lose what it committed; the broker neither loses nor repeats what it accepted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.checker.machine import Action, Model, Transition
from acidtest.checker.theory import Diagram, Size, Study, Theorem
from acidtest.models.outbox import rows as of
from acidtest.models.outbox.rows import NOBODY, Relay, RelayState, RelayView
from acidtest.models.shared.ledger import put

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Whose actions these are; all others are the service's.
OF_RELAYS = frozenset({"Claim", "MarkFirst", "Publish", "LoseAck", "Refuse", "Fail", "Settle", "Crash", "Restart", "Stall"})
#: Copies of a message are counted up to here, more than faults excuse: some broken rules make them without end.
MOST_COPIES = 3
OF_BROKER, OF_DATABASE = frozenset({"Outage", "Return", "Repair"}), frozenset({"Lapse", "Cleanup"})


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
        self.on = frozenset(s.name for s in of.SWITCHES if switches.get(s.name, s.default))

    def initial_states(self) -> list[RelayState]:
        """Nothing has been asked for."""
        n = len(self.keys)
        rows, owners, relays = (of.ABSENT,) * n, (NOBODY,) * n, (Relay(of.IDLE),) * self.n_relays
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
        row = of.IN_MEMORY if "hook_only" in self.on else of.PENDING
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
        if s.rows[i] != of.IN_MEMORY or not s.up:
            return None
        return self._accept(s._replace(rows=put(s.rows, i, of.ABSENT)), i)

    def service_crash(self, s: RelayState) -> RelayState | None:
        """The service forgets what it was going to publish."""
        if s.faults == self.budget or of.IN_MEMORY not in s.rows:
            return None
        return s._replace(faults=s.faults + 1, rows=tuple([of.ABSENT if row == of.IN_MEMORY else row for row in s.rows]))

    def claim(self, s: RelayState, r: int) -> RelayState | None:
        """Take a lease of the first row that may be published, by position."""
        i = next((i for i in s.positions if self._may_take(s, i)), None)
        if i is None or s.relays[r].phase != of.IDLE:
            return None
        return self._at(s, r, of.CLAIMED, i)._replace(owners=put(s.owners, i, r))

    def _may_take(self, s: RelayState, i: int) -> bool:
        """What a poll selects, by the rows alone."""
        if s.rows[i] != of.PENDING or (s.owners[i] != NOBODY and "claims" in self.on):
            return False
        place = s.positions.index(i)
        if "by_position" in self.on and any(s.rows[j] in (of.SENT, of.DELETED) for j in s.positions[place + 1 :]):
            return False
        earlier = [s.rows[j] for j in s.positions[:place] if self.keys[j] == self.keys[i]]
        return not ("serial_keys" in self.on and of.PENDING in earlier) and not ("block_key" in self.on and of.PARKED in earlier)

    def mark_first(self, s: RelayState, r: int) -> RelayState | None:
        """A bug: mark the row before it is published."""
        phase, i = s.relays[r]
        if phase != of.CLAIMED:
            return None
        if s.owners[i] != r:
            return self._at(s, r, of.IDLE)
        return self._at(s, r, of.MARKED, i)._replace(rows=put(s.rows, i, of.SENT))

    def _sends(self, s: RelayState, r: int) -> bool:
        """Whether a relay is about to publish."""
        return s.relays[r].phase == (of.MARKED if "mark_first" in self.on else of.CLAIMED)

    def publish(self, s: RelayState, r: int) -> RelayState | None:
        """The broker accepts, and the relay learns that."""
        i = s.relays[r].message
        if not self._sends(s, r) or not s.up or self._is_poison(s, i):
            return None
        return self._at(self._accept(s, i), r, of.ACKED, i)

    def lose_ack(self, s: RelayState, r: int) -> RelayState | None:
        """The broker accepts, and the relay does not learn it: publish again later, or never if that is the rule."""
        accepted, i = self.publish(s, r), s.relays[r].message
        if accepted is None or s.faults == self.budget:
            return None
        return self._at(self._excuse(accepted, i), r, of.ACKED if "mark_first" in self.on else of.ERROR, i)

    def refuse(self, s: RelayState, r: int) -> RelayState | None:
        """The broker refuses a message for its content."""
        if not self._sends(s, r) or not s.up or not self._is_poison(s, s.relays[r].message):
            return None
        return self._at(s, r, of.NACKED, s.relays[r].message)

    def fail(self, s: RelayState, r: int) -> RelayState | None:
        """The broker cannot be reached."""
        return None if s.up or not self._sends(s, r) else self._at(s, r, of.ERROR, s.relays[r].message)

    def settle(self, s: RelayState, r: int) -> RelayState | None:
        """Mark the row as sent, park it, or give it back; nothing, if somebody else has the lease by now."""
        phase, i = s.relays[r]
        if phase not in {of.ACKED, of.NACKED, of.ERROR}:
            return None
        if phase != of.ACKED and "dies_on_error" in self.on:
            return self._at(s, r, of.STOPPED)
        idle = self._at(s, r, of.IDLE)
        if s.rows[i] == of.DELETED or (s.owners[i] != r and "fenced" in self.on):
            return idle
        rows = {
            of.ACKED: of.SENT,
            of.NACKED: of.PARKED if "park" in self.on else of.PENDING,
            of.ERROR: of.FAILED if "give_up" in self.on else of.PENDING,
        }
        return idle._replace(rows=put(s.rows, i, rows[phase]), owners=put(s.owners, i, NOBODY))

    def crash(self, s: RelayState, r: int) -> RelayState | None:
        """A relay loses its memory; an idle one has none to lose."""
        if s.relays[r].message == NOBODY or s.faults == self.budget:
            return None
        return self._at(self._excuse(s, s.relays[r].message), r, of.DOWN)

    def restart(self, s: RelayState, r: int) -> RelayState | None:
        """Start again with an empty memory."""
        return self._at(s, r, of.IDLE) if s.relays[r].phase == of.DOWN else None

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
        if s.rows[i] != of.SENT and not (s.rows[i] == of.PENDING and "by_age" in self.on):
            return None
        return s._replace(rows=put(s.rows, i, of.DELETED), owners=put(s.owners, i, NOBODY))

    def outage(self, s: RelayState) -> RelayState | None:
        """The broker goes away, for as long as it likes."""
        return s._replace(up=False, faults=s.faults + 1) if s.up and s.faults < self.budget else None

    def come_back(self, s: RelayState) -> RelayState | None:
        """The broker is there again."""
        return None if s.up else s._replace(up=True)

    def repair(self, s: RelayState) -> RelayState | None:
        """Somebody looks at what is parked, and mends it."""
        if s.rows[self.poison] != of.PARKED:
            return None
        return s._replace(rows=put(s.rows, self.poison, of.PENDING), repaired=True)

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


ONE_KEY = {"keys": "aa", "relays": 2, "faults": 1, "slow": (1,)}
POISONED = {"keys": "aab", "relays": 1, "faults": 1, "poison": 0, "slow": (2,)}

STUDY = Study(
    name="outbox with relays",
    make=OutboxRelay,
    switches=of.SWITCHES,
    sizes=(
        Size("2 messages of 1 key, 2 relays, 1 fault", ONE_KEY, 619, 16),
        Size("3 messages of 2 keys, 1 of them poisoned, 1 relay, 1 fault", POISONED, 7_597, 26),
        Size("3 messages of 2 keys, 2 relays, 1 fault", {"keys": "aab", "relays": 2, "faults": 1}, 14_185, 20),
    ),
    properties=of.properties(),
    theorems=(
        Theorem(of.N1, {}, {"mark_first": True}),
        Theorem(of.N1_LOSS, {"mark_first": True}, {}),
        Theorem(of.N2, {}, {"block_key": False}, size=1),
        Theorem(of.OB4, {"block_key": False}, {}, size=1),
        Theorem(of.N3, {"serial_keys": False}, {}),
        Theorem(of.N4, {"hook_only": True}, {}),
        Theorem(of.N5, size=1),
        Theorem(of.OB8, {"park": False}, {}, size=1),
        Theorem(of.OB11, {"by_position": True}, {}, size=1),
        *(Theorem(p, {of.NEEDS[p.id].name: not of.NEEDS[p.id].default}, {}) for p in of.properties() if p.id in of.NEEDS),
    ),
    diagram=Diagram(
        {"keys": "a", "relays": 1, "faults": 1},
        lambda s: f"row {s.rows[0]}\nrelay {s.relays[0].phase}\n{len(s.copies[0])} copies",
        hidden=frozenset({"Outage", "Return", "Cleanup"}),
    ),
)
