"""Threads of code that runs outside of any schedule: while an implementation is made, installed or read, nobody chooses an order.

They go on one after the other, as far as they come, whenever somebody waits for one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.errors import AcidtestError
from acidtest.world.core.effects import SLEEP
from acidtest.world.core.process import Process, Task, outside

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from acidtest.world.core.effects import Effect

#: The kinds of effects that only look, or wait for others of the process.
READ, WAIT = "read", "wait"
#: How often a thread may go on while somebody waits for another.
_LONGEST = 1_000


def go_on_until(process: Process, free: Callable[[], Hashable]) -> bool:
    """Let the threads of a process go on until `free` says so; whether it does."""
    for _ in range(_LONGEST):
        if free():
            return True
        if not go_on(process, sleeping=False) and not go_on(process, sleeping=True):
            break
    return bool(free())


def go_on(process: Process, *, sleeping: bool) -> bool:
    """Let every thread of a process go on by one step, also past a sleep, if so; whether any has."""
    moved = bool(process.forks)
    while process.forks:
        fork = process.forks.pop(0)
        task = Task(fork.name, process, fork)
        with outside():
            task.start(fork.run)
        _look_at(task)
    for task in [task for task in process.tasks if task.fork is not None and not task.finished]:
        if process.reads and task.pending is not None and _changes(task.pending):
            continue  # an implementation that is only looked at does no work
        if sleeping or not task.sleeps:
            before = task.effects
            with outside():
                task.resume()
            _look_at(task)
            moved |= task.finished or task.effects > before
    return moved


def _look_at(task: Task) -> None:
    """What a thread raises ends it and nothing else; but what is no business of the code under test is for whoever runs it."""
    if isinstance(task.error, AcidtestError):
        raise task.error


def _changes(effect: Effect) -> bool:
    """Whether it may be noticed by others, or keep them waiting."""
    return effect.kind not in (READ, SLEEP, WAIT)


def end(process: Process) -> None:
    """The code has returned: its threads go on until they wait or sleep, if they may do any work, and end with their process."""
    for _ in range(0 if process.reads else _LONGEST):
        if not go_on(process, sleeping=False):
            break
    process.forks.clear()
    if process.tasks:
        process.alive = False
        process.bury()
