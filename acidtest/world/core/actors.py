"""Whatever can go on in a world: clients, processes that start, and what calls have left running or let others do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.world.core.effects import DEADLOCK, TIMEOUT
from acidtest.world.core.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterable

    from acidtest.workload import Client
    from acidtest.world.core.process import Process, Task


class Actors:
    """Every task of a world, by the name under which schedules let it go on.

    A client's goes by the client's name, that of a process which starts by the process's, and whatever else goes on by a name
    of its own.

    Arguments:
        clients: those of the scope.
        enough: after so many effects at devices nobody begins anything more; 0 for no limit.
    """

    def __init__(self, clients: Iterable[Client], enough: int = 0) -> None:
        """Nobody has done anything yet."""
        self._enough = enough
        self.clients = {client.name: Session(client) for client in clients}
        self.starting: dict[str, Task] = {}
        self.leftovers: dict[str, Task] = {}
        self._left = 0
        self._at_work = list(self.clients.values())
        self._called: list[Session] = []
        self._place = {name: place for place, name in enumerate(self.clients)}

    def task(self, name: str) -> Task | None:
        """The call in progress under a name; a client may have the name of its process."""
        found = self.starting.get(name) or self.leftovers.get(name)
        if found is not None:
            return found
        client = self.clients.get(name)
        return None if client is None else client.task

    def client(self, name: str) -> Session | None:
        """The client that goes on under a name; None where it is something else."""
        return None if name in self.starting or name in self.leftovers else self.clients[name]

    def process_of(self, name: str) -> str:
        """The process that a client calls, or that something of a name runs in."""
        client = self.clients.get(name)
        if client is None:
            return self.leftovers[name].process.name if name in self.leftovers else name
        return client.process

    def at_work(self) -> list[Session]:
        """The clients that have something left to do, in their order; where the first are done, without these."""
        done = next((i for i, client in enumerate(self._at_work) if not client.done), len(self._at_work))
        if done:
            del self._at_work[:done]
        return self._at_work

    def reached_out(self) -> None:
        """One more effect at a device; after enough of them nobody begins anything more."""
        self._enough -= 1
        if not self._enough:
            for client in self.at_work():
                client.operations = client.operations[: client.position + (client.task is not None)]

    def call(self, client: Session, task: Task) -> Task:
        """A client begins a call."""
        client.task = task
        calling = [one for one in self._called if one.task is not None and one is not client]
        self._called = sorted([*calling, client], key=lambda one: self._place[one.name])
        return task

    def early(self) -> str:
        """The first thread that was there before anybody asked for anything, and has not waited yet; empty for none."""
        for name, task in self.leftovers.items():
            if task.fork is not None and task.fork.early:
                task.fork.early = not (task.blocked or task.sleeps)
                if task.fork.early:
                    return name
        return ""

    def tasks(self) -> list[Task]:
        """Every call in progress."""
        called = [client.task for client in self._called if client.task is not None]
        return [*self.starting.values(), *self.leftovers.values(), *called]

    def waiting(self) -> list[str]:
        """The names of those that wait for a lock."""
        names = [name for name, task in (*self.starting.items(), *self.leftovers.items()) if task.blocked]
        names += [client.name for client in self._called if client.task is not None and client.task.blocked]
        return names

    def victims(self) -> list[tuple[str, str]]:
        """Who may be chosen to give up where everybody waits, and the fault that this is.

        A server breaks a deadlock by itself, and gives up waiting where it was told to: these are events like any other.
        Everyone else waits for ever.
        """
        names = self._who_waits_in_vain()
        queued = [(name, task.queued) for name in names if (task := self.task(name)) is not None and task.queued is not None]
        caught = [(name, DEADLOCK) for name, statement in queued if statement.is_deadlocked()]
        patient = [(name, TIMEOUT) for name, statement in queued if statement.gives_up]
        return caught or patient or [(name, "") for name in names]

    def _who_waits_in_vain(self) -> list[str]:
        """Those that wait; not a thread that waits in its process, as for work: it may do so for ever."""
        tasks = {name: task for name in self.waiting() if (task := self.task(name)) is not None}
        return [name for name, task in tasks.items() if task.fork is None or (task.pending is not None and task.pending.kind != "wait")]

    def notes(self) -> frozenset[str]:
        """What devices have noted of calls that are in progress, or have left something running."""
        called = [client.task for client in self._called if client.task is not None]
        return frozenset().union(*[task.notes for task in (*called, *self.leftovers.values())])

    def leave_running(self, task: Task) -> None:
        """The client has its answer; what its call has left running is nobody's but its process's."""
        if not task.finished:
            self._left += 1
            self.leftovers[f"{task.name}, left running {self._left}"] = task

    def went_on(self, task: Task) -> None:
        """What a call has left running goes on after its answer, until it has ended."""
        if task.finished:
            self._forget([name for name, other in self.leftovers.items() if other is task])

    def bury(self, process: Process) -> None:
        """Nothing of a dead process goes on."""
        self.starting.pop(process.name, None)
        self._forget([name for name, task in self.leftovers.items() if task.process is process])

    def _forget(self, names: Iterable[str]) -> None:
        for name in names:
            del self.leftovers[name]
