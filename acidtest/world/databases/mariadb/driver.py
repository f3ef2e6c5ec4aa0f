"""A way in for code that connects by itself: the class of PyMySQL's connections makes one that knows the world.

`pymysql.connect` is that class, and code may have bound it by name long before. So it is not replaced, but told to make
something else where code under test is running. Drivers that are written in C cannot be driven; they are refused by name.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, NoReturn

import pymysql

from acidtest.errors import UsageError
from acidtest.world.core.host import present_host
from acidtest.world.core.process import complain
from acidtest.world.databases.mariadb.session import Plain

#: Drivers that wait where nobody can let others go on: by their module, what connects.
_OTHERS = {"MySQLdb": ("connect", "Connection"), "mariadb": ("connect",), "mysql.connector": ("connect",)}


def install() -> None:
    """Take over `pymysql.connect`, and refuse the drivers that cannot be driven; harmless when called again.

    The class does what PyMySQL does unless an adapter is being built, installed or observed, or one of its tasks is running.
    Then the address names a database of the world; a database of the user's is never touched.
    """
    kind: Any = pymysql.connections.Connection
    kind.__new__ = staticmethod(_new)
    for name, functions in _OTHERS.items():
        module = sys.modules.get(name)
        if module is not None:
            _refuse(name, module, functions)


def _new(cls: Any, *args: Any, **options: Any) -> Any:
    host = None if issubclass(cls, Plain) else present_host("mariadb")
    if host is None:
        return object.__new__(cls)
    del args  # it takes none
    address = f"{options.get('host') or ''}/{options.get('database') or options.get('db') or ''}"
    return host.open(address, **{**options, "factory": cls})


def _refuse(name: str, module: ModuleType, functions: tuple[str, ...]) -> None:
    for function in functions:
        genuine = getattr(module, function, None)
        if genuine is not None and not getattr(genuine, "acidtest", False):
            setattr(module, function, _refusing(name, genuine))


def _refusing(name: str, genuine: Any) -> Any:
    def connect(*args: Any, **options: Any) -> Any:
        if present_host("mariadb") is None:
            return genuine(*args, **options)
        return _complain(name)

    made: Any = connect
    made.acidtest = True
    return made


def _complain(name: str) -> NoReturn:
    message = (
        f"The code under test connects by {name}, which waits for the server in C code, where no other task can go on: what it "
        "does cannot be checked. Use PyMySQL (mysql+pymysql://), of which pymysql.install_as_MySQLdb() makes a MySQLdb."
    )
    complain(UsageError(message))
