"""What an asynchronous engine on MariaDB is made of: the driven PyMySQL connections, awaited."""

from __future__ import annotations

from sqlalchemy.dialects.mysql.mysqldb import MySQLExecutionContext_mysqldb
from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql

from acidtest.world.databases.awaited import Awaited, Contextual


class MariadbContext(Contextual, MySQLExecutionContext_mysqldb):
    """Statements on MariaDB."""


class AwaitedMariadb(Awaited, MySQLDialect_pymysql):
    """MariaDB, awaited."""

    execution_ctx_cls = MariadbContext
    supports_statement_cache = True
