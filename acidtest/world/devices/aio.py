"""Ways out for coroutines: broker, clock and external systems whose methods are awaited.

Each is the simulated one, called in a greenlet in which its effects can be awaited.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sqlalchemy.util import greenlet_spawn

if TYPE_CHECKING:
    from acidtest.environment import Broker, Clock, Delivery, Environment, External, Receipt


class AioBroker:
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

    async def nack(self, delivery: Delivery) -> None:
        """Give a delivery back."""
        await greenlet_spawn(self._broker.nack, delivery)


class AioClock:
    """See `acidtest.environment.AsyncClock`."""

    def __init__(self, clock: Clock) -> None:
        """Stand before `clock`."""
        self._clock = clock

    def now(self) -> float:
        """Seconds since the epoch of the simulated world."""
        return self._clock.now()

    async def sleep(self, seconds: float) -> None:
        """Wait until so much time has passed."""
        await asyncio.sleep(seconds)


class AioExternal:
    """See `acidtest.environment.AsyncExternal`."""

    def __init__(self, external: External) -> None:
        """Stand before `external`."""
        self._external = external

    @property
    def idempotent(self) -> bool:
        """Whether it carries out an order once, however often it is told to."""
        return self._external.idempotent

    @property
    def queryable(self) -> bool:
        """Whether it answers inquiries."""
        return self._external.queryable

    @property
    def voidable(self) -> bool:
        """Whether it voids."""
        return self._external.voidable

    async def perform(self, key: str, amount: int) -> Receipt:
        """Order it to carry out `amount` under `key`, and await the answer."""
        return await greenlet_spawn(self._external.perform, key, amount)

    async def inquire(self, key: str) -> Receipt:
        """Ask how the order stands."""
        return await greenlet_spawn(self._external.inquire, key)

    async def void(self, key: str) -> Receipt:
        """Make it refuse an order from now on."""
        return await greenlet_spawn(self._external.void, key)


class Aio:
    """See `acidtest.environment.Aio`."""

    def __init__(self, env: Environment) -> None:
        """Stand before what `env` gives."""
        self._env = env
        self.broker = AioBroker(env.broker)
        self.clock = AioClock(env.clock)

    def external(self, name: str) -> AioExternal:
        """The external system `name`."""
        return AioExternal(self._env.external(name))

    async def call(self, service: str, method: str, *arguments: Any) -> Any:  # noqa: ANN401 - whatever the service answers
        """Call a method of another service, and await its answer."""
        return await greenlet_spawn(self._env.call, service, method, *arguments)
