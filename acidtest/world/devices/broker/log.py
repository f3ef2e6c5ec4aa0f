"""The simulated broker: publisher confirms with every ambiguous reply, and consumers that must acknowledge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from acidtest.environment import BrokerRefused, BrokerTimeout, Delivery
from acidtest.errors import ContractError
from acidtest.world.core.effects import (
    ACK_FAULTS,
    DELAYED,
    DUPLICATED,
    LATE,
    LOST,
    PUBLISH_FAULTS,
    REFUSED,
    REORDERED,
    TWICE,
    UNACKNOWLEDGED,
    Effect,
)
from acidtest.world.core.process import Process, Task, current_task

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable


class Message(NamedTuple):
    """One copy of a message, as an outsider sees it on the broker."""

    id: str
    key: str
    payload: str
    topic: str = "events"


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


class SimulatedBroker:
    """Keeps every accepted message in order. `log` is what an outsider sees.

    `down` refuses everything (an outage); a key in `poison` is refused for ever.
    """

    def __init__(
        self, postpone: Callable[[str, Callable[[], None], Hashable], None], poison: frozenset[str] = frozenset()
    ) -> None:
        """Make an empty broker; `postpone(label, effect)` is called with what must take effect later."""
        self._postpone = postpone
        self.log: list[Message] = []
        self.down = False
        self.poison = poison
        self.refusals: int = 0
        self._groups: dict[str, Group] = {}

    def key(self) -> Hashable:
        """What distinguishes two states of the broker."""
        return tuple(self.log), self.down, self.poison, self.received()

    def received(self) -> Hashable:
        """What distinguishes two states of its consumers."""
        return tuple([(name, group.key()) for name, group in sorted(self._groups.items()) if group.key() != _NOTHING])

    def publish(self, id: str, key: str, payload: object, *, topic: str = "events") -> None:  # noqa: A002
        """Publish a message and wait for the confirm; see `acidtest.environment.Broker.publish`."""
        message = Message(_name("id", id), _name("key", key), encode(payload), topic)
        task = current_task()
        if task is None:
            self.log.append(message)
            return
        effect = Effect("publish", "broker", f"publish {message.key}", message, faults=PUBLISH_FAULTS)
        fault = task.park(effect)
        if fault in (LOST, UNACKNOWLEDGED, LATE) and self._refuses(message):
            fault = LOST  # no answer, and nothing that it could have been an answer to
        elif fault == REFUSED or self._refuses(message):
            self.refusals += 1
            task.saw(effect, REFUSED, fault)
            error = f"the broker refused the message {message.id!r}"
            raise BrokerRefused(error)
        self._accept(message, fault)
        task.published = True
        if fault in (LOST, UNACKNOWLEDGED, LATE):
            task.saw(effect, "timeout")
            error = f"the broker did not confirm the message {message.id!r} in time"
            raise BrokerTimeout(error)
        task.saw(effect, None, fault)

    # Consumers:

    def receive(self, *, topic: str = "events") -> Delivery | None:
        """Receive the next message; see `acidtest.environment.Broker.receive`."""
        task = _consumer("receive")
        effect = Effect("receive", "broker", f"receive {topic}", topic)
        fault = task.park(effect)
        delivery = self._deliver(task.process, topic, fault)
        task.saw(effect, delivery, fault)
        return delivery

    def ack(self, delivery: Delivery) -> None:
        """Acknowledge a delivery; see `acidtest.environment.Broker.ack`."""
        task = _consumer("ack")
        effect = Effect("ack", "broker", f"ack {delivery.key}", delivery, faults=ACK_FAULTS)
        fault = task.park(effect)
        group = self._group(task.process)
        if fault == REFUSED or (self.down and fault != LOST):
            task.saw(effect, REFUSED, fault)
            error = f"the broker refused to acknowledge the message {delivery.id!r}"
            raise BrokerRefused(error)
        if fault == LOST:
            group.give_back(delivery.tag)  # with the answer the connection is lost, and with it the delivery
        else:
            group.ack(delivery.tag)
        if fault in (LOST, UNACKNOWLEDGED):
            task.saw(effect, "timeout")
            error = f"the broker did not answer the acknowledgement of the message {delivery.id!r} in time"
            raise BrokerTimeout(error)
        task.saw(effect, None, fault)

    def nack(self, delivery: Delivery) -> None:
        """Give a delivery back; see `acidtest.environment.Broker.nack`."""
        task = _consumer("nack")
        effect = Effect("nack", "broker", f"nack {delivery.key}", delivery)
        fault = task.park(effect)
        self._group(task.process).give_back(delivery.tag)
        task.saw(effect, None, fault)

    def faults_of_receive(self, process: Process, topic: Hashable) -> tuple[str, ...]:
        """The fault kinds that can befall a receive now."""
        ready, done = len(self._ready(process, topic)), bool(self._done(process, topic))
        return (DELAYED,) * (ready > 0) + (REORDERED,) * (ready > 1) + (DUPLICATED,) * done

    def _group(self, process: Process) -> Group:
        return self._groups.setdefault(process.name, Group())

    def _ready(self, process: Process, topic: Hashable) -> list[int]:
        """The messages that the process may receive, in order: all but those done with, or with it already."""
        group = self._group(process)
        return [
            place
            for place, message in enumerate(self.log)
            if message.topic == topic
            and place not in group.acked
            and group.delivered.get(place) != process.incarnation
            and not self.down
        ]

    def _done(self, process: Process, topic: Hashable) -> list[int]:
        """The messages that the process has acknowledged."""
        return [] if self.down else [p for p in sorted(self._group(process).acked) if self.log[p].topic == topic]

    def _deliver(self, process: Process, topic: str, fault: str) -> Delivery | None:
        ready, done, group = self._ready(process, topic), self._done(process, topic), self._group(process)
        if fault == DUPLICATED and done:
            return Delivery(*self.log[done[-1]], redelivered=False, tag=done[-1])
        if not ready or fault == DELAYED:
            return None
        place = ready[1] if fault == REORDERED and len(ready) > 1 else ready[0]
        again = place in group.delivered or place in group.given_back
        group.give_back(place)
        group.delivered[place] = process.incarnation
        return Delivery(*self.log[place], redelivered=again, tag=place)

    # Inside:

    def _refuses(self, message: Message) -> bool:
        return self.down or message.key in self.poison

    def _accept(self, message: Message, fault: str) -> None:
        if fault == LATE:
            self._postpone(f"publish {message.key}", lambda: self.log.append(message), message)
        elif fault != LOST:
            self.log.append(message)
            if fault == TWICE:
                self.log.append(message)


def _consumer(what: str) -> Task:
    """The task that receives or acknowledges."""
    task = current_task()
    if task is None:
        message = f"broker.{what}() was called outside of any call, for example in a constructor; no process receives it."
        raise ContractError(message)
    return task


def _name(what: str, value: object) -> str:
    """Ids and keys are compared as text; None is a mistake worth a clear word."""
    if value is None or value == "":
        message = (
            f"A message was published with the {what} {value!r}. Without it a consumer can neither drop duplicates nor "
            f"keep order, so the contract cannot be checked. Publish it with a {what}."
        )
        raise ContractError(message)
    return value if type(value) is str else str(value)


def encode(payload: object) -> str:
    """A payload as text: as it is, or as JSON, so that copies can be compared byte for byte."""
    if isinstance(payload, str):
        return payload
    if isinstance(payload, (bytes, bytearray, memoryview)):
        return bytes(payload).decode("utf-8", "backslashreplace")
    try:
        return json.dumps(payload, default=str)
    except (TypeError, ValueError):
        return repr(payload)
