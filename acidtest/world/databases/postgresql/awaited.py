"""What an asynchronous engine on PostgreSQL is made of: the driven psycopg connections, awaited."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg, PGExecutionContext_psycopg

from acidtest.world.databases.awaited import Awaited, Contextual


class PostgresqlContext(Contextual, PGExecutionContext_psycopg):
    """Statements on PostgreSQL."""


class AwaitedPostgresql(Awaited, PGDialect_psycopg):
    """PostgreSQL, awaited."""

    execution_ctx_cls = PostgresqlContext
    supports_statement_cache = True
