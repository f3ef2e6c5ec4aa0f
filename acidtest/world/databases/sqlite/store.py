"""A database of the world: a real SQLite file, its contents as a value, and its reset between runs."""

from __future__ import annotations

import sqlite3
import sys
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.world.databases.sqlite.connection import Connection, driven_connection
from acidtest.world.databases.sqlite.query import Copy, is_private
from acidtest.world.databases.sqlite.tables import Table, exact, tables
from acidtest.world.python.uncontrolled import allowed

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from pathlib import Path

    from acidtest.world.core.backend import Answer, Contents, Landing
    from acidtest.world.databases.sqlite.query import Query

_connect = sqlite3.connect  # before anything replaces it

_UNUSUAL = "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' OR sql LIKE 'CREATE VIRTUAL%'"
_HEADER = ("user_version", "application_id")


def connect_sqlite(*args: Any, **options: Any) -> Any:
    """The driver's own connect."""
    with allowed():
        return _connect(*args, **options)


def _references_when_dropped() -> int:
    """How many references a connection that nobody refers to has: its own cache of statements may hold one."""
    connection = connect_sqlite(":memory:")
    count = sys.getrefcount(connection)
    connection.close()
    return count


_DROPPED = _references_when_dropped()


class Kept(NamedTuple):
    """Contents with what is needed to show them and to put them back."""

    schema: int
    tables: list[Table]
    header: tuple[int, ...]
    contents: Contents


