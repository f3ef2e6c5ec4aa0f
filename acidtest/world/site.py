"""What is used again run after run: the folder, its databases, and the hosts with their engines and connections."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from acidtest.errors import UsageError
from acidtest.world.database.store import Database
from acidtest.world.host import Host

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from acidtest.world.database.sqlite import Connection
    from acidtest.world.database.tables import Contents

_MEMORY = Path("/dev/shm")  # noqa: S108 - a RAM disk, not a predictable file name


class Site:
    """The place where worlds are built, one after the other.

    Databases are files on a RAM disk where there is one; they are made when first asked for. `late` is called with a
    connection whose COMMIT is to take effect later; the world of the present run sets it.
    """

    def __init__(self) -> None:
        """Make an empty site in a temporary folder of its own."""
        parent = _MEMORY if _MEMORY.is_dir() else None
        self.folder = Path(tempfile.mkdtemp(prefix="acidtest-", dir=parent))
        self._finalizer = weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self.late: Callable[[Connection, Hashable], None] | None = None
        self._databases: dict[str, Database] = {}
        self._captured = 0
        self._hosts: dict[str, Host] = {}

    def database(self, name: str) -> Database:
        """The database `name`."""
        database = self._databases.get(name)
        if database is None:
            if not name or not isinstance(name, str):
                message = f"A database was asked for by the name {name!r}. Names are non-empty strings, for example 'bank'."
                raise UsageError(message)
            safe = "".join(c if c.isalnum() or c in "._-" else "_" for c in name)
            path = self.folder / f"{len(self._databases)}-{safe[-40:]}.db"
            database = self._databases[name] = Database(name, path, self._postpone)
        return database

    def by_path(self, path: str) -> Database:
        """The database that code means by a path that it opens itself: one of ours, or one named after the path.

        A file of the user's is never touched. Within the current folder, absolute and relative paths name the same.
        """
        path = os.path.abspath(path)  # noqa: PTH100 - nothing is resolved: the path need not exist
        for database in self._databases.values():
            if str(database.path) == path:
                return database
        here = os.path.join(os.getcwd(), "")  # noqa: PTH109, PTH118 - a prefix to be cut off
        return self.database(path.removeprefix(here))

    def _postpone(self, connection: Connection, fact: Hashable) -> None:
        if self.late is not None:
            self.late(connection, fact)

    def host(self, name: str) -> Host:
        """The host of the process `name`."""
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = Host(name, self.database, self.by_path)
        return host

    def databases(self) -> list[Database]:
        """Every database, in the order in which they were first asked for."""
        return list(self._databases.values())

    def contents(self) -> tuple[Hashable, ...]:
        """The numbers of the committed contents of every database.

        Of databases that were made during a run only those that hold something, so that all runs are alike.
        """
        databases = list(self._databases.values())
        numbers = [database.content() for database in databases[: self._captured]]
        late = [(d.name, d.content()) for d in databases[self._captured :] if not d.is_fresh()]
        return (*numbers, *late)

    def values(self) -> dict[str, Contents]:
        """The committed contents of every database."""
        return {name: database.value(database.content()) for name, database in self._databases.items()}

    def version(self) -> int:
        """Changes whenever a lock may have become free."""
        releases = sum([host.releases for host in self._hosts.values()])
        return releases + sum([database.version for database in self._databases.values()])

    def free_dropped(self) -> None:
        """Close the connections that the code under test has dropped while they kept a lock."""
        for database in self._databases.values():
            database.free_dropped()

    def copy(self) -> Site:
        """A site of its own with what is committed here now, where nobody holds a lock; to be closed by the caller."""
        copied = Site()
        for name, database in self._databases.items():
            copied.database(name).fill(database)
        copied.capture()
        return copied

    def capture(self) -> None:
        """Make the present contents the ones that every run starts with."""
        self.hang_up()
        for database in self._databases.values():
            database.capture()
        self._captured = len(self._databases)

    def reset(self) -> None:
        """Drop all connections and go back to the captured contents."""
        self.hang_up()
        for database in self._databases.values():
            database.reset()

    def hang_up(self) -> None:
        """Drop the connections of every host."""
        for host in self._hosts.values():
            host.hang_up()

    def clear(self) -> None:
        """Forget every database: the next installation starts from nothing."""
        for host in self._hosts.values():
            host.close()
        for database in self._databases.values():
            database.close()
            for path in self.folder.glob(f"{database.path.name}*"):
                path.unlink()
        self._databases.clear()
        self._captured = 0
        self._hosts.clear()

    def close(self) -> None:
        """Close everything and remove the folder."""
        self.clear()
        self._finalizer()
