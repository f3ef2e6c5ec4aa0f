"""The client for coroutines: `redis.asyncio.Redis` as it is, over connections whose effects are awaited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import redis.asyncio
from redis.asyncio.connection import AbstractConnection
from sqlalchemy.util import greenlet_spawn

from acidtest.world.devices.cache.client import Talk, Wire, encoded, refuse_subscription
from acidtest.world.devices.cache.server import UNNAMED

if TYPE_CHECKING:
    from collections.abc import Iterable


class AwaitedConnection(AbstractConnection):
    """See `acidtest.world.devices.cache.client.Connection`."""

    def __init__(self, *, wire: Wire, name: str, **options: Any) -> None:
        """Begin a conversation."""
        super().__init__(**options)
        self._talk = Talk(wire, name, self.protocol, self.encoder.decode)
        self._name = name

    def repr_pieces(self) -> list[tuple[str, Any]]:
        """What stands in its `repr`."""
        return [("cache", self._name)]

    @property
    def is_connected(self) -> bool:
        """It always is, as far as one knows."""
        return True

    async def connect(self) -> None:
        """Nothing: connecting is no effect."""

    async def disconnect(self, *_: Any, **__: Any) -> None:
        """Give up the conversation."""
        self._talk.end()

    async def can_read(self) -> bool:
        """Whether there is an answer that nobody has read."""
        return self._talk.has_answer()

    async def can_read_destructive(self) -> bool:
        """The same; older versions of the library ask by this name."""
        return self._talk.has_answer()

    def pack_command(self, *args: Any) -> Any:
        """A command, to be sent."""
        return [encoded(self.encoder.encode, args)]

    def pack_commands(self, commands: Iterable[Iterable[Any]]) -> Any:
        """Commands, to be sent at once."""
        return [encoded(self.encoder.encode, command) for command in commands]

    async def send_packed_command(self, command: Any, check_health: Any = True) -> None:  # noqa: ARG002, FBT002 - as there
        """Send commands at once: one effect, which is awaited."""
        await greenlet_spawn(self._talk.say, tuple(command))

    async def send_command(self, *args: Any, **_: Any) -> None:
        """Send a command: one effect, which is awaited."""
        await self.send_packed_command(self.pack_command(*args))

    async def read_response(
        self, disable_decoding: bool = False, *_: Any, **__: Any  # noqa: FBT001, FBT002 - as there
    ) -> Any:
        """The next answer."""
        return self._talk.hear(decoded=not disable_decoding)


class AwaitedPool(redis.asyncio.ConnectionPool):
    """A pool whose connections are always in order."""

    async def get_connection(self, *_: Any, **__: Any) -> Any:
        """A connection that is free, or a new one."""
        make: Any = self.make_connection
        connection = self._available_connections.pop() if self._available_connections else make()
        self._in_use_connections.add(connection)
        return connection

    async def release(self, connection: Any) -> None:
        """Take a connection back."""
        if connection in self._in_use_connections:
            self._in_use_connections.remove(connection)
            self._available_connections.append(connection)


class AwaitedClient(redis.asyncio.Redis):
    """See `acidtest.environment.Aio.redis`."""

    def __init__(self, wire: Wire, name: str, **options: Any) -> None:
        """Make a pool without connections."""
        options = {"protocol": 2, **UNNAMED, **options}
        kind: Any = AwaitedConnection
        super().__init__(connection_pool=AwaitedPool(connection_class=kind, wire=wire, name=name, **options))
        self.acidtest_name = name

    def pubsub(self, **_: Any) -> NoReturn:
        """Refuse."""
        refuse_subscription()
