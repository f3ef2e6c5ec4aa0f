"""What an asynchronous engine on SQLite is made of: the driven connections, awaited."""

from __future__ import annotations

from sqlalchemy.dialects.sqlite.base import SQLiteExecutionContext
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from acidtest.world.databases.awaited import Awaited, Contextual


class SqliteContext(Contextual, SQLiteExecutionContext):
    """Statements on SQLite."""


class AwaitedSqlite(Awaited, SQLiteDialect_pysqlite):
    """SQLite, awaited."""

    execution_ctx_cls = SqliteContext
    supports_statement_cache = True
