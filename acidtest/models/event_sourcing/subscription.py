"""Subscribers to all streams: positions are taken when an event is inserted, and seen when it is committed.

`Subscription` is a table of events with a sequence, several transactions that write it, and a subscriber with a
checkpoint: the position assigned first may be committed last (PATTERNS 8, N2; marten#1629, watermill#311,
SQLStreamStore#121). A transaction has a number from when it begins (an xid), and a position from when it inserts. The
subscriber sees committed rows, and the number of the oldest open transaction (Postgres: xmin). It reads below that, in
order of (xid, position), keeps its checkpoint with what it projects, and what it owes to others beside it.

Assumptions: one event per transaction; a stream's next version waits for the one before to commit (a unique key); the
subscriber and the database of its projection fail together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.machine import Action, Model, Transition

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NEW, BEGUN, INSERTED, COMMITTED, ROLLED_BACK = "new", "begun", "inserted", "committed", "rolled back"
OPEN, ENDED = frozenset({BEGUN, INSERTED}), frozenset({COMMITTED, ROLLED_BACK})


class Tx(NamedTuple):
    """A transaction. They are numbered as they begin, from 1; `position` is that of its event, or 0."""

    status: str = NEW
    position: int = 0


class Reader(NamedTuple):
    """The subscriber.

    `checkpoint`, `processed` (the numbers of the transactions whose events it has projected) and `mark` (below which a
    rebuild is only a repetition) are durable; `batch`, `raw` and `waited` are memory.
    """

    checkpoint: int = 0
    processed: tuple[int, ...] = ()
    mark: frozenset[int] = frozenset()
    batch: tuple[int, ...] = ()
    raw: tuple[int, ...] | None = None
    waited: int = 0
    sent: bool = False


class SubscriptionState(NamedTuple):
    """`emitted` counts what others have been told of each transaction's event."""

    txs: tuple[Tx, ...]
    reader: Reader
    emitted: tuple[int, ...]
    faults: int = 0
    rebuilt: bool = False


class SubscriptionView(NamedTuple):
    """What an outsider sees: `keys` are what the checkpoint is compared with, one per transaction."""

    txs: tuple[Tx, ...]
    streams: tuple[int, ...]
    keys: tuple[int, ...]
    checkpoint: int
    processed: tuple[int, ...]
    emitted: tuple[int, ...]
    rebuilt: bool


