"""What outlives a simulated process: its engines and the real connections behind them, used again run after run.

Code that connects by itself, past its environment, is given a connection of the host that it runs on: `present_host`.

Opening a connection and reading the schema costs as much as ten statements, so connections are given back clean instead
of being closed. One that ran anything that could leave a trace in it (a PRAGMA, a temporary table) is closed.
"""

from __future__ import annotations

import weakref
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from acidtest.world.core import journal
from acidtest.world.core.beside import end
from acidtest.world.core.exits import watched
from acidtest.world.core.locks import genuine
from acidtest.world.core.patience import bounded
from acidtest.world.core.process import current_task, outside, running_as

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    import sqlalchemy as sa
    from sqlalchemy.ext.asyncio import AsyncEngine

    from acidtest.world.core.backend import Backend, Connection, Database, Hold
    from acidtest.world.core.needs import Machine
    from acidtest.world.core.process import Process

_building: list[Machine] = []


@contextmanager
def building(host: Machine, what: str = "make the implementation", process: Process | None = None) -> Iterator[None]:
    """While an adapter is built or called outside of a task, its connections belong to `host`.

    Arguments:
        host: where it is built.
        what: what it does, for whoever supervises this process.
        process: whose code it is, for time and chance; None for nobody's.
    """
    _building.append(host)
    try:
        running = running_as(process) if process is not None else nullcontext()
        with journal.outside(what), bounded(), watched(), running:
            yield
            if process is not None and not process.incarnation:
                end(process)
    finally:
        _building.pop()


def present_host(backend: str) -> Machine | None:
    """The host whose code is running now.

    Arguments:
        backend: the kind of database that the code connects to.

    Returns:
        The host, if its databases are of that kind; None for code that is none of ours.
    """
    task = current_task()
    host = task.process.host if task is not None else _building[-1] if _building else None
    return host if host is not None and host.backend == backend else None


