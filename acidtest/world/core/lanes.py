"""The threads of a simulated process, as its code knows them: who a call is to libraries that keep something for each thread.

Calls of one process that overlap run in different threads of it, as a server's pool would have them: each takes the first that is
free. What follows one another is done by the same, and finds what was left there.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from acidtest.world.core.needs import Machine

_main = threading.main_thread()
#: From this on threads are numbered that the code has started itself.
_STARTED = 1_000
#: Between the identities of two threads; that of the first is the real one.
_STEP = 1 << 16


class Lane:
    """One thread of a process: `number` 0 is its main thread. `thread` is its object of `threading`, made when it is asked for."""

    __slots__ = ("__weakref__", "number", "taken", "thread")

    def __init__(self, number: int, thread: threading.Thread | None = None) -> None:
        """Nobody runs in it."""
        self.number = number
        self.taken = False
        self.thread = thread

    @property
    def ident(self) -> int:
        """What `threading.get_ident` says in it."""
        return int(_main.ident or 0) + self.number * _STEP


class Lanes:
    """The threads of one incarnation of a process; `started` counts those that its code has started, `pools` those of `concurrent`."""

    __slots__ = ("_pool", "pools", "started")

    def __init__(self) -> None:
        """The main thread is there."""
        self._pool = [Lane(0, _main)]
        self.started = self.pools = 0

    @property
    def main(self) -> Lane:
        """That in which the implementation is made."""
        return self._pool[0]

    def take(self) -> Lane:
        """The first that is free."""
        lane = next((lane for lane in self._pool if not lane.taken), None)
        if lane is None:
            lane = Lane(len(self._pool))
            self._pool.append(lane)
        lane.taken = True
        return lane

    def start(self, thread: threading.Thread | None) -> Lane:
        """One that the code starts."""
        self.started += 1
        return Lane(_STARTED + self.started, thread)


class Fork:
    """A thread that code under test has started. It begins when whoever started it comes to its next effect.

    Arguments:
        name: under which schedules let it go on.
        lane: what it is to its code.
        body: what it runs.
        host: where it runs.
    """

    __slots__ = ("_host", "body", "early", "finished", "lane", "name", "naps", "saw")

    def __init__(self, name: str, lane: Lane, body: Callable[[], Any], host: Machine) -> None:
        """It has not begun; `naps` counts how often it has slept, `saw` is what was durable when it began to sleep, `early` says
        that it was there before anybody asked for anything, and has not waited yet.
        """
        self._host = host
        self.name = name
        self.lane = lane
        self.body = body
        self.finished = False
        self.early = False
        self.naps = 0
        self.saw: Hashable = None

    def run(self) -> None:
        """Run it to its end."""
        try:
            self.body()
        finally:
            self.finished = True
            self._host.releases += 1  # whoever waits for it may go on
