"""Consumers that ask for messages themselves, and acknowledge them: every process is one, with its own place in the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.environment import Delivery
from acidtest.world.core.effects import DELAYED, DUPLICATED, REORDERED

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from acidtest.outside import Message
    from acidtest.world.core.process import Process


class Group:
    """What a process has received, by the places of the messages in the log.

    `delivered` is with which incarnation a message is that was not acknowledged, `given_back` those that were with one
    and are with nobody now.
    """

    __slots__ = ("acked", "delivered", "given_back")

    def __init__(self) -> None:
        """Nothing has been received yet."""
        self.acked: set[int] = set()
        self.delivered: dict[int, int] = {}
        self.given_back: set[int] = set()

    def key(self) -> Hashable:
        """What distinguishes two states of the group."""
        return frozenset(self.acked), tuple(sorted(self.delivered.items())), frozenset(self.given_back)

    def give_back(self, place: int) -> None:
        """A message is with nobody any more."""
        if self.delivered.pop(place, None) is not None:
            self.given_back.add(place)

    def ack(self, place: int) -> None:
        """A message is done with."""
        self.delivered.pop(place, None)
        self.given_back.discard(place)
        self.acked.add(place)


_NOTHING = Group().key()


class Consumers:
    """What every process has received.

    Arguments:
        log: the messages of the broker, which may grow.
    """

    def __init__(self, log: Sequence[Message]) -> None:
        """Nobody has received anything yet."""
        self._log = log
        self._groups: dict[str, Group] = {}

    def key(self) -> Hashable:
        """What distinguishes two states of them."""
        return tuple([(name, group.key()) for name, group in sorted(self._groups.items()) if group.key() != _NOTHING])

    def of(self, process: Process) -> Group:
        """What a process has received."""
        return self._groups.setdefault(process.name, Group())

    def faults(self, process: Process, topic: Hashable) -> tuple[str, ...]:
        """The fault kinds that can befall a receive now."""
        ready, done = len(self._ready(process, topic)), bool(self._done(process, topic))
        return (DELAYED,) * (ready > 0) + (REORDERED,) * (ready > 1) + (DUPLICATED,) * done

    def deliver(self, process: Process, topic: str, fault: str) -> Delivery | None:
        """Give a process the next message of a topic; None where there is none for it now."""
        ready, done, group = self._ready(process, topic), self._done(process, topic), self.of(process)
        if fault == DUPLICATED and done:
            return Delivery(*self._log[done[-1]], redelivered=False, tag=done[-1])
        if not ready or fault == DELAYED:
            return None
        place = ready[1] if fault == REORDERED and len(ready) > 1 else ready[0]
        again = place in group.delivered or place in group.given_back
        group.give_back(place)
        group.delivered[place] = process.incarnation
        return Delivery(*self._log[place], redelivered=again, tag=place)

    def _ready(self, process: Process, topic: Hashable) -> list[int]:
        """The messages that the process may receive, in order: all but those done with, or with it already."""
        group = self.of(process)
        return [
            place
            for place, message in enumerate(self._log)
            if message.topic == topic and place not in group.acked and group.delivered.get(place) != process.incarnation
        ]

    def _done(self, process: Process, topic: Hashable) -> list[int]:
        """The messages that the process has acknowledged."""
        return [place for place in sorted(self.of(process).acked) if self._log[place].topic == topic]
