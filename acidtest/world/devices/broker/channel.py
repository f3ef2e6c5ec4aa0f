"""A channel of `kombu` over the simulated broker: what is published, received, acknowledged and given back there.

Everything that it would have to be simulated for, and is not, is refused by its name.
"""

from __future__ import annotations

import base64
import json
from queue import Empty
from typing import TYPE_CHECKING, Any, NoReturn

from amqp.exceptions import MessageNacked, RecoverableConnectionError
from kombu.message import Message as Plain
from kombu.transport import virtual

from acidtest.environment import BrokerRefused, BrokerTimeout, BrokerUnreachable, Delivery
from acidtest.errors import UsageError
from acidtest.world.core.process import complain, current_task
from acidtest.world.devices.broker.link import current_broker
from acidtest.world.devices.broker.messages import Deadly

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: What is said of a message that nobody has published by kombu.
_RAW: Mapping[str, Any] = {"content-type": "application/json", "content-encoding": "utf-8", "headers": {}, "properties": {}}
#: The body is not text.
_BINARY = "base64"
#: The header that says what a message is about.
KEY = "key"
#: How often a message was delivered before, as quorum queues of RabbitMQ say it.
COUNT = "x-delivery-count"
#: Arguments of queues that change nothing here: messages stay, and what is rejected goes to the dead letters.
_HARMLESS = frozenset({"x-queue-type", "x-dead-letter-exchange", "x-dead-letter-routing-key", "x-queue-mode", "x-single-active-consumer"})


class Received(virtual.Message):  # type: ignore[misc] # kombu has no types
    """A message, with its body as bytes; a deadly one stays what it is."""

    def __init__(self, payload: Mapping[str, Any], channel: Channel, **_: Any) -> None:
        """Take over what was received."""
        self._raw = payload
        properties = payload["properties"]
        Plain.__init__(
            self, body=payload["body"], channel=channel, delivery_tag=properties["delivery_tag"], content_type=payload["content-type"],
            content_encoding=payload["content-encoding"], headers=payload["headers"], properties=properties,
            delivery_info=properties["delivery_info"],
        )  # fmt: skip


class Unacknowledged:
    """What a channel has received and not acknowledged: kombu's QoS."""

    def __init__(self, channel: Channel, prefetch_count: int = 0) -> None:
        """Have received nothing."""
        self.channel = channel
        self.prefetch_count = prefetch_count
        self.delivered: dict[int, Delivery] = {}

    def can_consume(self) -> bool:
        """Whether another message may be received."""
        return not self.prefetch_count or len(self.delivered) < self.prefetch_count

    def can_consume_max_estimate(self) -> int | None:
        """How many more may be received; None for any number."""
        return max(self.prefetch_count - len(self.delivered), 0) if self.prefetch_count else None

    def append(self, message: Received, delivery_tag: int) -> None:
        """Nothing: a message is noted when it is received."""

    def meant(self, delivery_tag: int, *, multiple: bool = False) -> dict[int, Delivery]:
        """The deliveries that a tag means, by their tags: with `multiple` all before it, too."""
        tags = [tag for tag in self.delivered if tag == delivery_tag or (multiple and tag < delivery_tag)]
        return {tag: self.delivered[tag] for tag in tags}

    def settle(self, delivery_tag: int) -> None:
        """Somebody else knows what becomes of a delivery from now on."""
        del self.delivered[delivery_tag]

    def restore_unacked(self) -> None:
        """Give all of them back."""
        while self.delivered:
            _, delivery = self.delivered.popitem()
            current_broker().nack(delivery)

    def restore_unacked_once(self, stderr: Any = None) -> None:  # noqa: ARG002 - as there
        """The channel is closed: what was received over it comes again. Outside of any call nothing can be given back."""
        if current_task() is not None:
            self.restore_unacked()


