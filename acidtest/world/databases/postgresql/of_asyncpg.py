"""asyncpg, driven: it speaks its own protocol with a real server, over a wire of ours that waits where the search can see it.

Its connections are of its own class. In the place of their protocol they have one that runs each statement as an effect, and passes
on everything else.
"""

from __future__ import annotations

import asyncio
import inspect
import socket
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NoReturn

import asyncpg
from asyncpg import connect_utils, introspection, protocol
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.util import greenlet_spawn

from acidtest.world.core.process import current_task
from acidtest.world.databases.postgresql.awaitable import awaited
from acidtest.world.databases.postgresql.cursor import plain, refuse
from acidtest.world.databases.postgresql.performing import READ_COMMITTED, Driver, Performing
from acidtest.world.databases.postgresql.statement import Statement, classify
from acidtest.world.python.uncontrolled import allowed

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    from acidtest.world.databases.postgresql.store import Database

_Connection: Any = asyncpg.Connection
_genuine: Any = asyncpg.connect
_STATUS = {
    ord("I"): pq.TransactionStatus.IDLE, ord("T"): pq.TransactionStatus.INTRANS, ord("E"): pq.TransactionStatus.INERROR,
}  # fmt: skip
#: How an answer ends, but for what says whether a transaction is open.
_READY = b"Z\0\0\0\5"
#: What asyncpg asks on its own account, of the names and kinds of types: nobody sees that.
_OWN = frozenset(text for text in vars(introspection).values() if isinstance(text, str))
_QUIET = Statement("set", "")


def _made(sqlstate: str, message: str) -> Exception:
    fields = {"S": "ERROR", "V": "ERROR", "C": sqlstate, "M": message}
    made: Exception = asyncpg.PostgresError.new(fields)
    return made


def _gone() -> Exception:
    gone: Exception = asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
    return gone


class Wire(asyncio.Transport):
    """What asyncpg writes to: a socket that is read when somebody waits for the answer."""

    def __init__(self, path: str) -> None:
        """Connect to the server's socket."""
        super().__init__()
        self.socket = socket.socket(socket.AF_UNIX)
        with allowed():
            self.socket.connect(path)
        self.status = pq.TransactionStatus.IDLE
        self.protocol: Any = None
        self._closing = False

    def receive(self) -> None:
        """Read what has come."""
        try:
            data = self.socket.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            self._closing = True
            self.protocol.connection_lost(None)
            return
        if data[-6:-1] == _READY:
            self.status = _STATUS[data[-1]]
        self.protocol.data_received(data)

    def write(self, data: Any) -> None:
        """Send it all."""
        if not self._closing:
            self.socket.sendall(data)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """The socket."""
        return self.socket if name == "socket" else default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing: nothing is kept back."""

    def pause_reading(self) -> None:
        """Nothing: nobody reads but who waits."""

    def resume_reading(self) -> None:
        """Nothing."""

    def is_closing(self) -> bool:
        """Whether it is closed."""
        return self._closing

    def close(self) -> None:
        """Close, at once."""
        self._closing = True
        self.socket.close()

    abort = close


class Session:
    """A session of asyncpg's, as the world knows those of psycopg."""

    def __init__(self, wire: Wire, genuine: Any) -> None:
        """Be that of a wire, with asyncpg's own protocol."""
        self._wire, self._protocol = wire, genuine
        self.socket = wire.socket.fileno()
        self.backend_pid = genuine.get_server_pid()
        self.busy = False

    @property
    def status(self) -> pq.ConnStatus:
        """Whether it is open."""
        return pq.ConnStatus.BAD if self._wire.is_closing() else pq.ConnStatus.OK

    @property
    def transaction_status(self) -> pq.TransactionStatus:
        """What of a transaction is going on."""
        return pq.TransactionStatus.ACTIVE if self.busy else self._wire.status

    def exec_(self, command: bytes) -> Any:
        """Run a command of the world's own."""
        try:
            self.run(command)
        except asyncpg.PostgresError:
            return _Result(pq.ExecStatus.FATAL_ERROR)
        return _Result(pq.ExecStatus.COMMAND_OK)

    def run(self, command: bytes) -> None:
        """The same; fails as asyncpg does."""
        self.complete(self._protocol.query(command.decode(), None))

    def complete(self, coroutine: Coroutine[Any, Any, Any], wait: Any = lambda: None) -> Any:
        """Let a coroutine of the protocol's end, reading whenever `wait` says that something has come."""
        self.busy = True
        try:
            future: Any = coroutine.send(None)
            while True:
                while not future.done():
                    wait()
                    self._wire.receive()
                future = coroutine.send(None)
        except StopIteration as stop:
            return stop.value
        finally:
            self.busy = False
            coroutine.close()

    def finish(self) -> None:
        """End it."""
        self._wire.close()


