"""The client that code under test is given: `redis.Redis` as it is, over connections that lead into the world.

All that the library does stays as it is: pipelines, scripts, WATCH and what it makes of answers. Only its own retries are off
unless they are asked for, since they wait for a time that depends on chance.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NoReturn

import redis
from redis.connection import AbstractConnection
from redis.lock import Lock

from acidtest.errors import UsageError
from acidtest.world.core.process import complain
from acidtest.world.devices.cache.commands import ENDING, Command, name_of
from acidtest.world.devices.cache.server import UNNAMED, Failed, Map

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable


class Wire:
    """What the clients of one process have in common: the way to the server, and the numbers of the sessions that are open.

    Arguments:
        exchange: sends commands, and returns the answers; see `acidtest.world.devices.cache.device.Cache.exchange`.
        process: the name of the process; empty where it is an observer.
        new_id: makes an identifier.
    """

    def __init__(self, exchange: Callable[..., tuple[Hashable, ...]], process: str, new_id: Callable[[], str]) -> None:
        """Open no session."""
        self.exchange = exchange
        self.process = process
        self.new_id = new_id
        self.open: set[int] = set()

    def begin(self) -> int:
        """The number of a new session: the lowest that is free, so that it says nothing of the past."""
        number = next(number for number in range(1, len(self.open) + 2) if number not in self.open)
        self.open.add(number)
        return number


class Talk:
    """What a connection says and is answered, whether it is awaited or not.

    Arguments:
        wire: the way to the server.
        name: the server.
        protocol: the version of the protocol.
        decode: makes text of bytes, where the client asks for that.
    """

    def __init__(self, wire: Wire, name: str, protocol: int, decode: Callable[[Any], Any]) -> None:
        """Begin a conversation, in no session."""
        self._wire, self._name, self._protocol, self._decode = wire, name, protocol, decode
        self._answers: deque[Hashable] = deque()
        self._session = 0

    def say(self, commands: tuple[Command, ...]) -> None:
        """Send commands at once, and keep the answers."""
        names = {name_of(command) for command in commands}
        begins = not self._session and "WATCH" in names
        if begins:
            self._session = self._wire.begin()
        self._answers.extend(self._wire.exchange(self._wire.process, self._name, self._session, begins, self._protocol, commands))
        if ENDING & names:
            self._leave()

    def hear(self, *, decoded: bool) -> Any:
        """The next answer.

        Raises:
            redis.RedisError: it is one.
        """
        answer = self._answers.popleft()
        if isinstance(answer, Failed):
            raise error_of(answer)
        return self._made_of(answer, self._decode if decoded else lambda value: value)

    def has_answer(self) -> bool:
        """Whether there is one."""
        return bool(self._answers)

    def end(self) -> None:
        """The connection is lost, or given up."""
        self._answers.clear()
        self._leave()

    def _leave(self) -> None:
        self._wire.open.discard(self._session)
        self._session = 0

    def _made_of(self, answer: Any, decode: Callable[[Any], Any]) -> Any:
        if isinstance(answer, Failed):
            return error_of(answer)
        if isinstance(answer, Map):
            return {self._made_of(key, decode): self._made_of(value, decode) for key, value in answer.pairs}
        if isinstance(answer, tuple):
            return [self._made_of(item, decode) for item in answer]
        return decode(answer) if isinstance(answer, bytes) else answer


def error_of(failed: Failed) -> Exception:
    """The library's error."""
    found: Exception = getattr(redis.exceptions, failed.kind, redis.ResponseError)(failed.text)
    return found


def encoded(encode: Callable[[Any], bytes], arguments: Iterable[Any]) -> Command:
    """A command as it goes over the wire; a name in two words, as "SCRIPT LOAD", is two arguments."""
    name, *others = arguments
    words = name.split() if isinstance(name, (str, bytes)) else [name]
    return tuple([encode(part) for part in (*words, *others)])


def refuse_subscription() -> NoReturn:
    """Say that nobody can subscribe.

    Raises:
        UsageError: always.
    """
    message = (
        "The cache was asked for pub/sub, which is not simulated: what a server tells by itself is part of no schedule. "
        "Use env.broker, or let readers ask."
    )
    complain(UsageError(message))


class Connection(AbstractConnection):
    """A connection that leads into the world.

    Arguments:
        wire: the way to the server.
        name: the server.
        options: as for the library's connections.
    """

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

    def connect(self) -> None:
        """Nothing: connecting is no effect."""

    def disconnect(self, *_: Any, **__: Any) -> None:
        """Give up the conversation."""
        self._talk.end()

    def can_read(self, timeout: float = 0) -> bool:  # noqa: ARG002 - nothing comes by itself
        """Whether there is an answer that nobody has read."""
        return self._talk.has_answer()

    def pack_command(self, *args: Any) -> list[Command]:
        """A command, to be sent."""
        return [encoded(self.encoder.encode, args)]

    def pack_commands(self, commands: Iterable[Iterable[Any]]) -> list[Command]:
        """Commands, to be sent at once."""
        return [encoded(self.encoder.encode, command) for command in commands]

    def send_packed_command(self, command: Iterable[Command], check_health: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002 - as there
        """Send commands at once: one effect."""
        self._talk.say(tuple(command))

    def send_command(self, *args: Any, **_: Any) -> None:
        """Send a command: one effect."""
        self.send_packed_command(self.pack_command(*args))

    def read_response(self, disable_decoding: bool = False, **_: Any) -> Any:  # noqa: FBT001, FBT002 - as there
        """The next answer."""
        return self._talk.hear(decoded=not disable_decoding)


class Pool(redis.ConnectionPool):
    """A pool whose connections are always in order."""

    def get_connection(self, *_: Any, **__: Any) -> Any:
        """A connection that is free, or a new one."""
        connection = self._available_connections.pop() if self._available_connections else self.make_connection()
        self._in_use_connections.add(connection)
        return connection

    def release(self, connection: Any) -> None:
        """Take a connection back."""
        if connection in self._in_use_connections:
            self._in_use_connections.remove(connection)
            self._available_connections.append(connection)


class OwnedLock(Lock):
    """The library's lock, whose token is an identifier of the process, and not one that depends on chance."""

    def acquire(self, sleep: Any = None, blocking: Any = None, blocking_timeout: Any = None, token: Any = None) -> bool:
        """Take the lock; see `redis.lock.Lock.acquire`."""
        taken: bool = super().acquire(sleep, blocking, blocking_timeout, token or self.redis.acidtest_new_id())
        return taken


class Client(redis.Redis):
    """See `acidtest.environment.Environment.redis`."""

    def __init__(self, wire: Wire, name: str, **options: Any) -> None:
        """Make a pool without connections."""
        options = {"protocol": 2, **UNNAMED, **options}
        super().__init__(connection_pool=Pool(connection_class=Connection, wire=wire, name=name, **options))
        self.acidtest_name = name
        self.acidtest_new_id = wire.new_id

    def pubsub(self, **_: Any) -> NoReturn:
        """Refuse."""
        refuse_subscription()

    def lock(self, *args: Any, **options: Any) -> Any:
        """A lock; see `redis.Redis.lock`."""
        options.setdefault("lock_class", OwnedLock)
        return super().lock(*args, **options)
