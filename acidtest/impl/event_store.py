"""An event store in one table, whose positions are in the order of commits.

Every append first takes the row that counts positions, and keeps it until it commits. So appends follow one after the other:
whatever is found in the table then is committed, positions leave nothing out, and no position becomes visible before a smaller one.
That is what lets readers go by positions alone; writers pay for it, by waiting for each other. (The alternatives are on the page of
the pattern: a sequence numbers rows in the order of inserts, and then readers must know which transactions are still open.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import sqlalchemy as sa

from acidtest.environment import BrokerRefused, BrokerTimeout, Conflict
from acidtest.impl.dialects import Name, Newest, returned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.environment import Environment

    Event: TypeAlias = tuple[str, str, str]

#: How many events a subscriber is handed per poll.
BATCH = 10

metadata = sa.MetaData()
events = sa.Table(
    "events", metadata,
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("stream", Name, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("id", Name, nullable=False),
    sa.Column("type", Name, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
    sa.UniqueConstraint("stream", "version"),
    sa.UniqueConstraint("stream", "id"),
)  # fmt: skip
positions = sa.Table(
    "positions", metadata, sa.Column("one", sa.Integer, primary_key=True), sa.Column("last", sa.Integer, nullable=False),
)  # fmt: skip
checkpoints = sa.Table(
    "checkpoints", metadata, sa.Column("subscriber", Name, primary_key=True), sa.Column("position", sa.Integer, nullable=False),
)  # fmt: skip

take_positions = sa.update(positions).values(last=positions.c.last + sa.bindparam("count")).returning(positions.c.last)
version_of = sa.select(sa.func.coalesce(sa.func.max(events.c.version), 0)).where(events.c.stream == sa.bindparam("stream"))
with_ids = (
    sa.select(events.c.version, events.c.id, events.c.type, events.c.data)
    .where(events.c.stream == sa.bindparam("stream"), events.c.id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(events.c.version)
)
of_stream = (
    sa.select(events.c.version, events.c.id, events.c.type, events.c.data)
    .where(events.c.stream == sa.bindparam("stream"), events.c.version > sa.bindparam("after"))
    .order_by(events.c.version)
)
of_all = (
    sa.select(events).where(events.c.position > sa.bindparam("after")).order_by(events.c.position).limit(sa.bindparam("most"))
)
checkpoint = sa.select(checkpoints.c.position).where(checkpoints.c.subscriber == sa.bindparam("name"))
move_checkpoint = Newest(
    "INSERT INTO checkpoints (subscriber, position) VALUES (:name, :position) ON CONFLICT (subscriber) "
    "DO UPDATE SET position = excluded.position WHERE checkpoints.position < excluded.position"
)


class EventStore:
    """Streams of events, and subscribers.

    Arguments:
        env: gives the database "events", and the broker that leads to subscribers.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset()
    batch: ClassVar[int] = BATCH

    def __init__(self, env: Environment) -> None:
        """Keep what is needed; nothing is read or written yet."""
        self.engine = env.engine("events")
        self.broker = env.broker

    def install(self) -> None:
        """Create the schema."""
        metadata.create_all(self.engine)
        with self.engine.begin() as connection:
            connection.execute(sa.insert(positions), {"one": 1, "last": 0})

    # Appends:

    def append(self, stream: str, expected_version: int | None, new: Sequence[Event]) -> int:
        """Store events at the end of a stream that has the expected version (None: any); return the version of the last.

        Raises:
            Conflict: it has another, or an id is used for something else.
        """
        with self.engine.begin() as connection:
            last = self._take_positions(connection, len(new))
            known = self._recognised(connection, stream, new)
            if known is None:
                known = self._version(connection, stream)
                self._compare(stream, expected_version, known)
                self._insert(connection, self._rows(stream, last - len(new), known, new))
                return known + len(new)
            connection.rollback()  # the positions are not needed
            return known

    def _take_positions(self, connection: sa.Connection, count: int) -> int:
        """The last of so many positions; nobody else gets any until this transaction has ended."""
        found: int = returned(connection, take_positions, {"count": count}).scalar_one()
        return found

    def _recognised(self, connection: sa.Connection, stream: str, new: Sequence[Event]) -> int | None:
        """The version that the events have given before, all of them, as they are; None where none is known.

        Raises:
            Conflict: some of the ids are used for something else.
        """
        found = connection.execute(with_ids, {"stream": stream, "ids": [event[0] for event in new]}).all()
        if not found:
            return None
        versions = [row.version for row in found]
        same = [tuple(row[1:]) for row in found] == list(new)
        if not same or versions[-1] - versions[0] != len(new) - 1:
            message = f"stream {stream}: {found[0].id} is the id of another event"
            raise Conflict(message)
        return int(versions[-1])

    def _version(self, connection: sa.Connection, stream: str) -> int:
        found: int = connection.execute(version_of, {"stream": stream}).scalar_one()
        return found

    def _compare(self, stream: str, expected: int | None, version: int) -> None:
        if expected is not None and expected != version:
            message = f"stream {stream} has version {version}, not {expected}"
            raise Conflict(message)

    def _rows(self, stream: str, position: int, version: int, new: Sequence[Event]) -> list[dict[str, Any]]:
        return [
            {"position": position + n, "stream": stream, "version": version + n, "id": event[0], "type": event[1], "data": event[2]}
            for n, event in enumerate(new, 1)
        ]

    def _insert(self, connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
        connection.execute(sa.insert(events).values(rows))

    # Reads:

    def read(self, stream: str, after: int = 0) -> list[tuple[int, Event]]:
        """The events of a stream behind a version."""
        with self.engine.connect() as connection:
            rows = connection.execute(of_stream, {"stream": stream, "after": after}).all()
        return [(row.version, (row.id, row.type, row.data)) for row in rows]

    def read_all(self, after: int, limit: int) -> list[tuple[int, str, int, Event]]:
        """The events of all streams behind a position, so many at most."""
        with self.engine.connect() as connection:
            rows = connection.execute(of_all, {"after": after, "most": limit}).all()
        return [(row.position, row.stream, row.version, (row.id, row.type, row.data)) for row in rows]

    # Subscribers:

    def poll(self, subscriber: str) -> None:
        """Hand a subscriber what comes next; it stops at the first that it does not take."""
        for position, stream, _, event in self.read_all(self._checkpoint(subscriber), self.batch):
            try:
                self._hand(stream, event)
            except (BrokerRefused, BrokerTimeout):
                return
            self._move(subscriber, position)

    def _checkpoint(self, subscriber: str) -> int:
        with self.engine.connect() as connection:
            return connection.execute(checkpoint, {"name": subscriber}).scalar() or 0

    def _hand(self, stream: str, event: Event) -> None:
        self.broker.publish(event[0], stream, event[2])

    def _move(self, subscriber: str, position: int) -> None:
        with self.engine.begin() as connection:
            connection.execute(move_checkpoint, {"name": subscriber, "position": position})
