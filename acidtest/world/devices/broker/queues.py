"""Queues: what one consumer was given of the broker's log, by the places of the messages there.

A message is with somebody until it is acknowledged, is given back, or the connection is lost over which it was delivered.
Where deliveries are counted, what becomes of messages is seen from outside, too; see `acidtest.outside.Settled`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.environment import Delivery
from acidtest.outside import Settled

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from acidtest.outside import Message
    from acidtest.world.core.process import Process

#: No more deliveries of one message than these are told apart: whoever counts has come to a conclusion by then.
MOST = 10


class Holder(NamedTuple):
    """Who has a message that is not acknowledged yet: a process, its incarnation, and which delivery it was, if that is counted."""

    process: str
    incarnation: int
    attempt: int = 0


class Queue:
    """What one consumer was given.

    `acked` is done with, `out` is with somebody, `again` has been with somebody and is with nobody now, `later` was given back
    and comes after all else. `attempts` is how often each was delivered, and `settled` what became of what is done with.

    Arguments:
        counted: whether deliveries are counted.
    """

    __slots__ = ("acked", "again", "attempts", "counted", "later", "out", "settled")

    def __init__(self, *, counted: bool = False) -> None:
        """Nothing was given yet."""
        self.counted = counted
        self.acked: set[int] = set()
        self.out: dict[int, Holder] = {}
        self.again: set[int] = set()
        self.later: list[int] = []
        self.attempts: dict[int, int] = {}
        self.settled: dict[int, Settled] = {}

    def key(self, lives: Callable[[Holder], bool] = lambda _: True) -> Hashable:
        """What distinguishes two states of it; nothing where nothing has happened. Who of the dead had a message makes no difference."""
        out = [(place, holder if lives(holder) else Holder("", 0, holder.attempt)) for place, holder in self.out.items()]
        found = frozenset(self.acked), tuple(sorted(out)), frozenset(self.again)
        if not self.counted:
            return found if any(found) else ()
        return *found, tuple(self.later), tuple(sorted(self.attempts.items())), tuple(sorted(self.settled.items()))

    def in_order(self, places: list[int]) -> list[int]:
        """Those of these messages that are not done with, in the order in which they come."""
        waiting = [place for place in places if place not in self.acked]
        if not self.later:
            return waiting
        return [place for place in waiting if place not in self.later] + [place for place in self.later if place in waiting]

    def give(self, place: int, process: Process) -> None:
        """A message is delivered to a process; whoever had it has it no more."""
        if self.counted:
            self.attempts[place] = min(self.attempts.get(place, 0) + 1, MOST)
        if place in self.later:
            self.later.remove(place)
        self.out[place] = self.holder(place, process)

    def holder(self, place: int, process: Process) -> Holder:
        """Who has a message that was just delivered to a process."""
        return Holder(process.name, process.incarnation, self.attempts.get(place, 0))

    def has(self, delivery: Delivery, process: Process) -> bool:
        """Whether a delivery is the one that counts: the connection is not lost, and the message was given to nobody else."""
        place, attempt = self.place_of(delivery)
        return self.out.get(place) == Holder(process.name, process.incarnation, attempt)

    def place_of(self, delivery: Delivery) -> tuple[int, int]:
        """The place of the message that was delivered, and which delivery of it that was, if that is counted."""
        return divmod(delivery.tag, MOST + 1) if self.counted else (delivery.tag, 0)

    def ack(self, place: int, age: float = 0.0, *, buried: bool = False) -> None:
        """A message is done with; `age` is its age in seconds, `buried` says that it went to the dead letters."""
        self.out.pop(place, None)
        self.again.discard(place)
        if self.counted and place not in self.acked:
            self.settled[place] = Settled(place, self.attempts.get(place, 0), age, buried)
        self.acked.add(place)

    def give_back(self, place: int) -> None:
        """A message is with nobody any more."""
        if self.out.pop(place, None) is not None:
            self.again.add(place)

    def postpone(self, place: int, *, failed: bool) -> None:
        """A message is given back, and comes after all else; unless it `failed` it was not tried."""
        self.give_back(place)
        if self.counted:
            self.later.append(place)
            self.attempts[place] -= not failed

    def reopen(self, place: int) -> None:
        """A message is delivered anew, as if it had never been; what somebody has of it does not count any more."""
        self.acked.discard(place)
        self.out.pop(place, None)
        self.settled.pop(place, None)
        self.attempts.pop(place, None)


class Queues:
    """The queues of every consumer, by its name; each is made when it is first asked for.

    Arguments:
        log: the messages of the broker, which may grow.
        times: when each was accepted, where deliveries are counted; else None.
    """

    def __init__(self, log: list[Message], times: list[float] | None = None) -> None:
        """Nobody has been given anything yet."""
        self.log = log
        self.times = times
        self._queues: dict[str, Queue] = {}

    def of(self, consumer: str) -> Queue:
        """The queue of a consumer."""
        queue = self._queues.get(consumer)
        if queue is None:
            queue = self._queues[consumer] = Queue(counted=self.times is not None)
        return queue

    def key(self, lives: Callable[[Holder], bool] = lambda _: True) -> Hashable:
        """What distinguishes two states of them; `lives` says whether whoever has a message is still there."""
        nothing = Queue(counted=self.times is not None).key()
        keys = [(name, queue.key(lives)) for name, queue in sorted(self._queues.items())]
        return tuple([(name, key) for name, key in keys if key != nothing])

    def settled(self) -> Iterator[tuple[str, Settled]]:
        """What became of all that is done with, each with the consumer's name."""
        for name, queue in sorted(self._queues.items()):
            for _, found in sorted(queue.settled.items()):
                yield name, found

    def reopen(self, place: int) -> None:
        """A message is delivered anew to everybody, as if it had never been."""
        for queue in self._queues.values():
            queue.reopen(place)

    def delivery(self, place: int, queue: Queue, *, redelivered: bool) -> Delivery:
        """A message as it is delivered."""
        message = self.log[place]
        if self.times is None:
            return Delivery(*message[:4], redelivered=redelivered, tag=place, headers=message.headers)
        attempts = queue.attempts.get(place, 0) if place in queue.out else 0  # none for a copy beside the one that counts
        tag = place * (MOST + 1) + attempts
        return Delivery(
            *message[:4], redelivered=redelivered, tag=tag, attempts=max(attempts, 1), sent=self.times[place], headers=message.headers,
        )  # fmt: skip
