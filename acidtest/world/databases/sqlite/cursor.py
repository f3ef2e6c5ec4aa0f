"""Cursors whose statements are effects."""

from __future__ import annotations

import sqlite3
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from acidtest.errors import UsageError
from acidtest.world.core.process import complain, current_task
from acidtest.world.databases.sqlite.statement import WRITE, Statement, classify, statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager


class Touched(Protocol):
    """What a cursor needs of the database that it reads and writes."""

    def touch(self) -> None:
        """Say that a transaction has ended."""


class Owner(Protocol):
    """What a cursor needs of its connection.

    `lost` says that it is closed for good, `inserted` that it has inserted a row since it was handed out.
    """

    lost: bool
    inserted: bool

    @property
    def database(self) -> Touched:
        """What it is connected to."""

    def drive(
        self, cursor: Cursor | None, statement: Statement, detail: Any, run: Callable[[], object], *, many: bool = False
    ) -> None:
        """Run a statement as an effect of the current task."""

    def commits_each(self, statement: Statement) -> bool:
        """Whether a statement is a transaction of its own."""

    def scripting(self) -> AbstractContextManager[None]:
        """For the length of a script: nothing is begun by the driver."""

    def interrupt(self) -> None:
        """Abort the statement that runs."""


class Cursor(sqlite3.Cursor):
    """A cursor whose statements are effects, and whose rows are part of what the process has seen.

    `pinned` is the contents that an unfinished read outside a transaction still sees; `writing` says that a write
    outside a transaction still has rows to return, and is committed only when they have been read; `unread` that there may be
    rows of any statement that nobody has seen yet.
    """

    connection: Owner  # type: ignore[assignment]  # sqlite3 knows its own alone
    pinned: int | None = None
    writing = False
    unread = False
    _counted: int | None = None

    def execute(self, sql: str, parameters: Any = (), /) -> Cursor:
        """Run one statement, as an effect."""
        statement = classify(sql)
        if statement.replacement:
            sql = statement.replacement
        if self._counted is not None:
            self._counted = None
        self.connection.drive(self, statement, (sql, parameters), lambda: super(Cursor, self).execute(sql, parameters))
        self.unread = self.description is not None
        return self

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> Cursor:
        """Run one statement for many rows: as one effect in a transaction, else as one for each row."""
        rows, statement = list(parameters), classify(sql)
        if rows and statement.kind == WRITE and self.connection.commits_each(statement):
            counted = 0
            for row in rows:
                Cursor.execute(self, sql, row)
                counted += super().rowcount
            self._counted = counted
            return self
        self.connection.drive(self, statement, (sql, rows), lambda: super(Cursor, self).executemany(sql, rows), many=True)
        return self

    def executescript(self, sql_script: str, /) -> Cursor:
        """Run the statements of a script, each as an effect; as in sqlite3, an open transaction is committed first."""
        with self.connection.scripting():
            for sql in statements(sql_script):
                Cursor.execute(self, sql)
                super().fetchall()
                self._finished()
        return self

    @property
    def rowcount(self) -> int:
        """How many rows the last statement changed."""
        return super().rowcount if self._counted is None else self._counted

    @property
    def lastrowid(self) -> int | None:
        """The rowid of the last inserted row; not that of a run before, on a connection that is used again."""
        found = super().lastrowid if self.connection.inserted else None
        task = current_task()
        if task is not None:
            task.process.remember(("lastrowid", found))
        return found

    def fetchone(self) -> Any:
        """The next row, or None."""
        row = super().fetchone()
        self._saw(row, ended=row is None)
        return row

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """The next `size` rows."""
        size = self.arraysize if size is None else size
        rows = super().fetchmany(size)
        self._saw(tuple(rows), ended=len(rows) < size)
        return rows

    def fetchall(self) -> list[Any]:
        """All remaining rows."""
        rows = super().fetchall()
        self._saw(tuple(rows), ended=True)
        return rows

    def __next__(self) -> Any:
        """The next row."""
        try:
            row = super().__next__()
        except StopIteration:
            self._finished()
            raise
        self._saw(row, ended=False)
        return row

    def close(self) -> None:
        """Close the cursor; an unfinished read lets go of its snapshot, an unfinished write is committed."""
        if self.connection.lost:
            return
        super().close()
        self._finished()

    def abandon(self) -> None:
        """Close the cursor as when the process dies: an unfinished write is undone."""
        try:
            if self.writing:
                self.connection.interrupt()
                super().fetchone()
        except sqlite3.Error:
            pass
        try:
            super().close()
        except sqlite3.ProgrammingError:
            return  # the connection is closed already
        self._finished()

    def _saw(self, rows: Any, *, ended: bool) -> None:
        if ended:
            self._finished()
        elif self.writing:
            self.connection.database.touch()  # that was the last row, perhaps
        task = current_task()
        if task is not None:
            task.process.remember(rows if self.row_factory is None else plain(rows))

    def _finished(self) -> None:
        self.pinned = None
        self.unread = False
        if self.writing:
            self.writing = False
            self.connection.database.touch()


def plain(value: Any) -> Any:
    """What rows hold, whatever a row_factory has made of them; never an object that is equal to itself alone."""
    if value is None or isinstance(value, (str, bytes, int, float)):
        return value
    if isinstance(value, (tuple, list, sqlite3.Row)):
        return tuple([plain(item) for item in value])
    if isinstance(value, dict):
        return tuple([(plain(name), plain(item)) for name, item in value.items()])
    names = getattr(value, "__dict__", None) or {
        name: getattr(value, name, None) for cls in type(value).__mro__ for name in getattr(cls, "__slots__", ())
    }
    return type(value).__qualname__, plain(dict(names))


@lru_cache(maxsize=256)
def driven_cursor(factory: type[sqlite3.Cursor] | Callable[..., Any] | None) -> type[Cursor]:
    """The caller's cursor class, made to drive its statements."""
    if factory is None or factory is sqlite3.Cursor:
        return Cursor
    if not isinstance(factory, type):
        message = f"connection.cursor({factory!r}) cannot be driven. Pass a subclass of sqlite3.Cursor."
        complain(UsageError(message))
    return factory if issubclass(factory, Cursor) else type(factory.__name__, (factory, Cursor), {})
