"""PostgreSQL as a backend: every database is a schema of one server."""

from __future__ import annotations

import itertools
import os
from importlib.metadata import version
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import psycopg
import sqlalchemy as sa
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.dialects import registry
from sqlalchemy.pool import QueuePool

from acidtest.errors import BackendUnavailable, UsageError
from acidtest.world.core.process import complain
from acidtest.world.databases.awaited import POOL, connect_once
from acidtest.world.databases.postgresql import driver
from acidtest.world.databases.postgresql.moment import Moment
from acidtest.world.databases.postgresql.server import PrivateServer, server
from acidtest.world.databases.postgresql.store import Database
from acidtest.world.databases.postgresql.watch import Watch
from acidtest.world.python.uncontrolled import allowed

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

registry.register("postgresql.acidtest", "acidtest.world.databases.postgresql.awaited", "AwaitedPostgresql")

#: Schemas of one process have names of their own; a user's server may serve several processes.
_numbers = itertools.count(1)
_LONGEST = 30


class Postgresql:
    """Databases as schemas acidtest_* of one server."""

    name = "postgresql"
    scriptable = False  # who waits for a row of whom, only the server knows
    pooled: Mapping[str, Any] = MappingProxyType({})

    def __init__(self) -> None:
        """Start the server, or connect to the one that the user has named."""
        driver.install()
        self.server = server()
        self.watch = Watch(self.server)
        (prepared,) = [self.watch.execute("SHOW max_prepared_transactions").get_value(0, 0)]
        if prepared == b"0":
            message = (
                "The PostgreSQL server has max_prepared_transactions = 0, so nothing can be prepared on it, and two-phase commit "
                "cannot be checked. Set it to 64 and start the server anew, or unset ACIDTEST_POSTGRESQL_URL."
            )
            raise BackendUnavailable(message)
        self.moment = Moment(f"acidtest_{os.getpid()}_{next(_numbers)}_functions", self.watch.execute).create()

    def make(self, name: str, late: Callable[[Any, Hashable], None]) -> Database:
        """Make a schema for the database `name`."""
        safe = "".join(c if c.isascii() and c.isalnum() else "_" for c in name.lower())
        return Database(name, f"acidtest_{os.getpid()}_{next(_numbers)}_{safe[-_LONGEST:]}", self.watch, late, self.moment).create()

    def address(self, database: Database) -> str:
        """The SQLAlchemy URL of a database; without the driver in its scheme, libpq takes it as well."""
        given = conninfo_to_dict(database.conninfo)
        user, password = given.pop("user", None), given.pop("password", None)
        name = str(given.pop("dbname", "")) or None
        query = {key: str(value) for key, value in given.items() if value is not None}
        url = sa.URL.create(
            "postgresql+psycopg", None if user is None else str(user), None if password is None else str(password),
            database=name, query=query,
        )  # fmt: skip
        scheme, rest = url.render_as_string(hide_password=False).split("://", 1)
        return f"{scheme}://{rest.replace('+', '%20')}"  # what is a plus for SQLAlchemy is a blank, and for libpq a plus

    def name_of(self, address: str, known: list[Database]) -> str:
        """The name of the database that code means by an address: one of ours, or one named after it.

        A database of the user's is never touched.
        """
        for database in known:
            if database.schema in address:
                return database.name
        try:
            return str(conninfo_to_dict(address).get("dbname") or "default")
        except psycopg.Error:
            return address

    def engine(self, creator: Callable[[], Any], *, asynchronous: bool = False) -> sa.Engine:
        """An engine on psycopg; or what an asynchronous engine is made of."""
        url, pool = ("postgresql+acidtest://", POOL) if asynchronous else ("postgresql+psycopg://", QueuePool)
        engine = sa.create_engine(url, creator=creator, poolclass=pool, pool_size=4, max_overflow=-1, pool_pre_ping=True)
        connect_once(engine)
        return engine

    def history(self, database: Database) -> Hashable:
        """What was committed beside the transactions that are open now."""
        return database.path

    def restart(self, databases: list[Database], connections: list[Any]) -> None:
        """Kill every process of the server, and start it again.

        Raises:
            UsageError: the server is the user's.
        """
        if not isinstance(self.server, PrivateServer):
            message = (
                "A scope asks for the death of the database server, but the server that ACIDTEST_POSTGRESQL_URL names is not ours "
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
        shown = self.watch.execute("SHOW server_version").get_value(0, 0)
        return {"postgresql": bytes(shown or b"").decode(), "psycopg": version("psycopg")}

    def forget(self) -> None:
        """Nothing: every database removes itself."""

    def close(self) -> None:
        """Close the monitor; the server goes on until the process ends."""
        self.moment.close()
        self.watch.close()
