"""Consumers that ask for messages themselves, and acknowledge them.

Every process is one, with its own place in the log; or, where consumers compete, every service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.world.core.effects import DELAYED, DUPLICATED, REDELIVERED, REORDERED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable, Mapping

    from acidtest.environment import Delivery
    from acidtest.world.core.process import Process
    from acidtest.world.devices.broker.queues import Holder, Queue, Queues


class Consumers:
    """What every consumer has received.

    Arguments:
        queues: what each was given, by the name of the consumer.
        processes: returns the processes as they are now, where those of a service compete; None where each is alone.
    """

    def __init__(self, queues: Queues, processes: Callable[[], Mapping[str, Process]] | None = None) -> None:
        """Nobody has received anything yet."""
        self._queues = queues
        self._processes = processes

    def key(self) -> Hashable:
        """What distinguishes two states of them."""
        return self._queues.key() if self._processes is None else self._queues.key(self._lives)

    def of(self, process: Process) -> Queue:
        """What the consumer has received that a process is, or is one of."""
        return self._queues.of(process.name if self._processes is None else process.service)

    def faults(self, process: Process, topic: Hashable, without: Collection[int] = ()) -> tuple[str, ...]:
        """The fault kinds that can befall a receive now; `without` are the places of messages that do not come again yet."""
        ready, done = len(self._ready(process, topic, without)), bool(self._done(process, topic))
        held = self._processes is not None and bool(self._held(process, topic))
        return (DELAYED,) * (ready > 0) + (REORDERED,) * (ready > 1) + (DUPLICATED,) * done + (REDELIVERED,) * held

    def deliver(self, process: Process, topic: str, fault: str, without: Collection[int] = ()) -> Delivery | None:
        """Give a process the next message of a topic; None where there is none for it now."""
        ready, done, queue = self._ready(process, topic, without), self._done(process, topic), self.of(process)
        if fault == DUPLICATED and done:
            return self._queues.delivery(done[-1], queue, redelivered=False)
        if fault == REDELIVERED:
            ready = self._held(process, topic)
        if not ready or fault == DELAYED:
            return None
        place = ready[1] if fault == REORDERED and len(ready) > 1 else ready[0]
        again = place in queue.out or place in queue.again
        queue.give_back(place)
        queue.give(place, process)
        return self._queues.delivery(place, queue, redelivered=again)

    def give_up(self, processes: Iterable[Process]) -> None:
        """Take back what was delivered to processes, and not acknowledged."""
        for process in processes:
            queue = self.of(process)
            for place in [place for place, holder in queue.out.items() if holder.process == process.name]:
                queue.give_back(place)

    def _ready(self, process: Process, topic: Hashable, without: Collection[int]) -> list[int]:
        """The messages that the process may receive, in order: all but those done with, or with somebody already.

        Where consumers compete, one whose holder has died comes after all else, so that it holds nothing up.
        """
        queue = self.of(process)
        free = [place for place in queue.in_order(self._of_topic(topic)) if place not in without and not self._is_held(queue, place, process)]
        return sorted(free, key=queue.out.__contains__) if queue.counted else free

    def _held(self, process: Process, topic: Hashable) -> list[int]:
        """The messages that are with somebody, and come again where the broker takes the connection for lost."""
        queue = self.of(process)
        return [place for place in queue.in_order(self._of_topic(topic)) if self._is_held(queue, place, process)]

    def _is_held(self, queue: Queue, place: int, process: Process) -> bool:
        holder = queue.out.get(place)
        if holder is None:
            return False
        if self._processes is None:
            return holder.incarnation == process.incarnation
        return self._lives(holder)

    def _lives(self, holder: Holder) -> bool:
        """Whether the process that was given a message is still there."""
        assert self._processes is not None  # noqa: S101 - nobody else asks
        other = self._processes().get(holder.process)
        return other is not None and other.alive and other.incarnation == holder.incarnation

    def _done(self, process: Process, topic: Hashable) -> list[int]:
        """The messages that the process has acknowledged."""
        return [place for place in sorted(self.of(process).acked) if self._queues.log[place].topic == topic]

    def _of_topic(self, topic: Hashable) -> list[int]:
        return [place for place, message in enumerate(self._queues.log) if message.topic == topic]