class Host:
    """The machine that a process runs on, as far as connections go."""

    def __init__(
        self, name: str, backend: str, backend_of: Callable[[str], Backend], database: Callable[[str], Database],
        by_address: Callable[[str], Database], histories: dict[Hashable, int], service: str = "",
    ) -> None:  # fmt: skip
        """Make the host of the process `name`, whose databases are of the kind `backend`, unless they were chosen to be of another.

        `backend_of(name)` is what makes a database; `database(name)` and `by_address(path or URL)` find or make one.
        """
        self.name = name
        self.service = service
        self.histories = histories
        self.backend = backend
        self._backend_of = backend_of
        self._database = database
        self._by_address = by_address
        self.releases = 0
        self.endless: set[tuple[str, int]] = set()
        self.abandoned = False
        self._engines: dict[tuple[str, bool], sa.Engine] = {}
        self._spares: dict[tuple[str, bool], list[Connection]] = {}
        self._listeners: dict[tuple[str, bool], Hashable] = {}
        # Weak: a connection that the code under test drops must close, and free its locks, as it would in production.
        self._connections: list[weakref.ref[Connection]] = []

    def kind_of(self, name: str) -> str:
        """The kind of the database `name`."""
        return self._backend_of(name).name

    def connect(self, name: str, **options: Any) -> Any:
        """A new DB-API connection to the database `name`."""
        return self._opened(self._database(name).connect(**options))

    def open(self, address: str, **options: Any) -> Any:
        """A new DB-API connection for code that opens a file, or connects to a server, itself."""
        return self._opened(self._by_address(address).connect(**options))

    def _opened(self, connection: Any) -> Any:
        if connection in self.connections():
            return connection
        self._connections.append(weakref.ref(connection))
        return connection

    def connections(self) -> list[Connection]:
        """The connections that still exist."""
        return [connection for ref in self._connections if (connection := ref()) is not None]

    def pins(self) -> list[tuple[Hashable, ...]]:
        """What the open transactions of each connection have done and seen: part of the key of a state."""
        return _in_any_order([pins for connection in self.connections() if (pins := connection.pins())])

    def holds(self) -> tuple[Hold, ...]:
        """The locks of its connections."""
        return tuple(_in_any_order([hold for connection in self.connections() if (hold := connection.holds()) is not None]))

    def settings(self) -> Hashable:
        """How those connections of its pools have been set that are not as the pools made them."""
        return frozenset([connection.settings() for connection in self.connections() if connection.spares is not None and connection.is_altered()])

    def is_reading(self) -> bool:
        """Whether a statement of one of its connections may have rows that nobody has seen yet."""
        return any(connection.is_reading() for connection in self.connections())

    def is_clean(self) -> bool:
        """Whether its connections are as new: no transaction is open, and nothing that was done in one is left in it."""
        return not self.pins() and not self.holds() and not any(connection.leaves_trace for connection in self.connections())

    def url(self, name: str) -> str:
        """The SQLAlchemy URL of the database `name`."""
        return self._backend_of(name).address(self._database(name))

    def engine(self, name: str) -> sa.Engine:
        """The engine of this host for the database `name`; transactions really begin."""
        return self._engine((name, False))

    def async_engine(self, name: str) -> AsyncEngine:
        """The asynchronous engine of this host for the database `name`; what its connections do is awaited."""
        from sqlalchemy.ext.asyncio import AsyncEngine

        return AsyncEngine(self._engine((name, True)))

    def _engine(self, kind: tuple[str, bool]) -> sa.Engine:
        """The engine for a database; or the one inside of an asynchronous engine."""
        engine = self._engines.get(kind)
        if engine is None:
            with outside(), genuine():
                engine = self._engines[kind] = self._make_engine(*kind)
            self._listeners[kind] = _listeners(engine)
        return engine

    def _make_engine(self, name: str, asynchronous: bool) -> sa.Engine:  # noqa: FBT001 - a key of the engines
        spares = self._spares[name, asynchronous] = []
        backend = self._backend_of(name)

        def creator() -> Any:
            # SQLAlchemy drops the connection of a task that is killed; there is nothing wrong with it, so it goes on.
            if spares:
                return self._opened(spares.pop())
            connection = self.connect(name, **backend.pooled)
            connection.spares = spares
            return connection

        engine: Any = backend.engine(creator, asynchronous=asynchronous)
        engine.acidtest_name = name
        dialect: Any = engine.dialect
        dialect.do_ping = _is_open
        made: sa.Engine = engine
        return made

    def hang_up(self) -> None:
        """Drop every connection as the operating system would: open transactions roll back, nothing is committed."""
        if self.abandoned:  # nobody will ever give back what such a call had taken
            self.abandoned = False
            self._engines.clear()
            for connection in self.connections():
                connection.hang_up()
        for name, engine in list(self._engines.items()):
            if _listeners(engine) != self._listeners[name]:
                del self._engines[name]
                for connection in self.connections():
                    connection.leaves_trace |= connection.spares is self._spares[name]
        kept = [connection for connection in self.connections() if connection.give_back()]
        self._connections = [weakref.ref(connection) for connection in kept]

    def close(self) -> None:
        """Close everything for good."""
        for engine in self._engines.values():
            engine.dispose()
        for connection in self.connections():
            connection.hang_up()
        self._connections.clear()
        self._engines.clear()


def _in_any_order(found: list[Any]) -> list[Any]:
    """Which connection was opened first makes no difference: it may have been in a run before."""
    return sorted(found, key=repr) if len(found) > 1 else found


def _is_open(connection: Any) -> bool:
    """Whether a pooled connection can be used again: its COMMIT may have got no answer, or its process may have died."""
    return not connection.lost


def _listeners(engine: sa.Engine) -> Hashable:
    """How many event listeners the engine has. An engine is used again, but not with what one process has added to it."""
    pool, of_pool = engine.pool, ("connect", "first_connect", "checkout", "checkin", "reset", "invalidate", "close")
    counts = [len(getattr(pool.dispatch, name)) for name in of_pool]
    return engine._has_events, engine.dialect._has_events, *counts  # noqa: SLF001 - there is no other way to ask
