"""The simulated broker: publisher confirms with every ambiguous reply, and consumers that must acknowledge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from acidtest.environment import BrokerRefused, BrokerTimeout, BrokerUnreachable, Delivery
from acidtest.errors import ContractError
from acidtest.outside import Message
from acidtest.port import Role
from acidtest.world.core.device import Device, Owed, Source
from acidtest.world.core.effects import (
    ACK_FAULTS,
    DUPLICATED,
    LATE,
    LOST,
    PUBLISH_FAULTS,
    REDELIVERED,
    REFUSED,
    REORDERED,
    TWICE,
    UNACKNOWLEDGED,
    Effect,
)
from acidtest.world.core.events import STALE
from acidtest.world.core.process import Process, Task, current_task
from acidtest.world.devices.broker.awaited import AwaitedBroker
from acidtest.world.devices.broker.consumers import Consumers
from acidtest.world.devices.broker.deliveries import Deliveries
from acidtest.world.devices.broker.link import link
from acidtest.world.devices.broker.messages import Deadly, message_of
from acidtest.world.devices.broker.queues import Queues

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence

    from acidtest.workload import Queueing
    from acidtest.world.core.device import Surroundings

#: What the environment can do with dead letters; and what a broker can do that has refused messages for ever.
RESEND, RELENT = "resend", "relent"
#: What a task has to its name once the broker has, perhaps, accepted a message from it.
PUBLISHED = "published"
MESSAGE = "message"


class SimulatedBroker(Device):
    """Keeps every accepted message in order. `log` is what an outsider sees.

    `down` refuses everything (an outage); a key in `poison` is refused for ever, unless the broker relents.

    A contract may ask for processes that compete for messages (`acidtest.workload.Queueing`): then deliveries are counted, and
    it is seen what became of messages; what was rejected may be sent again, and what was deadly is repaired with that.
    """

    name: ClassVar[str] = "broker"
    kinds: ClassVar[frozenset[str]] = frozenset({"publish", "receive", "ack", "nack"})
    changes: ClassVar[tuple[str, ...]] = (RESEND, RELENT)
    sources: ClassVar[tuple[Source, ...]] = (Source(MESSAGE, Role.HANDLER, settled=True, faults=(REORDERED, DUPLICATED, REDELIVERED)),)

    def __init__(self, surroundings: Surroundings) -> None:
        """Start with an empty log."""
        super().__init__(surroundings)
        self.queueing: Queueing | None = surroundings.equipment
        now, sent = surroundings.time.time, surroundings.scope.messages
        self.log = [Message(m.id, m.key, Deadly(m.payload) if m.deadly else m.payload, m.topic) for m in sent]
        self.times = [now] * len(sent)
        self.poison = frozenset(surroundings.scope.poison)
        self.refusals = 0
        self._given_back: dict[Task, set[int]] = {}
        if self.queueing is None:
            self.consumers = Consumers(Queues(self.log))
            self.deliveries = Deliveries(Queues(self.log), surroundings.time)
        else:
            queues = self.queues = Queues(self.log, self.times)
            self.consumers = Consumers(queues, surroundings.processes)
            self.deliveries = Deliveries(queues, surroundings.time, self.queueing.topics)

    def offers(self) -> Mapping[str, Any]:
        """`env.broker`."""
        return {"broker": self}

    def offers_awaited(self) -> Mapping[str, Any]:
        """`env.aio.broker`."""
        return {"broker": AwaitedBroker(self)}

    def clients(self, environment: Any, process: Process) -> Mapping[str, Any]:
        """What `env.broker_url` is made by."""
        return {"link_to_broker": lambda: link(environment, process)}

    def restore(self) -> None:
        """All faults are over; and so long that a delivery which nobody has at work is taken for lost, as brokers do after a while."""
        super().restore()
        if self.queueing is not None:
            self.consumers.give_up([process for process in self.surroundings.processes().values() if not process.tasks])

    def key(self) -> Hashable:
        """What distinguishes two states of the broker."""
        if self.queueing is None:
            return tuple(self.log), self.down, self.poison, self.progress()
        deadly = tuple([place for place, message in enumerate(self.log) if type(message.payload) is Deadly])
        return tuple(self.log), self.down, self.poison, self.progress(), tuple(self.times), deadly

    def seen(self) -> tuple[Message, ...]:
        """Every message, in the order in which they were accepted."""
        return tuple(self.log)

    def shows(self) -> Mapping[str, Any]:
        """Every message; and what became of those that are done with, where deliveries are counted."""
        return super().shows() if self.queueing is None else {**super().shows(), "settled": tuple(self.queues.settled())}

    def progress(self) -> Hashable:
        """What distinguishes two states of those who receive."""
        return self.consumers.key(), self.deliveries.key() if self.queueing is None else ()  # else both have the same queues

    def changed(self, before: tuple[Message, ...], after: tuple[Message, ...]) -> Iterator[str]:
        """A line for each new message."""
        for message in after[len(before) :]:
            yield f"broker: + {message.id} (key {message.key})"

    def faults(self, task: Task, effect: Effect) -> tuple[str, ...]:
        """Those of a receive depend on what there is to be received."""
        if effect.kind != "receive" or self.down:
            return effect.faults
        return self.consumers.faults(task.process, effect.detail, self._given_back.get(task, ()))

    def excuses(self, effect: str, fault: str) -> bool:
        """A message that was surely not accepted is no reason to publish another one twice."""
        return (effect, fault) != ("publish", REFUSED)

    # What code under test calls:

    def publish(self, id: str, key: str, payload: object, *, topic: str = "events", headers: str = "") -> None:  # noqa: A002
        """Publish a message and wait for the confirm; see `acidtest.environment.Broker.publish`."""
        message = message_of(id, key, payload, topic, headers)
        task = current_task()
        if task is None:
            self._append(message)
            return
        effect = Effect("publish", "broker", f"publish {message.key}", message, faults=PUBLISH_FAULTS)
        fault = task.park(effect)
        if fault in (LOST, UNACKNOWLEDGED, LATE) and self._refuses(message):
            fault = LOST  # no answer, and nothing that it could have been an answer to
        elif fault == REFUSED or self._refuses(message):
            self.refusals += 1
            self._refuse(task, effect, fault, f"the message {message.id!r}")
        self._accept(message, fault)
        self._note(task, fault)
        if fault in (LOST, UNACKNOWLEDGED, LATE):
            task.saw(effect, "timeout")
            error = f"the broker did not confirm the message {message.id!r} in time"
            raise BrokerTimeout(error)
        task.saw(effect, None, fault)

    # Consumers:

    def receive(self, *, topic: str = "events") -> Delivery | None:
        """Receive the next message; see `acidtest.environment.Broker.receive`."""
        task = _consumer("receive")
        effect = Effect("receive", "broker", f"receive {topic}", topic, lasting=True)
        fault = task.park(effect)
        delivery = None if self.down else self.consumers.deliver(task.process, topic, fault, self._given_back.get(task, ()))
        task.saw(effect, delivery, fault)
        return delivery

    def ack(self, delivery: Delivery) -> None:
        """Acknowledge a delivery; see `acidtest.environment.Broker.ack`."""
        task = _consumer("ack")
        effect = Effect("ack", "broker", f"ack {delivery.key}", delivery, faults=ACK_FAULTS)
        fault = task.park(effect)
        group = self.consumers.of(task.process)
        place, _ = group.place_of(delivery)
        if fault == REFUSED or (self.down and fault != LOST):
            self._refuse(task, effect, fault, f"to acknowledge the message {delivery.id!r}")
        if fault == LOST:
            group.give_back(place)  # with the answer the connection is lost, and with it the delivery
        elif self.queueing is None or group.has(delivery, task.process):
            group.ack(place, self.surroundings.time.time - delivery.sent)
        if fault in (LOST, UNACKNOWLEDGED):
            task.saw(effect, "timeout")
            error = f"the broker did not answer the acknowledgement of the message {delivery.id!r} in time"
            raise BrokerTimeout(error)
        task.saw(effect, None, fault)

    def nack(self, delivery: Delivery, *, requeue: bool = True, failed: bool = True) -> None:
        """Give a delivery back; see `acidtest.environment.Broker.nack`."""
        task = _consumer("nack")
        what = f"nack {delivery.key}" if requeue else f"reject {delivery.key}"
        effect = Effect("nack", "broker", what, (delivery, failed), lasting=True)
        fault = task.park(effect)
        queue = self.consumers.of(task.process)
        place, _ = queue.place_of(delivery)
        if self.queueing is None or queue.has(delivery, task.process):
            if requeue:
                queue.postpone(place, failed=failed)
                if self.queueing is not None:  # it comes again, but not to who would give it back in the same breath for ever
                    self._given_back.setdefault(task, set()).add(place)
            else:
                queue.ack(place, self.surroundings.time.time - delivery.sent, buried=True)
                self._append(self.log[place]._replace(topic="dead" if self.queueing is None else self.queueing.dead))
        task.saw(effect, None, fault)

    def change(self, what: str, argument: float) -> None:  # noqa: ARG002 - none has one
        """Accept what was refused for ever; or send all dead letters again, and repair what was deadly."""
        if what == RELENT:
            self.poison = frozenset()
            return
        assert self.queueing is not None  # noqa: S101 - no other contract asks for it
        dead = {(message.key, message.payload) for message in self.log if message.topic == self.queueing.dead}
        for place, message in enumerate(self.log):
            if type(message.payload) is Deadly or (message.key, message.payload) in dead:
                self.queues.reopen(place)
        self.log[:] = [message._replace(payload=str.__str__(message.payload)) for message in self.log]

    # What comes to handlers:

    def has(self, source: Sequence[str], process: Process) -> bool:  # noqa: ARG002 - there is one kind
        """Whether there is a message for the process."""
        return not self.down and bool(self.deliveries.ready(process))

    def faults_of(self, source: Sequence[str], process: Process) -> tuple[str, ...]:  # noqa: ARG002 - there is one kind
        """A message may be another than the next."""
        faults = self.deliveries.faults(process)
        return () if self.down else faults

    def given(self, source: Sequence[str], process: Process, fault: str) -> Delivery:  # noqa: ARG002 - there is one kind
        """A message."""
        return self.deliveries.give(process, fault)

    def ended(self, source: Sequence[str], process: Process, given: Delivery, *, known: bool) -> None:  # noqa: ARG002 - likewise
        """A message was handled, or comes again."""
        (self.deliveries.took if known else self.deliveries.failed)(process, given)

    def owed(self) -> Iterator[Owed]:
        """Each message that is there, to each process that is, once: handling it may fail."""
        for process in [process for process in self.surroundings.processes().values() if process.ready]:
            for _ in self.deliveries.ready(process):
                if self.deliveries.ready(process):
                    yield Owed(process.name, MESSAGE, Role.HANDLER)

    # Inside:

    def _refuse(self, task: Task, effect: Effect, fault: str, what: str) -> NoReturn:
        """Answer no; in an outage that is the network's answer, and not the broker's."""
        task.saw(effect, (REFUSED, self.down), fault)
        error = f"the broker refused {what}"
        raise (BrokerUnreachable if self.down else BrokerRefused)(error)

    def _refuses(self, message: Message) -> bool:
        return self.down or message.key in self.poison

    def _accept(self, message: Message, fault: str) -> None:
        if fault == LATE:
            self.surroundings.postpone(f"publish {message.key}", lambda: self._append(message), message)
        elif fault != LOST:
            self._append(message)
            if fault == TWICE:
                self._append(message)

    def _append(self, message: Message) -> None:
        self.log.append(message)
        self.times.append(self.surroundings.time.time)

    def _note(self, task: Task, fault: str) -> None:
        """What a task publishes that began before time passed may have been published by another meanwhile."""
        task.notes.add(PUBLISHED)
        if fault not in (LATE, LOST) and task.began < self.surroundings.time.time:
            self.surroundings.happened(STALE, task.name)


def _consumer(what: str) -> Task:
    """The task that receives or acknowledges."""
    task = current_task()
    if task is None:
        message = f"broker.{what}() was called outside of any call, for example in a constructor; no process receives it."
        raise ContractError(message)
    return task
