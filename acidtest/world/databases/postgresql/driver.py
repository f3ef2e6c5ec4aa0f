"""A way in for code that connects by itself: `psycopg.connect` is replaced by one that knows the world."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from acidtest.world.core.host import present_host
from acidtest.world.databases import others

_connect = psycopg.Connection.connect.__func__  # type: ignore[attr-defined]
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
    others.install()


def _driven(cls: Any, /, conninfo: str = "", **options: Any) -> Any:
    host = present_host("postgresql")
    if host is None:
        return _connect(cls, conninfo, **options)
    where = {name: options.pop(name) for name in _WHERE if name in options}
    return host.open(make_conninfo(conninfo, **where), factory=cls, **options)
