"""The clock: how code under test reads virtual time, and sleeps; and how time jumps."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.world.core.device import Device
from acidtest.world.core.effects import SLEEP
from acidtest.world.core.time import PASSED

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from acidtest.environment import Clock as TimeOf

#: The change of the environment by which time passes at once; its argument is in seconds.
JUMP = PASSED


class Clock(Device):
    """Virtual time, as a device."""

    name: ClassVar[str] = "clock"
    kinds: ClassVar[frozenset[str]] = frozenset({SLEEP})
    changes: ClassVar[tuple[str, ...]] = (JUMP,)

    def offers(self) -> Mapping[str, Any]:
        """`env.clock`."""
        return {"clock": self.surroundings.time}

    def offers_awaited(self) -> Mapping[str, Any]:
        """`env.aio.clock`."""
        return {"clock": AwaitedClock(self.surroundings.time)}

    def key(self) -> Hashable:
        """The time."""
        return self.surroundings.time.time

    def change(self, what: str, argument: float) -> None:  # noqa: ARG002 - there is one
        """Let time jump."""
        self.surroundings.time.jump(argument)


class AwaitedClock:
    """See `acidtest.environment.AsyncClock`."""

    def __init__(self, clock: TimeOf) -> None:
        """Stand before `clock`."""
        self._clock = clock

    def now(self) -> float:
        """Seconds since the epoch of the simulated world."""
        return self._clock.now()

    async def sleep(self, seconds: float) -> None:
        """Wait until so much time has passed."""
        await asyncio.sleep(seconds)
