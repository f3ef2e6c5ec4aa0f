"""The kinds of databases that implementations can be checked on: a new one is a folder, and a row here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.errors import BackendUnavailable, UsageError
from acidtest.world.core.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Callable

    from acidtest.world.core.backend import Backend

DEFAULT = "sqlite"


def _sqlite() -> Backend:
    from acidtest.world.databases.sqlite.backend import Sqlite

    return Sqlite()


def _postgresql() -> Backend:
    from acidtest.world.databases.postgresql.backend import Postgresql

    return Postgresql()


def _mariadb() -> Backend:
    try:
        from acidtest.world.databases.mariadb.backend import Mariadb
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] != "pymysql":
            raise
        message = "The backend mariadb takes PyMySQL, which is not installed. Install it: pip install 'acidtest[mariadb]'."
        raise BackendUnavailable(message) from None

    return Mariadb()


#: Each is imported when it is first opened: nobody waits for the driver of a database that is not used.
_TABLE: dict[str, Callable[[], Backend]] = {
    DEFAULT: _sqlite,
    "postgresql": _postgresql,
    "mariadb": _mariadb,
}
BACKENDS = tuple(_TABLE)


def open_backend(name: str) -> Backend:
    """The backend with that name.

    Arguments:
        name: one of `BACKENDS`.

    Returns:
        A backend without databases, to be closed by the caller.

    Raises:
        UsageError: there is none; lists those that there are.
        BackendUnavailable: its server cannot be reached.
    """
    if name not in _TABLE:
        what = "backend"
        raise UsageError.unknown(what, name, BACKENDS)
    return _TABLE[name]()


def open_cluster(name: str = DEFAULT, members: tuple[str, ...] = ()) -> Cluster:
    """A cluster of its own, without databases.

    Arguments:
        name: the kind of its databases, one of `BACKENDS`.
        members: the services of the pattern, each with databases of its own; none where all processes share them.

    Returns:
        The cluster, to be closed by the caller.

    Raises:
        UsageError: there is no such backend; lists those that there are.
        BackendUnavailable: its server cannot be reached.
    """
    return Cluster(open_backend, name, members)