class Database:
    """One database: a WAL file with a monitor connection that reads its committed contents.

    Contents are interned: equal contents, under an equal schema, have the same number. `version` counts the ends of
    transactions, after which a task that waits for a lock may try again. `read_header` says that the numbers in the
    file's header (PRAGMA user_version) are used, and so are part of the contents.
    """

    def __init__(self, name: str, path: Path, late: Callable[[Landing, Hashable], None]) -> None:
        """Create the file `path` for the database `name`; `late` is called with what must be committed later."""
        self.name = name
        self.path = path
        self.version = 0
        self.read_header = self.timed = False
        self._late = late
        self._connections: list[weakref.ref[Connection]] = []
        self._monitor = connect_sqlite(path, timeout=0, isolation_level=None, check_same_thread=False)
        self._monitor.execute("PRAGMA journal_mode=WAL")
        self._monitor.execute("PRAGMA synchronous=OFF")
        self._numbers: dict[Hashable, int] = {}
        self._values: list[Kept] = []
        self._schemas: dict[Hashable, int] = {}
        self._content: int | None = None
        self._current = -1
        self._data_version = -1
        self._schema_version = -1
        self._schema = -1
        self._tables: list[Table] = []
        self._header: tuple[int, ...] = ()
        self._template = -1
        self._template_schema = -1
        self._image: sqlite3.Connection | None = None
        self._images: dict[int, sqlite3.Connection] = {}
        self._copy: Copy | None = None
        self._plain = True
        self.capture()

    def connect(self, **options: Any) -> Connection:
        """A driven connection; waiting is the world's business, so the driver's timeout is 0."""
        factory = options.pop("factory", None)
        options.pop("database", None)
        options = {**options, "timeout": 0, "check_same_thread": False, "factory": partial(self._make, factory)}
        connection: Connection = connect_sqlite(str(self.path), **options)
        weakref.finalize(connection, self.touch).atexit = False
        self._connections = [ref for ref in self._connections if ref() is not None]
        self._connections.append(weakref.ref(connection))
        return connection

    def free_dropped(self) -> bool:
        """Whether a connection that the code under test has dropped kept a lock; it is closed.

        CPython leaves that to its garbage collector, which comes sooner or later; here it comes before anyone waits.
        """
        found = False
        for ref in self._connections:
            connection = ref()
            if connection is None or connection.spares is not None or not connection.holds_lock():
                continue
            if sys.getrefcount(connection) <= _DROPPED:
                connection.hang_up()
                found = True
        return found

    def _make(self, factory: Any, /, *args: Any, **options: Any) -> Connection:
        """Make a connection that knows its database before the caller's own constructor runs."""
        while isinstance(factory, partial):
            args, options, factory = (*factory.args, *args), {**factory.keywords, **options}, factory.func
        cls = driven_connection(factory)
        connection = cls.__new__(cls, *args, **options)
        connection.database = self
        connection.__init__(*args, **options)  # type: ignore[misc]
        return connection

    def touch(self) -> None:
        """Say that a transaction has ended: locks may be free, and contents may have changed."""
        self.version += 1
        self._content = None

    def postpone(self, landing: Landing, fact: Hashable) -> None:
        """Hand over a connection whose COMMIT is to take effect later; `fact` determines what it will commit."""
        self._late(landing, fact)

    def content(self) -> int:
        """The number of the committed contents."""
        if self._content is None:
            version = self._monitor.execute("PRAGMA data_version").fetchone()[0]
            if version != self._data_version:
                self._data_version = version
                self._current = self._intern(self._read())
            self._content = self._current
        return self._content

    def commits(self) -> int:
        """Changes with every commit of a transaction that wrote something, also where the contents are what they were."""
        self.content()
        return self._data_version

    def is_fresh(self) -> bool:
        """Whether the contents are the captured ones."""
        return self.content() == self._template

    def value(self, number: int) -> Contents:
        """The contents with that number: (table, rows) pairs."""
        kept = self._values[number]
        return tuple([(t.name, t.visible(rows)) for t, (_, rows) in zip(kept.tables, kept.contents, strict=True)])

    def columns(self, table: str) -> list[str]:
        """The names of a table's columns."""
        return next((t.columns for t in self._tables if t.name == table), [])

    def _read(self) -> Contents:
        execute = self._monitor.execute
        version = execute("PRAGMA schema_version").fetchone()[0]
        if version != self._schema_version:
            self._schema_version = version
            schema = tuple(execute("SELECT name, sql FROM sqlite_master ORDER BY rowid").fetchall())
            self._schema = self._schemas.setdefault(schema, len(self._schemas))
            self.timed = any(is_private(sql) for name, sql in schema if sql and not name.startswith("sqlite_"))
            self._tables = tables(self._monitor)
        if self.read_header:
            self._header = self._read_header()
        return tuple([(table.name, tuple(execute(table.select).fetchall())) for table in self._tables])

    def _read_header(self) -> tuple[int, ...]:
        return tuple([self._monitor.execute(f"PRAGMA {name}").fetchone()[0] for name in _HEADER])

    def _intern(self, contents: Contents) -> int:
        return self._number(Kept(self._schema, self._tables, self._header, contents))

    def _number(self, kept: Kept) -> int:
        number = self._numbers.setdefault((kept.schema, kept.header, exact(kept.contents)), len(self._values))
        if number == len(self._values):
            self._values.append(kept)
        return number

    def capture(self) -> None:
        """Make the present contents the ones that `reset` goes back to."""
        self._header = self._read_header()
        self.touch()
        self._data_version = -1
        self._template = self.content()
        self._template_schema = self._schema
        self._plain = self._monitor.execute(_UNUSUAL).fetchone()[0] == 0
        self._forget_copies()
        self._image = connect_sqlite(":memory:")
        self._monitor.backup(self._image)

    def reset(self) -> None:
        """Go back to the captured contents: by rows where that is safe, else by copying the whole image."""
        self.go_back(None)

    def keep(self) -> None:
        """Let the present contents be there for `go_back`: as an image, where putting back rows would not do."""
        number = self.content()
        if number not in self._images and not self._is_usual(number):
            image = self._images[number] = connect_sqlite(":memory:", check_same_thread=False)
            self._monitor.backup(image)

    def go_back(self, number: int | None) -> None:
        """Hold contents again that were kept, or the captured ones for None."""
        number = self._template if number is None else number
        if self.content() == number:
            return
        wanted = self._values[number]
        if not self._is_usual(number) or not self._is_usual(self._current):
            self._put_back(self._images.get(number, self._image))
        if self._is_usual(number):
            self._restore(wanted, self._values[self._current])
        self._header = wanted.header
        self.version += 1
        self._content = self._current = number

    def _put_back(self, image: sqlite3.Connection | None) -> None:
        if image is not None:
            image.backup(self._monitor)
            self._current = self._intern(self._read())

    def _is_usual(self, number: int) -> bool:
        """Whether contents are those of the captured schema, and it is enough to put back rows."""
        return self._plain and self._values[number].schema == self._template_schema

    def _restore(self, wanted: Kept, present: Kept) -> None:
        execute = self._monitor.execute
        execute("BEGIN IMMEDIATE")
        for table, (_, rows), (_, now) in zip(self._tables, wanted.contents, present.contents, strict=True):
            if exact(rows) != exact(now):
                execute(table.delete)
                self._monitor.executemany(table.insert, table.stored(rows))
        for name, value, changed in zip(_HEADER, wanted.header, present.header, strict=True):
            if value != changed:
                execute(f"PRAGMA {name} = {value}")
        execute("COMMIT")

    def fill(self, other: Database) -> None:
        """Take over what is committed in another database."""
        other._monitor.backup(self._monitor)  # noqa: SLF001 - of the same class

    def answer(self, query: Query, content: int) -> Answer | None:
        """What a statement answers whose transaction sees the contents of that number, found on a copy; None where nobody can say."""
        if self._copy is None:
            self._copy = Copy(connect_sqlite(":memory:", isolation_level=None), self)
        return self._copy.answer(query, content)

    # What the copy asks:

    def copy_to(self, connection: sqlite3.Connection) -> list[Table]:
        """Fill a connection with the captured contents; returns how its tables are read and put back."""
        if self._image is not None:
            self._image.backup(connection)
        return self._values[self._template].tables

    def contents_of(self, number: int) -> Contents | None:
        """The contents of that number, as they are stored; None where only the whole image could be put back."""
        kept, template = self._values[number], self._values[self._template]
        usual = self._plain and kept.schema == template.schema and kept.header == template.header
        return kept.contents if usual else None

    def number_of(self, contents: Contents) -> int:
        """The number of contents under the schema of the captured ones."""
        return self._number(self._values[self._template]._replace(contents=contents))

    def close(self) -> None:
        """Close the monitor; the file is the cluster's to remove."""
        self._monitor.close()
        self._forget_copies()

    def _forget_copies(self) -> None:
        for copy in (self._image, self._copy, *self._images.values()):
            if copy is not None:
                copy.close()
        self._image = self._copy = None
        self._images.clear()
