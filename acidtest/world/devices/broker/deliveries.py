"""Delivery of what was published to the services that handle it: at least once, in order unless something goes wrong.

A service is one consumer, however many processes it has: a message that one of them was given goes to no other, until it
has failed there or the process has died. A service that says nothing is given every message; one that has an attribute
`topics` is given those of these topics. A message counts as handled when the call that it was given to has returned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.environment import Delivery
from acidtest.world.core.effects import DUPLICATED, REORDERED

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from acidtest.outside import Message
    from acidtest.world.core.process import Process


class Inbox:
    """What a service has been given, by the places of the messages in the broker's log."""

    __slots__ = ("again", "handled", "out")

    def __init__(self) -> None:
        """Nothing has been given to it yet."""
        self.handled: set[int] = set()
        self.out: dict[int, tuple[str, int]] = {}
        self.again: set[int] = set()

    def key(self) -> Hashable:
        """What distinguishes two states of it."""
        return frozenset(self.handled), tuple(sorted(self.out.items())), frozenset(self.again)


_NOTHING = Inbox().key()


class Deliveries:
    """Gives messages of the broker's log to services."""

    def __init__(self, log: Sequence[Message]) -> None:
        """Nothing has been delivered yet; `log` may grow."""
        self._log = log
        self._inboxes: dict[str, Inbox] = {}

    def key(self) -> Hashable:
        """What distinguishes two states."""
        return tuple([(name, inbox.key()) for name, inbox in sorted(self._inboxes.items()) if inbox.key() != _NOTHING])

    def ready(self, process: Process) -> list[int]:
        """The places of the messages that the process may be given, in order."""
        inbox, topics = self._inbox(process), _topics(process)
        return [
            place
            for place, message in enumerate(self._log)
            if place not in inbox.handled and place not in inbox.out and (topics is None or message.topic in topics)
        ]

    def faults(self, process: Process) -> tuple[str, ...]:
        """The fault kinds that can befall the next delivery to the process."""
        again = bool(self._inbox(process).handled)
        return (REORDERED,) * (len(self.ready(process)) > 1) + (DUPLICATED,) * again

    def give(self, process: Process, fault: str = "") -> Delivery:
        """Give a message to the process: the next, or the last that is there, or the last that was handled once more."""
        inbox = self._inbox(process)
        if fault == DUPLICATED and inbox.handled:
            place = max(inbox.handled)
            return Delivery(*self._log[place], redelivered=False, tag=place)
        ready = self.ready(process)
        place = ready[-1] if fault == REORDERED else ready[0]
        inbox.out[place] = process.name, process.incarnation
        return Delivery(*self._log[place], redelivered=place in inbox.again, tag=place)

    def took(self, process: Process, delivery: Delivery) -> None:
        """The message was handled."""
        inbox = self._inbox(process)
        inbox.out.pop(delivery.tag, None)
        inbox.again.discard(delivery.tag)
        inbox.handled.add(delivery.tag)

    def failed(self, process: Process, delivery: Delivery) -> None:
        """The message was not handled: it comes again."""
        inbox = self._inbox(process)
        if inbox.out.pop(delivery.tag, None) is not None:
            inbox.again.add(delivery.tag)

    def _inbox(self, process: Process) -> Inbox:
        return self._inboxes.setdefault(process.service, Inbox())


def _topics(process: Process) -> frozenset[str] | None:
    """The topics that the implementation in a process asks for; None for all."""
    topics = getattr(process.implementation, "topics", None)
    return None if topics is None else frozenset(topics)
