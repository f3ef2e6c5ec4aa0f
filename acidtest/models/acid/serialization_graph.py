"""Histories of transactions, and what they must not contain: the phenomena by which levels of isolation are defined.

The direct serialization graph of a history has an edge between committed transactions where one wrote the version after
the other's (ww), read the other's version (wr), or read the version before the other's (rw). A level is what cycles it
rules out (Adya, "Weak consistency", 1999; Berenson et al., "A critique of ANSI SQL isolation levels", 1995).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.machine import Kind, Property, implied

if TYPE_CHECKING:
    from collections.abc import Sequence

NEW, ACTIVE, COMMITTED, OK, ABORTED = "new", "active", "committed", "ok", "aborted"
X, Y = 0, 1


class Program(NamedTuple):
    """What a transaction does: the rows that it reads, the least sum of them, and the changes that it then makes.

    Where these would leave less than `least` of what it read, it takes a fee from the first row that it writes, too.
    """

    reads: tuple[int, ...]
    floor: int = 0
    writes: tuple[tuple[int, int], ...] = ()
    least: int = 0
    fee: int = 0

    def changes(self, seen: Sequence[Row]) -> tuple[tuple[int, int], ...]:
        """The changes that it makes, having read this."""
        left = sum(row.value for row in seen) + sum(change for _, change in self.writes)
        if not self.fee or not self.writes or left >= self.least:
            return self.writes
        (row, change), *others = self.writes
        return ((row, change - self.fee), *others)


class Row(NamedTuple):
    """A value, and who wrote it, the last writer last."""

    value: int
    writers: tuple[int, ...] = ()


class Tx(NamedTuple):
    """A transaction: what it has read so far and is going to write, its snapshot, whether
    it will not be tried again, and whether it has sent a mail.
    """

    status: str = NEW
    reads: tuple[Row, ...] = ()
    pending: tuple[int, ...] = ()
    snapshot: tuple[Row, ...] = ()
    last: bool = False
    mailed: bool = False


class IsolationState(NamedTuple):
    """The committed rows, what of them is durable, the transactions, and the number of crashes."""

    rows: tuple[Row, ...]
    disk: tuple[Row, ...]
    txs: tuple[Tx, ...]
    crashes: int = 0


class IsolationView(NamedTuple):
    """What an outsider sees who keeps a history."""

    programs: tuple[Program, ...]
    opening: tuple[int, ...]
    rows: tuple[Row, ...]
    txs: tuple[Tx, ...]


# The graph.


def committed(v: IsolationView) -> list[int]:
    """The transactions that count."""
    return [i for i, tx in enumerate(v.txs) if tx.status in (COMMITTED, OK)]


def dependencies(v: IsolationView, among: list[int]) -> set[tuple[int, int]]:
    """The edges ww and wr."""
    ww = {pair for row in v.rows for pair in pairwise(row.writers)}
    wr = {(row.writers[-1], i) for i in among for row in v.txs[i].reads if row.writers}
    return {(a, b) for a, b in ww | wr if a in among and b in among and a != b}


def antidependencies(v: IsolationView, among: list[int]) -> set[tuple[int, int]]:
    """The edges rw."""
    found = set()
    for i in among:
        for r, seen in zip(v.programs[i].reads, v.txs[i].reads, strict=True):
            following = v.rows[r].writers[len(seen.writers) :]
            if following and following[0] in among and following[0] != i:
                found.add((i, following[0]))
    return found


def leads(edges: set[tuple[int, int]], start: int, end: int) -> bool:
    """Whether there is a path of one edge or more."""
    found, waiting = set(), [start]
    while waiting:
        here = waiting.pop()
        for a, b in edges:
            if a == here and b not in found:
                found.add(b)
                waiting.append(b)
    return end in found


def serializable(v: IsolationView, among: list[int]) -> bool:
    """No cycle at all."""
    edges = dependencies(v, among) | antidependencies(v, among)
    return not any(leads(edges, i, i) for i in among)


# Predicates over views.


def reads_committed(v: IsolationView) -> bool:
    """No G0, G1a, G1c: what was read was committed, and the edges ww and wr have no cycle."""
    among = committed(v)
    aborted = any(v.txs[w].status == ABORTED for i in among for row in v.txs[i].reads for w in row.writers)
    edges = dependencies(v, among)
    return not aborted and not any(leads(edges, i, i) for i in among)


def no_lost_update(v: IsolationView) -> bool:
    """Nobody wrote a row of which another version had come after the one it read."""
    for i in committed(v):
        for r, seen in zip(v.programs[i].reads, v.txs[i].reads, strict=True):
            order = v.rows[r].writers
            if i in order and order.index(i) != len(seen.writers):
                return False
    return True


def no_read_skew(v: IsolationView) -> bool:
    """No G-single: no cycle with exactly one edge rw."""
    among = committed(v)
    edges = dependencies(v, among)
    return not any(leads(edges, b, a) for a, b in antidependencies(v, among))


def atomic(v: IsolationView) -> bool:
    """What is visible of a transaction is all of it or nothing, and nothing unless it committed."""
    among = committed(v)
    for i, program in enumerate(v.programs):
        seen = sum(row.writers.count(i) for row in v.rows)
        if seen not in (0, len(program.writes) if i in among else 0):
            return False
    return True


def conserved(v: IsolationView) -> bool:
    """The rows sum up to what was there and what the visible transactions changed."""
    visible = {i for row in v.rows for i in row.writers}
    changes = sum(change for i in visible for _, change in v.programs[i].changes(v.txs[i].reads))
    return sum(row.value for row in v.rows) == sum(v.opening) + changes


def durable(v: IsolationView) -> bool:
    """What a client was told is committed is there."""
    visible = {i for row in v.rows for i in row.writers}
    return all(i in visible for i, tx in enumerate(v.txs) if tx.status == OK and v.programs[i].writes)


def retried(v: IsolationView) -> bool:
    """Somebody is at the second try, or succeeded in it."""
    return any(tx.last and tx.status != ABORTED for tx in v.txs)


def fresh(v: IsolationView) -> bool:
    """A retry wrote what follows from what was there when it did."""
    return no_lost_update(v._replace(txs=tuple([tx if tx.last else Tx() for tx in v.txs])))


def ended(v: IsolationView) -> bool:
    """Every transaction has an answer: it is done, or it will not be."""
    return all(tx.status == OK or (tx.status == ABORTED and tx.last) for tx in v.txs)


def only_the_reader_sees_it(v: IsolationView) -> bool:
    """The history is not serializable, and without one that only reads it would be."""
    among = committed(v)
    writers = [i for i in among if v.programs[i].writes]
    return not serializable(v, among) and serializable(v, writers)


def some_wrote(v: IsolationView) -> bool:
    """Something is visible."""
    return any(row.writers for row in v.rows)


def some_committed(v: IsolationView) -> bool:
    """There is a transaction that counts."""
    return bool(committed(v))


def two_committed(v: IsolationView) -> bool:
    """There is something that could be in each other's way."""
    return len(committed(v)) > 1


