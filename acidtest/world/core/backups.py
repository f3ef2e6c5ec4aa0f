"""Backups: what the databases of a service have held in a run, and may be set back to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from acidtest.world.core.effects import BACKUP, DATABASE, Decision

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

    from acidtest.world.core.late import LateEffects
    from acidtest.world.core.process import Process

#: Of each database of a service, by its name, the number of its contents.
Held = tuple[tuple[str, int], ...]


class Kept(Protocol):
    """A cluster, as far as backups go."""

    @property
    def members(self) -> tuple[str, ...]:
        """The services, each with databases of its own."""

    def held(self, service: str) -> Held:
        """What the databases of a service hold now; of all, where there are no services."""

    def keep(self, held: Held) -> None:
        """Keep what is held now, so that it can come back."""

    def go_back(self, service: str, held: Held) -> None:
        """Let the databases of a service hold that again, and nothing those of which it is silent. Nobody is connected to them."""


class Backups:
    """A backup of each service after every change of what is committed in its databases.

    A service's backups are numbered in the order in which they were first made: 0 is what a run starts with. All databases of a
    service come back together, as they were at one moment. Where all processes are of one service, it goes by the name of
    `DATABASE`.

    Arguments:
        cluster: where the databases are.
        wanted: whether any are made.
    """

    def __init__(self, cluster: Kept, *, wanted: bool) -> None:
        """There is one of each service: what it starts with."""
        self._cluster = cluster
        services = (cluster.members or (DATABASE,)) if wanted else ()
        self._made: dict[str, list[Held]] = {service: [] for service in services}
        self.look()

    def look(self) -> None:
        """Make one of each service of whose present contents there is none."""
        for service, made in self._made.items():
            now = self._cluster.held(service)
            if now not in made:
                self._cluster.keep(now)
                made.append(now)

    def key(self) -> Hashable:
        """What distinguishes two worlds: what may come back."""
        return tuple([tuple(made) for made in self._made.values()])

    def decisions(self) -> Iterator[Decision]:
        """Each service may be restored from each of its backups that holds something else than its databases do now."""
        for service, made in self._made.items():
            now = self._cluster.held(service)
            for number, held in enumerate(made):
                if held != now:
                    yield Decision(BACKUP, f"{service} {number}")

    def restore(self, target: str, processes: Mapping[str, Process], crash: Callable[[str], None], late: LateEffects) -> None:
        """Set the databases of a service back: its processes end, and what they left to be committed later never is.

        Arguments:
            target: the service and the number, as in the decision.
            processes: all that there are, by name.
            crash: ends one.
            late: what is to take effect later.
        """
        service, number = split(target)
        for name, process in processes.items():
            if process.alive and service in {process.service, DATABASE}:
                crash(name)
        late.lose_transactions([name for name, _ in self._cluster.held(service)])
        self._cluster.go_back(service, self._made[service][number])


def split(target: str) -> tuple[str, int]:
    """The service and the number of the backup that a decision names."""
    service, _, number = target.rpartition(" ")
    return service, int(number)


def names_of(service: str, databases: Sequence[str]) -> list[str]:
    """Those of the databases that are the service's own; all, where there are no services."""
    return [name for name in databases if service in {DATABASE, name} or name.startswith(f"{service}_")]
