"""Databases of which there is nothing but the number of their contents, and hosts that hold nothing but what is known of locks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from acidtest.world.core.backend import Hold, Pin
from acidtest.world.core.backups import names_of
from acidtest.world.script.script import Change, Landed, Missing, Outcome, Script, landing

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from acidtest.world.core.backups import Held
    from acidtest.world.core.needs import Machine


class PlayedHost:
    """The host of a process: what its connections see and hold, as the script says."""

    def __init__(self, original: Machine) -> None:
        """Start without connections; stand for `original`."""
        self.name, self.service, self.backend = original.name, original.service, original.backend
        self.histories, self.endless = original.histories, original.endless
        self.releases, self.abandoned = 0, False
        self._pins: tuple[Any, ...] = ()
        self._holds: tuple[Hold, ...] = ()

    def pins(self) -> tuple[Any, ...]:
        """What the transactions of each connection see."""
        return self._pins

    def holds(self) -> tuple[Hold, ...]:
        """The locks of its connections."""
        return self._holds

    def settings(self) -> Hashable:
        """Nobody asks, either."""
        return None

    def is_reading(self) -> bool:
        """Nobody asks."""
        return True

    def is_clean(self) -> bool:
        """Nobody asks: what an idle process is known by stands in the script."""
        return not self._pins and not self._holds

    def become(self, pins: tuple[Any, ...], holds: tuple[Hold, ...]) -> None:
        """Go on with other transactions."""
        self._pins, self._holds = pins, holds

    def grow_old(self, database: str) -> None:
        """Somebody else has committed: what is seen of the database is not the latest any more."""
        if self._pins:
            self._pins = tuple([tuple([_older(pin, database) for pin in pins]) for pins in self._pins])

    def hang_up(self) -> None:
        """Drop every connection."""
        self.releases += 1
        self._pins, self._holds = (), ()

    def open(self, address: str, **options: Any) -> NoReturn:  # noqa: ARG002 - as of any host
        """There is nothing to connect to.

        Raises:
            Missing: always.
        """
        raise Missing


def _older(pin: Pin, database: str) -> Pin:
    return pin._replace(latest=False) if pin.latest and pin.database == database else pin


class PlayedDatabase:
    """A database of which there is a name."""

    def __init__(self, name: str) -> None:
        """Take its name."""
        self.name = name


class PlayedCluster:
    """A cluster for one world.

    Arguments:
        script: what is known.
        like: the cluster whose part it plays.
    """

    def __init__(self, script: Script, like: Any) -> None:
        """Start with the contents with which runs start."""
        self.members, self.shelf = like.members, like.shelf.fresh()
        self.late: Callable[[Any, Hashable], None] | None = None
        self.statics = None
        self.world: Any = None
        self._script = script
        self._like = like
        self._contents = dict(script.start)
        self._hosts: dict[str, PlayedHost] = {}
        self._version = 0

    def reset(self) -> None:
        """It is new."""

    def host(self, name: str) -> PlayedHost:
        """The host of the process `name`."""
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = PlayedHost(self._like.host(name))
        return host

    def contents(self) -> tuple[int, ...]:
        """The numbers of the contents of every database."""
        return tuple(self._contents.values())

    def content_of(self, name: str) -> int:
        """The number of the contents of one."""
        return self._contents[name]

    def history(self) -> tuple[Hashable, ...]:
        """Nothing more."""
        return ()

    def version(self) -> int:
        """Changes whenever a lock may have become free."""
        return self._version + sum([host.releases for host in self._hosts.values()])

    def free_dropped(self) -> None:
        """There is nothing that could be dropped."""

    def hang_up(self) -> None:
        """The world has ended."""

    def apply(self, name: str, outcome: Outcome) -> None:
        """Let what a task of the process `name` has done take effect."""
        self._hosts[name].become(outcome.pins, outcome.holds)
        self._version += outcome.touched
        for change in outcome.changes:
            self._change(name, change)
        if outcome.late is not None and self.late is not None:
            database, fact = outcome.late
            self.late(PlayedLanding(self, self._script, name, database, fact), fact)

    def land(self, name: str, landed: Landed) -> None:
        """Let a late COMMIT of the process `name` take effect."""
        self._hosts[name].become(landed.pins, landed.holds)
        self._version += 1
        self._change(name, landed.change)

    def _change(self, name: str, change: Change) -> None:
        self._contents[change.database] = change.content
        if change.committed:
            for other in self._hosts.values():
                if other.name != name:
                    other.grow_old(change.database)

    def held(self, service: str) -> Held:
        """The numbers of the contents of a service's databases, by their names."""
        return tuple([(name, self._contents[name]) for name in names_of(service, list(self._contents))])

    def keep(self, held: Held) -> None:
        """Whoever ran that for real has kept it."""

    def go_back(self, service: str, held: Held) -> None:  # noqa: ARG002 - a script knows of no databases but those of the start
        """Let the databases of a service hold what they held."""
        self._version += 1
        self._contents.update(held)

    def restart(self) -> NoReturn:
        """A server that dies is not played.

        Raises:
            Missing: always.
        """
        raise Missing


class PlayedLanding:
    """A COMMIT that comes late."""

    def __init__(self, cluster: PlayedCluster, script: Script, process: str, database: str, fact: Hashable) -> None:
        """Stand for what the process has left to the database."""
        self.database = PlayedDatabase(database)
        self._cluster, self._script, self._process, self._fact = cluster, script, process, fact

    def land(self) -> None:
        """Let it come."""
        key = landing(self._cluster.world, self._process, self.database.name, self._fact)
        self._cluster.land(self._process, self._script.landing(key))

    def hang_up(self) -> None:
        """It never comes."""
