"""The databases of a world and the hosts that its processes run on, used again run after run."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakSet

from acidtest.errors import UsageError
from acidtest.workload import service_of
from acidtest.world.core.backups import names_of
from acidtest.world.core.host import Host
from acidtest.world.core.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

    from acidtest.world.core.backend import Backend, Connection, Contents, Database, Landing
    from acidtest.world.core.backups import Held
    from acidtest.world.core.process import Statics


#: Those that were not closed yet.
_OPEN: WeakSet[Cluster] = WeakSet()


class Cluster:
    """Databases and hosts, for one world after the other.

    Databases are made when first asked for. `late` is called with a transaction that is to take effect later; the world
    of the present run sets it. `statics` is what modules of the code under test keep for each process; None for nothing.

    Arguments:
        open_backend: opens what databases of a kind are made by; called once for each kind, and for every copy.
        kind: the kind of its databases, unless others are chosen for some.
        members: the services of the pattern, each with databases of its own; none where all processes share them.
    """

    def __init__(self, open_backend: Callable[[str], Backend], kind: str, members: tuple[str, ...] = ()) -> None:
        """Make an empty cluster.

        Raises:
            BackendUnavailable: the server of its databases cannot be reached.
        """
        self._open_backend = open_backend
        self._kind = kind
        self._backends = {kind: open_backend(kind)}
        self._chosen: dict[str, str] = {}
        self.members = members
        self.late: Callable[[Landing, Hashable], None] | None = None
        self._databases: dict[str, Database] = {}
        self._captured = 0
        self._hosts: dict[str, Host] = {}
        self._histories: dict[Hashable, int] = {}
        self.shelf = Shelf()
        self.statics: Statics | None = None
        _OPEN.add(self)

    @property
    def backend(self) -> Backend:
        """What makes its databases, but for those for which another kind is chosen."""
        return self._backends[self._kind]

    def reach(self, kinds: Iterable[str]) -> None:
        """Reach the servers of other kinds of databases.

        Raises:
            BackendUnavailable: one cannot be reached.
            UsageError: there is no such kind; lists those that there are.
        """
        for kind in kinds:
            if kind not in self._backends:
                self._backends[kind] = self._open_backend(kind)

    def choose(self, kinds: Mapping[str, str]) -> None:
        """Let some databases, which are yet to be made, be of other kinds than the rest.

        Arguments:
            kinds: by the names of the databases; for all others the choice is taken back.

        Raises:
            BackendUnavailable: the server of one cannot be reached.
            UsageError: there is no such kind; lists those that there are.
        """
        self.reach(kinds.values())
        self._chosen = dict(kinds)

    def kinds(self) -> list[str]:
        """The kinds of its databases, the usual first."""
        return list(dict.fromkeys([self._kind, *self._chosen.values()]))

    def kind_of(self, name: str) -> str:
        """The kind of the database `name`."""
        return self._chosen.get(name, self._kind)

    def backend_of(self, name: str) -> Backend:
        """What makes the database `name`."""
        return self._backends[self.kind_of(name)]

    @property
    def scriptable(self) -> bool:
        """Whether all of its databases are: see `Backend`."""
        return all(self._backends[kind].scriptable for kind in self.kinds())

    def versions(self) -> dict[str, str]:
        """What was involved, for reports."""
        return {what: version for kind in self.kinds() for what, version in self._backends[kind].versions().items()}

    def database(self, name: str) -> Database:
        """The database `name`."""
        database = self._databases.get(name)
        if database is None:
            if not name or not isinstance(name, str):
                message = f"A database was asked for by the name {name!r}. Names are non-empty strings, for example 'bank'."
                raise UsageError(message)
            database = self._databases[name] = self.backend_of(name).make(name, self._postpone)
        return database

    def by_address(self, address: str, service: str = "") -> Database:
        """The database that code means by a path or URL that it opens itself."""
        known = [database for name, database in self._databases.items() if self.kind_of(name) == self._kind]
        name = self.backend.name_of(address, known)
        return self.database(name if name in self._databases else _owned(name, service))

    def _postpone(self, landing: Landing, fact: Hashable) -> None:
        if self.late is not None:
            self.late(landing, fact)

    def host(self, name: str) -> Host:
        """The host of the process `name`."""
        host = self._hosts.get(name)
        if host is None:
            service = service_of(name) if self.members else ""
            host = self._hosts[name] = Host(
                name, self._kind, lambda database: self.backend_of(_owned(database, service)),
                lambda database: self.database(_owned(database, service)), lambda address: self.by_address(address, service),
                self._histories, service,
            )  # fmt: skip
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

    def content_of(self, name: str) -> int:
        """The number of the committed contents of one."""
        return self._databases[name].content()

    def history(self) -> tuple[Hashable, ...]:
        """What the future depends on beside contents and connections."""
        found = [(d.name, self.backend_of(d.name).history(d)) for d in self._databases.values()]
        return tuple([pair for pair in found if pair[1]])

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

    def copy(self) -> Cluster:
        """A cluster of its own with what is committed here now, where nobody holds a lock; to be closed by the caller."""
        copied = Cluster(self._open_backend, self._kind, self.members)
        copied.choose(self._chosen)
        for name, database in self._databases.items():
            copied.database(name).fill(database)
        copied.shelf = self.shelf.copy()
        copied.capture()
        return copied

    def capture(self) -> None:
        """Make the present contents the ones that every run starts with."""
        self.hang_up()
        for database in self._databases.values():
            database.capture()
        self.shelf.capture()
        self._captured = len(self._databases)

    def reset(self) -> None:
        """Drop all connections and go back to the captured contents."""
        self.hang_up()
        for database in self._databases.values():
            database.reset()
        self.shelf.reset()
        if self.statics is not None:
            self.statics.leave()

    def restart(self, kind: str = "") -> list[str]:
        """Kill what holds the databases of a kind, and start it again; other clusters may be on the same server.

        Arguments:
            kind: which; empty for the usual.

        Returns:
            the names of those databases.
        """
        kind = kind or self._kind
        held, connections = self._of_kind(kind)
        self._backends[kind].restart(held, connections)
        for other in _OPEN - {self}:
            for its, backend in other._backends.items():  # noqa: SLF001 - one of us
                backend.die_with(self._backends[kind], *other._of_kind(its))  # noqa: SLF001
        return [database.name for database in held]

    def _of_kind(self, kind: str) -> tuple[list[Database], list[Connection]]:
        """The databases of a kind, and the connections to them."""
        held = [database for name, database in self._databases.items() if self.kind_of(name) == kind]
        names = {database.name for database in held}
        return held, [c for host in self._hosts.values() for c in host.connections() if c.database.name in names]

    def held(self, service: str) -> Held:
        """The numbers of what is committed in the databases of a service, by their names."""
        return tuple([(name, self._databases[name].content()) for name in names_of(service, list(self._databases))])

    def keep(self, held: Held) -> None:
        """Let what is committed now in these databases be there to go back to."""
        for name, _ in held:
            self._databases[name].keep()

    def go_back(self, service: str, held: Held) -> None:
        """Let the databases of a service hold what they held; one that was made since holds nothing."""
        numbers = dict(held)
        for name in names_of(service, list(self._databases)):
            self._databases[name].go_back(numbers.get(name))

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
        for backend in self._backends.values():
            backend.forget()
        self._databases.clear()
        self.shelf.clear()
        if self.statics is not None:
            self.statics.leave()
        self._captured = 0
        self._hosts.clear()

    def close(self) -> None:
        """Close everything for good."""
        _OPEN.discard(self)
        self.clear()
        for backend in self._backends.values():
            backend.close()


def _owned(name: str, service: str) -> str:
    """The name of a service's own database."""
    return f"{service}_{name}" if service and name != service else name
