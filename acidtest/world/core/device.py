"""Devices: the parts of the outside that code under test talks to, beside databases: a broker, external systems, the clock.

The core of the world, the searches and the reports know devices by what stands here and by nothing else. A new one is a
subclass in a module of its own, and a row of `acidtest.world.devices.table`; or a contract brings it along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

    from acidtest.port import Role
    from acidtest.workload import Scope
    from acidtest.world.core.backend import Database
    from acidtest.world.core.effects import Decision, Effect
    from acidtest.world.core.process import Process, Task
    from acidtest.world.core.shelf import Shelf
    from acidtest.world.core.time import VirtualTime


class Surroundings(NamedTuple):
    """What a device is given when a world is made.

    Arguments:
        scope: what will be run.
        equipment: what the contract gives this device; None for nothing.
        roles: the roles that the methods of the port have.
        time: virtual time.
        postpone: called with (label, effect, fact) of what is to take effect later; `fact` determines what it will do.
        happened: called with (kind, subject) of an event: see `acidtest.world.core.events.Event`.
        processes: returns the processes as they are now, by name.
        shelf: the live objects that outlive processes.
        database: returns the database of that name.
    """

    scope: Scope
    equipment: Any
    roles: frozenset[Role]
    time: VirtualTime
    postpone: Callable[[str, Callable[[], None], Hashable], None]
    happened: Callable[[str, str], None]
    processes: Callable[[], Mapping[str, Process]]
    shelf: Shelf
    database: Callable[[str], Database]


class Source(NamedTuple):
    """Something of a device's that operations are given as an argument, since no workload can know it beforehand.

    Arguments:
        kind: the word by which operations name it, for example "callback" or "message".
        role: the role of the port method that is given it while all comes to rest.
        settled: what is given does not depend on when the operation begins, and does not grow old.
        faults: the fault kinds that can make it another one.
        several: what is given is a tuple of arguments.
    """

    kind: str
    role: Role
    settled: bool = False
    faults: tuple[str, ...] = ()
    several: bool = False


class Owed(NamedTuple):
    """What a device will still tell a process by itself: the name of the process, the source, and the role of who takes it."""

    process: str
    source: str
    role: Role


class Arrival(NamedTuple):
    """A call that a device lets a process serve, as something of its own.

    Arguments:
        name: identifies it within the run.
        process: who serves it.
        method: the port method.
        arguments: what it is called with.
        began: called with the task of the call.
    """

    name: str
    process: Process
    method: str
    arguments: tuple[Hashable, ...]
    began: Callable[[Task], None]


class Device:
    """A part of the outside. Every method has a default: a device says what is special about it.

    `name` is the name by which contracts ask for what is seen of it; `kinds` are the kinds of its effects; `changes` are the
    changes of the environment that are its own; `sources` is what it gives to operations. All devices take part in an outage
    and its end, by `down`; and one that is `hidden` is as new to observers.
    """

    name: ClassVar[str]
    kinds: ClassVar[frozenset[str]] = frozenset()
    changes: ClassVar[tuple[str, ...]] = ()
    sources: ClassVar[tuple[Source, ...]] = ()

    def __init__(self, surroundings: Surroundings) -> None:
        """Start in the state in which every run starts."""
        self.surroundings = surroundings
        self.down = False
        self.hidden = False

    @classmethod
    def installs(cls, environment: Any, scope: Scope, equipment: Any) -> None:  # noqa: ANN401 - what the contract gives it
        """Create what it keeps in databases for such a scope; once, outside of every schedule."""

    @classmethod
    def kinds_of_databases(cls, scope: Scope, equipment: Any) -> Mapping[str, str]:  # noqa: ANN401, ARG003 - for those who choose
        """The databases in which it keeps something that are to be of a certain kind, whatever the others are: kinds by names."""
        return {}

    # What code under test is given:

    def offers(self) -> Mapping[str, Any]:
        """What stands on the environment of a process, by attribute: `env.<attribute>`."""
        return {}

    def offers_awaited(self) -> Mapping[str, Any]:
        """The same for coroutines: `env.aio.<attribute>`."""
        return {}

    def clients(self, environment: Any, process: Process) -> Mapping[str, Any]:  # noqa: ANN401, ARG002 - for those who make some
        """What is made for one process, by attribute of its environment: clients of a library, which keep a state of their own.

        What a device offers has to take and give plain values, or a script could not follow it. A client does not, and is made
        here of what stands on `environment`: to a script it is code like any other.
        """
        return {}

    def clients_awaited(self, environment: Any, process: Process) -> Mapping[str, Any]:  # noqa: ANN401, ARG002 - likewise
        """The same for coroutines: `env.aio.<attribute>`."""
        return {}

    # What distinguishes two states, and what is seen of one:

    def key(self) -> Hashable:
        """What distinguishes two states of it; a crash of all processes leaves all of this."""
        return self.down

    def seen(self) -> Hashable:
        """What an outsider sees of it: what contracts make their views of."""
        return None

    def shows(self) -> Mapping[str, Any]:
        """All that an outsider sees of it, by the names by which contracts ask for it."""
        return {self.name: self.seen()}

    def readable(self) -> Hashable:
        """What the reading methods of a port can learn of it, which an observer calls outside of every schedule."""
        return None

    def progress(self) -> Hashable:
        """What may change, beside what is seen, until all has come to rest."""
        return None

    def changed(self, before: Any, after: Any) -> Iterator[str]:  # noqa: ANN401, ARG002 - what was seen of it
        """The difference between what was seen before and is seen now, a line each for a report."""
        yield from ()

    # What may befall it:

    def faults(self, task: Task, effect: Effect) -> tuple[str, ...]:  # noqa: ARG002 - for those who override it
        """The fault kinds that can befall one of its effects, which `task` is about to perform."""
        return effect.faults

    def excuses(self, effect: str, fault: str) -> bool:  # noqa: ARG002 - likewise
        """Whether a fault that befell an effect of that kind excuses that something is done twice."""
        return True

    def change(self, what: str, argument: Any) -> None:  # noqa: ANN401 - each has its own
        """Carry out one of `changes`."""

    def mishaps(self) -> Iterable[Decision]:
        """What may befall it by itself now, each one of `changes`: see `Decision.mishap`. No effect of another kind than its own
        can tell when it happened.
        """
        return ()

    def restore(self) -> None:
        """All faults are over."""
        self.down = False

    # What it notices of processes:

    def began(self, process: Process) -> None:
        """A process has started, and recovered."""

    def died(self, process: Process) -> None:
        """A process has died."""

    def notices(self, service: str) -> bool:  # noqa: ARG002 - for those who do
        """Whether others notice when a process of `service` is dead, so that it matters when it starts again.

        Such a process does one thing at a time, and none while it starts.
        """
        return False

    # What it does by itself:

    def arrivals(self) -> Iterable[Arrival]:
        """The calls that have come in and are to be served from now on; each is returned once."""
        return ()

    def owed(self) -> Iterator[Owed]:
        """What it will still tell processes by itself when all comes to rest; looked at anew after each."""
        yield from ()

    def enters(self, service: str) -> bool:  # noqa: ARG002 - for those who let calls in
        """Whether calls may come to a process of `service` at any moment."""
        return False

    # What operations are told, and given:

    def answered(self, operation: str, value: Any) -> None:  # noqa: ANN401 - whatever a port method returns
        """An operation was answered."""

    def has(self, source: Sequence[str], process: Process) -> bool:  # noqa: ARG002 - for those with sources
        """Whether there is what an operation on `process` needs; `source` in words, as "atm", "callback", "0"."""
        return True

    def faults_of(self, source: Sequence[str], process: Process) -> tuple[str, ...]:  # noqa: ARG002 - likewise
        """The fault kinds that can befall what an operation is given now."""
        return ()

    def given(self, source: Sequence[str], process: Process, fault: str) -> Hashable:  # noqa: ARG002 - likewise
        """What an operation is given."""
        return None

    def ended(self, source: Sequence[str], process: Process, given: Any, *, known: bool) -> None:  # noqa: ANN401
        """What was given was taken; or, where it is not known to be, comes again."""
