"""The overview's event store (its section 4), `Append`: Go, statement for statement.

The port appends several events to a stream and asks for versions and positions, which the overview does not know: its `Append` is
called for each event, and events are numbered in the order of their timestamps, which is the only order that there is.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, ClassVar

from acidtest.impl.naive import Defect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.environment import Environment

    Event = tuple[str, str, str]


class NaiveEventStore:
    """The overview's event store.

    Arguments:
        env: gives the database "events" and the clock.
    """

    schema: ClassVar[str] = "CREATE TABLE events (id TEXT, type TEXT, aggregate TEXT, data TEXT, timestamp REAL)"

    def __init__(self, env: Environment) -> None:
        """Keep the environment."""
        self.env = env

    def install(self) -> None:
        """Create the overview's table."""
        self.db().execute(self.schema)

    def db(self) -> sqlite3.Connection:
        """A connection of the pool."""
        connection: sqlite3.Connection = self.env.connect("events", isolation_level=None)
        return connection

    def append(self, stream: str, expected_version: int | None, events: Sequence[Event]) -> int:  # noqa: ARG002 - it knows none
        """Append each of the events; an error that is returned reaches the client."""
        for event in events:
            err = self.append_event(stream, event, self.env.clock.now())
            if err is not None:
                raise err
        return len(self.read(stream))

    def append_event(self, aggregate: str, event: Event, timestamp: float) -> Exception | None:
        """`func (es *EventStore) Append(event Event) error`."""
        id_, type_, data = event
        try:
            self.db().execute(
                "INSERT INTO events (id, type, aggregate, data, timestamp) VALUES (?, ?, ?, ?, ?)",
                (id_, type_, aggregate, data, timestamp),
            )
        except sqlite3.Error as err:
            return err
        return None

    def read(self, stream: str, after: int = 0) -> list[tuple[int, Event]]:
        """`es.GetEvents(aggregate)`, in the order of timestamps."""
        rows = self.db().execute("SELECT id, type, data FROM events WHERE aggregate = ? ORDER BY timestamp", (stream,)).fetchall()
        return [(version, row) for version, row in enumerate(rows, 1) if version > after]

    def read_all(self, after: int, limit: int) -> list[tuple[int, str, int, Event]]:
        """All events, likewise."""
        versions: dict[str, int] = {}
        found = []
        rows = self.db().execute("SELECT id, type, data, aggregate FROM events ORDER BY timestamp").fetchall()
        for position, (id_, type_, data, aggregate) in enumerate(rows, 1):
            versions[aggregate] = versions.get(aggregate, 0) + 1
            found.append((position, aggregate, versions[aggregate], (id_, type_, data)))
        return [row for row in found if row[0] > after][:limit]


class NaiveWithKey(NaiveEventStore):
    """The overview's event store, with a primary key."""

    schema: ClassVar[str] = "CREATE TABLE events (id TEXT PRIMARY KEY, type TEXT, aggregate TEXT, data TEXT, timestamp REAL)"


DEFECTS: tuple[Defect, ...] = (
    Defect("S4.1", "nothing compares versions: two decisions on one state are both appended", NaiveEventStore, ("ES3",), "expected versions"),
    Defect("S4.2", "the only order is that of timestamps: an event that comes later stands before others", NaiveEventStore, ("ES1",), "a day apart"),
    Defect("S4.9", "one INSERT per event: a decision of two events is half stored", NaiveEventStore, ("ES4",), "one append"),
    Defect("S4.10", "an INSERT that is tried again is stored twice", NaiveEventStore, ("ES9",), "one append"),
    Defect("S4.10 key", "with a primary key, an INSERT that is tried again fails for ever", NaiveWithKey, ("G9",), "one append"),
    Defect("S4.12", "there is no position: who reads on from a timestamp's place skips what came late", NaiveEventStore, ("ES8",), "a day apart"),
)  # fmt: skip

NOT_EXHIBITED: dict[str, str] = {
    "S4.3": "it is about rebuilding an account, which is the business of event_sourcing",
    "S4.4": "rebuilding again: the store does not look into the data of events",
    "S4.5": "rebuilding again: the store does not look at types",
    "S4.6": "a stream that does not exist has version 0 at the port, as one without events",
    "S4.7": "a decision is the business of event_sourcing: the store decides nothing",
    "S4.8": "amounts are the business of event_sourcing: the store adds nothing up",
    "S4.11": "the port has one name for a stream, which Append and GetEvents are both given",
    "S4.13": "versions of schemas and snapshots are the business of event_sourcing",
    "S4.14": "amounts are the business of event_sourcing: the store does not look into the data of events",
}
