"""Ways in for code that connects by itself: what psycopg and psycopg2 connect with is replaced by what knows the world."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import make_conninfo

from acidtest.errors import UsageError
from acidtest.world.core.host import present_host
from acidtest.world.core.process import complain
from acidtest.world.databases import others
from acidtest.world.python import names

if TYPE_CHECKING:
    from acidtest.world.core.needs import Machine

_connect = psycopg.Connection.connect.__func__  # type: ignore[attr-defined]
_connect_awaited = psycopg.AsyncConnection.connect.__func__  # type: ignore[attr-defined]
_WHERE = ("host", "hostaddr", "port", "dbname", "user", "password", "options")


def install() -> None:
    """Replace `psycopg.connect` and `psycopg.Connection.connect`; harmless when called again.

    The replacement does what psycopg does unless an adapter is being built, installed or observed, or one of its tasks is
    running. Then the address names a database of the world; a database of the user's is never touched.
    """
    replaced: Any = psycopg
    driven: Any = _driven
    replaced.Connection.connect = classmethod(driven)
    replaced.connect = replaced.Connection.connect
    replaced.AsyncConnection.connect = classmethod(_awaited)
    others.install()
    others.when_imported("psycopg2", _take_over_psycopg2)
    others.when_imported("asyncpg", _take_over_asyncpg)


def _driven(cls: Any, /, conninfo: str = "", **options: Any) -> Any:
    host = present_host("postgresql")
    if host is None:
        return _connect(cls, conninfo, **options)
    where = {name: options.pop(name) for name in _WHERE if name in options}
    return host.open(make_conninfo(conninfo, **where), factory=cls, **options)


async def _awaited(cls: Any, /, conninfo: str = "", **options: Any) -> Any:
    if present_host("postgresql") is None:
        return await _connect_awaited(cls, conninfo, **options)
    return _driven(cls, conninfo, **options)


def _take_over_psycopg2(module: Any) -> None:
    """`psycopg2.connect`, however it was imported, calls this for the connection; all else calls its class."""
    from acidtest.world.databases.postgresql.of_psycopg2 import Connection2, driven_connection2

    genuine = module._connect  # noqa: SLF001 - there is no other place

    def connect(dsn: str, connection_factory: Any = None, **options: Any) -> Any:
        opened = called(connection_factory, dsn, **options)
        return genuine(dsn, connection_factory=connection_factory, **options) if opened is None else opened

    def called(kind: Any, dsn: str = "", *more: Any, **options: Any) -> Any:
        host = present_host("postgresql")
        if host is None or (isinstance(kind, type) and issubclass(kind, Connection2)):
            return None
        if any((*more, *options.values())):
            message = "psycopg2.connect(async_=True) cannot be driven. Leave async_ away: what waits for a lock lets others go on by itself."
            complain(UsageError(message))
        driven: type[Connection2] = driven_connection2(kind)
        return host.open(dsn, by=lambda database: driven(database.conninfo, database))

    module._connect = connect  # noqa: SLF001 - likewise
    others.when_called("psycopg2", called)


def _take_over_asyncpg(module: Any) -> None:
    """`asyncpg.connect`, which its pools call as well."""
    genuine = module.connect

    @wraps(genuine)
    def connect(dsn: str | None = None, **options: Any) -> Any:
        host = present_host("postgresql")
        return genuine(dsn, **options) if host is None else reach(host, dsn, **options)

    async def reach(machine: Machine, dsn: str | None, /, connection_class: Any = None, record_class: Any = module.Record, **options: Any) -> Any:
        from acidtest.world.databases.postgresql.of_asyncpg import opened

        address = dsn or f"dbname={options.get('database') or 'default'}"
        if "search_path" in str(options.get("options")):  # SQLAlchemy has taken an address of the world apart
            address = str(options["options"])
        return machine.open(address, by=lambda database: opened(database, connection_class, record_class, options))

    module.connect = module.connection.connect = connect
    names.replace({genuine: connect})
