"""Virtual time. It is part of the core: everything that waits, expires or sleeps goes by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.world.core.effects import SLEEP, Effect
from acidtest.world.core.process import current_task

if TYPE_CHECKING:
    from collections.abc import Callable

#: Where simulated time starts: 2026-01-01 00:00:00 UTC, in seconds since the epoch.
START = 1_767_225_600.0
#: A pause that is shorter than this, in seconds, is between two tries of something: no lease runs out meanwhile.
NOTABLE = 1.0
#: The event of the environment that time has passed.
PASSED = "jump"


class VirtualTime:
    """Time that moves only when a schedule says so, or when someone has slept.

    Reading it is not a scheduling point, but what was read is part of what the process has seen. `time` is in seconds since
    the epoch.
    """

    __slots__ = ("_passed", "time")

    def __init__(self, passed: Callable[[], None] = lambda: None) -> None:
        """Start at `START`; `passed` is called when notable time has passed because someone has slept."""
        self.time = START
        self._passed = passed

    def now(self) -> float:
        """Seconds since the epoch."""
        task = current_task()
        if task is not None:
            task.quietly(SLEEP, "clock", "now")
            task.read_clock = True
            task.process.remember(self.time)
        return self.time

    def sleep(self, seconds: float) -> None:
        """Wait until `seconds` have passed: when the schedule goes on here, they have."""
        until = self.time + max(seconds, 0.0)
        task = current_task()
        if task is None:
            self.time = until
            return
        effect = Effect(SLEEP, "clock", f"sleep {seconds:g} s", until)
        fault = task.park(effect)
        self.arrive(until)
        task.saw(effect, None, fault)

    def arrive(self, until: float) -> None:
        """Somebody has slept until then."""
        passed = until - self.time
        self.time = max(self.time, until)
        if passed >= NOTABLE:
            self._passed()

    def jump(self, seconds: float) -> None:
        """Let `seconds` pass at once."""
        self.time += seconds
