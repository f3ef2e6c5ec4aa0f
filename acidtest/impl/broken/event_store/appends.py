"""Mutants of the appending half of event stores: versions, transactions, and what clients are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from acidtest.environment import Conflict
from acidtest.impl.dialects import FAMILY
from acidtest.impl.event_store import EventStore, events

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.environment import Environment
    from acidtest.impl.event_store import Event


class Unguarded(EventStore):
    """The reference on a table without unique keys: what it does itself is all that is done."""

    def install(self) -> None:
        """Create the schema, without unique keys."""
        super().install()
        bare = events.to_metadata(sa.MetaData())
        bare.constraints -= {c for c in bare.constraints if isinstance(c, sa.UniqueConstraint)}
        events.drop(self.engine)
        bare.create(self.engine)


# Versions.


class VersionIgnored(EventStore):
    """Appends whatever the expected version is, for the version is made here anyway (ES3)."""

    def _compare(self, stream: str, expected: int | None, version: int) -> None:
        pass


class ZeroMeansAny(EventStore):
    """Compares versions where one is expected, and takes 0 for none (ES3)."""

    def _compare(self, stream: str, expected: int | None, version: int) -> None:
        if expected:
            super()._compare(stream, expected, version)


class VersionReadBefore(Unguarded):
    """Looks for the greatest version in one transaction and inserts the next in another, without a unique key (ES2)."""

    def append(self, stream: str, expected_version: int | None, new: Sequence[Event]) -> int:
        with self.engine.begin() as connection:
            known = self._recognised(connection, stream, new)
            version = self._version(connection, stream)
        if known is not None:
            return known
        self._compare(stream, expected_version, version)
        with self.engine.begin() as connection:
            last = self._take_positions(connection, len(new))
            self._insert(connection, self._rows(stream, last - len(new), version, new))
        return version + len(new)


class VersionOfTheSnapshot(Unguarded):
    """Looks at the version before it waits for its turn, and again afterwards: at REPEATABLE READ it sees the same (ES2)."""

    def _take_positions(self, connection: sa.Connection, count: int) -> int:
        connection.execute(_whether_empty).all()
        return super()._take_positions(connection, count)


_whether_empty = sa.select(sa.func.max(events.c.version))


class PositionBySelectMax(EventStore):
    """Numbers events by INSERT … SELECT max + 1: at READ COMMITTED, who has not committed does not count, nor is waited for (ES8)."""

    def __init__(self, env: Environment) -> None:
        """At the level that is advised where there are too many deadlocks."""
        super().__init__(env)
        if self.engine.dialect.name in FAMILY:
            self.engine = self.engine.execution_options(isolation_level="READ COMMITTED")

    def install(self) -> None:
        """Create the schema, with an index on positions that allows equal ones."""
        super().install()
        events.drop(self.engine)
        _by_stream.create(self.engine)

    def _take_positions(self, connection: sa.Connection, count: int) -> int:  # noqa: ARG002 - they are taken by inserting
        return 0

    def _insert(self, connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            connection.execute(_behind_the_last, row)


_by_stream = sa.Table(
    "events", sa.MetaData(), *(sa.Column(c.name, c.type, primary_key=c.name in ("stream", "version"), nullable=False) for c in events.c),
    sa.UniqueConstraint("stream", "id"), sa.Index("by_position", "position"),
)  # fmt: skip
_behind_the_last = sa.text(
    "INSERT INTO events (position, stream, version, id, type, data) "
    "SELECT coalesce(max(position), 0) + 1, :stream, :version, :id, :type, :data FROM events"
)


class VersionOfAllStreams(EventStore):
    """Takes the greatest version of all streams for that of the one that is appended to (G11, ES3)."""

    def _version(self, connection: sa.Connection, stream: str) -> int:  # noqa: ARG002
        found: int = connection.execute(sa.select(sa.func.coalesce(sa.func.max(events.c.version), 0))).scalar_one()
        return found


class GreaterIsFine(EventStore):
    """Refuses an append only where the stream has less than the expected version (ES3)."""

    def _compare(self, stream: str, expected: int | None, version: int) -> None:
        if expected is not None and version < expected:
            super()._compare(stream, expected, version)


class Overwrites(EventStore):
    """Writes behind the expected version whatever stands there, by an upsert (ES1)."""

    def _version(self, connection: sa.Connection, stream: str) -> int:
        return super()._version(connection, stream) if self.expected is None or self.expected < 0 else self.expected

    def append(self, stream: str, expected_version: int | None, new: Sequence[Event]) -> int:
        self.expected = expected_version
        return super().append(stream, expected_version, new)

    def _insert(self, connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            there = (events.c.stream == row["stream"]) & (events.c.version == row["version"])
            connection.execute(sa.delete(events).where(there))
        super()._insert(connection, rows)


# Transactions.


class EventByEvent(EventStore):
    """Stores the events of an append one by one, each in a transaction of its own (ES4)."""

    def append(self, stream: str, expected_version: int | None, new: Sequence[Event]) -> int:
        version = super().append(stream, expected_version, new[:1])
        for event in new[1:]:
            version = super().append(stream, None, [event])
        return version


class UndoneAfterCommit(EventStore):
    """Takes an append back when it ends in an error, also where COMMIT succeeded and only its answer was lost (ES1)."""

    def append(self, stream: str, expected_version: int | None, new: Sequence[Event]) -> int:
        try:
            return super().append(stream, expected_version, new)
        except sa.exc.DBAPIError:
            ids = [event[0] for event in new]
            with self.engine.begin() as connection:
                connection.execute(sa.delete(events).where(events.c.stream == stream, events.c.id.in_(ids)))
            raise


class TriedAgainInside(EventStore):
    """Tries an append again by itself after an error, and does not look whether the first was stored after all (G4)."""

    def append(self, stream: str, expected_version: int | None, new: Sequence[Event]) -> int:
        try:
            return super().append(stream, expected_version, new)
        except sa.exc.DBAPIError:
            with self.engine.begin() as connection:
                last = self._take_positions(connection, len(new))
                version = self._version(connection, stream)
                self._compare(stream, expected_version, version)
                self._insert(connection, self._rows(stream, last - len(new), version, new))
            return version + len(new)


# What clients are told.


class ConflictSwallowed(EventStore):
    """Takes a refused append for one that somebody else has done, and returns the version that there is (G4)."""

    def append(self, stream: str, expected_version: int | None, new: Sequence[Event]) -> int:
        try:
            return super().append(stream, expected_version, new)
        except Conflict:
            with self.engine.connect() as connection:
                return self._version(connection, stream)


class ErrorIsConflict(EventStore):
    """Raises Conflict for every error of the database, also for a COMMIT of which nobody knows (G4, ES3)."""

    def append(self, stream: str, expected_version: int | None, new: Sequence[Event]) -> int:
        try:
            return super().append(stream, expected_version, new)
        except sa.exc.DBAPIError as error:
            message = f"stream {stream}: {error}"
            raise Conflict(message) from error


class SwallowedError(EventStore):
    """Logs an error of the database and returns the version that there would be (G4)."""

    def append(self, stream: str, expected_version: int | None, new: Sequence[Event]) -> int:
        try:
            return super().append(stream, expected_version, new)
        except sa.exc.DBAPIError:
            return (expected_version or 0) + len(new)


class VersionOfTheFirst(EventStore):
    """Returns the version of the first event of an append, not of the last (G4)."""

    def append(self, stream: str, expected_version: int | None, new: Sequence[Event]) -> int:
        return super().append(stream, expected_version, new) - len(new) + 1


class DataNormalised(EventStore):
    """Stores data without the spaces, which are of no importance (G8)."""

    def _rows(self, stream: str, position: int, version: int, new: Sequence[Event]) -> list[dict[str, Any]]:
        return super()._rows(stream, position, version, [(id_, type_, data.replace(" ", "")) for id_, type_, data in new])


class PublishedInside(EventStore):
    """Hands events to subscribers inside the transaction of the append, which may still fail (G8)."""

    def _insert(self, connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
        super()._insert(connection, rows)
        for row in rows:
            self.broker.publish(row["id"], row["stream"], row["data"])


