"""A way in for code that connects by itself: `sqlite3.connect` is replaced by one that knows the world.

SQLAlchemy learns that a connection whose COMMIT got no answer is lost, as it knows of servers.
"""

from __future__ import annotations

import os
import sqlite3
import sqlite3.dbapi2
from typing import Any

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from acidtest.world.core.host import present_host
from acidtest.world.databases.sqlite.store import connect_sqlite
from acidtest.world.python.uncontrolled import report

_is_disconnect = SQLiteDialect_pysqlite.is_disconnect
_NAMES = ("timeout", "detect_types", "isolation_level", "check_same_thread", "factory", "cached_statements", "uri")


def install() -> None:
    """Replace `sqlite3.connect`; harmless when called again.

    The replacement does what sqlite3 does unless an adapter is being built, installed or observed, or one of its tasks is
    running. Then the path names a database of the world; a file of the user's is never touched.
    """
    replaced: Any = sqlite3
    replaced.connect = replaced.dbapi2.connect = _connect
    dialect: Any = SQLiteDialect_pysqlite
    dialect.is_disconnect = _is_lost
    remedy = "Use env.engine(), env.connect() or sqlite3.connect as an attribute of its module."
    report("sqlite3.connect", "opens a database past acidtest", remedy, harmless=(":memory:",))


def _is_lost(self: Any, error: Any, connection: Any, cursor: Any) -> bool:
    return getattr(error, "connection_lost", False) or _is_disconnect(self, error, connection, cursor)


def _connect(database: Any, *args: Any, **options: Any) -> Any:
    host = present_host("sqlite")
    path = os.fsdecode(database)
    if host is None or _is_private(path):
        return connect_sqlite(database, *args, **options)
    options.update(zip(_NAMES, args, strict=False))
    if options.pop("uri", False) and path.startswith("file:"):
        path = path[len("file:") :].split("?", 1)[0]
    return host.open(path, **options)


def _is_private(path: str) -> bool:
    """Whether the path names a database that one connection alone can see."""
    return path in ("", ":memory:") or path.startswith(("file::memory:", "file:?")) or "mode=memory" in path