_ADYA = "Adya 1999; Berenson et al. 1995; PATTERNS 1"
_HAERDER = "Haerder & Reuter 1983; PATTERNS 1"

ATOMIC = implied("ACID-A", "a transaction is visible as a whole or not at all", Kind.ALWAYS, some_wrote, atomic, _HAERDER)
CONSISTENT = implied("ACID-C", "changes add up", Kind.ALWAYS, some_wrote, conserved, _HAERDER)
FUNDED = implied(
    "G2", "the rows together are not overdrawn", Kind.ALWAYS, some_wrote,
    lambda v: sum(row.value for row in v.rows) >= 0, "PATTERNS 0",
)  # fmt: skip
DURABLE = implied(
    "ACID-D", "what was told ok survives every crash", Kind.ALWAYS, lambda v: any(tx.status == OK for tx in v.txs), durable,
    _HAERDER,
)  # fmt: skip
NO_G1 = implied("ACID-I.RC", "no dirty write and no dirty read (no G0, G1)", Kind.ALWAYS, some_committed, reads_committed, _ADYA)
P4 = implied("P4", "no update is lost", Kind.ALWAYS, some_wrote, no_lost_update, _ADYA)
NO_SKEW = implied("ACID-I.SI", "no read skew (no G-single: PL-2+, which is weaker than snapshot isolation)", Kind.ALWAYS, some_committed, no_read_skew, _ADYA)
SERIALIZABLE = implied(
    "ACID-I.SER", "the committed transactions are serializable (no G2, which is G2-item here: there are no predicate reads)", Kind.ALWAYS, some_committed,
    lambda v: serializable(v, committed(v)), _ADYA,
)  # fmt: skip
RETRY = implied("ACID-Retry", "a retry begins with the read", Kind.ALWAYS, retried, fresh, "PATTERNS 1")
ENDED = Property("G9", "every transaction ends, and its client knows how", Kind.EVENTUALLY, ended, "PATTERNS 0")
G11 = Property("G11", "a client is told ok", Kind.SOMETIMES, lambda v: any(tx.status == OK for tx in v.txs), "PATTERNS 0")

N1 = Property(
    "N1", "write skew: each saw enough, together they overdraw", Kind.SOMETIMES,
    lambda v: two_committed(v) and not FUNDED.predicate(v) and no_read_skew(v), "Berenson et al. 1995; PATTERNS 1, N1",
)  # fmt: skip
N1_READER = Property(
    "N1'", "not serializable only because of a transaction that just reads: it saw the deposit before a fee was taken for want of it", Kind.SOMETIMES, only_the_reader_sees_it,
    "Fekete, O'Neil & O'Neil 2004; PATTERNS 1, N1'",
)  # fmt: skip
N2 = Property("N2", "an update is lost", Kind.SOMETIMES, lambda v: not no_lost_update(v), "PATTERNS 1, N2")
N4 = Property(
    "N4", "a mail was sent, but its transaction was rolled back", Kind.SOMETIMES,
    lambda v: any(tx.mailed and tx.status == ABORTED and tx.last for tx in v.txs), "PATTERNS 1, N4",
)  # fmt: skip


def properties() -> tuple[Property, ...]:
    """What serializable transactions keep."""
    return ATOMIC, CONSISTENT, FUNDED, DURABLE, NO_G1, P4, NO_SKEW, SERIALIZABLE, RETRY, ENDED, G11
