"""Mutants of the store's own subscriber: checkpoints, errors, and what is handed on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from acidtest.environment import BrokerRefused, BrokerTimeout
from acidtest.impl.event_store import EventStore, events

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acidtest.environment import Environment
    from acidtest.impl.event_store import Event

MOST = 500  #: times, which nobody tries in tests


class CheckpointFirst(EventStore):
    """Moves the checkpoint before it hands the event over, which then may never happen (ES8)."""

    def poll(self, subscriber: str) -> None:
        for position, stream, _, event in self.read_all(self._checkpoint(subscriber), self.batch):
            self._move(subscriber, position)
            try:
                self._hand(stream, event)
            except (BrokerRefused, BrokerTimeout):
                return


class CheckpointPastThePage(EventStore):
    """Moves the checkpoint to the last position that there is, also where the page has ended before it (ES8)."""

    batch = 2

    def poll(self, subscriber: str) -> None:
        super().poll(subscriber)
        with self.engine.connect() as connection:
            last = connection.execute(sa.select(sa.func.max(events.c.position))).scalar()
        if last is not None:
            self._move(subscriber, last)


class StartsAtTheEnd(EventStore):
    """Keeps the checkpoint in memory, and begins with what is new where it has none (ES8)."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.position: int | None = None

    def _checkpoint(self, subscriber: str) -> int:  # noqa: ARG002
        if self.position is None:
            with self.engine.connect() as connection:
                self.position = connection.execute(sa.select(sa.func.max(events.c.position))).scalar() or 0
        return self.position

    def _move(self, subscriber: str, position: int) -> None:  # noqa: ARG002
        self.position = position


class TimeoutMeansTaken(EventStore):
    """Takes an event that nobody has confirmed for one that has arrived (ES8)."""

    def _hand(self, stream: str, event: Event) -> None:
        try:
            super()._hand(stream, event)
        except BrokerTimeout:
            pass


class FailedIsSkipped(EventStore):
    """Goes on with the next event where one is not taken, and comes back to none (ES8)."""

    def poll(self, subscriber: str) -> None:
        for position, stream, _, event in self.read_all(self._checkpoint(subscriber), self.batch):
            try:
                self._hand(stream, event)
            except (BrokerRefused, BrokerTimeout):
                continue
            self._move(subscriber, position)


class EmptyDataSkipped(EventStore):
    """Hands over only events that have data (ES8)."""

    def _hand(self, stream: str, event: Event) -> None:
        if event[2]:
            super()._hand(stream, event)


class WedgedByOneError(EventStore):
    """Polls in a loop that one error ends, and only a restart begins again (G9)."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.loop: Iterator[None] | None = None

    def poll(self, subscriber: str) -> None:
        self.loop = self.loop or self._forever(subscriber)
        next(self.loop, None)

    def _forever(self, subscriber: str) -> Iterator[None]:
        while True:
            for position, stream, _, event in self.read_all(self._checkpoint(subscriber), self.batch):
                self._hand(stream, event)
                self._move(subscriber, position)
            yield


class BreakerStaysOpen(EventStore):
    """Stops handing over after five hundred failures in a row, until a restart (G9)."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.failures = 0

    def poll(self, subscriber: str) -> None:
        if self.failures <= MOST:
            super().poll(subscriber)

    def _hand(self, stream: str, event: Event) -> None:
        self.failures += 1
        super()._hand(stream, event)
        self.failures = 0
