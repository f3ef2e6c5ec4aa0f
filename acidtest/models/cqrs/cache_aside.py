"""A cache beside a view: who misses reads the view and fills the cache, who changes the view invalidates it.

`CacheAside` is one key of look-aside caching as in Nishtala et al., "Scaling Memcache at Facebook", NSDI 2013, section
3.2.1: a miss takes a lease, an invalidation voids it, and the cache takes a value only from the holder of the lease.
Values are the numbers of the updates; 0 is "not found".

Assumptions: an invalidation is repeated until it succeeds, also by who comes after a crash (it follows from the log);
a lease, and where there is a time to live an entry, may run out at any time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.machine import Action, Kind, Model, Property, Transition, implied
from acidtest.checker.theory import Diagram, Size, Study, Switch, Theorem

if TYPE_CHECKING:
    from collections.abc import Sequence

IDLE, MISSED = "idle", "missed"
#: What is in the cache where nothing is.
ABSENT = -1


class Reader(NamedTuple):
    """One who queries: idle, having missed, or holding the value that was read; and how often it still may ask."""

    phase: str | int
    gets: int


class CacheState(NamedTuple):
    """`row` is the view's, durable; `owed` says that its last change must still be told to the cache."""

    row: int
    owed: bool
    cache: int
    lease: int | None
    readers: tuple[Reader, ...]
    crashes: int = 0


class CacheView(NamedTuple):
    """What an outsider sees: the row, how many updates it will have, the cache, and who is in between."""

    row: int
    updates: int
    owed: bool
    cache: int
    busy: bool


class CacheAside(Model[CacheState]):
    """Readers and a writer of one cached row.

    Arguments:
        readers: how many, each asking `gets` times.
        updates: how often the row changes; the first time it is created.
        gets: how often each reader asks.
        leases: a value is taken only under a lease that no invalidation has voided since.
        invalidates: a change of the row invalidates the cache.
        creation_invalidates: so does its creation.
        durable_duty: whoever changed the row and crashed is followed by one who invalidates.
        delete_first: a bug: the cache is invalidated before the change is committed.
        ttl: an entry runs out some day.

    """

    name = "CacheAside"

    def __init__(  # noqa: PLR0913 - each switch is a rule of its own
        self,
        readers: int = 2,
        updates: int = 2,
        gets: int = 2,
        *,
        leases: bool = True,
        invalidates: bool = True,
        creation_invalidates: bool = True,
        durable_duty: bool = True,
        delete_first: bool = False,
        ttl: bool = False,
    ) -> None:
        """Set the size, and which rules are off."""
        self.readers, self.updates, self.gets = readers, updates, gets
        self.leases, self.invalidates, self.creation_invalidates = leases, invalidates, creation_invalidates
        self.durable_duty, self.delete_first, self.ttl = durable_duty, delete_first, ttl
        self.faults = frozenset({"Get", "LeaseExpires", "ReaderCrash", "WriterCrash"})

    def initial_states(self) -> list[CacheState]:
        """Start with no row and an empty cache."""
        return [CacheState(0, False, ABSENT, None, (Reader(IDLE, self.gets),) * self.readers)]  # noqa: FBT003 - a field

    def transitions(self) -> Sequence[Transition]:
        """List the writer first, then the readers, then time and crashes."""
        each = [(r,) for r in range(self.readers)]
        rows = [
            Transition("Update", self.update),
            Transition("Get", self.get, each),
            Transition("ReadRow", self.read_row, each),
            Transition("Fill", self.fill, each),
            Transition("ReaderCrash", self.reader_crash, each),
        ]
        if self.invalidates:
            rows.append(Transition("Invalidate", self.invalidate))
        if self.leases:
            rows.append(Transition("LeaseExpires", self.lease_expires))
        if not self.durable_duty:
            rows.append(Transition("WriterCrash", self.writer_crash))
        if self.ttl:
            rows.append(Transition("EntryExpires", self.entry_expires))
        return rows

    def update(self, s: CacheState) -> CacheState | None:
        """Commit the next value of the row, and owe the cache an invalidation."""
        if s.row == self.updates or s.owed != self.delete_first:
            return None
        owed = self.invalidates and (s.row > 0 or self.creation_invalidates) and not self.delete_first
        return s._replace(row=s.row + 1, owed=owed)

    def invalidate(self, s: CacheState) -> CacheState | None:
        """Delete the entry, and void the lease."""
        if self.delete_first:
            return None if s.owed or s.row == self.updates else s._replace(owed=True, cache=ABSENT, lease=None)
        return s._replace(owed=False, cache=ABSENT, lease=None) if s.owed else None

    def get(self, s: CacheState, r: int) -> CacheState | None:
        """Ask the cache and miss; who hits is served and changes nothing."""
        phase, gets = s.readers[r]
        if phase != IDLE or not gets or s.cache != ABSENT:
            return None
        leased = s._replace(lease=r) if self.leases and s.lease is None else s
        return _reader(leased, r, Reader(MISSED, gets - 1))

    def read_row(self, s: CacheState, r: int) -> CacheState | None:
        """Query the view, without locking anything."""
        reader = s.readers[r]
        return _reader(s, r, reader._replace(phase=s.row)) if reader.phase == MISSED else None

    def fill(self, s: CacheState, r: int) -> CacheState | None:
        """Offer the cache what was read; under leases it refuses who does not hold one."""
        value, gets = s.readers[r]
        if not isinstance(value, int):
            return None
        done = _reader(s, r, Reader(IDLE, gets))
        if self.leases and s.lease != r:
            return done
        return done._replace(cache=value, lease=None)

    def reader_crash(self, s: CacheState, r: int) -> CacheState | None:
        """Lose what was read."""
        reader = s.readers[r]
        return _reader(s, r, reader._replace(phase=IDLE)) if reader.phase != IDLE else None

    def writer_crash(self, s: CacheState) -> CacheState | None:
        """Forget that the cache is owed an invalidation."""
        return s._replace(owed=False, crashes=1) if s.owed and not s.crashes else None

    def lease_expires(self, s: CacheState) -> CacheState | None:
        """Let the next who misses have the lease."""
        return None if s.lease is None else s._replace(lease=None)

    def entry_expires(self, s: CacheState) -> CacheState | None:
        """Forget the entry, as its time is over."""
        return None if s.cache == ABSENT else s._replace(cache=ABSENT)

    def actor(self, action: Action) -> str:
        """A reader, the writer, or the cache."""
        if action.args:
            return f"reader {action.args[0]}"
        return "cache" if action.name.endswith("Expires") else "writer"

    def view(self, s: CacheState) -> CacheView:
        """Show the row and the cache."""
        busy = any(reader.phase != IDLE for reader in s.readers)
        return CacheView(s.row, self.updates, s.owed, s.cache, busy)