class Channel(virtual.Channel):  # type: ignore[misc] # likewise
    """See `acidtest.world.devices.broker.transport`."""

    Message = Received
    QoS = Unacknowledged
    from_transport_options = (*virtual.Channel.from_transport_options, "confirm_publish")
    #: Whether whoever publishes waits for the broker's word. Over AMQP that has to be asked for.
    confirm_publish = False

    def __init__(self, connection: Any, **options: Any) -> None:
        """Open a channel of a connection."""
        super().__init__(connection, **options)
        self._last_tag = 0

    # Publishing:

    def basic_publish(self, message: dict[str, Any], exchange: str, routing_key: str, **_: Any) -> None:
        """Publish a message to the one queue that exchange and routing key lead to."""
        if message["properties"].get("expiration"):
            _refuse("a message that expires (expiration)", "what a broker drops by itself is part of no schedule")
        (queue,) = self._lookup(exchange, routing_key)
        message["properties"].pop("delivery_info", None)
        self._put(queue, message)

    def _lookup(self, exchange: str, routing_key: str, default: Any = None) -> list[str]:  # noqa: ARG002 - as there
        if not exchange:
            return [routing_key]
        self._check_known(exchange)
        found = sorted(self.typeof(exchange).lookup(self.get_table(exchange), exchange, routing_key, None))
        if len(found) != 1:
            what = f"a message for the exchange {exchange!r} with the routing key {routing_key!r}, to which {found or 'no queue'} is bound by this connection"
            _refuse(what, "it goes to one queue here; bind one, for example by publish(…, declare=[queue])")
        return found

    def _check_known(self, exchange: str) -> None:
        if exchange not in self.state.exchanges:
            _refuse(f"the exchange {exchange!r}", "this connection has not declared it; declare it with a queue, for example by publish(…, declare=[queue])")

    def _put(self, queue: str, message: dict[str, Any], **_: Any) -> None:
        """One effect. Without confirms nobody is told of what is not accepted, as long as there is a connection."""
        self._check_open()
        id_, key, payload, headers = _as_sent(message, queue)
        try:
            current_broker().publish(id_, key, payload, topic=queue, headers=headers)
        except BrokerUnreachable as error:
            self.connection.lose(error)
            raise ConnectionRefusedError(str(error)) from error
        except BrokerRefused as error:
            if self.confirm_publish:
                raise MessageNacked(str(error)) from error
        except BrokerTimeout as error:
            lost = self.connection.lose(error)
            if self.confirm_publish:
                raise lost from error

    # Receiving:

    def _get(self, queue: str, timeout: Any = None) -> dict[str, Any]:  # noqa: ARG002 - as there
        """The next message of a queue: one effect."""
        self._check_open()
        delivery = current_broker().receive(topic=queue)
        if delivery is None:
            raise Empty
        self._last_tag += 1
        self.qos.delivered[self._last_tag] = delivery
        return _as_received(delivery, self._last_tag)

    def basic_consume(
        self, queue: str, no_ack: bool, callback: Callable[[Received], Any], consumer_tag: str, **options: Any  # noqa: FBT001 - as there
    ) -> None:
        """Let a callback be given the messages of a queue."""

        def given(message: Received) -> Any:
            if no_ack:
                self._acknowledge_at_once(message)
            return callback(message)

        super().basic_consume(queue, no_ack=False, callback=given, consumer_tag=consumer_tag, **options)

    def basic_get(self, queue: str, no_ack: bool = False, **options: Any) -> Received | None:  # noqa: FBT001, FBT002 - as there
        """The next message of a queue; None where there is none now."""
        message: Received | None = super().basic_get(queue, no_ack=False, **options)
        if message is not None and no_ack:
            self._acknowledge_at_once(message)
        return message

    def _acknowledge_at_once(self, message: Received) -> None:
        """Whoever does not acknowledge takes messages as delivered: the broker forgets them when it has sent them."""
        try:
            self.basic_ack(message.delivery_tag)
        except OSError:
            self.connection.is_broken = False  # nobody waits for an answer to that

    # Acknowledging:

    def basic_ack(self, delivery_tag: int, multiple: bool = False) -> None:  # noqa: FBT001, FBT002 - as there
        """Acknowledge a message: one effect; with `multiple` all that were received before it as well.

        Raises:
            ConnectionResetError: it may be acknowledged, or not.
            RecoverableConnectionError: the connection over which it was received is gone.
        """
        self._check_open()
        for tag, delivery in self.qos.meant(delivery_tag, multiple=multiple).items():
            try:
                current_broker().ack(delivery)
            except BrokerRefused as error:
                raise self.connection.lose(error) from error
            except BrokerTimeout as error:
                self.qos.settle(tag)
                raise self.connection.lose(error) from error
            self.qos.settle(tag)

    def basic_reject(self, delivery_tag: int, requeue: bool = False) -> None:  # noqa: FBT001, FBT002 - as there
        """Give a message back, or put it among the dead letters: one effect."""
        self._check_open()
        for tag, delivery in self.qos.meant(delivery_tag).items():
            current_broker().nack(delivery, requeue=requeue)
            self.qos.settle(tag)

    def _check_open(self) -> None:
        if self.connection is None:
            message = "the channel is closed, for its connection was lost or closed"
            raise RecoverableConnectionError(message)
        self.connection.check()

    # Declaring:

    def exchange_declare(self, exchange: str | None = None, type: str = "direct", **options: Any) -> None:  # noqa: A002 - as there
        """Declare an exchange."""
        if type not in (None, "direct", "topic"):
            _refuse(f"the exchange {exchange!r} of the type {type!r}", "exchanges are direct or topic here; pidbox, which broadcasts by fanout, is not there either")
        super().exchange_declare(exchange, type or "direct", **options)

    def queue_declare(self, queue: str | None = None, passive: bool = False, arguments: Any = None, **options: Any) -> Any:  # noqa: FBT001, FBT002 - as there
        """Declare a queue."""
        if passive:
            _refuse("how many messages are in a queue (queue_declare(passive=True), qsize())", "receive until there is none")
        if unknown := set(arguments or ()) - _HARMLESS:
            _refuse(f"the queue {queue!r} with {', '.join(sorted(unknown))}", "messages stay in a queue until they are acknowledged, in their order")
        return super().queue_declare(queue, **options)

    def queue_bind(self, queue: str, exchange: str | None = None, routing_key: str = "", **options: Any) -> None:
        """Bind a queue to an exchange."""
        self._check_known(exchange or "amq.direct")
        super().queue_bind(queue, exchange, routing_key, **options)

    def queue_delete(self, queue: str, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        _refuse(f"to delete the queue {queue!r}", "queues stay, with what is in them")

    def queue_purge(self, queue: str, **_: Any) -> NoReturn:
        """Refuse."""
        _refuse(f"to purge the queue {queue!r}", "messages stay until they are acknowledged")


def _as_sent(message: dict[str, Any], queue: str) -> tuple[str, str, str, str]:
    """Id, key and body of a message, and all else as JSON.

    Raises:
        UsageError: it has no id.
    """
    properties, headers = dict(message["properties"]), dict(message["headers"])
    id_ = properties.pop("message_id", None) or headers.get("id")  # Celery gives the id of a task in a header
    if not id_:
        _refuse(f"a message without an id on the queue {queue!r}", "nobody could tell a copy from another one; give it one by publish(…, message_id=…)")
    key = headers.pop(KEY, None) or queue
    body = message["body"]
    try:
        payload = body.decode() if isinstance(body, (bytes, bytearray)) else body
    except UnicodeDecodeError:
        payload, properties["body_encoding"] = base64.b64encode(body).decode(), _BINARY
    envelope = {**message, "headers": headers, "properties": properties}
    del envelope["body"]
    return str(id_), str(key), payload, json.dumps(envelope, sort_keys=True, default=str)


def _as_received(delivery: Delivery, tag: int) -> dict[str, Any]:
    """What kombu makes a message of."""
    envelope = json.loads(delivery.headers) if delivery.headers else _RAW
    headers, properties = {**envelope["headers"], KEY: delivery.key}, dict(envelope["properties"])
    if delivery.attempts > 1:
        headers[COUNT] = delivery.attempts - 1
    body: Any = delivery.payload
    if properties.pop("body_encoding", "") == _BINARY:
        body = base64.b64decode(body)
    elif type(body) is not Deadly:
        body = body.encode()
    properties |= {
        "message_id": delivery.id, "delivery_tag": tag,
        "delivery_info": {"exchange": "", "routing_key": delivery.topic, "redelivered": delivery.redelivered},
    }  # fmt: skip
    if delivery.sent:
        properties["timestamp"] = delivery.sent
    return {**envelope, "body": body, "headers": headers, "properties": properties}


def _refuse(what: str, why: str) -> NoReturn:
    """Say what is not simulated.

    Raises:
        UsageError: always.
    """
    complain(UsageError(f"The broker of acidtest was asked by kombu for {what}, which is not simulated: {why}."))
