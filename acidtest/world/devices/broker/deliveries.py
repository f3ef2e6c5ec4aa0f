"""Delivery of what was published to the services that handle it: at least once, in order unless something goes wrong.

A service is one consumer, however many processes it has: a message that one of them was given goes to no other, until it
has failed there or the process has died; unless the broker takes a connection for lost over which a message is being handled.
A service that says nothing is given every message; one that has an attribute `topics` is given those of these topics. A message
counts as handled when the call that it was given to has returned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.world.core.effects import DUPLICATED, REDELIVERED, REORDERED

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable

    from acidtest.environment import Delivery
    from acidtest.world.core.process import Process
    from acidtest.world.core.time import VirtualTime
    from acidtest.world.devices.broker.queues import Queue, Queues


class Deliveries:
    """Gives messages of the broker's log to services.

    Arguments:
        queues: what each service was given, by its name.
        time: virtual time.
        topics: the topics that services may be given messages of; None for all.
    """

    def __init__(self, queues: Queues, time: VirtualTime, topics: Collection[str] | None = None) -> None:
        """Nothing has been delivered yet."""
        self._queues = queues
        self._time = time
        self._topics = topics

    def key(self) -> Hashable:
        """What distinguishes two states."""
        return self._queues.key()

    def ready(self, process: Process) -> list[int]:
        """The places of the messages that the process may be given, in order."""
        queue = self._queue(process)
        return [place for place in queue.in_order(self._subscribed(process)) if place not in queue.out]

    def faults(self, process: Process) -> tuple[str, ...]:
        """The fault kinds that can befall the next delivery to the process."""
        queue = self._queue(process)
        held = queue.counted and bool(queue.out)
        return (REORDERED,) * (len(self.ready(process)) > 1) + (DUPLICATED,) * bool(queue.acked) + (REDELIVERED,) * held

    def give(self, process: Process, fault: str = "") -> Delivery:
        """Give a message to the process: the next, or the last that is there, or the last that was handled once more."""
        queue = self._queue(process)
        if fault == DUPLICATED and queue.acked:
            return self._queues.delivery(max(queue.acked), queue, redelivered=False)
        place = min(queue.out) if fault == REDELIVERED else self.ready(process)[-1 if fault == REORDERED else 0]
        again = place in queue.again or place in queue.out
        queue.give(place, process)
        return self._queues.delivery(place, queue, redelivered=again)

    def took(self, process: Process, delivery: Delivery) -> None:
        """The message was handled, if the connection over which that is said is not lost, and it was not given back meanwhile."""
        queue = self._queue(process)
        if queue.has(delivery, process):
            queue.ack(queue.place_of(delivery)[0], self._time.time - delivery.sent)

    def failed(self, process: Process, delivery: Delivery) -> None:
        """The message was not handled: it comes again; where attempts are counted, after all else, so that it holds nothing up."""
        queue = self._queue(process)
        if queue.has(delivery, process):
            queue.postpone(queue.place_of(delivery)[0], failed=True)

    def _queue(self, process: Process) -> Queue:
        return self._queues.of(process.service)

    def _subscribed(self, process: Process) -> list[int]:
        """The places of the messages of the topics that the implementation in a process asks for."""
        wanted = getattr(process.implementation, "topics", None)
        wanted = None if wanted is None else frozenset(wanted)
        return [
            place for place, message in enumerate(self._queues.log)
            if (wanted is None or message.topic in wanted) and (self._topics is None or message.topic in self._topics)
        ]  # fmt: skip
