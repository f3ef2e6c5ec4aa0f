"""Cursors whose statements are effects."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import psycopg
from psycopg import sql

from acidtest.errors import UsageError
from acidtest.world.core.process import complain
from acidtest.world.databases.postgresql.statement import classify

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from acidtest.world.databases.postgresql.connection import Connection


class Driven(psycopg.Cursor[Any]):
    """A cursor whose statements are effects, and whose rows are part of what the process has seen."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Run one statement, as an effect."""
        connection = cast("Connection", self._conn)
        text = text_of(query, connection)
        with connection.performing(classify(text), (text, plain(params)), lambda: self._seen(_but_chance(text))):
            super().execute(query, params, **options)
        return self

    def executemany(self, query: Any, params_seq: Iterable[Any], **options: Any) -> None:
        """Run one statement for many rows, as one effect: psycopg sends them together."""
        connection = cast("Connection", self._conn)
        text, rows = text_of(query, connection), list(params_seq)
        with connection.performing(classify(text), (text, plain(rows)), self._seen):
            super().executemany(query, rows, **options)

    def stream(self, *args: Any, **options: Any) -> Any:
        """Not driven, and therefore refused."""
        del args, options
        refuse(cast("Connection", self._conn), "cursor.stream()")

    def copy(self, *args: Any, **options: Any) -> Any:
        """Not driven, and therefore refused."""
        del args, options
        refuse(cast("Connection", self._conn), "cursor.copy()")

    def _seen(self, hidden: tuple[int, ...] = ()) -> Hashable:
        """What the server has answered, whatever a row factory makes of it, but for columns of the `hidden` types."""
        found: list[Hashable] = [self.rowcount, self.statusmessage]
        for result in self._results:
            rows = range(result.ntuples)
            columns = [column for column in range(result.nfields) if result.ftype(column) not in hidden]
            found.append(tuple([tuple([result.get_value(row, column) for column in columns]) for row in rows]))
        return tuple(found)


#: The types xid and timestamptz: when something was prepared, and under which number.
_CHANCE = 28, 1184


def _but_chance(text: str) -> tuple[int, ...]:
    """The types of what no two runs have in common, and no program goes by."""
    return _CHANCE if "pg_prepared_xacts" in text else ()


def text_of(query: Any, connection: Connection) -> str:
    """A query as text, however it was composed."""
    if isinstance(query, str):
        return query
    if isinstance(query, bytes):
        return query.decode()
    return query.as_string(connection) if isinstance(query, sql.Composable) else str(query)


def plain(value: Any) -> Hashable:
    """Parameters as a value that can be compared."""
    if isinstance(value, dict):
        return tuple([(name, plain(item)) for name, item in value.items()])
    if isinstance(value, (list, tuple)):
        return tuple([plain(item) for item in value])
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return cast("Hashable", value)


def refuse(connection: Connection, what: str) -> None:
    """Say that something cannot be driven.

    Raises:
        UsageError: always.
    """
    message = (
        f"{what} on the database {connection.database.name!r} cannot be driven, so what it does cannot be checked. "
        "Use execute() and executemany()."
    )
    complain(UsageError(message))


@lru_cache(maxsize=64)
def driven_cursor(factory: Any) -> type[Driven]:
    """The caller's cursor class, made to drive its statements."""
    if factory is psycopg.Cursor:
        return Driven
    return factory if issubclass(factory, Driven) else type(factory.__name__, (Driven, factory), {})
