"""One simulated server, on top of the library `fakeredis`: what it holds, by virtual time.

It is asked by the protocol alone, also for what it holds: so it could as well be a real server.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from inspect import signature
from typing import TYPE_CHECKING, Any, NamedTuple

from fakeredis import FakeRedisConnection, FakeServer
from redis.connection import AbstractConnection

from acidtest.outside import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from acidtest.world.devices.cache.commands import Command

#: The version of Redis whose answers are given.
VERSION = (7,)
#: The number of `PEXPIRETIME` for a key that stays.
_STAYS = -1
#: How what is in a key is read, by its type; and how it is written again.
_READ: dict[bytes, tuple[bytes, ...]] = {
    b"string": (b"GET",), b"hash": (b"HGETALL",), b"list": (b"LRANGE", b"0", b"-1"), b"set": (b"SMEMBERS",),
    b"zset": (b"ZRANGE", b"0", b"-1", b"WITHSCORES"),
}  # fmt: skip
_WRITE = {b"string": b"SET", b"hash": b"HSET", b"list": b"RPUSH", b"set": b"SADD", b"zset": b"ZADD"}


#: A connection is told not to say which library it is of: to find that out takes longer than all else.
UNNAMED: dict[str, Any] = {"driver_info": None} if "driver_info" in signature(AbstractConnection.__init__).parameters else {}


class Failed(NamedTuple):
    """An answer that is an error: the class of the client library's by its name, and the text."""

    kind: str
    text: str


class Map(NamedTuple):
    """An answer that is a map, as (key, value) pairs."""

    pairs: tuple[Any, ...]


class Held(NamedTuple):
    """A key, what is in it, as the arguments of the command that writes it, and when it expires, in milliseconds since the epoch; -1 for never."""

    key: bytes
    kind: bytes
    value: tuple[bytes, ...]
    expires: int


class Session:
    """A connection to the server: what it watches is its own."""

    def __init__(self, connection: Any) -> None:
        """Keep a connection of `fakeredis`."""
        self._connection = connection  # which closes the socket when it goes
        self.socket = connection.get_socket()
        self.protocol: int = connection.protocol
        self._there: set[bytes] = set()

    def send(self, command: Command) -> Any:
        """Carry out a command, and return the answer as the library gives it."""
        name = command[0].upper()
        if name == b"WATCH":
            self._there |= {key for key in command[1:] if self._exists(key)}
        elif name == b"EXEC" and not all(map(self._exists, self._there)):
            self.socket.notify_watch()  # since 6.0.9 a key that has expired was touched, which the library does not know
        if name in (b"EXEC", b"DISCARD", b"UNWATCH"):
            self._there = set()
        elif name in (b"EXPIRE", b"PEXPIRE") and command[2:3] == (b"0",):
            command = (*command[:2], b"-1", *command[3:])  # the library takes the key for there until time has passed
        return self._send(command)

    def _exists(self, key: bytes) -> bool:
        return self.socket._db.get(key) is not None  # noqa: SLF001 - within MULTI a command would be queued

    def _send(self, command: Command) -> Any:
        self.socket.sendall(b"*%d\r\n" % len(command) + b"".join([b"$%d\r\n%s\r\n" % (len(part), part) for part in command]))
        return self.socket.responses.get_nowait()

    def key(self) -> Hashable:
        """What distinguishes two states of it: the keys that it watches, which of them were there, whether one was touched since."""
        watched = frozenset([key for key, _ in self.socket._watches])  # noqa: SLF001 - nothing else tells
        return watched, frozenset(self._there), bool(self.socket._watch_notified)  # noqa: SLF001 - likewise


class Server:
    """One server.

    Arguments:
        now: returns virtual time, in seconds since the epoch.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        """Start with nothing in it."""
        self._now = now
        self._server = FakeServer(version=VERSION)
        self._own = self.session()
        self._shared = {self._own.protocol: self._own}
        self._held: tuple[float, tuple[Held, ...]] | None = None

    def session(self, protocol: int = 2) -> Session:
        """A new connection, which speaks that version of the protocol."""
        with self._at_its_time():
            connection = FakeRedisConnection(server=self._server, protocol=protocol, **UNNAMED)
            connection.connect()
            return Session(connection)

    def shared(self, protocol: int) -> Session:
        """The connection for what needs none of its own."""
        if protocol not in self._shared:
            self._shared[protocol] = self.session(protocol)
        return self._shared[protocol]

    def run(self, session: Session, commands: tuple[Command, ...]) -> tuple[Hashable, ...]:
        """Carry out what was sent at once; returns the answers, as plain values."""
        with self._at_its_time():
            answers = tuple([plain(_in_order(command, session.send(command))) for command in commands])
            self._held = None
        return answers

    @property
    def scripts(self) -> frozenset[bytes]:
        """The digests of the scripts that it knows."""
        return frozenset(self._server.script_cache)

    def held(self) -> tuple[Held, ...]:
        """All that it holds now, by key."""
        now = self._now()
        if self._held is None or self._held[0] != now:
            with self._at_its_time():
                self._held = now, tuple([self._read(key) for key in sorted(self._own.send((b"KEYS", b"*")))])
        return self._held[1]

    def _read(self, key: bytes) -> Held:
        kind = self._own.send((b"TYPE", key))
        name, *arguments = _READ[kind]
        found = self._own.send((name, key, *arguments))
        value = tuple(found) if isinstance(found, list) else (found,)
        if kind == b"zset":  # a member comes before its score when read, and after it when written
            value = tuple([part for pair in zip(value[1::2], value[::2], strict=True) for part in pair])
        return Held(key, kind, value, int(self._own.send((b"PEXPIRETIME", key))))

    def fill(self, held: tuple[Held, ...]) -> None:
        """Take over what another server holds."""
        with self._at_its_time():
            for key, kind, value, expires in held:
                self._own.send((_WRITE[kind], key, *value))
                if expires != _STAYS:
                    self._own.send((b"PEXPIREAT", key, b"%d" % expires))
        self._held = None

    def evict(self, key: bytes) -> None:
        """Drop a key, as a server does that is short of memory: who watches it is told nothing else than of a deletion."""
        self.run(self._own, ((b"DEL", key),))

    @contextmanager
    def _at_its_time(self) -> Iterator[None]:
        """The library asks the interpreter for the time; here that is virtual, too."""
        clock: Any = time
        really = clock.time
        clock.time = self._now
        try:
            yield
        finally:
            clock.time = really


def _in_order(command: Command, answer: Any) -> Any:
    """An answer whose order a real server promises nothing of, in an order that nothing depends on."""
    return sorted(answer) if command[0].upper() == b"KEYS" and isinstance(answer, list) else answer


def plain(answer: Any) -> Hashable:
    """An answer of the library's as a value that can be compared and kept."""
    if isinstance(answer, Exception):
        return Failed(type(answer).__name__, str(answer))
    if isinstance(answer, dict):
        return Map(tuple([(plain(key), plain(value)) for key, value in answer.items()]))
    if isinstance(answer, (list, tuple)):
        return tuple([plain(item) for item in answer])
    found: Hashable = answer
    return found


def entry(cache: str, held: Held) -> Entry:
    """What an outsider sees of a key."""
    expires = None if held.expires == _STAYS else held.expires / 1000
    return Entry(cache, _text(held.key), " ".join(map(_text, held.value)), expires)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")
