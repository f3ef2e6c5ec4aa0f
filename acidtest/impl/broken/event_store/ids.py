"""Mutants of the recognition of events that are stored already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from acidtest.environment import Conflict
from acidtest.impl.broken.event_store.appends import Unguarded
from acidtest.impl.event_store import EventStore, events

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.environment import Environment
    from acidtest.impl.event_store import Event


class IdsInMemory(Unguarded):
    """Recognises only what this process has appended itself (ES9)."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.seen: set[tuple[str, str]] = set()

    def _recognised(self, connection: sa.Connection, stream: str, new: Sequence[Event]) -> int | None:
        if (stream, new[0][0]) not in self.seen:
            return None
        return super()._recognised(connection, stream, new)

    def append(self, stream: str, expected_version: int | None, new: Sequence[Event]) -> int:
        version = super().append(stream, expected_version, new)
        self.seen.add((stream, new[0][0]))
        return version


class RecognisedOnConflict(Unguarded):
    """Looks for events that are stored already only where the version is not the expected one (ES9)."""

    def append(self, stream: str, expected_version: int | None, new: Sequence[Event]) -> int:
        with self.engine.begin() as connection:
            last = self._take_positions(connection, len(new))
            version = self._version(connection, stream)
            if expected_version not in (None, version):
                known = self._recognised(connection, stream, new)
                if known is None:
                    self._compare(stream, expected_version, version)
                connection.rollback()
                return known or 0
            self._insert(connection, self._rows(stream, last - len(new), version, new))
            return version + len(new)


class NotRecognisedForAny(Unguarded):
    """Recognises events only where a version is expected: an append to any version is stored again (ES9)."""

    def append(self, stream: str, expected_version: int | None, new: Sequence[Event]) -> int:
        self.any = expected_version is None
        return super().append(stream, expected_version, new)

    def _recognised(self, connection: sa.Connection, stream: str, new: Sequence[Event]) -> int | None:
        return None if self.any else super()._recognised(connection, stream, new)


class LookedUpBefore(Unguarded):
    """Looks for known events before the transaction: two that come at once are both new, and both stored (ES9)."""

    def append(self, stream: str, expected_version: int | None, new: Sequence[Event]) -> int:
        with self.engine.connect() as connection:
            self.known = super()._recognised(connection, stream, new)
        return super().append(stream, expected_version, new)

    def _recognised(self, connection: sa.Connection, stream: str, new: Sequence[Event]) -> int | None:  # noqa: ARG002
        return self.known


class RecentOnly(Unguarded):
    """Recognises only the events that came last, for older ones nobody asks for again (ES9)."""

    def _recognised(self, connection: sa.Connection, stream: str, new: Sequence[Event]) -> int | None:
        known = super()._recognised(connection, stream, new)
        return known if known is None or known >= self._version(connection, stream) - 1 else None


class IdIsEnough(EventStore):
    """Recognises an event by its id, whatever it says: another one with that id is swallowed (G4)."""

    def _recognised(self, connection: sa.Connection, stream: str, new: Sequence[Event]) -> int | None:
        ids = [event[0] for event in new]
        there = sa.select(sa.func.max(events.c.version)).where(events.c.stream == stream, events.c.id.in_(ids))
        return connection.execute(there).scalar()


class FirstIdIsEnough(EventStore):
    """Recognises an append by its first event: the others are swallowed where they are new, or break its key (G4, G11)."""

    def _recognised(self, connection: sa.Connection, stream: str, new: Sequence[Event]) -> int | None:
        return super()._recognised(connection, stream, new[:1])


class KnownIsConflict(EventStore):
    """Refuses events that are stored already, as a duplicate key, instead of saying that they are (ES9)."""

    def _recognised(self, connection: sa.Connection, stream: str, new: Sequence[Event]) -> int | None:
        if super()._recognised(connection, stream, new) is None:
            return None
        message = f"stream {stream}: duplicate key {new[0][0]}"
        raise Conflict(message)


class VersionOfNow(EventStore):
    """Answers an append that is stored already with the version that the stream has now (G4)."""

    def _recognised(self, connection: sa.Connection, stream: str, new: Sequence[Event]) -> int | None:
        known = super()._recognised(connection, stream, new)
        return known and self._version(connection, stream)
