"""The clocks of Python: in code under test they tell virtual time, whatever they are called and however they were imported.

`time-machine` replaces at C level what tells the time of day. What counts from an arbitrary moment (`monotonic`, `perf_counter`) is
replaced here. All of them are what they were while no code under test runs, and for libraries that measure themselves.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import time_machine

from acidtest.world.core.process import current_process

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from acidtest.world.core.needs import Timekeeper

#: Whose measurements are no business of code under test: how long something took, when a connection was opened.
_MEASURING = frozenset({
    "acidtest", "asyncio", "concurrent", "execnet", "greenlet", "hypothesis", "logging", "multiprocessing", "_pytest", "pluggy",
    "psycopg", "pymysql", "pytest", "selectors", "subprocess", "time_machine", "xdist",
})  # fmt: skip
_MEASURING_PARTS = ("sqlalchemy.pool", "sqlalchemy.engine", "sqlalchemy.sql.compiler", "sqlalchemy.log", "sqlalchemy.util")
_UNDER_TEST = "acidtest.impl"
_NANOSECONDS = 1_000_000_000
#: What counts from an arbitrary moment, as it was.
_REAL = {name: getattr(time, name) for name in ("monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")}

_installed = False


def install() -> Mapping[Callable[..., Any], Callable[..., Any]]:
    """Replace the clocks; harmless when called again.

    Returns:
        what stands in the place of which function that others may have imported by its name.
    """
    global _installed  # noqa: PLW0603 - one interpreter
    if not _installed:
        _installed = True
        travels: Any = time_machine.travel(0, tick=False).start()
        travels.time_ns = _time_ns
        module: Any = time
        for name, replacement in _COUNTING.items():
            setattr(module, name, replacement)
        waiting: Any = queue, threading
        waiting[0].time = waiting[1]._time = _COUNTING["monotonic"]  # noqa: SLF001 - how much is left of a time-out depends on it
    return {_REAL[name]: replacement for name, replacement in _COUNTING.items()}


def _clock() -> Timekeeper | None:
    """The clock of whoever has called the function that asks for it, None for the real one."""
    process = current_process()
    clock = None if process is None else process.clock
    if clock is None or _measures(sys._getframe(2).f_globals.get("__name__", "")):  # noqa: SLF001 - there is no other way
        return None
    return clock


@lru_cache(maxsize=4096)
def _measures(module: str) -> bool:
    """Whether code of a module measures itself."""
    if module.partition(".")[0] in _MEASURING:
        return not module.startswith(_UNDER_TEST)
    return module.startswith(_MEASURING_PARTS)


def _time_ns() -> int:
    """The time of day, which `time-machine` asks for in the name of whoever asks Python."""
    clock = _clock()
    return time_machine.escape_hatch.time.time_ns() if clock is None else round(clock.now() * _NANOSECONDS)


def _counting(name: str) -> Callable[[], Any]:
    really, unit = _REAL[name], _NANOSECONDS if name.endswith("_ns") else None

    def count() -> Any:
        clock = _clock()
        if clock is None:
            return really()
        return clock.now() if unit is None else round(clock.now() * unit)

    count.__name__ = count.__qualname__ = name
    count.__doc__ = really.__doc__
    return count


_COUNTING = {name: _counting(name) for name in _REAL}
