"""What code under test may do with the broker."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class BrokerRefused(Exception):  # noqa: N818 - the field's name for a negative acknowledgement
    """The broker answered no: the message was definitely not accepted."""


class BrokerUnreachable(BrokerRefused):
    """Nobody answers where the broker is: the message was definitely not accepted, and no other will be for now."""


class BrokerTimeout(Exception):  # noqa: N818 - the field's name for a missing acknowledgement
    """No answer came: the message may have been accepted, or not, or may be accepted later."""


class Delivery(NamedTuple):
    """A message as a consumer receives it.

    Arguments:
        id: identifies the message; every copy of it carries the same id. Not every sender gives one: then it is None, or empty.
        key: what the message is about.
        payload: the body, as text; JSON where it was published as a dict or a list.
        topic: where it was published.
        redelivered: the broker has delivered it before and knows of no acknowledgement. It may be wrong about that:
            also a message without this mark may have been delivered and acknowledged already.
        tag: what the broker knows this delivery by.
        attempts: how often the broker has delivered it, this time included, where the broker counts that; 1 where it does not.
            It stops counting at ten.
        sent: when the broker accepted it, in seconds since the epoch of the simulated world, where it keeps that; else 0.
        headers: what the sender's library sent along with the body, as text; empty for nothing.
    """

    id: str | None
    key: str
    payload: str
    topic: str
    redelivered: bool
    tag: int
    attempts: int = 1
    sent: float = 0.0
    headers: str = ""


class Broker(Protocol):
    """A message broker with publisher confirms, and consumers that must acknowledge.

    Every process is a consumer of its own: it receives each message of a topic at least once, from the beginning, in
    the order of the topic unless something goes wrong. What it has not acknowledged comes again after it has been
    restarted.
    """

    def publish(self, id: str, key: str, payload: object, *, topic: str = "events", headers: str = "") -> None:  # noqa: A002
        """Publish a message and wait until the broker has confirmed it.

        Arguments:
            id: identifies the message; every copy of it carries the same id.
            key: what the message is about (an account, an aggregate); order is per key.
            payload: the body: text, bytes, a number, None, or dicts and lists of these.
            topic: where to publish.
            headers: what goes along with the body, as text.

        Raises:
            BrokerRefused: the broker did not accept it; `BrokerUnreachable` where that is so since nobody answers there.
            BrokerTimeout: it may or may not have been accepted.
        """

    def receive(self, *, topic: str = "events") -> Delivery | None:
        """Receive the next message; it stays with this process until `ack`, `nack`, or the end of the process.

        Arguments:
            topic: what to receive from.

        Returns:
            None where there is none now.
        """

    def ack(self, delivery: Delivery) -> None:
        """Acknowledge a delivery: it will not come again, as far as the broker can help it.

        Raises:
            BrokerRefused: it is not acknowledged.
            BrokerTimeout: it may or may not be acknowledged, and may come again.
        """

    def nack(self, delivery: Delivery, *, requeue: bool = True, failed: bool = True) -> None:
        """Give a delivery back.

        Arguments:
            delivery: which.
            requeue: it comes again, after all else; where processes compete, not within the same call. Otherwise it is done with, and goes to the topic "dead", as it is.
            failed: whether that was an attempt, where attempts are counted; not where it only was not its turn yet.
        """


class AsyncBroker(Protocol):
    """The broker for coroutines: what `Broker` does, awaited."""

    async def publish(self, id: str, key: str, payload: object, *, topic: str = "events") -> None:  # noqa: A002
        """Publish a message and await the confirm; arguments and errors as for `Broker.publish`."""

    async def receive(self, *, topic: str = "events") -> Delivery | None:
        """Receive the next message of a topic, or None where there is none now; as `Broker.receive`."""

    async def ack(self, delivery: Delivery) -> None:
        """Acknowledge a delivery; errors as for `Broker.ack`."""

    async def nack(self, delivery: Delivery, *, requeue: bool = True, failed: bool = True) -> None:
        """Give a delivery back; as `Broker.nack`."""
