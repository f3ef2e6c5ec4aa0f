"""Mutants of what others are told of event-sourced accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from acidtest.environment import BrokerRefused, BrokerTimeout
from acidtest.impl.event_sourcing import DECLINED, OTHERS, Account, Accounts
from acidtest.impl.event_store import checkpoints

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acidtest.environment import Environment
    from acidtest.impl.event_store import Event

MOST = 500  #: times, which nobody tries in tests


class RebuildTellsAgain(Accounts):
    """Reads all events again to rebuild, and tells others again (ES11)."""

    def rebuild(self) -> None:
        super().rebuild()
        with self.engine.begin() as connection:
            connection.execute(sa.delete(checkpoints))


class ToldBeforeCommit(Accounts):
    """Tells others before the event is in the log (ES12)."""

    def _append(self, account: str, loaded: Account, event: Event) -> None:
        self._hand(account, event)
        super()._append(account, loaded, event)

    def poll(self, subscriber: str = OTHERS) -> None:
        pass


class ToldAfterCommit(Accounts):
    """Tells others right after the event is in the log, and only then: a dual write (ES12)."""

    def _append(self, account: str, loaded: Account, event: Event) -> None:
        super()._append(account, loaded, event)
        try:
            self._hand(account, event)
        except (BrokerRefused, BrokerTimeout):
            return

    def poll(self, subscriber: str = OTHERS) -> None:
        pass


class CheckpointFirst(Accounts):
    """Moves the checkpoint before others are told (ES12)."""

    def poll(self, subscriber: str = OTHERS) -> None:
        for position, stream, _, event in self.read_all(self._checkpoint(subscriber), self.batch):
            self._move(subscriber, position)
            try:
                self._hand(stream, event)
            except (BrokerRefused, BrokerTimeout):
                return


class DeclinedTold(Accounts):
    """Tells others of what was declined as of what has happened (ES12)."""

    def _hand(self, stream: str, event: Event) -> None:
        super()._hand(stream, (event[0], "withdrawn" if event[1] == DECLINED else event[1], event[2]))


class IdPerMessage(Accounts):
    """Gives every message an id of its own, also where it is one that is told again (ES12)."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.new_id = env.new_id

    def _hand(self, stream: str, event: Event) -> None:
        super()._hand(stream, (self.new_id(), *event[1:]))


class OldUntold(Accounts):
    """Tells others of events of this release only (ES12)."""

    def _hand(self, stream: str, event: Event) -> None:
        if event[1] != "moved":
            super()._hand(stream, event)


class WedgedByOneError(Accounts):
    """Tells others in a loop that one error ends, and only a restart begins again (G9)."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.loop: Iterator[None] | None = None

    def poll(self, subscriber: str = OTHERS) -> None:
        self.loop = self.loop or self._forever(subscriber)
        next(self.loop, None)

    def _forever(self, subscriber: str) -> Iterator[None]:
        while True:
            for position, stream, _, event in self.read_all(self._checkpoint(subscriber), self.batch):
                self._hand(stream, event)
                self._move(subscriber, position)
            yield


class BreakerStaysOpen(Accounts):
    """Stops handing over after five hundred failures in a row, until a restart (G9)."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.failures = 0

    def poll(self, subscriber: str = OTHERS) -> None:
        if self.failures <= MOST:
            super().poll(subscriber)

    def _hand(self, stream: str, event: Event) -> None:
        self.failures += 1
        super()._hand(stream, event)
        self.failures = 0
