"""A database of the world on a PostgreSQL server: a schema, its contents as a value, and its reset between runs."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
from psycopg import pq
from psycopg.adapt import AdaptersMap
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from acidtest.errors import UsageError
from acidtest.world.databases.full_disk import SAYING, no_space
from acidtest.world.databases.postgresql.awaitable import AsyncConnection, driven_async_connection
from acidtest.world.databases.postgresql.connection import Connection, driven_connection
from acidtest.world.databases.postgresql.prepared import own_of
from acidtest.world.databases.postgresql.session import open_session
from acidtest.world.databases.postgresql.tables import Schema, quoted, restoring, rows_of, schema_of, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from acidtest.errors import BackendUnavailable
    from acidtest.world.core.backend import Contents
    from acidtest.world.core.process import Process
    from acidtest.world.databases.postgresql.moment import Moment
    from acidtest.world.databases.postgresql.watch import Watch

#: Under which name reports show the transactions that are prepared.
PREPARED = "prepared transactions"
#: Options of `connect` that say where to connect, and how: the world has decided that.
_WHERE = frozenset({"conninfo", *[option.keyword.decode() for option in pq.Conninfo.get_defaults()]})


class Kept(NamedTuple):
    """Contents with what is needed to show them."""

    schema: Schema
    cells: tuple[bytes | None, ...]
    prepared: tuple[str, ...]


class Database:
    """One database: a schema that is the only one on the search path of its connections.

    Contents are interned: equal contents have the same number. Rows count in the order in which they lie in their
    tables, and numbers that a sequence has given out count as well. `prepared` are the transactions that are prepared,
    with what stands for their work; `open` the sessions with an open transaction, with its isolation level; `path` stands
    for what has been committed since there were none; `own` is what of the server's list of prepared transactions is its own. `disturbed` says that a reset has something to do.
    """

    def __init__(self, name: str, schema: str, watch: Watch, late: Callable[[Any, Hashable], None], moment: Moment) -> None:
        """Know the schema of the database `name`; `late` is called with what must be committed later; `moment` tells the time."""
        self.name = name
        self.schema = schema
        self.own = own_of(schema, ".".join(schema.split("_")[1:3]), moment.schema)
        self.moment = moment
        self.watch = watch
        self.version = 0
        self.disturbed = False
        self.prepared: dict[str, int] = {}
        self.open: dict[int, str] = {}
        self.path = 0
        self._late = late
        self._spare: list[Any] = []
        self._numbers: dict[Hashable, int] = {}
        self._histories: dict[Hashable, int] = {}
        self._values: list[Kept] = []
        self._content: int | None = None
        self._schema: Schema | None = None
        self._script = ""
        self._scripts: dict[int, str] = {}
        self._template = -1

    def create(self) -> Database:
        """Create the schema."""
        self._execute(f"CREATE SCHEMA {self.schema}; {self.own.creation()}")
        self.capture()
        return self

    @property
    def search_path(self) -> str:
        """Where names are looked up: new tables go to its schema, and functions that tell the time hide the server's own."""
        return f"{self.schema},{self.moment.schema},pg_catalog"

    @property
    def conninfo(self) -> str:
        """How to connect."""
        given = conninfo_to_dict(self.watch.server.conninfo)
        options = f"{given.get('options') or ''} -c search_path={self.search_path}".strip()
        return make_conninfo("", **{**given, "options": options})

    def connect(self, by: Callable[[Database], Any] | None = None, **options: Any) -> Any:
        """A driven connection of psycopg's, on a session that is used again; or what `by` makes, of another driver."""
        if by is not None:
            return by(self)
        factory, row_factory, context = (options.pop(name, None) for name in ("factory", "row_factory", "context"))
        pgconn = self._spare.pop() if self._spare else open_session(self.conninfo)
        awaited = isinstance(factory, type) and issubclass(factory, psycopg.AsyncConnection)
        connection = (driven_async_connection if awaited else driven_connection)(factory)(pgconn, row_factory)
        connection.database = self
        self._set(connection, context, options)
        return connection

    def _set(self, connection: Connection | AsyncConnection, context: Any, options: Mapping[str, Any]) -> None:
        """Set a connection as whoever connects wants it; where it leads to, the world has decided."""
        if context is not None:
            connection._adapters = AdaptersMap(context.adapters)  # noqa: SLF001 - as psycopg does
        for name, value in options.items():
            if name == "autocommit":
                connection.begins_by_itself(alone=bool(value))
            elif name in ("cursor_factory", "prepare_threshold"):
                setattr(connection, name, value)
            elif name not in _WHERE:
                message = f"connect({name}=…) on the database {self.name!r} is not known. Known: autocommit, cursor_factory, row_factory."
                raise UsageError(message)

    def take_back(self, pgconn: Any, *, fine: bool, clean: bool) -> None:
        """Keep a session that nobody uses any more; one that is broken, or was altered, is ended."""
        if fine and clean:
            self._spare.append(pgconn)
        else:
            pgconn.finish()

    def free_dropped(self) -> bool:
        """Nothing: connections that the code under test drops are closed there and then."""
        return False

    # What happens in it:

    def touch(self, who: Hashable = None) -> None:
        """Say that something may have become durable; `who` determines what."""
        self._content = None
        self.path = self.number((self.path, who)) if self.open else 0

    def going_on(self, pid: int, level: str, who: Hashable, *, numbers: bool) -> None:
        """A transaction is open, or a statement waits, in the process `pid` of the server."""
        self.open[pid] = level
        if who is not None and "SERIALIZABLE" in self.open.values():
            self.path = self.number((self.path, who))  # whom it will refuse depends on everybody's reads and writes
        if numbers and self._schema is not None and self._schema.has_sequences:
            self._content = None

    def ended(self, pid: int) -> None:
        """No transaction is open any more in the process `pid` of the server."""
        self.open.pop(pid, None)
        if not self.open:
            self.path = 0

    def full(self) -> BackendUnavailable | None:
        """What is to be said where the server has died of a full disk."""
        return no_space("the PostgreSQL server has died of it") if SAYING in self.watch.server.said() else None

    def redefine(self) -> None:
        """The schema may have changed."""
        self._schema = self._content = None

    def tell_time(self, process: Process | None) -> float:
        """Let the server's clock be that of whoever asks it something now; what that is."""
        if process is None or process.clock is None:
            return 0.0  # whoever looks from outside asks for no time
        self.moment.tell(process.clock.time)
        return process.clock.time

    def postpone(self, landing: Any, fact: Hashable) -> None:
        """Hand over a transaction whose end is to come later; `fact` determines what it will do."""
        self._late(landing, fact)

    def come_back(self) -> None:
        """The server has died and was started again: look what it has kept."""
        self.close_sessions()
        self.moment.come_back()
        self.open.clear()
        self.path = 0
        kept = {bytes(row[0] or b"").decode() for row in rows_of(self._execute(f"SELECT gid FROM {self.own.view}"))}
        self.prepared = {name: chain for name, chain in self.prepared.items() if name in kept}
        self._content = None

    # Its contents:

    def number(self, history: Hashable) -> int:
        """A number, from 1, for what has been done: equal histories have the same, and no others."""
        return self._histories.setdefault(history, len(self._histories) + 1)

    def content(self) -> int:
        """The number of the committed contents."""
        if self._content is None:
            schema = self._known()
            cells = tuple(rows_of(self._execute(schema.read))[0]) if schema.relations else ()
            prepared = tuple(sorted(self.prepared.items()))
            number = self._numbers.setdefault((schema.signature, cells, prepared), len(self._values))
            if number == len(self._values):
                self._values.append(Kept(schema, cells, tuple(name for name, _ in prepared)))
            self._content = number
        return self._content

    def _known(self) -> Schema:
        if self._schema is None:
            self._schema = schema_of(self.schema, self._execute)
        return self._schema

    def commits(self) -> int:
        """Nobody asks."""
        return 0

    def is_fresh(self) -> bool:
        """Whether the contents are the captured ones."""
        return self.content() == self._template

    def value(self, number: int) -> Contents:
        """The contents with that number: (table, rows) pairs."""
        kept = self._values[number]
        tables = [(r.title, shown(r, cell)) for r, cell in zip(kept.schema.relations, kept.cells, strict=True) if not r.is_sequence]
        doubt = [(PREPARED, tuple([(name,) for name in kept.prepared]))] if kept.prepared else []
        return (*tables, *doubt)

    def answer(self, query: Hashable, content: int) -> None:
        """Nobody can say."""

    def columns(self, table: str) -> list[str]:
        """The names of a table's columns."""
        if table == PREPARED:
            return ["transaction"]
        return next((r.columns for r in self._known().relations if r.title == table), [])

    # Between runs:

    def capture(self) -> None:
        """Make the present contents the ones that `reset` goes back to."""
        self.redefine()
        self._script = restoring(self._known(), self._execute)
        self._scripts.clear()
        self._empty()
        self._template = self.content()

    def reset(self) -> None:
        """Go back to the captured contents, and to rows that lie where they lay."""
        self.moment.begin()
        if not self.disturbed:
            return
        if self._known().signature != self._values[self._template].schema.signature:
            self._redo()
        self._empty()
        self._content = self._template

    def _redo(self) -> None:
        """Undo what changed the schema.

        Raises:
            UsageError: it is one that was captured with tables.
        """
        if self._values[self._template].schema.relations:
            message = (
                f"An operation has created, altered or dropped a table of the database {self.name!r}. On PostgreSQL that cannot "
                "be undone between two runs. Do it in install(), which runs once."
            )
            raise UsageError(message)
        self._execute(f"DROP SCHEMA {self.schema} CASCADE")
        self._execute(f"CREATE SCHEMA {self.schema}")
        self.close_sessions()
        self.redefine()

    def keep(self) -> None:
        """Let the present contents be there for `go_back`; what is prepared is in no backup."""
        number = self.content()
        if number not in self._scripts:
            self._scripts[number] = restoring(self._known(), self._execute)

    def go_back(self, number: int | None) -> None:
        """Hold contents again that were kept, or the captured ones for None.

        Raises:
            UsageError: the schema was another then.
        """
        if number is None:
            self.reset()
        elif self._known().signature != self._values[number].schema.signature:
            message = (
                f"An operation has created, altered or dropped a table of the database {self.name!r}. On PostgreSQL no backup from before "
                "that can be restored in a run. Do it in install(), which runs once."
            )
            raise UsageError(message)
        else:
            self._empty(self._scripts[number])
        self.disturbed = True
        self.version += 1

    def _empty(self, script: str | None = None) -> None:
        """Empty every table, and put back what belongs there. Emptied pages are given back, so that rows lie as at first.

        Arguments:
            script: puts back what belongs there; None for what was captured.
        """
        for name in list(self.prepared):
            with contextlib.suppress(psycopg.errors.UndefinedObject):
                escaped = name.replace("'", "''")
                self._execute(self.own.sent(f"ROLLBACK PREPARED '{escaped}'"))
        self.prepared.clear()
        self.open.clear()
        self.path = 0
        schema = self._known()
        tables = [table.name for table in schema.tables]
        if schema.quiet:
            self._execute(schema.quiet)
        if tables and self.watch.server.private:
            # DELETE, VACUUM and INSERT take a quarter of the time of TRUNCATE and INSERT.
            self._execute("; ".join([f"DELETE FROM {table}" for table in reversed(tables)]))
            self._execute(f"VACUUM {', '.join(tables)}")
        elif tables:
            self._execute(f"TRUNCATE {', '.join(tables)}")
        script = self._script if script is None else script
        if script:
            self._execute(script)
        if schema.loud:
            self._execute(schema.loud)
        self.disturbed = False
        self._content = None

    def fill(self, other: Database) -> None:
        """Take over what is committed in another database; its rows keep no rules but those of their own table."""
        for table in other._known().tables:
            name, columns = f"{self.schema}.{quoted(table.title)}", ", ".join(map(quoted, table.stored))
            self._execute(f"CREATE TABLE {name} (LIKE {table.name} INCLUDING ALL)")
            self._execute(f"INSERT INTO {name} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {table.name}")
        self.redefine()

    def close_sessions(self) -> None:
        """End the sessions that nobody uses."""
        while self._spare:
            self._spare.pop().finish()

    def close(self) -> None:
        """Remove the schema."""
        self._empty()
        self.close_sessions()
        self._execute(f"DROP SCHEMA {quoted(self.schema)}, {quoted(self.own.schema)} CASCADE")

    def _execute(self, sql: str) -> Any:
        return self.watch.execute(sql)
