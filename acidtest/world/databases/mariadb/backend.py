"""MariaDB as a backend: every database of the world is one of the server's."""

from __future__ import annotations

import itertools
import os
from importlib.metadata import version
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from pymysql.constants import CLIENT
from sqlalchemy.dialects import registry
from sqlalchemy.pool import QueuePool

from acidtest.errors import UsageError
from acidtest.world.core.process import complain
from acidtest.world.databases.awaited import POOL, connect_once
from acidtest.world.databases.mariadb import driver
from acidtest.world.databases.mariadb.server import PrivateServer, server
from acidtest.world.databases.mariadb.store import Database
from acidtest.world.databases.mariadb.watch import Watch
from acidtest.world.python.uncontrolled import allowed

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

registry.register("mysql.acidtest", "acidtest.world.databases.mariadb.awaited", "AwaitedMariadb")

#: Databases of one process have names of their own; a user's server may serve several processes.
_numbers = itertools.count(1)
_LONGEST = 30


class Mariadb:
    """Databases acidtest_* of one server."""

    name = "mariadb"
    scriptable = False  # who waits for a row of whom, only the server knows
    #: As SQLAlchemy's dialect connects: an UPDATE counts the rows that it finds, not those that it changes.
    pooled: Mapping[str, Any] = MappingProxyType({"client_flag": CLIENT.FOUND_ROWS})

    def __init__(self) -> None:
        """Start the server, or connect to the one that the user has named."""
        driver.install()
        self.server = server()
        self.watch = Watch(self.server)

    def make(self, name: str, late: Callable[[Any, Hashable], None]) -> Database:
        """Make the database `name`."""
        safe = "".join(c if c.isascii() and c.isalnum() else "_" for c in name.lower())
        return Database(name, f"acidtest_{os.getpid()}_{next(_numbers)}_{safe[-_LONGEST:]}", self.watch, late).create()

    def address(self, database: Database) -> str:
        """The SQLAlchemy URL of a database."""
        given = database.where
        query = {"unix_socket": given["unix_socket"]} if "unix_socket" in given else {}
        url = sa.URL.create(
            "mysql+pymysql", given.get("user"), given.get("password"), given.get("host"), given.get("port"), database.schema, query
        )
        return url.render_as_string(hide_password=False)

    def name_of(self, address: str, known: list[Database]) -> str:
        """The name of the database that code means by an address: one of ours, or one named after it.

        A database of the user's is never touched.
        """
        for database in known:
            if database.schema in address:
                return database.name
        return address.rpartition("/")[2] or "default"

    def engine(self, creator: Callable[[], Any], *, asynchronous: bool = False) -> sa.Engine:
        """An engine on PyMySQL; or what an asynchronous engine is made of."""
        url, pool = ("mysql+acidtest://", POOL) if asynchronous else ("mysql+pymysql://", QueuePool)
        engine = sa.create_engine(url, creator=creator, poolclass=pool, pool_size=4, max_overflow=-1, pool_pre_ping=True)
        connect_once(engine)
        return engine

    def history(self, database: Database) -> Hashable:
        """What was deleted, and what was committed beside the transactions that are open now."""
        return (database.path, database.ghosts) if database.path or database.ghosts else 0

    def restart(self, databases: list[Database], connections: list[Any]) -> None:
        """Kill the server, and start it again.

        Raises:
            UsageError: the server is the user's.
        """
        if not isinstance(self.server, PrivateServer):
            message = (
                "A scope asks for the death of the database server, but the server that ACIDTEST_MARIADB_URL names is not ours "
                "to kill. Unset it to have a private one, or leave this scope out."
            )
            complain(UsageError(message))
        with allowed():
            self.server.kill()
            self.server.restart()
        self._come_back(databases, connections)

    def die_with(self, other: Any, databases: list[Database], connections: list[Any]) -> None:
        """Come back, if the other is on the same server."""
        if getattr(other, "server", None) is self.server:
            self._come_back(databases, connections)

    def _come_back(self, databases: list[Database], connections: list[Any]) -> None:
        self.watch.waiting.clear()
        with allowed():
            self.watch.connect()
        for connection in connections:
            connection.break_off()
        for database in databases:
            database.come_back()

    def versions(self) -> dict[str, str]:
        """The versions of the server and of the driver."""
        ((shown,),) = self.watch.execute("SELECT version()")
        return {"mariadb": str(shown), "pymysql": version("PyMySQL")}

    def forget(self) -> None:
        """Nothing: every database removes itself."""

    def close(self) -> None:
        """Close the monitor; the server goes on until the process ends."""
        self.watch.close()
