"""Ways in for code that opens its own connections: `sqlite3.connect` is replaced by one that knows the world.

The replacement does what sqlite3 does unless an adapter is being built, installed or observed, or one of its tasks is
running. Then the path names a database of the world; a file of the user's is never touched. SQLAlchemy learns that a
connection whose COMMIT got no answer is lost, as it knows of servers.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sqlite3.dbapi2
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from acidtest.errors import NondeterminismError
from acidtest.world.core.process import complain, current_task
from acidtest.world.databases.sqlite.store import connect_sqlite
from acidtest.world.python import uncontrolled
from acidtest.world.python.locks import of_tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acidtest.world.core.process import Machine

_building: list[Machine] = []
_really_sleep = time.sleep
_new_event_loop = asyncio.new_event_loop
_is_disconnect = SQLiteDialect_pysqlite.is_disconnect
_NAMES = ("timeout", "detect_types", "isolation_level", "check_same_thread", "factory", "cached_statements", "uri")


def install() -> None:
    """Replace `sqlite3.connect`, `time.sleep` and what makes event loops; harmless when called again.

    Do it before the code under test is imported. What is bound earlier is found out by `uncontrolled`.
    """
    replaced: Any = sqlite3
    replaced.connect = replaced.dbapi2.connect = _connect
    clock: Any = time
    clock.sleep = _sleep
    loops: Any = asyncio
    loops.new_event_loop = loops.events.new_event_loop = _refuse_event_loop
    uncontrolled.watch()
    dialect: Any = SQLiteDialect_pysqlite
    dialect.is_disconnect = _is_lost


def _is_lost(self: Any, error: Any, connection: Any, cursor: Any) -> bool:
    return getattr(error, "connection_lost", False) or _is_disconnect(self, error, connection, cursor)


@contextmanager
def building(host: Machine) -> Iterator[None]:
    """While an adapter is built or called outside of a task, its connections belong to `host`."""
    _building.append(host)
    try:
        with of_tasks():
            yield
    finally:
        _building.pop()


def present_host(backend: str) -> Machine | None:
    """The host whose code is running now, if its databases are of that kind; None for code that is none of ours."""
    task = current_task()
    host = task.process.host if task is not None else _building[-1] if _building else None
    return host if host is not None and host.backend == backend else None


def _connect(database: Any, *args: Any, **options: Any) -> Any:
    host = present_host("sqlite")
    path = os.fsdecode(database)
    if host is None or _is_private(path):
        return connect_sqlite(database, *args, **options)
    options.update(zip(_NAMES, args, strict=False))
    if options.pop("uri", False) and path.startswith("file:"):
        path = path[len("file:") :].split("?", 1)[0]
    return host.open(path, **options)


def _sleep(seconds: float) -> None:
    """Sleep on the virtual clock where a task is running."""
    task = current_task()
    if task is None or task.process.clock is None:
        _really_sleep(seconds)
    else:
        task.process.clock.sleep(seconds)


def _refuse_event_loop() -> asyncio.AbstractEventLoop:
    """Report an event loop that a task makes, for example by `asyncio.run`: it would wait in real time."""
    task = current_task()
    if task is not None and task.process.alive:
        message = (
            f"{task.name} makes an event loop of its own, for example by asyncio.run(). That waits in real time, so nothing can be "
            "said about it. Let the method of the port be `async def`; it is run in virtual time."
        )
        complain(NondeterminismError(message))
    return _new_event_loop()


def _is_private(path: str) -> bool:
    """Whether the path names a database that one connection alone can see."""
    return path in ("", ":memory:") or path.startswith(("file::memory:", "file:?")) or "mode=memory" in path
