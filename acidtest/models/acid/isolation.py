"""Transactions on two rows of one database, at three levels of isolation, with rollbacks, deadlocks and crashes.

A transaction reads its rows, gives up if their sum is too small, writes rows as what it read of them plus a change, and
commits. Row locks are kept for writes until the end, at every level. "Read committed" reads what is committed now;
"snapshot" reads what was at the first read, and the first updater of a row wins (Berenson et al., "A critique of ANSI
SQL isolation levels", 1995); serializable transactions are, besides, validated when they commit: what they read must
still be so (Kung & Robinson, "On optimistic methods for concurrency control", 1981).

What a level means is said by phenomena of the direct serialization graph (Adya, "Weak consistency", 1999): a row keeps
the transactions that wrote it, in order, and a read keeps those whose writes it saw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acidtest.checker.machine import Action, Model, Transition
from acidtest.checker.theory import Diagram, Size, Study, Switch, Theorem
from acidtest.models.acid import serialization_graph as graph
from acidtest.models.acid.serialization_graph import (
    ABORTED,
    ACTIVE,
    COMMITTED,
    NEW,
    OK,
    IsolationState,
    IsolationView,
    Program,
    Row,
    Tx,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

SWITCHES = (
    Switch("snapshot", "reads see what was committed at the first of them, and the first updater of a row wins"),
    Switch("read_committed", "reads see what is committed now, and commits are not validated"),
    Switch("dirty_reads", "reads see what others have written, and commits are not validated"),
    Switch("in_place", "writes are visible at once, and rolling back does not undo them"),
    Switch("lazy_log", "a commit is made durable some time after it was acknowledged"),
    Switch("stale_retry", "a transaction that the database aborted is retried with what it had read before"),
    Switch("deadlocks_found", "the database aborts one of two transactions that wait for each other", default=True),
    Switch("mail_inside", "a transaction may send a mail before it commits"),
)


class Isolation(Model[IsolationState]):
    """Transactions on two rows.

    Arguments:
        programs: what they do.
        opening: the values of the rows.
        crashes: how often the database may crash.
        switches: assumptions and rules, as listed in SWITCHES; serializable where no weaker level is on.
    """

    name = "isolation"
    faults = frozenset({"Rollback", "Crash", "Mail"})

    def __init__(self, programs: tuple[Program, ...], opening: tuple[int, ...], crashes: int = 1, **switches: bool) -> None:
        self.programs, self.opening, self.crashes = programs, opening, crashes
        self.on = frozenset(s.name for s in SWITCHES if switches.get(s.name, s.default))

    def initial_states(self) -> list[IsolationState]:
        """Nothing has been asked for."""
        rows = tuple([Row(value) for value in self.opening])
        return [IsolationState(rows, rows, (Tx(),) * len(self.programs))]

    def transitions(self) -> Sequence[Transition]:
        """Clients, then the database."""
        each = [(i,) for i in range(len(self.programs))]
        weak = not self.on.isdisjoint({"read_committed", "snapshot"})
        table = [
            Transition("Read", self.read, each),
            Transition("Decline", self.decline, each),
            Transition("Write", self.write, each),
            Transition("Mail" if "mail_inside" in self.on else "", self.mail, each),
            Transition("Commit", self.commit, each),
            Transition("Reply", self.reply, each),
            Transition("Rollback", self.rollback, each),
            Transition("" if weak else "Invalidate", self.invalidate, each),
            Transition("FirstUpdaterWins" if "snapshot" in self.on else "", self.first_updater_wins, each),
            Transition("Deadlock" if "deadlocks_found" in self.on else "", self.deadlock, each),
            Transition("Retry", self.retry, each),
            Transition("Flush" if "lazy_log" in self.on else "", self.flush),
            Transition("Crash", self.crash),
        ]
        return [t for t in table if t.name]

    def read(self, s: IsolationState, i: int) -> IsolationState | None:
        """Read the next row; the first read begins the transaction."""
        tx, wanted = s.txs[i], self.programs[i].reads
        if tx.status not in {NEW, ACTIVE} or len(tx.reads) == len(wanted):
            return None
        snapshot = tx.snapshot or (s.rows if "snapshot" in self.on else ())
        row = self._seen(s, i, wanted[len(tx.reads)], snapshot)
        return _with(s, i, tx._replace(status=ACTIVE, reads=(*tx.reads, row), snapshot=snapshot))

    def _seen(self, s: IsolationState, i: int, row: int, snapshot: tuple[Row, ...]) -> Row:
        """What is committed, or was; with dirty reads, what somebody is about to commit."""
        holder = self._holder(s, i, row)
        if holder is None or "dirty_reads" not in self.on:
            return (snapshot or s.rows)[row]
        written = [r for r, _ in self.programs[holder].writes].index(row)
        return Row(s.txs[holder].pending[written], (*s.rows[row].writers, holder))

    def decline(self, s: IsolationState, i: int) -> IsolationState | None:
        """The rows do not hold enough."""
        tx = s.txs[i]
        if not self._has_read(tx, i) or tx.pending or sum(row.value for row in tx.reads) >= self.programs[i].floor:
            return None
        return _with(s, i, Tx(ABORTED, last=True, mailed=tx.mailed))

    def write(self, s: IsolationState, i: int) -> IsolationState | None:
        """Lock the next row and write to it, unseen by others until the commit."""
        row = self._next_write(s, i)
        if row is None or self._holder(s, i, row) is not None or self._is_outdated(s, i, row):
            return None
        tx, program = s.txs[i], self.programs[i]
        value = tx.reads[program.reads.index(row)].value + program.changes(tx.reads)[len(tx.pending)][1]
        following = _with(s, i, tx._replace(pending=(*tx.pending, value)))
        return _install(following, i, ((row, value),)) if "in_place" in self.on else following

    def mail(self, s: IsolationState, i: int) -> IsolationState | None:
        """An effect outside of the database, from within the transaction."""
        return None if not self._is_ready(s, i) or s.txs[i].mailed else _with(s, i, s.txs[i]._replace(mailed=True))

    def commit(self, s: IsolationState, i: int) -> IsolationState | None:
        """All writes become visible, and durable."""
        if not self._is_ready(s, i) or not self._is_valid(s, i):
            return None
        tx, writes = s.txs[i], self.programs[i].writes
        following = _with(s, i, tx._replace(status=COMMITTED, snapshot=(), pending=()))
        if "in_place" in self.on:
            return following
        installed = _install(following, i, tuple([(row, v) for (row, _), v in zip(writes, tx.pending, strict=True)]))
        return installed._replace(disk=s.disk) if "lazy_log" in self.on else installed

    def reply(self, s: IsolationState, i: int) -> IsolationState | None:
        """The client is told ok."""
        return _with(s, i, s.txs[i]._replace(status=OK)) if s.txs[i].status == COMMITTED else None

    def rollback(self, s: IsolationState, i: int) -> IsolationState | None:
        """The client changes its mind, or goes away."""
        tx = s.txs[i]
        return _with(s, i, Tx(ABORTED, last=True, mailed=tx.mailed)) if tx.status == ACTIVE else None

    def invalidate(self, s: IsolationState, i: int) -> IsolationState | None:
        """What was read is no longer so."""
        return self._failed(s, i) if self._is_ready(s, i) and not self._is_valid(s, i) else None

    def first_updater_wins(self, s: IsolationState, i: int) -> IsolationState | None:
        """Somebody committed a write to the row since the snapshot."""
        row = self._next_write(s, i)
        lost = row is not None and self._holder(s, i, row) is None and self._is_outdated(s, i, row)
        return self._failed(s, i) if lost else None

    def deadlock(self, s: IsolationState, i: int) -> IsolationState | None:
        """A transaction waits for one that waits for it."""
        row = self._next_write(s, i)
        other = None if row is None else self._holder(s, i, row)
        theirs = None if other is None else self._next_write(s, other)
        return self._failed(s, i) if other is not None and theirs is not None and self._holder(s, other, theirs) == i else None

    def retry(self, s: IsolationState, i: int) -> IsolationState | None:
        """Once more, from the read on."""
        tx = s.txs[i]
        if tx.status != ABORTED or tx.last:
            return None
        if "stale_retry" not in self.on:
            return _with(s, i, Tx(last=True, mailed=tx.mailed))
        return _with(s, i, Tx(ACTIVE, tx.reads, (), s.rows if "snapshot" in self.on else (), last=True, mailed=tx.mailed))

    def flush(self, s: IsolationState) -> IsolationState | None:
        """What is committed becomes durable at last."""
        return None if s.disk == s.rows else s._replace(disk=s.rows)

    def crash(self, s: IsolationState) -> IsolationState | None:
        """All that is not on disk is gone, and all open transactions with it."""
        if s.crashes == self.crashes:
            return None
        txs = [Tx(ABORTED, last=True, mailed=t.mailed) if t.status in {ACTIVE, ABORTED} else t for t in s.txs]
        return IsolationState(s.disk, s.disk, tuple(txs), s.crashes + 1)

    def _failed(self, s: IsolationState, i: int) -> IsolationState:
        """The database aborts a transaction, which may be tried last."""
        tx = s.txs[i]
        return _with(s, i, Tx(ABORTED, tx.reads if "stale_retry" in self.on else (), last=tx.last, mailed=tx.mailed))

    def _has_read(self, tx: Tx, i: int) -> bool:
        return tx.status == ACTIVE and len(tx.reads) == len(self.programs[i].reads)

    def _next_write(self, s: IsolationState, i: int) -> int | None:
        """The row that a transaction is about to write, if it is."""
        tx, program = s.txs[i], self.programs[i]
        enough = sum(row.value for row in tx.reads) >= program.floor
        if not self._has_read(tx, i) or not enough or len(tx.pending) == len(program.writes):
            return None
        return program.writes[len(tx.pending)][0]

    def _is_ready(self, s: IsolationState, i: int) -> bool:
        """Whether nothing is left to do but to commit."""
        tx, program = s.txs[i], self.programs[i]
        enough = sum(row.value for row in tx.reads) >= program.floor
        return self._has_read(tx, i) and enough and len(tx.pending) == len(program.writes)

    def _holder(self, s: IsolationState, i: int, row: int) -> int | None:
        """Who else holds the write lock of a row."""
        for j, tx in enumerate(s.txs):
            if j != i and tx.status == ACTIVE and row in [r for r, _ in self.programs[j].writes[: len(tx.pending)]]:
                return j
        return None

    def _is_outdated(self, s: IsolationState, i: int, row: int) -> bool:
        return "snapshot" in self.on and s.txs[i].snapshot[row] != s.rows[row]

    def _is_valid(self, s: IsolationState, i: int) -> bool:
        if not self.on.isdisjoint({"read_committed", "snapshot", "dirty_reads", "in_place"}):
            return True
        return all(s.rows[r] == seen for r, seen in zip(self.programs[i].reads, s.txs[i].reads, strict=True))

    def view(self, state: IsolationState) -> IsolationView:
        """Everything but what is on disk."""
        return IsolationView(self.programs, self.opening, state.rows, state.txs)

    def shown(self, s: IsolationState) -> IsolationState:
        """Rows as a value and who wrote it."""
        txs = tuple(t._replace(reads=_texts(t.reads), snapshot=_texts(t.snapshot)) for t in s.txs)
        return s._replace(rows=_texts(s.rows), disk=_texts(s.disk), txs=txs)

    def actor(self, action: Action) -> str:
        """A transaction, or the database."""
        return f"T{action.args[0]}" if action.args else "database"


def _texts(rows: tuple[Row, ...]) -> tuple[Any, ...]:
    return tuple(f"{row.value}{' of ' * bool(row.writers)}{', '.join(f'T{i}' for i in row.writers)}" for row in rows)


def _with(s: IsolationState, i: int, tx: Tx) -> IsolationState:
    return s._replace(txs=(*s.txs[:i], tx, *s.txs[i + 1 :]))


def _install(s: IsolationState, i: int, writes: tuple[tuple[int, int], ...]) -> IsolationState:
    """Write values to memory and disk."""
    rows = list(s.rows)
    for row, value in writes:
        rows[row] = Row(value, (*rows[row].writers, i))
    return s._replace(rows=tuple(rows), disk=tuple(rows))


LOOK_AT_BOTH = (Program((0, 1), 80, ((0, -80),)), Program((0, 1), 80, ((1, -80),)))
OPPOSITE = (Program((0, 1), 0, ((0, -10), (1, 10))), Program((1, 0), 0, ((1, -20), (0, 20))))
#: A withdrawal that looks at both rows and costs a fee where little is left, a deposit, and somebody who only looks (Fekete,
#: O'Neil & O'Neil 2004): the fee shows to everybody that the withdrawal had not seen what the reader saw before.
AND_A_READER = (Program((0, 1), 10, ((0, -10),), least=5, fee=1), Program((1,), 0, ((1, 20),)), Program((0, 1)))

STUDY = Study(
    name="levels of isolation",
    make=Isolation,
    switches=SWITCHES,
    sizes=(
        Size("2 withdrawals that look at both rows, 1 crash", {"programs": LOOK_AT_BOTH, "opening": (50, 50)}, 134, 14),
        Size("2 opposite transfers, 1 crash", {"programs": OPPOSITE, "opening": (50, 50)}, 528, 24),
        Size("3 transactions, one of which only reads, 1 crash", {"programs": AND_A_READER, "opening": (11, 0)}, 1_768, 24),
    ),
    properties=graph.properties(),
    theorems=(
        Theorem(graph.N1, {"snapshot": True}, {}),
        Theorem(graph.N1_READER, {"snapshot": True}, {}, size=2),
        Theorem(graph.N2, {"read_committed": True}, {"snapshot": True}, size=1),
        Theorem(graph.N4, {"mail_inside": True}, {}),
        Theorem(graph.ATOMIC, {"in_place": True}, {}, size=1),
        Theorem(graph.CONSISTENT, {"read_committed": True}, {}, size=1),
        Theorem(graph.FUNDED, {"snapshot": True}, {}),
        Theorem(graph.DURABLE, {"lazy_log": True}, {}),
        Theorem(graph.NO_G1, {"dirty_reads": True}, {"read_committed": True}, size=1),
        Theorem(graph.P4, {"read_committed": True}, {"snapshot": True}, size=1),
        Theorem(graph.NO_SKEW, {"read_committed": True}, {"snapshot": True}, size=1),
        Theorem(graph.SERIALIZABLE, {"snapshot": True}, {}),
        Theorem(graph.RETRY, {"snapshot": True, "stale_retry": True}, {"snapshot": True}, size=1),
        Theorem(graph.ENDED, {"deadlocks_found": False}, {}, size=1),
    ),
    diagram=Diagram({"programs": LOOK_AT_BOTH, "opening": (50, 50), "crashes": 0}, lambda s: "\n".join(sorted(t.status for t in s.txs))),
)
