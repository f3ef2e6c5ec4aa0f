"""A database of the world on a MariaDB server: its contents as a value, and its reset between runs."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

import pymysql
from pymysql.constants import CLIENT

from acidtest.errors import UsageError
from acidtest.world.databases.full_disk import SAYING, no_space
from acidtest.world.databases.mariadb.connection import Connection, driven_connection
from acidtest.world.databases.mariadb.prepared import own_of
from acidtest.world.databases.mariadb.tables import (
    Schema,
    counters,
    keeping,
    quoted,
    restoring,
    schema_of,
    shown,
    text,
)
from acidtest.world.python.uncontrolled import allowed

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from acidtest.errors import BackendUnavailable
    from acidtest.world.core.backend import Contents
    from acidtest.world.databases.mariadb.watch import Watch

#: Under which name reports show the transactions that are prepared.
PREPARED = "prepared transactions"
#: Options of `connect` that say where to connect: the world has decided that.
_WHERE = (
    "host", "port", "user", "password", "passwd", "database", "db", "unix_socket", "connect_timeout", "read_timeout", "write_timeout", "bind_address",
    "read_default_file", "read_default_group", "ssl", "ssl_ca", "ssl_cert", "ssl_disabled", "ssl_key", "ssl_key_password", "ssl_verify_cert",
    "ssl_verify_identity", "defer_connect", "program_name", "server_public_key", "auth_plugin_map", "named_pipe", "compress", "factory",
)  # fmt: skip


class Kept(NamedTuple):
    """Contents with what is needed to show them."""

    schema: Schema
    rows: tuple[tuple[tuple[Any, ...], ...], ...]
    prepared: tuple[str, ...]


class Database:
    """One database of the server.

    Contents are interned: equal contents have the same number. The numbers that AUTO_INCREMENT has given out count as well.
    `prepared` are the transactions that are prepared, with what stands for their work; `open` the sessions with an open
    transaction, with its isolation level; `path` stands for what has been committed since there were none, where the server
    compares that; `ghosts` for what has been deleted: InnoDB locks also where a row was. `own` is what of the server's list of
    prepared transactions is its own. `disturbed` says that a reset has something to do.
    """

    def __init__(self, name: str, schema: str, watch: Watch, late: Callable[[Any, Hashable], None]) -> None:
        """Know the database `schema` as `name`; `late` is called with what must be committed later."""
        self.name = name
        self.schema = schema
        self.own = own_of(*_numbers_of(schema))
        self.watch = watch
        self.version = 0
        self.disturbed = False
        self.prepared: dict[str, int] = {}
        self.open: dict[int, str] = {}
        self.path = 0
        self.ghosts = 0
        self._late = late
        self._numbers: dict[Hashable, int] = {}
        self._histories: dict[Hashable, int] = {}
        self._values: list[Kept] = []
        self._content: int | None = None
        self._schema: Schema | None = None
        self._script: list[str] = []
        self._scripts: dict[int, list[str]] = {}
        self._kept = f"{schema}_kept"
        self._template = -1

    def create(self) -> Database:
        """Create it."""
        self._execute(f"CREATE DATABASE {quoted(self.schema)}")
        self._execute(f"CREATE DATABASE {quoted(self._kept)}")
        self.capture()
        return self

    @property
    def where(self) -> dict[str, Any]:
        """How to connect."""
        return {**self.watch.server.where, "database": self.schema}

    def connect(self, **options: Any) -> Connection:
        """A driven connection."""
        kind = driven_connection(options.get("factory"))
        given = {name: value for name, value in options.items() if name not in _WHERE}
        if given.get("client_flag", 0) & CLIENT.MULTI_STATEMENTS:
            message = (
                f"connect(client_flag=MULTI_STATEMENTS) on the database {self.name!r}: of several statements that are sent together "
                "nobody knows what each does, so they cannot be checked. Send them one by one."
            )
            raise UsageError(message)
        try:
            with allowed():
                connection = kind(store=self, **self.where, **given)
        except TypeError as error:
            message = f"pymysql.connect was called with an option that it does not know, on the database {self.name!r}: {error}."
            raise UsageError(message) from error
        connection.leaves_trace = False
        return connection

    def free_dropped(self) -> bool:
        """Nothing: connections that the code under test drops are closed there and then."""
        return False

    # What happens in it:

    def touch(self, who: Hashable = None) -> None:
        """Say that something may have become durable; `who` determines what."""
        self._content = None
        if self.watch.compares:
            self.path = self.number((self.path, who)) if self.open else 0

    def going_on(self, session: int, level: str, *, numbers: bool) -> None:
        """A transaction is open, or a statement waits, in a session."""
        self.open[session] = level
        if numbers and self._schema is not None and self._schema.counts:
            self._content = None

    def ended(self, session: int) -> None:
        """No transaction is open any more in a session."""
        self.open.pop(session, None)
        if not self.open:
            self.path = 0

    def deleted(self, chain: int) -> None:
        """A transaction that deleted something has been committed; `chain` determines what."""
        self.ghosts = self.number(("deleted", self.ghosts, chain))

    def full(self) -> BackendUnavailable | None:
        """What is to be said where the server has died of a full disk."""
        return no_space("the MariaDB server has died of it") if SAYING in self.watch.server.said() else None

    def redefine(self) -> None:
        """The schema may have changed."""
        self._schema = self._content = None

    def postpone(self, landing: Any, fact: Hashable) -> None:
        """Hand over a transaction whose end is to come later; `fact` determines what it will do."""
        self._late(landing, fact)

    def come_back(self) -> None:
        """The server has died and was started again: look what it has kept."""
        self.open.clear()
        self.path = 0
        kept = self._recovered()
        self.prepared = {name: chain for name, chain in self.prepared.items() if name in kept}
        self._content = None

    def _recovered(self) -> set[str]:
        """The names of the transactions that are prepared."""
        found = set()
        for number, of_transaction, _, data in self.own.listed(self._execute("XA RECOVER")):
            whole = data.decode("utf-8", "replace") if isinstance(data, bytes) else str(data)
            found.add(f"{whole[:of_transaction]},{whole[of_transaction:]},{number}")
        return found

    # Its contents:

    def number(self, history: Hashable) -> int:
        """A number, from 1, for what has been done: equal histories have the same, and no others."""
        return self._histories.setdefault(history, len(self._histories) + 1)

    def content(self) -> int:
        """The number of the committed contents."""
        if self._content is None:
            schema = self._known()
            rows = self.watch.several([table.reading for table in schema.tables])
            given = counters(self.schema, self._execute) if schema.counts else ()
            prepared = tuple(sorted(self.prepared.items()))
            number = self._numbers.setdefault((schema.signature, rows, given, prepared), len(self._values))
            if number == len(self._values):
                self._values.append(Kept(schema, rows, tuple([name for name, _ in prepared])))
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
        tables = [(table.title, shown(rows)) for table, rows in zip(kept.schema.tables, kept.rows, strict=True)]
        doubt = [(PREPARED, tuple([(name,) for name in kept.prepared]))] if kept.prepared else []
        return (*tables, *doubt)

    def answer(self, query: Hashable, content: int) -> None:
        """Nobody can say."""

    def columns(self, table: str) -> list[str]:
        """The names of a table's columns."""
        if table == PREPARED:
            return ["transaction"]
        return next((one.columns for one in self._known().tables if one.title == table), [])

    # Between runs:

    def capture(self) -> None:
        """Make the present contents the ones that `reset` goes back to."""
        self.redefine()
        self._execute(f"DROP DATABASE {quoted(self._kept)}")
        self._execute(f"CREATE DATABASE {quoted(self._kept)}")
        self._script = self._keeping()
        self._scripts.clear()
        self._empty()
        for table in self._known().tables:
            self._execute(f"ANALYZE TABLE {table.name}")  # plans go by this from now on
        self._template = self.content()

    def reset(self) -> None:
        """Go back to the captured contents."""
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
        if self._values[self._template].schema.tables:
            message = (
                f"An operation has created, altered or dropped a table of the database {self.name!r}. On MariaDB that cannot "
                "be undone between two runs. Do it in install(), which runs once."
            )
            raise UsageError(message)
        self._execute(f"DROP DATABASE {quoted(self.schema)}")
        self._execute(f"CREATE DATABASE {quoted(self.schema)}")
        self.redefine()

    def _keeping(self, prefix: str = "") -> list[str]:
        """Keep the present rows, under names that begin like that; returns the statements that put them back."""
        given, tables = dict(counters(self.schema, self._execute)), self._known().tables
        self.watch.several([one for table in tables for one in keeping(table, self._kept, prefix)])
        return [one for table in tables for one in restoring(table, self._kept, given.get(table.title, 1), prefix)]

    def keep(self) -> None:
        """Let the present contents be there for `go_back`; what is prepared is in no backup."""
        number = self.content()
        if number not in self._scripts:
            self._scripts[number] = self._keeping(f"{number}_")

    def go_back(self, number: int | None) -> None:
        """Hold contents again that were kept, or the captured ones for None.

        Raises:
            UsageError: the schema was another then.
        """
        if number is None:
            self.reset()
        elif self._known().signature != self._values[number].schema.signature:
            message = (
                f"An operation has created, altered or dropped a table of the database {self.name!r}. On MariaDB no backup from before "
                "that can be restored in a run. Do it in install(), which runs once."
            )
            raise UsageError(message)
        else:
            self._empty(self._scripts[number])
        self.disturbed = True
        self.version += 1

    def _empty(self, script: list[str] | None = None) -> None:
        """Roll back what is prepared, and put back the rows of every table.

        Arguments:
            script: puts them back; None for what was captured.
        """
        for name in list(self.prepared):
            with contextlib.suppress(pymysql.err.MySQLError):
                self._execute(self.own.sent(f"XA ROLLBACK {xid_of(name)}"))
        self.prepared.clear()
        self.open.clear()
        self.path = self.ghosts = 0
        schema = self._known()
        self.watch.several([*schema.quiet, *(self._script if script is None else script), *schema.loud])
        self.watch.pause()
        self.disturbed = False
        self._content = None

    def fill(self, other: Database) -> None:
        """Take over what is committed in another database; its rows keep no rules but those of their own table."""
        for table in other._known().tables:
            name, columns = f"{quoted(self.schema)}.{quoted(table.title)}", ", ".join(map(quoted, table.stored))
            self._execute(f"CREATE TABLE {name} LIKE {table.name}")
            self._execute(f"INSERT INTO {name} ({columns}) SELECT {columns} FROM {table.name}")
        self.redefine()

    def close(self) -> None:
        """Remove it."""
        self._script = []
        self._empty()
        self._execute(f"DROP DATABASE {quoted(self.schema)}")
        self._execute(f"DROP DATABASE {quoted(self._kept)}")

    def _execute(self, sql: str) -> Any:
        return self.watch.execute(sql)


def _numbers_of(schema: str) -> tuple[int, str]:
    """Which process has made a database, and which of its databases it is."""
    _, process, number, *_ = schema.split("_")
    return int(process), number


def xid_of(name: str) -> str:
    """The xid of a transaction as SQL has it; of its name only the first part may have commas."""
    first, second, number = name.rsplit(",", 2)
    return f"{text(first)},{text(second)},{number}"
