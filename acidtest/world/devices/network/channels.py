"""What is on its way between services: a queue for each sender and receiver, so that different ones overtake one another freely.

A service that is dead is sent nothing: what was on its way to it when it died, or is sent to it before it starts again, is gone. What it
had sent itself arrives all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator


class Packet(NamedTuple):
    """A message on its way; `incarnation` is that of its sender."""

    incarnation: int
    message: Any


class Channels:
    """All queues, by sender and receiver.

    Arguments:
        apart: says whether a network that is cut keeps two services from each other.
    """

    def __init__(self, apart: Callable[[str, str], bool]) -> None:
        """Nothing is on its way."""
        self._apart = apart
        self._queues: dict[tuple[str, str], list[Packet]] = {}

    def key(self) -> Hashable:
        """What distinguishes two states."""
        return tuple([(*pair, tuple(self._queues[pair])) for pair in sorted(self._queues)])

    def waiting(self) -> Iterator[tuple[str, str, Packet]]:
        """Everything that is on its way, with sender and receiver."""
        for (sender, receiver), queue in sorted(self._queues.items()):
            for packet in queue:
                yield sender, receiver, packet

    def count(self, sender: str, receiver: str) -> int:
        """How many messages are on their way."""
        return len(self._queues.get((sender, receiver), ()))

    def put(self, sender: str, receiver: str, packet: Packet) -> None:
        """A message sets out."""
        self._queues.setdefault((sender, receiver), []).append(packet)

    def take(self, sender: str, receiver: str, *, last: bool = False) -> Packet:
        """The next message arrives; or the `last` one, before all others."""
        queue = self._queues[sender, receiver]
        packet = queue.pop(-1 if last else 0)
        if not queue:
            del self._queues[sender, receiver]
        return packet

    def lose(self) -> None:
        """What is on its way between services that a cut keeps apart is lost."""
        self._forget([pair for pair in self._queues if self._apart(*pair)])

    def lose_to(self, receiver: str) -> None:
        """A service has died: what is on its way to it is lost."""
        self._forget([pair for pair in self._queues if pair[1] == receiver])

    def is_sending(self, sender: str, incarnation: int) -> bool:
        """Whether something is on its way that a service has sent in that incarnation, or before."""
        return any(
            packet.incarnation <= incarnation for (one, _), queue in self._queues.items() if one == sender for packet in queue
        )

    def is_empty(self) -> bool:
        """Whether nothing is on its way."""
        return not self._queues

    def _forget(self, pairs: list[tuple[str, str]]) -> None:
        for pair in pairs:
            del self._queues[pair]
