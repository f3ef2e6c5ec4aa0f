"""What an asynchronous engine on MariaDB is made of: the driven PyMySQL connections, awaited."""

from __future__ import annotations

from sqlalchemy.dialects.mysql.base import MySQLExecutionContext
from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql

from acidtest.world.databases.awaited import Awaited, Contextual


class MariadbContext(Contextual, MySQLExecutionContext):
    """Statements on MariaDB."""


class AwaitedMariadb(Awaited, MySQLDialect_pymysql):
    """MariaDB, awaited."""

    execution_ctx_cls = MariadbContext
    supports_statement_cache = True
