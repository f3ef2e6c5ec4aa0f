"""Calls of services under test by one another: each is carried out by a process of the service that is called.

The caller waits, as for a lock, until the call has ended there; meanwhile that goes on as any other lane does, so that it can be
overtaken. A caller that is not answered (the fault kinds lost, unacknowledged and late) waits no longer, and what it asked for
may go on without it. One whose callee dies, or raises an error, learns nothing: to it that is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.environment import CallRefused, CallTimeout
from acidtest.world.core.effects import (
    CALL_FAULTS,
    DEADLOCK,
    LATE,
    LOST,
    REFUSED,
    TWICE,
    UNACKNOWLEDGED,
    Effect,
)
from acidtest.world.core.process import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from acidtest.world.core.process import Process


class Served:
    """A call that has come to a service. It has a task from when the world has begun it."""

    gives_up = False

    def __init__(self, process: Process, method: str, arguments: tuple[Hashable, ...]) -> None:
        """Take note of what is asked for, and of whom."""
        self.process, self.method, self.arguments = process, method, arguments
        self.task: Task | None = None

    def is_over(self) -> bool:
        """Whether it has ended, or never will."""
        return not self.process.alive or (self.task is not None and self.task.finished)

    def is_deadlocked(self) -> bool:
        """Whether it waits for itself: nobody finds that out."""
        return False

    def is_answered(self) -> bool:
        """Whether it has ended without an error."""
        return self.process.alive and self.task is not None and self.task.finished and self.task.error is None


class Calls:
    """The calls between the services of a world.

    Arguments:
        serving: the process that is to serve a call of a service; None where none can.
        postpone: called with (label, effect, fact) of what must take effect later.
    """

    def __init__(
        self, serving: Callable[[str], Process | None], postpone: Callable[[str, Callable[[], None], Hashable], None]
    ) -> None:
        """Nobody has called yet."""
        self.down = False
        self._serving = serving
        self._postpone = postpone
        self._begun = 0
        self.arrived: list[Served] = []

    def call(self, task: Task, service: str, method: str, arguments: tuple[Hashable, ...]) -> object:
        """Call a method and wait for the answer; see `acidtest.environment.Environment.call`."""
        what = " ".join([method, *map(str, arguments)])
        effect = Effect("call", service, what, (method, arguments), faults=CALL_FAULTS)
        fault = task.park(effect)
        unreachable = self.down or self._serving(service) is None
        if fault == REFUSED or (unreachable and fault not in (LOST, UNACKNOWLEDGED, LATE)):
            task.saw(effect, REFUSED, fault)
            error = f"{service} refused {what!r}"
            raise CallRefused(error)
        served = None if unreachable else self._send(service, method, arguments, what, fault)
        if served is not None and fault not in (LOST, UNACKNOWLEDGED, LATE):
            self._await(task, effect, served)
            if served.is_answered() and served.task is not None:
                task.saw(effect, repr(served.task.value), fault)
                return served.task.value
        task.saw(effect, "timeout", fault)
        error = f"{service} did not answer {what!r}"
        raise CallTimeout(error)

    def _send(self, service: str, method: str, arguments: tuple[Hashable, ...], what: str, fault: str) -> Served | None:
        """Let a call arrive, twice perhaps, or later, or never."""
        if fault == LATE:
            fact = (service, method, arguments)
            self._postpone(f"{service}: {what}", lambda: self._land(service, method, arguments), fact)
        elif fault != LOST:
            served = self._arrive(service, method, arguments)
            if fault == TWICE:
                self._arrive(service, method, arguments)
            return served
        return None

    def _land(self, service: str, method: str, arguments: tuple[Hashable, ...]) -> None:
        self._arrive(service, method, arguments)

    def _arrive(self, service: str, method: str, arguments: tuple[Hashable, ...]) -> Served | None:
        process = self._serving(service)
        if process is None:
            return None
        served = Served(process, method, arguments)
        self.arrived.append(served)
        return served

    def _await(self, task: Task, effect: Effect, served: Served) -> None:
        """Wait until a call has ended; where everybody waits for ever, whoever is chosen gives up."""
        waiting = Effect("wait", effect.where, f"answer to {effect.what}")
        while not served.is_over():
            if task.block(waiting, served) == DEADLOCK:
                return

    def begin(self) -> list[tuple[str, Task]]:
        """Begin what has arrived, outside of any task: the clients that these calls are from now on."""
        clients = []
        while self.arrived:
            served = self.arrived.pop(0)
            if not served.process.alive:
                continue
            self._begun += 1
            name = f"{served.process.name} serves {served.method} {self._begun}"
            method = getattr(served.process.implementation, served.method)
            served.process.remember((served.method, *served.arguments))
            served.task = task = Task(name, served.process)
            arguments = served.arguments
            task.start(lambda method=method, arguments=arguments: method(*arguments))  # type: ignore[misc]
            clients.append((name, task))
        return clients