def _reader(s: CacheState, r: int, reader: Reader) -> CacheState:
    return s._replace(readers=(*s.readers[:r], reader, *s.readers[r + 1 :]))


def is_fresh(view: CacheView) -> bool:
    """The cache holds nothing, or what the view holds."""
    return view.cache in {ABSENT, view.row}


def has_settled(view: CacheView) -> bool:
    """All updates are done, nobody is in between, and the cache is fresh."""
    return view.row == view.updates and not view.busy and not view.owed and is_fresh(view)


_LEASES = "Nishtala et al., NSDI 2013; PATTERNS 9"
CQ8 = implied(
    "CQ8", "in the end the cache holds nothing, or what the view holds", Kind.AT_REST, lambda v: v.cache != ABSENT,
    is_fresh, _LEASES,
)  # fmt: skip
CQ8_LIVE = Property(
    "CQ8.live", "once updates and queries are over the cache is fresh", Kind.EVENTUALLY, has_settled, _LEASES,
)  # fmt: skip
HIT = Property(
    "SOME-HIT", "the newest value is served from the cache", Kind.SOMETIMES,
    lambda v: v.cache == v.row == v.updates and not v.owed, _LEASES,
)  # fmt: skip
STALE_HIT = Property(
    "STALE-HIT", "between commit and invalidation the cache serves what is no longer so", Kind.SOMETIMES,
    lambda v: not is_fresh(v), _LEASES,
)  # fmt: skip
N4 = Property(
    "N4", "with nobody busy, and nothing owed to it, the cache holds an old value", Kind.SOMETIMES,
    lambda v: not (v.busy or v.owed or is_fresh(v)), _LEASES,
)  # fmt: skip


def _of_cache(s: CacheState) -> str:
    phase = s.readers[0].phase
    cache = "empty" if s.cache == ABSENT else f"holds {s.cache}"
    return f"view {s.row}, cache {cache}\nreader {f'has read {phase}' if isinstance(phase, int) else phase}"


STUDY = Study(
    name="a cache beside a view",
    make=CacheAside,
    switches=(
        Switch("leases", "the cache takes a value only under a lease that no invalidation has voided", default=True),
        Switch("invalidates", "a change of the row invalidates the cache", default=True),
        Switch("creation_invalidates", "so does its creation: that it was not found may be cached", default=True),
        Switch("durable_duty", "a writer that crashed is followed by one that invalidates", default=True),
        Switch("delete_first", "the cache is invalidated before the change is committed"),
        Switch("ttl", "an entry runs out some day"),
    ),
    sizes=(
        Size("2 readers, 1 update", {"updates": 1}, 667, 12),
        Size("2 readers, 2 updates", {}, 1_337, 14),
        Size("3 readers, 3 updates", {"readers": 3, "updates": 3, "gets": 1}, 4_760, 14),
    ),
    properties=(CQ8, CQ8_LIVE, HIT),
    theorems=(
        Theorem(N4, {"leases": False}, {}),
        Theorem(CQ8, {"leases": False}, {}),
        Theorem(CQ8, {"invalidates": False}, {}),
        Theorem(CQ8, {"creation_invalidates": False}, {}),
        Theorem(CQ8, {"durable_duty": False}, {}),
        Theorem(CQ8, {"delete_first": True}, {}),
        Theorem(CQ8_LIVE, {"leases": False}, {"leases": False, "ttl": True}),
        Theorem(STALE_HIT),
    ),
    diagram=Diagram({"readers": 1, "updates": 1, "gets": 1}, _of_cache),
)  # fmt: skip
