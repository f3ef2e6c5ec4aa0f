"""SQLite as a backend: every database is a file in a temporary folder."""

from __future__ import annotations

import os
import shutil
import sqlite3
import weakref
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import registry
from sqlalchemy.pool import QueuePool

from acidtest.world.databases import folders
from acidtest.world.databases.awaited import POOL, connect_once
from acidtest.world.databases.sqlite import driver
from acidtest.world.databases.sqlite.store import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

registry.register("sqlite.acidtest", "acidtest.world.databases.sqlite.awaited", "AwaitedSqlite")

class Sqlite:
    """Databases as files on a RAM disk where there is one."""

    name = "sqlite"
    scriptable = True
    pooled: Mapping[str, Any] = MappingProxyType({})

    def __init__(self) -> None:
        """Make a temporary folder."""
        driver.install()
        self.folder = folders.make()
        self._finalizer = weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self._made = 0

    def make(self, name: str, late: Callable[[Any, Hashable], None]) -> Database:
        """Make a file for the database `name`."""
        safe = "".join(c if c.isalnum() or c in "._-" else "_" for c in name)
        path = self.folder / f"{self._made}-{safe[-40:]}.db"
        self._made += 1
        return Database(name, path, late)

    def address(self, database: Database) -> str:
        """The SQLAlchemy URL of a database."""
        return f"sqlite:///{database.path}"

    def name_of(self, address: str, known: list[Database]) -> str:
        """The name of the database that code means by a path: one of ours, or one named after the path.

        A file of the user's is never touched. Within the current folder, absolute and relative paths name the same.
        """
        path = os.path.abspath(address)  # noqa: PTH100 - nothing is resolved: the path need not exist
        for database in known:
            if str(database.path) == path:
                return database.name
        here = os.path.join(os.getcwd(), "")  # noqa: PTH109, PTH118 - a prefix to be cut off
        return path.removeprefix(here)

    def engine(self, creator: Callable[[], Any], *, asynchronous: bool = False) -> sa.Engine:
        """An engine whose transactions begin with BEGIN; or what an asynchronous engine is made of."""
        url, pool = ("sqlite+acidtest://", POOL) if asynchronous else ("sqlite://", QueuePool)
        engine = sa.create_engine(url, creator=creator, poolclass=pool, pool_size=4, max_overflow=-1, pool_pre_ping=True)
        # SQLAlchemy learns the dialect on the first connection, under a lock: do it before anything is scheduled.
        connect_once(engine)
        # Not by event listeners: one listener alone makes every execution walk through all of the event hooks.
        dialect: Any = engine.dialect
        dialect.do_begin = _begin
        return engine

    def history(self, database: Database) -> Hashable:  # noqa: ARG002 - its connections pin all that matters
        """Nothing more."""
        return None

    def restart(self, databases: list[Database], connections: list[Any]) -> None:  # noqa: ARG002 - files stay as they are
        """Drop the connections: there is no server that could die, but code that talks to one sees the same."""
        for connection in connections:
            connection.hang_up()

    def die_with(self, other: Any, databases: list[Database], connections: list[Any]) -> None:
        """Nothing: no two have files in common."""

    def versions(self) -> dict[str, str]:
        """The version of SQLite."""
        return {"sqlite": sqlite3.sqlite_version}

    def forget(self) -> None:
        """Remove the files."""
        for path in self.folder.glob("*.db*"):
            path.unlink()
        self._made = 0

    def close(self) -> None:
        """Remove the folder."""
        self._finalizer()


def _begin(connection: Any) -> None:
    """Begin for real: by itself the sqlite3 driver would begin only before the first write."""
    connection.dbapi_connection.begin()
