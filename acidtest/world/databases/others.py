"""Drivers that cannot be driven are refused by name: what they do would be part of no schedule, and befall a real database."""

from __future__ import annotations

import importlib.util
import sys
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from acidtest.errors import UsageError
from acidtest.world.core.process import complain, current_process
from acidtest.world.databases.classes import take_the_place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_PSYCOPG = "Use psycopg (SQLAlchemy's postgresql+psycopg), with --backend postgresql."
_PYMYSQL = "Use PyMySQL (SQLAlchemy's mysql+pymysql; pymysql.install_as_MySQLdb() makes a MySQLdb of it), with --backend mariadb."
_ASYNC_MYSQL = "Use SQLAlchemy over PyMySQL, by env.async_engine, with --backend mariadb."
_ANY = "Use sqlite3, psycopg or PyMySQL, or SQLAlchemy over one of them."


class Driver(NamedTuple):
    """What connects, in a module; what to do instead; the backend on which it is driven after all; and a class that connects, in a submodule."""

    functions: tuple[str, ...]
    remedy: str
    backend: str = ""
    by_class: tuple[str, str] = ("", "")


DRIVERS = {
    "psycopg": Driver(("connect",), "Run the check with --backend postgresql.", "postgresql"),
    "pymysql": Driver(("connect",), "Run the check with --backend mariadb.", "mariadb"),
    "psycopg2": Driver(("connect",), "Run the check with --backend postgresql.", "postgresql", ("extensions", "connection")),
    "asyncpg": Driver(("connect", "create_pool"), "Run the check with --backend postgresql.", "postgresql"),
    "pg8000": Driver(("connect",), _PSYCOPG),
    "MySQLdb": Driver(("connect", "Connection"), _PYMYSQL),
    "mariadb": Driver(("connect",), _PYMYSQL),
    "mysql.connector": Driver(("connect",), _PYMYSQL),
    "cymysql": Driver(("connect", "Connection"), _PYMYSQL),
    "aiomysql": Driver(("connect", "create_pool"), _ASYNC_MYSQL),
    "asyncmy": Driver(("connect", "create_pool"), _ASYNC_MYSQL),
    "apsw": Driver(("Connection",), "Use sqlite3."),
    "duckdb": Driver(("connect",), _ANY),
    "oracledb": Driver(("connect", "connect_async"), _ANY),
    "pymssql": Driver(("connect",), _ANY),
    "pyodbc": Driver(("connect",), _ANY),
}

#: How those are taken over that are driven, by name.
_taken_over: dict[str, Callable[[ModuleType], None]] = {}
#: What those do whose class is called on the backend on which they are driven.
_opened: dict[str, Callable[..., Any]] = {}


def install() -> None:
    """Refuse them to code under test, also those that are imported later; harmless when called again."""
    for name in DRIVERS:
        if name in sys.modules and sys.modules[name].__name__ == name:  # PyMySQL may pass for MySQLdb, and is driven
            _refuse(name, sys.modules[name])
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def when_imported(name: str, take_over: Callable[[ModuleType], None]) -> None:
    """Let a driver be taken over as soon as it has been imported; once.

    Arguments:
        name: one of `DRIVERS`.
        take_over: is given the module.
    """
    if name not in _taken_over:
        _taken_over[name] = take_over
        if name in sys.modules:
            take_over(sys.modules[name])


def when_called(name: str, opened: Callable[..., Any]) -> None:
    """Let a driver be driven whose class is called.

    Arguments:
        name: one of `DRIVERS`.
        opened: is given the class, and with what it was called; returns a connection, or None where it is none of ours.
    """
    _opened[name] = opened


def _refuse(name: str, module: ModuleType) -> None:
    place, kind = DRIVERS[name].by_class
    room = getattr(module, place, None) if place else None
    if room is not None and not hasattr(getattr(room, kind), "genuine"):
        setattr(room, kind, take_the_place(getattr(room, kind), partial(_called, name)))
    for function in DRIVERS[name].functions:
        genuine = getattr(module, function, None)
        if genuine is not None and not getattr(genuine, "acidtest_refuses", False):
            setattr(module, function, _refusing(name, genuine))


def _refusing(name: str, genuine: Any) -> Any:
    def connect(*args: Any, **options: Any) -> Any:
        process = current_process()
        if process is None or process.host.backend == DRIVERS[name].backend:
            return genuine(*args, **options)
        return _complain(name)

    made: Any = connect
    made.acidtest_refuses = True
    made.__wrapped__, made.__doc__ = genuine, genuine.__doc__
    return made


def _called(name: str, kind: Any, *args: Any, **options: Any) -> Any:
    """What a class of a driver's comes to that is called; None for what it would have come to."""
    process = current_process()
    if process is not None and process.host.backend != DRIVERS[name].backend:
        _complain(name)
    return _opened[name](kind, *args, **options) if name in _opened else None


def _complain(name: str) -> NoReturn:
    driver = DRIVERS[name]
    why = "and these databases are of another kind" if driver.backend else "which acidtest cannot drive"
    message = f"The code under test connects by {name}, {why}: what it did there would be part of no schedule. {driver.remedy}"
    complain(UsageError(message))


class _Finder(MetaPathFinder):
    """Notices when one of them is imported."""

    _looking = ""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:  # noqa: ARG002
        """The spec that others find, with a loader that refuses what was loaded."""
        if fullname not in DRIVERS or self._looking == fullname:
            return None
        self._looking = fullname
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._looking = ""
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(Loader):
    """Loads as another loader does, and refuses."""

    def __init__(self, loader: Any) -> None:
        """Load as `loader` does."""
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As the other."""
        made: ModuleType | None = self._loader.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        """As the other; then refuse."""
        self._loader.exec_module(module)
        _refuse(module.__name__, module)
        if module.__name__ in _taken_over:
            _taken_over[module.__name__](module)

    def __getattr__(self, name: str) -> Any:
        """What else the other can do."""
        return getattr(self._loader, name)
