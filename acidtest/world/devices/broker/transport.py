"""A transport of `kombu` that leads to the simulated broker, with the errors that its users know from AMQP.

A queue is a topic of the broker. A connection that a reply was lost on is dead, as over AMQP: nothing can be done with it but to
close it and to connect again, and what was not acknowledged over it comes again. Exchanges and bindings are what has been declared over
the connection: so all that a process knows is in its memory. Waiting for messages is in virtual time.
"""

from __future__ import annotations

import time
from queue import Empty
from typing import TYPE_CHECKING, Any, ClassVar

from amqp.exceptions import ChannelError, MessageNacked, RecoverableChannelError, RecoverableConnectionError
from amqp.exceptions import ConnectionError as AmqpConnectionError
from kombu.transport import virtual

from acidtest.errors import UsageError
from acidtest.world.core.process import complain
from acidtest.world.devices.broker.channel import Channel
from acidtest.world.devices.broker.link import SCHEME

if TYPE_CHECKING:
    from kombu import Connection


class Transport(virtual.Transport):  # type: ignore[misc] # kombu has no types
    """See `acidtest.environment.Environment.broker_url`.

    Arguments:
        client: the connection whose transport it is.
    """

    Channel = Channel
    driver_type = driver_name = SCHEME
    implements = virtual.Transport.implements.extend(exchange_type=frozenset(["direct", "topic"]))
    connection_errors: ClassVar[tuple[type[Exception], ...]] = (AmqpConnectionError, OSError)
    recoverable_connection_errors: ClassVar[tuple[type[Exception], ...]] = (RecoverableConnectionError, MessageNacked, OSError)
    channel_errors: ClassVar[tuple[type[Exception], ...]] = (ChannelError,)
    recoverable_channel_errors: ClassVar[tuple[type[Exception], ...]] = (RecoverableChannelError,)

    def __init__(self, client: Connection, **options: Any) -> None:
        """Have no connection yet."""
        super().__init__(client, **options)
        self.is_broken = False

    def establish_connection(self) -> Transport:
        """Connect; what was received over the last connection, and not acknowledged, comes again."""
        self.close_connection(self)
        self.is_broken = False
        super().establish_connection()
        return self

    def verify_connection(self, connection: Any) -> bool:  # noqa: ARG002 - as there
        """Whether it can be used."""
        return not self.is_broken

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:  # noqa: ARG002 - as there
        """Deliver the next message; where there is none, let `timeout` seconds pass.

        Raises:
            TimeoutError: there was none.
            RecoverableConnectionError: the connection is dead.
        """
        self.check()
        try:
            self.cycle.get(self._deliver, timeout=timeout)
        except Empty:
            self._wait(timeout)

    def _wait(self, timeout: float | None) -> None:
        """Let time pass. Whatever comes meanwhile is there when somebody asks again."""
        if timeout is None:
            message = (
                "drain_events() was called without a timeout where there is no message, so it would wait for ever, and no schedule "
                "ends. Give it one, for example drain_events(timeout=0.5), and return where that is over."
            )
            complain(UsageError(message))
        if timeout > 0:
            time.sleep(timeout)
        message = "timed out"
        raise TimeoutError(message)

    def check(self) -> None:
        """Whether anything can be done over the connection.

        Raises:
            RecoverableConnectionError: it is dead.
        """
        if self.is_broken:
            message = "the connection to the broker was lost"
            raise RecoverableConnectionError(message)

    def lose(self, why: Exception) -> ConnectionResetError:
        """The connection is dead from now on; returns the error to be raised."""
        self.is_broken = True
        return ConnectionResetError(str(why))
