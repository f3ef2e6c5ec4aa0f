"""Django projects under test: their databases are those of the simulated world, and each process has connections of its own.

Django keeps connections for each thread. In a simulated world calls of one process that overlap are in different threads of it, as a
server's are; each thread has its own, and loses them when the process dies.
"""

from __future__ import annotations

import sys
from types import MethodType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from acidtest.errors import UsageError
from acidtest.world.core.process import current_lane, current_process

if TYPE_CHECKING:
    from acidtest.environment import Environment

try:
    from django.apps import apps
    from django.conf import settings
    from django.db import connections
    from django.db.backends.base.base import BaseDatabaseWrapper
except ImportError as missing:
    _message = "acidtest.django needs Django, which is not installed: pip install 'acidtest[django]'."
    raise ImportError(_message) from missing

_ENGINES = {
    "sqlite": "django.db.backends.sqlite3",
    "postgresql": "django.db.backends.postgresql",
    "mariadb": "django.db.backends.mysql",
}
_KEPT = "connections of Django"
_DEFAULTS = {
    "ATOMIC_REQUESTS": False, "AUTOCOMMIT": True, "CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": False, "OPTIONS": {}, "TIME_ZONE": None,
    "USER": "", "PASSWORD": "", "HOST": "", "PORT": "",
    "TEST": {"CHARSET": None, "COLLATION": None, "MIGRATE": True, "MIRROR": None, "NAME": None},
}  # fmt: skip


def use(env: Environment, database: str = "bank", alias: str = "default") -> None:
    """Let a database of the world be what Django means by an alias. Call it in the constructor of the adapter.

    Whatever the project's settings say of that alias does not hold while its code is checked: no database of yours is touched.

    Arguments:
        env: the environment that the adapter is given.
        database: the name of the database in the world.
        alias: the name in DATABASES.

    Raises:
        UsageError: Django has no settings yet, or its apps are not loaded.
    """
    if not settings.configured or not apps.ready:
        message = (
            "Django is not set up, so its models cannot be used. Set DJANGO_SETTINGS_MODULE, or call settings.configure(…), and then "
            "django.setup(), before the adapter is imported."
        )
        raise UsageError(message)
    _install()
    if env.backend == "mariadb":
        _take_pymysql()
    entry = {**_DEFAULTS, "ENGINE": _ENGINES[env.backend], "NAME": database}
    if connections.settings.get(alias) != entry:
        connections.settings[alias] = entry


def _take_pymysql() -> None:
    """Let Django's backend for MySQL find PyMySQL, which can be driven, for its driver; harmless once it has been loaded.

    Its modules pass for those of the other as well: imported a second time, they would have errors of their own, which nobody expects.
    """
    if "django.db.backends.mysql.base" not in sys.modules:
        import pymysql

        pymysql.install_as_MySQLdb()
        for name in [name for name in sys.modules if name.startswith("pymysql.")]:
            sys.modules.setdefault(name.replace("pymysql", "MySQLdb", 1), sys.modules[name])


def create_tables(*models: Any, alias: str = "default") -> None:
    """Create the tables of models, in this order; for `install` of an adapter, where migrations would take long.

    Arguments:
        models: classes of models.
        alias: the database.
    """
    with connections[alias].schema_editor() as editor:
        for model in models:
            editor.create_model(model)


class _Connections:
    """What Django keeps for each thread, kept for each of a simulated process, and otherwise as Django does."""

    def __init__(self, usual: Any) -> None:
        """Go on with `usual` where no code under test runs."""
        vars(self)["_usual"] = usual

    def _present(self) -> Any:
        process = current_process()
        if process is None:
            return vars(self)["_usual"]
        of_threads = process.belongings.setdefault(_KEPT, {})
        return of_threads.setdefault(current_lane(), SimpleNamespace())

    def __getattr__(self, alias: str) -> Any:
        return getattr(self._present(), alias)

    def __setattr__(self, alias: str, connection: Any) -> None:
        if current_process() is not None:
            connection.ensure_connection = MethodType(_ensure_connection(), connection)
        setattr(self._present(), alias, connection)

    def __delattr__(self, alias: str) -> None:
        delattr(self._present(), alias)


def _ensure_connection() -> Any:
    """How a connection is made; pytest-django replaces that, so that no test reaches a database by mistake."""
    found: Any = BaseDatabaseWrapper.ensure_connection
    return getattr(getattr(found, "__self__", None), "_real_ensure_connection", found)


def _install() -> None:
    handler: Any = connections
    if not isinstance(handler._connections, _Connections):  # noqa: SLF001 - there is no other way
        handler._connections = _Connections(handler._connections)  # noqa: SLF001
