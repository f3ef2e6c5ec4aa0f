"""What a statement asks of the contents that it sees, and its answer, found without the code that asked.

A statement's answer is a function of the contents that its transaction sees, of what the transaction has done before, and of the
statement. So it can be found on a copy of the contents, and where it is equal on others, the code goes on equally.
"""

from __future__ import annotations

import re
import sqlite3
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from acidtest.world.core.backend import Answer
from acidtest.world.databases.sqlite.tables import exact

if TYPE_CHECKING:
    from acidtest.world.core.backend import Contents
    from acidtest.world.databases.sqlite.tables import Table

#: What a connection remembers by itself, makes up, or knows of the time; and what has no place in the contents.
_PRIVATE = re.compile(r"last_insert_rowid|changes\s*\(|random|current_|\bnow\b|pragma|attach|\btemp|sqlite_|date\s*\(|time\s*\(", re.IGNORECASE)
_BEGINS = re.compile(r"\s*(BEGIN|ROLLBACK\s*;?\s*$|END|COMMIT)", re.IGNORECASE)


class Said(NamedTuple):
    """A statement that has run, with its parameters; `many` where there is a row of them for each time."""

    sql: str
    values: Any
    many: bool = False


class Query(NamedTuple):
    """A statement and what its transaction has done before.

    Arguments:
        key: equal for equal ones, in type as well, and for no others.
        before: what has run in the transaction.
        last: the statement.
        begun: it runs in a transaction that goes on after it.
        commits: it is the COMMIT of that.
    """

    key: bytes
    before: tuple[Said, ...]
    last: Said
    begun: bool
    commits: bool

    def __eq__(self, other: object) -> bool:
        """By the key, which is all that matters."""
        return isinstance(other, Query) and self.key == other.key

    def __ne__(self, other: object) -> bool:
        """Otherwise."""
        return not self == other

    def __hash__(self) -> int:
        """Of the key."""
        return hash(self.key)


@lru_cache(maxsize=4096)
def is_private(sql: str) -> bool:
    """Whether the answer of a statement may depend on more than on contents."""
    return bool(_PRIVATE.search(sql))


def query_of(before: tuple[Said, ...], last: Said, *, begun: bool, commits: bool) -> Query | None:
    """The query; None where its answer may depend on something else, or parameters are no plain values."""
    if any(is_private(said.sql) for said in (*before, last)):
        return None
    try:
        key = exact(([tuple(said) for said in before], tuple(last), begun, commits))
    except ValueError:
        return None
    return Query(key, before, last, begun, commits)


class Source(Protocol):
    """What a copy needs of the database."""

    def copy_to(self, connection: sqlite3.Connection) -> list[Table]:
        """Fill a connection with the captured contents; returns how its tables are read and put back."""

    def contents_of(self, number: int) -> Contents | None:
        """The contents of that number, as they are stored; None where its schema is not that of the captured ones."""

    def number_of(self, contents: Contents) -> int:
        """The number of contents under the schema of the captured ones."""


class Copy:
    """A copy of a database, whose contents can be any that the database has had."""

    def __init__(self, connection: sqlite3.Connection, source: Source) -> None:
        """Copy the captured contents to `connection`, which must not begin transactions by itself."""
        self._source = source
        self._connection = connection
        self._tables = source.copy_to(connection)
        self._present: dict[str, bytes] = {}
        self._known: dict[tuple[Query, int], Answer | None] = {}

    def answer(self, query: Query, content: int) -> Answer | None:
        """What the query answers where its transaction sees the contents of that number; None where nobody can say."""
        key = query, content
        if key not in self._known:
            self._known[key] = self._find(query, content)
        return self._known[key]

    def close(self) -> None:
        """Forget it."""
        self._connection.close()

    def _find(self, query: Query, content: int) -> Answer | None:
        contents = self._source.contents_of(content)
        if contents is None:
            return None
        self._become(contents)
        try:
            return self._ask(query, content)
        except sqlite3.Error:
            return None  # of another connection, with other functions and settings, this need not be true
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _ask(self, query: Query, content: int) -> Answer | None:
        """Run it.

        Raises:
            sqlite3.Error: it does not run here.
        """
        execute, last = self._connection.execute, query.last
        if query.begun or query.commits:
            execute("BEGIN")
            for said in query.before:
                if said.sql and not _BEGINS.match(said.sql):
                    self._run(said)
        if query.commits:
            execute("COMMIT")
            return Answer(b"", self._number())
        try:
            cursor = self._run(last)
            rows = cursor.fetchall()
        except sqlite3.IntegrityError as error:
            return Answer(f"{type(error).__name__} {error}".encode(), None if query.begun else content, rows=True)
        inserted = cursor.lastrowid if cursor.rowcount > 0 else None  # else it is one of before
        seen = exact((rows, cursor.rowcount, inserted))
        return Answer(seen, None if query.begun else self._number(), bool(rows))

    def _run(self, said: Said) -> sqlite3.Cursor:
        run = self._connection.executemany if said.many else self._connection.execute
        return run(said.sql, said.values)

    def _become(self, contents: Contents) -> None:
        """Put the rows of other contents there."""
        wanted = [(table, rows, exact(rows)) for table, (_, rows) in zip(self._tables, contents, strict=True)]
        changed = [row for row in wanted if self._present.get(row[0].name) != row[2]]
        if not changed:
            return
        self._connection.execute("BEGIN")
        for table, rows, as_bytes in changed:
            self._connection.execute(table.delete)
            self._connection.executemany(table.insert, table.stored(rows))
            self._present[table.name] = as_bytes
        self._connection.execute("COMMIT")

    def _number(self) -> int:
        """The number of what is there now."""
        read = self._connection.execute
        contents = tuple([(table.name, tuple(read(table.select).fetchall())) for table in self._tables])
        self._present = {name: exact(rows) for name, rows in contents}
        return self._source.number_of(contents)
