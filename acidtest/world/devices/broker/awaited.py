"""The broker for coroutines: the simulated one, called in a greenlet in which its effects can be awaited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.util import greenlet_spawn

if TYPE_CHECKING:
    from acidtest.environment import Broker, Delivery


class AwaitedBroker:
    """See `acidtest.environment.AsyncBroker`."""

    def __init__(self, broker: Broker) -> None:
        """Stand before `broker`."""
        self._broker = broker

    async def publish(self, id: str, key: str, payload: object, *, topic: str = "events") -> None:  # noqa: A002
        """Publish a message and await the confirm."""
        await greenlet_spawn(self._broker.publish, id, key, payload, topic=topic)

    async def receive(self, *, topic: str = "events") -> Delivery | None:
        """Receive the next message."""
        return await greenlet_spawn(self._broker.receive, topic=topic)

    async def ack(self, delivery: Delivery) -> None:
        """Acknowledge a delivery."""
        await greenlet_spawn(self._broker.ack, delivery)

    async def nack(self, delivery: Delivery, *, requeue: bool = True, failed: bool = True) -> None:
        """Give a delivery back."""
        await greenlet_spawn(self._broker.nack, delivery, requeue=requeue, failed=failed)