class _Result:
    """What a command of the world's own came to."""

    def __init__(self, status: pq.ExecStatus) -> None:
        """Keep it."""
        self.status = status


class Protocol:
    """Stands before asyncpg's protocol: what the server is asked is an effect."""

    def __init__(self, genuine: Any) -> None:
        """Stand before `genuine`; `connection` is set by who makes it."""
        self._genuine = genuine
        self.connection: Any = None

    def __getattr__(self, name: str) -> Any:
        """What else it can do."""
        return getattr(self._genuine, name)

    async def query(self, query: str, timeout: Any) -> Any:  # noqa: ASYNC109 - as in asyncpg
        """Run a script."""
        return await self.connection.driving(query, (), lambda: self._genuine.query(self._sent(query), timeout))

    async def bind_execute(self, state: Any, args: Any, *more: Any, **options: Any) -> Any:
        """Run a prepared statement."""
        return await self.connection.driving(state.query, args, lambda: self._genuine.bind_execute(state, args, *more, **options))

    async def bind_execute_many(self, state: Any, args: Any, *more: Any, **options: Any) -> Any:
        """Run a prepared statement for many rows, which are one transaction."""
        rows = list(args)
        return await self.connection.driving(state.query, rows, lambda: self._genuine.bind_execute_many(state, rows, *more, **options))

    async def prepare(self, *args: Any, **options: Any) -> Any:
        """Prepare a statement, which nobody sees."""
        name, query, *more = args
        return await self.connection.completing(lambda: self._genuine.prepare(name, self._sent(query), *more, **options))

    def _sent(self, query: str) -> str:
        return str(self.connection.database.own.sent(query))

    async def close_statement(self, *args: Any, **options: Any) -> Any:
        """Forget a statement."""
        return await self.connection.completing(lambda: self._genuine.close_statement(*args, **options))

    async def bind(self, *args: Any, **options: Any) -> NoReturn:
        """Not driven, and therefore refused."""
        del args, options
        refuse(self.connection, "A cursor on the server")

    async def copy_in(self, *args: Any, **options: Any) -> NoReturn:
        """Not driven, and therefore refused."""
        del args, options
        refuse(self.connection, "COPY")

    copy_out = copy_in

    async def close(self, timeout: Any) -> None:  # noqa: ASYNC109 - as in asyncpg
        """Close; harmless on a connection that was lost or whose process died."""
        del timeout
        self.abort()

    def abort(self) -> None:
        """The same, at once."""
        self.connection.drop()

    def is_connected(self) -> bool:
        """Whether it is open."""
        return not self.connection.lost and bool(self._genuine.is_connected())


