"""A way in for code that connects by itself: the class of PyMySQL's connections makes one that knows the world.

`pymysql.connect` is that class, and code may have bound it by name long before. So it is not replaced, but told to make
something else where code under test is running.
"""

from __future__ import annotations

from typing import Any

import pymysql

from acidtest.world.core.host import present_host
from acidtest.world.databases.mariadb.session import Plain


def install() -> None:
    """Take over `pymysql.connect`; harmless when called again.

    The class does what PyMySQL does unless an adapter is being built, installed or observed, or one of its tasks is running.
    Then the address names a database of the world; a database of the user's is never touched.
    """
    kind: Any = pymysql.connections.Connection
    kind.__new__ = staticmethod(_new)


def _new(cls: Any, *args: Any, **options: Any) -> Any:
    host = None if issubclass(cls, Plain) else present_host("mariadb")
    if host is None:
        return object.__new__(cls)
    del args  # it takes none
    address = f"{options.get('host') or ''}/{options.get('database') or options.get('db') or ''}"
    return host.open(address, **{**options, "factory": cls})
