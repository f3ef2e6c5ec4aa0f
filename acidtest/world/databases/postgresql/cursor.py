"""Cursors whose statements are effects."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, cast

import psycopg
from psycopg import sql
from psycopg.types.json import Json, Jsonb

from acidtest.errors import UsageError
from acidtest.world.core.backend import Database
from acidtest.world.core.process import complain
from acidtest.world.databases.postgresql.prepared import Own
from acidtest.world.databases.postgresql.statement import Statement, classify

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable
    from contextlib import AbstractContextManager


class Store(Database, Protocol):
    """What a cursor needs of the database; `own` is what of the server's list of prepared transactions is its own."""

    own: Own


class Owner(Protocol):
    """What a cursor needs of its connection."""

    @property
    def database(self) -> Store:
        """What it is connected to."""

    def performing(self, statement: Statement, detail: Hashable, seen: Callable[[], Hashable]) -> AbstractContextManager[None]:
        """Perform a statement as an effect of the current task; `seen` tells what it gave."""


class Seeing:
    """What is the same in cursors that are awaited and in those that are not."""

    rowcount: Any
    statusmessage: Any
    _results: list[Any]

    def _seen(self, hidden: tuple[int, ...] = ()) -> Hashable:
        """What the server has answered, whatever a row factory makes of it, but for columns of the `hidden` types."""
        found: list[Hashable] = [self.rowcount, self.statusmessage]
        for result in self._results:
            rows = range(result.ntuples)
            columns = [column for column in range(result.nfields) if result.ftype(column) not in hidden]
            found.append(tuple([tuple([result.get_value(row, column) for column in columns]) for row in rows]))
        return tuple(found)


class Driven(Seeing, psycopg.Cursor[Any]):
    """A cursor whose statements are effects, and whose rows are part of what the process has seen."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Run one statement, as an effect."""
        owner = cast("Owner", self._conn)
        text = text_of(query, self._conn)
        with owner.performing(classify(text), (text, plain(params)), lambda: self._seen(but_chance(text))):
            super().execute(as_sent(query, text, owner), params, **options)
        return self

    def executemany(self, query: Any, params_seq: Iterable[Any], **options: Any) -> None:
        """Run one statement for many rows, as one effect: psycopg sends them together."""
        owner = cast("Owner", self._conn)
        text, rows = text_of(query, self._conn), list(params_seq)
        with owner.performing(classify(text), (text, plain(rows)), self._seen):
            super().executemany(query, rows, **options)

    def stream(self, *args: Any, **options: Any) -> Any:
        """Not driven, and therefore refused."""
        del args, options
        refuse(cast("Owner", self._conn), "cursor.stream()")

    def copy(self, *args: Any, **options: Any) -> Any:
        """Not driven, and therefore refused."""
        del args, options
        refuse(cast("Owner", self._conn), "cursor.copy()")


#: What psycopg wraps parameters in.
_WRAPPERS = Json, Jsonb, psycopg.Binary

#: The types xid and timestamptz: when something was prepared, and under which number.
_CHANCE = 28, 1184


def but_chance(text: str) -> tuple[int, ...]:
    """The types of what no two runs have in common, and no program goes by."""
    return _CHANCE if "pg_prepared_xacts" in text else ()


def text_of(query: Any, connection: Any) -> str:
    """A query as text, however it was composed."""
    if isinstance(query, str):
        return query
    if isinstance(query, bytes):
        return query.decode()
    return query.as_string(connection) if isinstance(query, sql.Composable) else str(query)


def as_sent(query: Any, text: str, owner: Owner) -> Any:
    """A query as it is sent to the server: as it is, unless it is about what is prepared."""
    sent = owner.database.own.sent(text)
    return query if sent == text else sent


def plain(value: Any) -> Hashable:
    """Parameters as a value that can be compared."""
    if isinstance(value, dict):
        return tuple([(name, plain(item)) for name, item in value.items()])
    if isinstance(value, (list, tuple)):
        return tuple([plain(item) for item in value])
    if isinstance(value, _WRAPPERS):
        return type(value).__name__, plain(value.obj)  # they are equal to nothing but themselves
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return cast("Hashable", value)


def refuse(owner: Owner, what: str) -> NoReturn:
    """Say that something cannot be driven.

    Arguments:
        owner: the connection that it was asked of.
        what: what was asked for, for the message.

    Raises:
        UsageError: always.
    """
    message = (
        f"{what} on the database {owner.database.name!r} cannot be driven, so what it does cannot be checked. "
        "Use execute() and executemany()."
    )
    complain(UsageError(message))


@lru_cache(maxsize=64)
def driven_cursor(factory: Any) -> type[Driven]:
    """The caller's cursor class, made to drive its statements."""
    if factory is psycopg.Cursor:
        return Driven
    return factory if issubclass(factory, Driven) else type(factory.__name__, (Driven, factory), {})