class Connection(Performing, _Connection):  # type: ignore[misc]
    """A connection of asyncpg's whose statements are effects that are awaited."""

    driver = Driver(asyncpg.PostgresError, attrgetter("sqlstate"), _made, _gone)

    def taken(self, database: Any, session: Session) -> None:
        """Belong to a database of the world."""
        self.database, self.pgconn = database, session
        self._protocol.connection = self
        self._ended()

    async def driving(self, text: str, args: Any, begin: Any) -> Any:
        """Run a statement as an effect, which `begin` begins."""
        text = self.database.own.given(text)
        if text in _OWN or text == self.get_reset_query():
            return await self.completing(begin)
        if self.lost:
            self._alive()
            raise _gone()
        found: list[Any] = []
        statement = classify(text)
        async with awaited(self.performing(statement, (text, plain(args)), lambda: repr(found))):
            found.append(await self.completing(begin))
        return found[0]

    async def completing(self, begin: Any) -> Any:
        """Do something with the server that is no effect by itself."""
        if self.lost:
            self._alive()
            raise _gone()
        return await greenlet_spawn(self._complete, begin())

    def _complete(self, coroutine: Any) -> Any:
        try:
            return self.pgconn.complete(coroutine, self._wait)
        except asyncpg.QueryCanceledError as error:
            self.as_victim(error)

    def _wait(self) -> None:
        """Wait until the server has answered."""
        try:
            self.await_answer(current_task())
        except asyncio.CancelledError:
            self.hang_up()  # asyncpg would cancel what runs; whoever is cancelled does not go on with the connection
            raise
        if self.lost:
            raise _gone()

    def _commits_alone(self) -> bool:
        return True

    def _level_to_be(self) -> str:
        return READ_COMMITTED

    def _run(self, command: bytes) -> None:
        self.pgconn.run(command)

    def _begin(self) -> None:
        """Nothing: whoever wants a transaction begins it."""

    def _leave(self) -> None:
        self.lost = True

    def drop(self) -> None:
        """Close; harmless on a connection that was lost or whose process died."""
        if not self.lost and not self._is_dead():
            self.hang_up()

    def give_back(self) -> bool:
        """Close: no pool of the world's has such connections."""
        self.hang_up()
        return False

    def hang_up(self) -> None:
        """Close for good, as the operating system would: no commit, whatever is open rolls back."""
        if self.lost:
            return
        self.lost = True
        if self.pgconn.busy:
            watch = self.database.watch
            watch.forget(self)
            watch.end(self.pgconn.backend_pid)
            self._ended()
            watch.settle()
        else:
            self._rolled_back()
        self.pgconn.finish()

    def break_off(self) -> None:
        """The server has died: there is nobody to talk to any more."""
        if not self.lost:
            self.lost = True
            self._ended()
            self.answered = True
            self.pgconn.finish()

    def __del__(self) -> None:
        """A connection that is dropped is closed, and its transaction rolled back."""
        if not self.lost and hasattr(self, "database"):
            self.hang_up()


def opened(database: Database, factory: Any, record_class: Any, options: Mapping[str, Any]) -> Any:
    """A connection to a database of the world, opened at once."""
    given = conninfo_to_dict(database.conninfo)
    names = inspect.signature(connect_utils._parse_connect_arguments).parameters  # noqa: SLF001 - there is no other way
    usual = {name: parameter.default for name, parameter in inspect.signature(_genuine).parameters.items()}
    ours = {
        "host": given["host"], "user": given.get("user"), "database": given.get("dbname"), "password": given.get("password"),
        "server_settings": {**(options.get("server_settings") or {}), "search_path": database.search_path},
    }  # fmt: skip
    kept = {name: value for name, value in options.items() if name.startswith(("statement_", "max_cache", "command_"))}
    addresses, parameters, config = connect_utils._parse_connect_arguments(  # noqa: SLF001 - likewise
        **{name: {**usual, **kept, **ours}.get(name) for name in names}
    )
    loop = asyncio.get_running_loop()
    connected = loop.create_future()
    wire = Wire(addresses[0])
    genuine = wire.protocol = protocol.Protocol(addresses[0], connected, parameters, record_class, loop)
    genuine.connection_made(wire)
    while not connected.done():
        wire.receive()
    connected.result()
    made = driven_asyncpg(factory)(Protocol(genuine), wire, loop, addresses[0], config, parameters)
    genuine.set_connection(made)
    made.taken(database, Session(wire, genuine))
    return made


@lru_cache(maxsize=64)
def driven_asyncpg(factory: Any) -> Any:
    """The caller's connection class, made to drive its statements."""
    if factory is None or factory is _Connection:
        return Connection
    return factory if issubclass(factory, Connection) else type(_Connection)(factory.__name__, (Connection, factory), {})
