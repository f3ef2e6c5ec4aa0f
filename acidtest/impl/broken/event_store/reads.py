"""Mutants of reading: a stream, all of them, and the numbers that readers go by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from acidtest.environment import Conflict
from acidtest.impl.event_store import EventStore, events, positions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.environment import Environment
    from acidtest.impl.event_store import Event

    Rows = list[tuple[int, str, int, Event]]


def _rows(connection: sa.Connection, statement: sa.Select[Any]) -> Rows:
    return [(r.position, r.stream, r.version, (r.id, r.type, r.data)) for r in connection.execute(statement)]


class OrderedById(EventStore):
    """Reads a stream in the order of event ids, which only as a rule is that of versions (ES2)."""

    def read(self, stream: str, after: int = 0) -> list[tuple[int, Event]]:
        return sorted(super().read(stream, after), key=lambda row: row[1])


class AfterIncluded(EventStore):
    """Reads a stream from a version on, that version included (ES5)."""

    def read(self, stream: str, after: int = 0) -> list[tuple[int, Event]]:
        return super().read(stream, after - 1)


class NegativeMeansLast(EventStore):
    """Counts a negative version from the end, as Python does (ES5)."""

    def read(self, stream: str, after: int = 0) -> list[tuple[int, Event]]:
        return super().read(stream)[after:] if after < 0 else super().read(stream, after)


class FirstPageOnly(EventStore):
    """Reads three events of a stream at most, and nobody asks for the rest (G4)."""

    def read(self, stream: str, after: int = 0) -> list[tuple[int, Event]]:
        return super().read(stream, after)[:3]


class PagedByVersion(EventStore):
    """Pages through all streams by the version within the stream: what is young in its stream is skipped (ES8)."""

    def read_all(self, after: int, limit: int) -> Rows:
        with self.engine.connect() as connection:
            return _rows(connection, sa.select(events).where(events.c.version > after).order_by(events.c.position).limit(limit))


class LimitBeforeFilter(EventStore):
    """Takes the first rows of the table, and of these the ones behind the position: there it ends for ever (ES8)."""

    def read_all(self, after: int, limit: int) -> Rows:
        return [row for row in super().read_all(0, limit) if row[0] > after]


class PositionIncluded(EventStore):
    """Reads from a position on, that position included: a subscriber is handed the same again and again (ES8)."""

    def read_all(self, after: int, limit: int) -> Rows:
        return super().read_all(after - 1, limit)


class NewestFirst(EventStore):
    """Reads the newest rows behind a position, where there are more than asked for (ES8)."""

    def read_all(self, after: int, limit: int) -> Rows:
        with self.engine.connect() as connection:
            newest = sa.select(events).where(events.c.position > after).order_by(events.c.position.desc()).limit(limit)
            return _rows(connection, newest)[::-1]


# Positions that are drawn before the transaction, as a sequence would: one that commits later may have the smaller number, and
# one of a refused append is never used.


class _DrawnBefore(EventStore):
    def append(self, stream: str, expected_version: int | None, new: Sequence[Event]) -> int:
        with self.engine.begin() as connection:
            self.drawn = super()._take_positions(connection, len(new))
        return super().append(stream, expected_version, new)

    def _take_positions(self, connection: sa.Connection, count: int) -> int:  # noqa: ARG002 - they were drawn before
        connection.execute(sa.update(positions).values(last=positions.c.last))
        return self.drawn


class LastSeen(_DrawnBefore):
    """Numbers rows before they are committed, and reads on from the last that is visible (ES8)."""


class GapNeverAbandoned(_DrawnBefore):
    """Reads as far as numbers follow each other, and waits for ever for one that a refused append has drawn (ES8)."""

    def read_all(self, after: int, limit: int) -> Rows:
        rows = super().read_all(after, limit)
        return [row for n, row in enumerate(rows, after + 1) if row[0] == n]


class LeadingGapUnseen(_DrawnBefore):
    """Compares each row with the one before it in the page: a number that is missing before the first is not missed (ES8)."""

    def read_all(self, after: int, limit: int) -> Rows:
        rows = super().read_all(after, limit)
        return [row for n, row in enumerate(rows) if row[0] == rows[0][0] + n]


class GapGivenUp(_DrawnBefore):
    """Gives a gap up when it is seen for the second time: by then it may still be in flight (ES8)."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.gap = 0

    def read_all(self, after: int, limit: int) -> Rows:
        rows = super().read_all(after, limit)
        if rows and rows[0][0] != after + 1 and self.gap != rows[0][0]:
            self.gap = rows[0][0]
            return []
        return rows


# Numbers of a real sequence, on a server where transactions write side by side.


class BySequence(EventStore):
    """Numbers rows by a sequence, in the order of inserts, and reads on from the last that is visible (ES8)."""

    def install(self) -> None:
        super().install()
        with self.engine.begin() as connection:
            connection.execute(sa.text("CREATE SEQUENCE numbers"))

    def _take_positions(self, connection: sa.Connection, count: int) -> int:
        numbers: list[int] = [connection.execute(sa.text("SELECT nextval('numbers')")).scalar_one() for _ in range(count)]
        return numbers[-1]

    def append(self, stream: str, expected_version: int | None, new: Sequence[Event]) -> int:
        try:
            return super().append(stream, expected_version, new)
        except sa.exc.IntegrityError as error:
            message = f"stream {stream}: {error}"
            raise Conflict(message) from error


class SequenceGapNeverAbandoned(BySequence):
    """Numbers rows by a sequence, and waits for ever for a number that was rolled back (ES8)."""

    def read_all(self, after: int, limit: int) -> Rows:
        rows = super().read_all(after, limit)
        return [row for n, row in enumerate(rows, after + 1) if row[0] == n]


class WaitedTooLate(BySequence):
    """Waits for the writers that are at work, but has read before: three statements, three snapshots (ES8)."""

    def _take_positions(self, connection: sa.Connection, count: int) -> int:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock_shared(1)"))
        return super()._take_positions(connection, count)

    def read_all(self, after: int, limit: int) -> Rows:
        with self.engine.begin() as connection:
            rows = _rows(connection, sa.select(events).where(events.c.position > after).order_by(events.c.position).limit(limit))
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(1)"))
            return rows


class FirstHundredOnly(EventStore):
    """Reads the first hundred events of a stream, as if there were no more (ES4, ES5)."""

    def read(self, stream: str, after: int = 0) -> list[tuple[int, Event]]:
        return super().read(stream, after)[:100]
