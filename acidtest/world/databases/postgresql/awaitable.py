"""psycopg's own `AsyncConnection`, driven: what it waits for is an effect that the coroutine awaits.

Its waiting is done in a greenlet of SQLAlchemy's, in which code that is not asynchronous can await something. So it is the same code
that waits for connections which are not awaited.
"""

from __future__ import annotations

from asyncio import CancelledError
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self, cast

import psycopg
from psycopg import pq
from sqlalchemy.util import greenlet_spawn

from acidtest.world.core.process import current_task
from acidtest.world.databases.postgresql.connection import OfPsycopg
from acidtest.world.databases.postgresql.cursor import Seeing, as_sent, but_chance, plain, refuse, text_of
from acidtest.world.databases.postgresql.pipeline import Pipeline
from acidtest.world.databases.postgresql.statement import Statement, classify

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Hashable, Iterable
    from contextlib import AbstractAsyncContextManager, AbstractContextManager
    from types import TracebackType


@asynccontextmanager
async def awaited(effect: AbstractContextManager[None]) -> AsyncIterator[None]:
    """Come to an effect in a greenlet, so that it is awaited."""
    await greenlet_spawn(effect.__enter__)
    try:
        yield
    except BaseException as error:
        if not effect.__exit__(type(error), error, error.__traceback__):
            raise
    else:
        effect.__exit__(None, None, None)


class AsyncPipeline(Pipeline):
    """What `connection.pipeline()` gives to an `async with`."""

    async def sync(self) -> None:  # type: ignore[override] # awaited
        """Every answer has been read; a transaction that nobody has begun is committed."""
        if self._implicit:
            await self._conn.commit()

    async def __aenter__(self) -> Self:
        """Begin."""
        return self.__enter__()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End; errors have been raised where they happened."""
        if self._implicit:
            try:
                await (self._conn.commit() if error is None else self._conn.rollback())
            finally:
                self._conn.begins_by_itself(alone=True)


class DrivenAsync(Seeing, psycopg.AsyncCursor[Any]):
    """A cursor whose statements are effects that are awaited, and whose rows are part of what the process has seen."""

    async def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Run one statement, as an effect."""
        owner = cast("AsyncConnection", self._conn)
        text = text_of(query, owner)
        async with owner.awaiting(classify(text), (text, plain(params)), lambda: self._seen(but_chance(text))):
            await super().execute(as_sent(query, text, owner), params, **options)
        return self

    async def executemany(self, query: Any, params_seq: Iterable[Any], **options: Any) -> None:
        """Run one statement for many rows, as one effect: psycopg sends them together."""
        owner = cast("AsyncConnection", self._conn)
        text, rows = text_of(query, owner), list(params_seq)
        async with owner.awaiting(classify(text), (text, plain(rows)), self._seen):
            await super().executemany(query, rows, **options)

    def stream(self, *args: Any, **options: Any) -> Any:
        """Not driven, and therefore refused."""
        del args, options
        refuse(cast("AsyncConnection", self._conn), "cursor.stream()")

    def copy(self, *args: Any, **options: Any) -> Any:
        """Not driven, and therefore refused."""
        del args, options
        refuse(cast("AsyncConnection", self._conn), "cursor.copy()")


class AsyncConnection(OfPsycopg, psycopg.AsyncConnection[Any]):
    """A connection whose statements, commits and decisions are effects that are awaited."""

    def __init__(self, pgconn: Any, row_factory: Any = None) -> None:
        """Take over a session; who connects says which database it belongs to."""
        psycopg.AsyncConnection.__init__(self, pgconn, *(() if row_factory is None else (row_factory,)))
        self._made_clean()

    def cursor(self, *args: Any, **options: Any) -> Any:
        """A new cursor; a cursor class of the caller's is driven as well."""
        if args or options.get("name"):
            refuse(self, "A server-side cursor")
        factory: Any = self.cursor_factory
        self.cursor_factory = driven_async_cursor(factory)
        return super().cursor(**options)

    async def commit(self) -> None:
        """Commit the open transaction, if any."""
        self._alive()
        await super().commit()

    async def rollback(self) -> None:
        """Roll back the open transaction, if any; harmless on a connection whose process died, or that install() has left."""
        if not self._is_dead() and not (self.lost and current_task() is None):
            await super().rollback()

    async def close(self) -> None:
        """Close; harmless on a connection that was lost or whose process died."""
        if not self.lost and not self._is_dead():
            self.hang_up()

    def pipeline(self) -> Any:
        """A pipeline; where each statement is a transaction, those of a pipeline are one together."""
        return AsyncPipeline(self)

    def notifies(self, *args: Any, **options: Any) -> Any:
        """Not driven, and therefore refused."""
        del args, options
        refuse(self, "connection.notifies()")

    async def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
        """What psycopg waits in, whatever for."""
        del args, options
        try:
            return await greenlet_spawn(self.drive, gen)
        except CancelledError:
            self._stop(gen)
            raise

    def _stop(self, gen: Any) -> None:
        """The call was cancelled: cancel what the server does for it, as psycopg does."""
        if not self.lost and self.pgconn.transaction_status == pq.TransactionStatus.ACTIVE:
            self._rolled_back()
        gen.close()

    def awaiting(self, statement: Statement, detail: Hashable, seen: Callable[[], Hashable]) -> AbstractAsyncContextManager[None]:
        """Perform a statement as an effect that is awaited."""
        return awaited(self.performing(statement, detail, seen))


@lru_cache(maxsize=64)
def driven_async_cursor(factory: Any) -> type[DrivenAsync]:
    """The caller's cursor class, made to drive its statements."""
    if factory is psycopg.AsyncCursor:
        return DrivenAsync
    return factory if issubclass(factory, DrivenAsync) else type(factory.__name__, (DrivenAsync, factory), {})


@lru_cache(maxsize=64)
def driven_async_connection(factory: Any) -> type[AsyncConnection]:
    """The caller's connection class, made to drive its statements."""
    if factory is None or factory is psycopg.AsyncConnection:
        return AsyncConnection
    return factory if issubclass(factory, AsyncConnection) else type(factory.__name__, (AsyncConnection, factory), {})
