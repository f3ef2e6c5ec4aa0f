"""What an asynchronous engine is made of: the dialect of a driven driver, said to be asynchronous.

SQLAlchemy runs such a dialect in a greenlet of its own, in which effects are awaited (`acidtest.world.python.coroutines`). A
connection whose statement was cancelled is not used again: SQLAlchemy terminates it, and what is open rolls back.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from greenlet import getcurrent
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.util import greenlet_spawn

from acidtest.errors import HarnessError

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy.engine.default import DefaultDialect as Dialect
    from sqlalchemy.engine.default import DefaultExecutionContext as Context
else:
    Dialect = Context = object

#: The pool that such an engine needs.
POOL = AsyncAdaptedQueuePool


class Buffered:
    """A cursor that reads all rows at once, as those of SQLAlchemy's asynchronous dialects do."""

    def __init__(self, cursor: Any) -> None:
        """Stand before `cursor`."""
        self._cursor = cursor
        self._rows: deque[Any] = deque()

    def __getattr__(self, name: str) -> Any:
        """Whatever else a cursor has."""
        return getattr(self._cursor, name)

    def execute(self, *arguments: Any) -> None:
        """Run a statement, and read its rows."""
        self._cursor.execute(*arguments)
        self._rows = deque(self._cursor.fetchall() if self._cursor.description else ())

    def fetchone(self) -> Any:
        """The next row, or None."""
        return self._rows.popleft() if self._rows else None

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """The next `size` rows."""
        size = self._cursor.arraysize if size is None else size
        return [self._rows.popleft() for _ in range(min(size, len(self._rows)))]

    def fetchall(self) -> list[Any]:
        """All remaining rows."""
        return self.fetchmany(len(self._rows))

    async def _async_soft_close(self) -> None:
        """Nothing: no row is left to be read."""


class Contextual(Context):
    """Makes the cursors of a dialect read all rows at once."""

    def create_default_cursor(self) -> Any:
        """A cursor."""
        return Buffered(self._dbapi_connection.cursor())

    create_server_side_cursor = create_default_cursor


class Awaited(Dialect):
    """Makes a dialect asynchronous, as far as SQLAlchemy can tell."""

    is_async = True
    has_terminate = True
    supports_server_side_cursors = True  # it streams from what was read

    def do_terminate(self, dbapi_connection: Any) -> None:
        """Close a connection that may be in the midst of something."""
        dbapi_connection.close()

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        """Execute a statement; something is awaited, as SQLAlchemy requires, also where the statement is no effect."""
        _await_nothing()
        dialect: Any = super()
        dialect.do_execute(cursor, statement, parameters, context)

    def do_executemany(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        """Execute a statement for many rows; likewise."""
        _await_nothing()
        dialect: Any = super()
        dialect.do_executemany(cursor, statement, parameters, context)

    def do_execute_no_params(self, cursor: Any, statement: str, context: Any = None) -> None:
        """Execute a statement without parameters; likewise."""
        _await_nothing()
        dialect: Any = super()
        dialect.do_execute_no_params(cursor, statement, context)


def connect_once(engine: sa.Engine) -> None:
    """Connect and close again: then SQLAlchemy knows the dialect, which it learns under a lock."""
    # In a greenlet, because the lock of an asynchronous engine is awaited; it is free, so nothing has to wait.
    try:
        greenlet_spawn(lambda: engine.connect().close()).send(None)
    except StopIteration:
        return
    message = "The first connection of an engine had to wait for something."
    raise HarnessError(message)


def _await_nothing() -> None:
    current = getcurrent()
    if getattr(current, "__sqlalchemy_greenlet_provider__", False) and current.parent is not None:
        current.parent.switch(_nothing())


async def _nothing() -> None:
    """What can be awaited without waiting."""
