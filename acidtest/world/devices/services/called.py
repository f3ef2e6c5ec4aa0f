"""Calls of services under test by one another: each is carried out by a process of the service that is called.

The caller waits, as for a lock, until the call has ended there; meanwhile that goes on as any other lane does, so that it can be
overtaken. A caller that is not answered (the fault kinds lost, unacknowledged and late) waits no longer, and what it asked for
may go on without it. One whose callee dies, or raises an error, learns nothing: to it that is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.environment import CallRefused, CallTimeout
from acidtest.world.core.device import Arrival
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

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping

    from acidtest.world.core.process import Process, Task


class Served:
    """A call that has come to a service. It has a task from when the world has begun it."""

    gives_up = False

    def __init__(self, process: Process, method: str, arguments: tuple[Hashable, ...]) -> None:
        """Take note of what is asked for, and of whom."""
        self.process, self.method, self.arguments = process, method, arguments
        self.task: Task | None = None

    def begin(self, task: Task) -> None:
        """It is served by `task`."""
        self.task = task

    def is_over(self) -> bool:
        """Whether it has ended, or never will."""
        return not self.process.alive or (self.task is not None and self.task.finished)

    def is_deadlocked(self) -> bool:
        """Whether it waits for itself: nobody finds that out."""
        return False

    def key(self) -> Hashable:
        """What its caller will learn of it, and whether it can learn that by now."""
        if not self.is_over():
            return self.process.name, self.method, self.arguments
        return repr(self.task.value) if self.task is not None and self.is_answered() else None

    def is_answered(self) -> bool:
        """Whether it has ended without an error."""
        return self.process.alive and self.task is not None and self.task.finished and self.task.error is None


class Calls:
    """The calls between the services of a world.

    Arguments:
        processes: returns the processes as they are now, by name.
        postpone: called with (label, effect, fact) of what must take effect later.
    """

    def __init__(
        self, processes: Callable[[], Mapping[str, Process]], postpone: Callable[[str, Callable[[], None], Hashable], None]
    ) -> None:
        """Nobody has called yet."""
        self._processes = processes
        self._postpone = postpone
        self._begun = 0
        self._awaited: list[Served] = []
        self.arrived: list[Served] = []

    def key(self) -> Hashable:
        """What distinguishes two states of the calls that somebody waits for: the caller has sent it, and will learn its outcome."""
        return tuple([served.key() for served in self._awaited])

    def call(self, task: Task, service: str, method: str, arguments: tuple[Hashable, ...], *, down: bool) -> object:
        """Call a method and wait for the answer; see `acidtest.environment.Environment.call`. Nobody answers while `down`."""
        what = " ".join([method, *map(str, arguments)])
        effect = Effect("call", service, what, (method, arguments), faults=CALL_FAULTS)
        fault = task.park(effect)
        unreachable = down or self._serving(service) is None
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
        task.process.remember((task.name, effect.fingerprint, "sent"))
        self._awaited.append(served)
        try:
            while not served.is_over():
                if task.block(waiting, served) == DEADLOCK:
                    return
        finally:
            self._awaited.remove(served)

    def _serving(self, service: str) -> Process | None:
        """The process that is to serve a call of a service: the first that can."""
        return next((p for p in self._processes().values() if p.service == service and p.ready), None)

    def arrivals(self) -> Iterator[Arrival]:
        """What has arrived, each to be begun outside of any task."""
        while self.arrived:
            served = self.arrived.pop(0)
            if served.process.alive:
                self._begun += 1
                name = f"{served.process.name} serves {served.method} {self._begun}"
                yield Arrival(name, served.process, served.method, served.arguments, served.begin)
