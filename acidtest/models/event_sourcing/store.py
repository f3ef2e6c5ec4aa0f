"""An event store as its clients and subscribers see it: appends to streams, and events that are handed on.

`EventStore` is the machine that running code is followed against. An append takes effect whole, at the version that it expects,
or is refused; who was told nothing may ask again, and is told the version again or, where the store does not recognise event
ids, is refused. Subscribers are handed what is stored, each stream in its order, each event once.

Sources: Young, "CQRS Documents", 2010; KurrentDB's append.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.checker.machine import Model, Transition
from acidtest.models.shared.tuples import put

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: What a client is told whose append was refused; else it is told the version, in digits.
CONFLICT = "conflict"
#: An attempt at an append may take effect late, after the client was told nothing; so many are told apart.
_MOST_PENDING = 2
#: And so often one may be stored again and again, where ids are not recognised: as often as anybody asks here.
_MOST_STORED = 4


class Event(NamedTuple):
    """An event as it is appended."""

    id: str
    type: str
    data: str


class Stored(NamedTuple):
    """An event as it is stored, at its version within the stream, from 1."""

    version: int
    id: str
    type: str
    data: str

    @property
    def event(self) -> Event:
        """What was appended."""
        return Event(*self[1:])


class Append(NamedTuple):
    """An append of the workload.

    Arguments:
        name: identifies it within the workload.
        stream: where to.
        expected: the version that the stream must have; None for any.
        events: what is appended, at least one event.
    """

    name: str
    stream: str
    expected: int | None
    events: tuple[Event, ...]


class Asked(NamedTuple):
    """What a client knows of an append: new, open, unknown, a version, or conflict; `alone` while nothing disturbed it."""

    append: Append
    status: str
    alone: bool


class Handed(NamedTuple):
    """An event that a subscriber was handed; the position is 0 where a model says so, for models have none."""

    position: int
    stream: str
    version: int
    event: Event


class Begun(NamedTuple):
    """How things stood when an append was last asked for.

    Arguments:
        version: of the stream.
        stored: whether the events were stored already.
        again: whether it had been asked for before.
    """

    version: int
    stored: bool
    again: bool


def begun(append: Append, stored: Sequence[Stored], *, again: bool) -> Begun:
    """How things stand when an append is asked for, of a stream that holds this."""
    return Begun(len(stored), bool(versions_of(append, stored)), again)


class Answered(NamedTuple):
    """A read that was just answered.

    Arguments:
        stream: which was read; empty for all of them.
        after: from where.
        limit: how many at most; 0 for all.
        rows: what was read: `Stored` of a stream, `Handed` of all of them.
    """

    stream: str
    after: int
    limit: int
    rows: tuple[Any, ...]


Streams = tuple[tuple[str, tuple[Stored, ...]], ...]


class StoreView(NamedTuple):
    """What an outsider sees.

    Arguments:
        appends: what clients know.
        streams: what is stored, by stream.
        handed: what a subscriber was handed that reads all streams from where it stopped.
        told: what the store's own subscriber was handed, further copies left out.
        begun: per append, how things stood when it was last asked for; None before.
        read: the read that was just answered; None where none was.
        window: what was stored at some instant while it ran.
        polls: whether the store has a subscriber of its own.
        at_rest: whether all has come to rest.
        wedged: whether that took restarting a process that had neither crashed nor lost a connection.
    """

    appends: tuple[Asked, ...]
    streams: Streams
    handed: tuple[Handed, ...] = ()
    told: tuple[Handed, ...] = ()
    begun: tuple[Begun | None, ...] = ()
    read: Answered | None = None
    window: frozenset[Streams] = frozenset()
    polls: bool = False
    at_rest: bool = False
    wedged: bool = False


class StoreState(NamedTuple):
    """What is stored, what clients know, and how far subscribers are.

    Appends are numbered in the order of the workload. `streams` holds, by stream, the numbers of the appends that it consists of;
    equal ones go by the number of the first. `decided` is what an open call will be told, `pending` how many attempts may still
    take effect, and `begun` how things stood when each was last asked for. Subscribers have (stream, version) pairs.
    """

    streams: tuple[tuple[int, ...], ...]
    status: tuple[str, ...]
    alone: tuple[bool, ...]
    decided: tuple[str, ...]
    pending: tuple[int, ...]
    begun: tuple[Begun | None, ...]
    handed: tuple[tuple[int, int], ...] = ()
    told: tuple[tuple[int, int], ...] = ()


class EventStore(Model[StoreState]):
    """An event store over a fixed workload.

    Arguments:
        streams: the names of the streams.
        appends: the workload.
        subscribers: how many there are: one reads all streams, and a second may be the store's own.
        versions_only: the store need not recognise event ids: it may store again what it has.
    """

    name = "event store"
    events = frozenset({"invoke", "reply", "unknown", "disturbed"})

    def __init__(
        self, streams: Sequence[str], appends: Sequence[Append], subscribers: int = 2, *, versions_only: bool = False
    ) -> None:
        """Number streams and appends."""
        self.streams, self.appends, self.subscribers = tuple(streams), tuple(appends), subscribers
        self.versions_only = versions_only
        self._stream = [self.streams.index(append.stream) for append in self.appends]
        same = [(append.stream, append.events) for append in self.appends]
        self._first = [same.index(pair) for pair in same]
        self._stored: dict[tuple[int, ...], tuple[Stored, ...]] = {}

    def initial_states(self) -> Iterator[StoreState]:
        """Nothing is stored, and nothing has been asked for."""
        count = len(self.appends)
        yield StoreState(((),) * len(self.streams), ("new",) * count, (False,) * count, ("",) * count, (0,) * count, (None,) * count)

    def transitions(self) -> Sequence[Transition]:
        """Clients and the store first, then subscribers."""
        each = [(i,) for i in range(len(self.appends))]
        most = (_MOST_STORED if self.versions_only else 1) * sum(len(append.events) for append in self.appends)
        answers = [CONFLICT, *map(str, range(1, most + 1))]
        streams = [(n,) for n in range(len(self.streams))]
        subscribers = (Transition("hand", self.hand, streams), Transition("tell", self.tell, streams))
        return [
            Transition("invoke", self.invoke, each),
            Transition("append", self.append, each),
            Transition("refuse", self.refuse, each),
            Transition("reply", self.reply, [(i, answer) for (i,) in each for answer in answers]),
            Transition("unknown", self.unknown, each),
            Transition("disturbed", self.disturbed, each),
            *subscribers[: self.subscribers],
        ]

    def invoke(self, s: StoreState, i: int) -> StoreState | None:
        """A client asks, or asks again after it was told nothing; calls that overlap disturb each other."""
        if s.status[i] not in ("new", "unknown"):
            return None
        beside = "open" in s.status
        alone = tuple([a and st != "open" for a, st in zip(s.alone, s.status, strict=True)])
        return s._replace(
            status=put(s.status, i, "open"), alone=put(alone, i, s.status[i] == "new" and not beside), decided=put(s.decided, i, ""),
            pending=put(s.pending, i, min(s.pending[i] + 1, _MOST_PENDING)),
            begun=put(s.begun, i, begun(self.appends[i], self.stored(s, i), again=s.status[i] == "unknown")),
        )  # fmt: skip

    def append(self, s: StoreState, i: int) -> StoreState | None:
        """The events are stored: the stream has the expected version, and none of their ids is used for others."""
        stored = self.stored(s, i)
        append = self.appends[i]
        if not s.pending[i] or s.status[i] not in ("open", "unknown"):
            return None
        if append.expected not in (None, len(stored)) or (not self.versions_only and is_known(append, stored)):
            return None
        n = self._stream[i]
        if s.streams[n].count(self._first[i]) == _MOST_STORED:
            return None
        version = str(len(stored) + len(append.events))
        return s._replace(
            streams=put(s.streams, n, (*s.streams[n], self._first[i])), decided=put(s.decided, i, version),
            pending=put(s.pending, i, s.pending[i] - 1),
        )  # fmt: skip

    def refuse(self, s: StoreState, i: int) -> StoreState | None:
        """The append is refused: the stream has another version, or an id is used for something else."""
        stored, append = self.stored(s, i), self.appends[i]
        if s.status[i] != "open" or not s.pending[i]:
            return None
        if append.expected in (None, len(stored)) and not clashes(append, stored):
            return None
        if not self.versions_only and versions_of(append, stored):
            return None  # it is told the version
        return s._replace(decided=put(s.decided, i, CONFLICT), pending=put(s.pending, i, s.pending[i] - 1))

    def reply(self, s: StoreState, i: int, answer: str) -> StoreState | None:
        """The client is told what was decided; or the version at which the events were stored before."""
        if s.status[i] != "open" or (answer != s.decided[i] and answer not in versions_of(self.appends[i], self.stored(s, i))):
            return None
        return s._replace(status=put(s.status, i, answer))

    def unknown(self, s: StoreState, i: int) -> StoreState | None:
        """The client learns nothing; only a disturbance can cause that."""
        if s.status[i] != "open" or s.alone[i]:
            return None
        return s._replace(status=put(s.status, i, "unknown"))

    def disturbed(self, s: StoreState, i: int) -> StoreState | None:
        """Something else runs beside the call, or a fault has occurred; it may have been disturbed before."""
        return s._replace(alone=put(s.alone, i, value=False)) if s.status[i] == "open" else None

    def hand(self, s: StoreState, n: int) -> StoreState | None:
        """A subscriber that reads all streams is handed the next event of one of them."""
        following = self._next(s, s.handed, n)
        return None if following is None else s._replace(handed=(*s.handed, following))

    def tell(self, s: StoreState, n: int) -> StoreState | None:
        """The store's own subscriber is handed the next event of a stream."""
        following = self._next(s, s.told, n)
        return None if following is None else s._replace(told=(*s.told, following))

    def _next(self, s: StoreState, seen: tuple[tuple[int, int], ...], n: int) -> tuple[int, int] | None:
        version = 1 + sum(stream == n for stream, _ in seen)
        return (n, version) if version <= len(self._events(s.streams[n])) else None

    def stored(self, s: StoreState, i: int) -> tuple[Stored, ...]:
        """The stream of an append."""
        return self._events(s.streams[self._stream[i]])

    def _events(self, numbers: tuple[int, ...]) -> tuple[Stored, ...]:
        found = self._stored.get(numbers)
        if found is None:
            events = [event for number in numbers for event in self.appends[number].events]
            found = self._stored[numbers] = tuple([Stored(version, *event) for version, event in enumerate(events, 1)])
        return found

    def leads_to(self, state: StoreState, view: StoreView) -> bool:
        """Streams only grow, and so does what subscribers have."""
        now = self.view(state)
        grows = all(a[1] == b[1][: len(a[1])] for a, b in zip(now.streams, view.streams, strict=True))
        return grows and now.handed == view.handed[: len(now.handed)] and now.told == view.told[: len(now.told)]

    def at_rest(self, state: StoreState) -> bool:
        """No call is open, and subscribers have all that is stored."""
        following = [self._next(state, seen, n) for n in range(len(self.streams)) for seen in (state.handed, state.told)[: self.subscribers]]
        return "open" not in state.status and not any(following)

    def view(self, state: StoreState) -> StoreView:
        """Streams, answers, and what subscribers have."""
        streams = tuple(zip(self.streams, map(self._events, state.streams), strict=True))
        asked = tuple(map(Asked, self.appends, state.status, state.alone))
        return StoreView(asked, streams, self._handed(streams, state.handed), self._handed(streams, state.told), state.begun)

    def _handed(self, streams: Streams, seen: tuple[tuple[int, int], ...]) -> tuple[Handed, ...]:
        return tuple([Handed(0, streams[n][0], version, streams[n][1][version - 1].event) for n, version in seen])


def versions_of(append: Append, stored: Sequence[Stored]) -> list[str]:
    """The versions at which the events of an append are stored, whole and in a row: of the last of them."""
    events, size = list(append.events), len(append.events)
    starts = range(len(stored) - size + 1)
    return [str(start + size) for start in starts if [row.event for row in stored[start : start + size]] == events]


def is_known(append: Append, stored: Sequence[Stored]) -> bool:
    """Whether an id of the append is used in the stream already, for the same or for something else."""
    ids = {event.id for event in append.events}
    return any(row.id in ids for row in stored)


def clashes(append: Append, stored: Sequence[Stored]) -> bool:
    """Whether an id of the append is used in the stream, and not for the append itself."""
    return is_known(append, stored) and not versions_of(append, stored)
