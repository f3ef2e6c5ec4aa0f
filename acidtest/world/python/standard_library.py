"""Ways out that the standard library has: real time, chance, and event loops in real time, are replaced."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from acidtest.errors import NondeterminismError
from acidtest.world.core.process import complain, current_task
from acidtest.world.python import chance, clocks, names, threads, uncontrolled

_really_sleep = time.sleep
_new_event_loop = asyncio.new_event_loop


def install_threads() -> None:
    """Replace what makes threads and their locks; harmless when called again."""
    names.replace(threads.install())


def install() -> None:
    """Replace clocks, chance, threads, `time.sleep` and what makes event loops, and begin to watch; harmless when called again."""
    clock: Any = time
    clock.sleep = _sleep
    names.replace({**clocks.install(), **chance.install(), **threads.install(), _really_sleep: _sleep})
    loops: Any = asyncio
    loops.new_event_loop = loops.events.new_event_loop = _refuse_event_loop
    uncontrolled.watch()


def _sleep(seconds: float) -> None:
    """Sleep on the virtual clock where a task is running."""
    task = current_task()
    if task is None or task.process.clock is None:
        _really_sleep(seconds)
    else:
        task.process.clock.sleep(seconds)


def _refuse_event_loop() -> asyncio.AbstractEventLoop:
    """Report an event loop that a task makes, for example by `asyncio.run`: it would wait in real time."""
    task = current_task()
    if task is not None and task.process.alive:
        message = (
            f"{task.name} makes an event loop of its own, for example by asyncio.run(). That waits in real time, so nothing can be "
            "said about it. Let the method of the port be `async def`; it is run in virtual time."
        )
        complain(NondeterminismError(message))
    return _new_event_loop()