class Subscription(Model[SubscriptionState]):
    """Writers and one subscriber.

    Arguments:
        streams: of each transaction, the stream that its event is for.
        patience: how often the subscriber looks at a gap before it gives it up.
        crashes: how often the subscriber may crash.
        horizon: read below the oldest open transaction only; off: in order of position, whatever is visible.
        by_position: under the horizon, but ordered and remembered by position: half of a remedy.
        horizon_later: a bug: rows first, the horizon in a second statement.
        wait_at_gaps: in order of position, stop where one is missing.
        gap_timeout: give a gap up after a while.
        short_transactions: none is open for longer than the subscriber waits at a gap.
        serial_inserts: an insert waits for every other to commit or roll back, whatever its stream (a lock).
        idle_in_transaction: a transaction may stay open for ever.
        dual_write: others are told by a write of its own, to another store.
        checkpoint_first: and only after the checkpoint.
        emit_on_replay: a bug: a rebuild tells others again.
        dirty_reads: a bug: the subscriber sees rows that are not committed.

    """

    name = "Subscription"

    def __init__(  # noqa: PLR0913 - each switch is a rule of its own
        self,
        streams: tuple[int, ...] = (0, 1),
        patience: int = 1,
        crashes: int = 1,
        *,
        horizon: bool = True,
        by_position: bool = False,
        horizon_later: bool = False,
        wait_at_gaps: bool = False,
        gap_timeout: bool = False,
        short_transactions: bool = False,
        serial_inserts: bool = False,
        idle_in_transaction: bool = False,
        dual_write: bool = False,
        checkpoint_first: bool = False,
        emit_on_replay: bool = False,
        dirty_reads: bool = False,
    ) -> None:
        """Set the workload, and which rules are off."""
        self.streams, self.patience, self.crashes = streams, patience, crashes
        self.gaps = wait_at_gaps or gap_timeout
        self.horizon = horizon and not self.gaps
        self.by_position = by_position or not self.horizon
        self.serial_inserts = serial_inserts
        self.horizon_later, self.gap_timeout, self.short_transactions = horizon_later, gap_timeout, short_transactions
        self.dual_write, self.checkpoint_first, self.emit_on_replay = dual_write, checkpoint_first, emit_on_replay
        self.seen = {INSERTED, COMMITTED} if dirty_reads else {COMMITTED}
        self.faults = frozenset({"Rollback", "Crash", "Rebuild"}) | ({"Commit"} if idle_in_transaction else set())

    def initial_states(self) -> list[SubscriptionState]:
        """Start with an empty table."""
        n = len(self.streams)
        return [SubscriptionState((Tx(),) * n, Reader(), (0,) * n)]

    def transitions(self) -> Sequence[Transition]:
        """List the transactions first, then the subscriber, then what befalls it."""
        each = [(xid,) for xid in range(1, len(self.streams) + 1)]
        rows = [
            Transition("Begin", self.begin, each),
            Transition("Insert", self.insert, each),
            Transition("Commit", self.commit, each),
            Transition("Rollback", self.rollback, each),
            Transition("Poll", self.poll),
            Transition("Handle", self.handle),
            Transition("Crash", self.crash),
            Transition("Rebuild", self.rebuild),
        ]
        if self.horizon_later:
            rows.append(Transition("ReadHorizon", self.read_horizon))
        if self.gap_timeout:
            rows += [Transition("Wait", self.wait), Transition("SkipGap", self.skip_gap)]
        if self.dual_write:
            rows.append(Transition("Emit", self.emit))
        return rows

    def begin(self, s: SubscriptionState, xid: int) -> SubscriptionState | None:
        """Get a number: they are given in order, and which transaction is which does not matter."""
        if s.txs[xid - 1].status != NEW or (xid > 1 and s.txs[xid - 2].status == NEW):
            return None
        return _with(s, xid, Tx(BEGUN))

    def insert(self, s: SubscriptionState, xid: int) -> SubscriptionState | None:
        """Take the next position, which no rollback gives back; wait for another insert into the stream."""
        stream = self.streams[xid - 1]
        rivals = [tx for n, tx in enumerate(s.txs) if self.serial_inserts or self.streams[n] == stream]
        busy = INSERTED in {tx.status for tx in rivals}
        if s.txs[xid - 1].status != BEGUN or busy:
            return None
        return _with(s, xid, Tx(INSERTED, 1 + max(tx.position for tx in s.txs)))

    def commit(self, s: SubscriptionState, xid: int) -> SubscriptionState | None:
        """Make the event visible."""
        tx = s.txs[xid - 1]
        return _with(s, xid, tx._replace(status=COMMITTED)) if tx.status == INSERTED else None

    def rollback(self, s: SubscriptionState, xid: int) -> SubscriptionState | None:
        """Leave a gap for ever."""
        tx = s.txs[xid - 1]
        return _with(s, xid, tx._replace(status=ROLLED_BACK)) if tx.status == INSERTED else None

    def poll(self, s: SubscriptionState) -> SubscriptionState | None:
        """Read what lies behind the checkpoint, in one snapshot."""
        reader = s.reader
        if reader.batch or reader.raw is not None:
            return None
        rows = self.visible(s)
        if self.horizon_later:
            return s._replace(reader=reader._replace(raw=rows)) if rows else None
        batch = self._run(s, rows) if self.gaps else self._below(s, rows) if self.horizon else rows
        return s._replace(reader=reader._replace(batch=batch)) if batch else None

    def read_horizon(self, s: SubscriptionState) -> SubscriptionState | None:
        """Look for the oldest open transaction only now, when others may have committed that were not read."""
        if s.reader.raw is None:
            return None
        return s._replace(reader=s.reader._replace(raw=None, batch=self._below(s, s.reader.raw)))

    def handle(self, s: SubscriptionState) -> SubscriptionState | None:
        """Project the next event, move the checkpoint, and note what others are to be told: one transaction."""
        reader = s.reader
        if not reader.batch or (self.dual_write and not self.checkpoint_first and not reader.sent):
            return None
        if self.dual_write and self.checkpoint_first and reader.sent:
            return None  # the one before is still to be told
        xid, *rest = reader.batch
        told = s.emitted if self.dual_write or xid in reader.mark else _count(s.emitted, xid)
        owes = self.dual_write and self.checkpoint_first
        done = reader._replace(
            batch=tuple(rest), checkpoint=self._key(s, xid), processed=(*reader.processed, xid), waited=0, sent=owes
        )
        return s._replace(reader=done, emitted=told)

    def emit(self, s: SubscriptionState) -> SubscriptionState | None:
        """Tell others: before the checkpoint, or after it."""
        reader = s.reader
        if self.checkpoint_first:
            if not reader.sent:
                return None
            return s._replace(reader=reader._replace(sent=False), emitted=_count(s.emitted, reader.processed[-1]))
        if not reader.batch or reader.sent:
            return None
        xid = reader.batch[0]
        told = s.emitted if xid in reader.mark else _count(s.emitted, xid)
        return s._replace(reader=reader._replace(sent=True), emitted=told)

    def wait(self, s: SubscriptionState) -> SubscriptionState | None:
        """Look at a gap, and wait for it once more."""
        if not self._at_gap(s) or s.reader.waited == self.patience:
            return None
        return s._replace(reader=s.reader._replace(waited=s.reader.waited + 1))

    def skip_gap(self, s: SubscriptionState) -> SubscriptionState | None:
        """Take the gap for a rolled back number, having waited long enough."""
        if not self._at_gap(s) or s.reader.waited < self.patience:
            return None
        missing = range(s.reader.checkpoint + 1, s.txs[self.visible(s)[0] - 1].position)
        if self.short_transactions and any(tx.status == INSERTED and tx.position in missing for tx in s.txs):
            return None  # the environment is faster than that
        return s._replace(reader=s.reader._replace(checkpoint=missing[-1], waited=0))

    def crash(self, s: SubscriptionState) -> SubscriptionState | None:
        """Lose what was read."""
        if s.faults == self.crashes or not (s.reader.batch or s.reader.raw or s.reader.sent):
            return None
        kept = s.reader._replace(batch=(), raw=None, waited=0, sent=False)
        return s._replace(reader=kept, faults=s.faults + 1)

    def rebuild(self, s: SubscriptionState) -> SubscriptionState | None:
        """Forget the projection and read again from the start; remember what others were told of already."""
        reader = s.reader
        if s.rebuilt or not reader.processed or reader.sent:
            return None
        mark = frozenset() if self.emit_on_replay else frozenset(reader.processed)
        return s._replace(reader=Reader(mark=mark), rebuilt=True)

    def at_rest(self, s: SubscriptionState) -> bool:
        """Every transaction has ended, and the subscriber finds nothing to do."""
        busy = (self.poll, self.handle, self.emit) if self.dual_write else (self.poll, self.handle)
        waiting = self.gap_timeout and self._at_gap(s)
        return all(tx.status in ENDED for tx in s.txs) and not waiting and not any(do(s) for do in busy)

    def _key(self, s: SubscriptionState, xid: int) -> int:
        """What the checkpoint is, once this event is processed."""
        return s.txs[xid - 1].position if self.by_position else xid

    def visible(self, s: SubscriptionState) -> tuple[int, ...]:
        """The committed events behind the checkpoint, in the order of the subscriber."""
        rows = [(self._key(s, xid), xid) for xid, tx in enumerate(s.txs, 1) if tx.status in self.seen]
        return tuple([xid for key, xid in sorted(rows) if key > s.reader.checkpoint])

    def _below(self, s: SubscriptionState, rows: Iterable[int]) -> tuple[int, ...]:
        """Those that are older than every open transaction."""
        oldest = self.oldest_open(s)
        return tuple([xid for xid in rows if xid < oldest])

    def oldest_open(self, s: SubscriptionState) -> int:
        """The number of the oldest open transaction; beyond all where there is none."""
        return next((xid for xid, tx in enumerate(s.txs, 1) if tx.status in OPEN), len(s.txs) + 1)

    def _run(self, s: SubscriptionState, rows: Iterable[int]) -> tuple[int, ...]:
        """Those that follow the checkpoint without a gap."""
        numbered = enumerate(rows, s.reader.checkpoint + 1)
        return tuple([xid for expected, xid in numbered if s.txs[xid - 1].position == expected])

    def _at_gap(self, s: SubscriptionState) -> bool:
        rows = self.visible(s)
        return bool(rows) and not s.reader.batch and not self._run(s, rows)

    def actor(self, action: Action) -> str:
        """A transaction, or the subscriber."""
        return f"transaction {action.args[0]}" if action.args else "subscriber"

    def view(self, s: SubscriptionState) -> SubscriptionView:
        """Show the table with its open rows, and what the subscriber has stored."""
        keys = tuple([self._key(s, xid) for xid in range(1, len(s.txs) + 1)])
        r = s.reader
        return SubscriptionView(s.txs, self.streams, keys, r.checkpoint, r.processed, s.emitted, s.rebuilt)


def _with(s: SubscriptionState, xid: int, tx: Tx) -> SubscriptionState:
    return s._replace(txs=(*s.txs[: xid - 1], tx, *s.txs[xid:]))


def _count(emitted: tuple[int, ...], xid: int) -> tuple[int, ...]:
    # No further than 2: twice is enough to be wrong.
    return (*emitted[: xid - 1], min(emitted[xid - 1] + 1, 2), *emitted[xid:])
