"""Locks of `threading` within a process: waiting for one parks the call, as waiting for a database does.

All calls run in one thread. A real lock that one of them holds while it is parked would hang the others for ever, and the
search with them. So `threading.Lock` and `threading.RLock` give code under test locks that know of tasks; each process has a state
of its own of every lock, also of one that was made when a module was imported.
"""

from __future__ import annotations

import _thread
import sys
import threading
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from acidtest.world.core.beside import go_on_until
from acidtest.world.core.effects import CRASH, DEADLOCK, SLEEP, Effect
from acidtest.world.core.process import Process, Task, current_lane, current_process, current_task

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from acidtest.world.core.lanes import Lane

_lock: Any = _thread.allocate_lock
_rlock: Any = threading.RLock
_genuine = 0
#: Whose locks are real while no code under test runs.
_OWN = frozenset({
    *sys.stdlib_module_names, "acidtest", "execnet", "greenlet", "hypothesis", "_hypothesis_globals", "_pytest", "pluggy", "psycopg",
    "pymysql", "pytest", "sqlalchemy", "time_machine", "_time_machine", "xdist",
}) - {"__main__"}  # fmt: skip
_NEVER = "this lock will never be free: the call that holds it cannot go on"


class State:
    """Who of a process has a lock, and how often."""

    __slots__ = ("count", "owner")

    def __init__(self) -> None:
        """Nobody."""
        self.owner: Lane | None = None
        self.count = 0


class TaskLock:
    """A lock that excludes the tasks of a process from one another; and where no code under test runs, threads, as any other.

    Arguments:
        reentrant: whether its owner may take it again.
    """

    def __init__(self, *, reentrant: bool = False) -> None:
        """Make it free."""
        self._reentrant = reentrant
        self._real: Any = _rlock() if reentrant else _lock()
        self._states: weakref.WeakKeyDictionary[Process, State] = weakref.WeakKeyDictionary()

    def _of(self, process: Process) -> State:
        state = self._states.get(process)
        if state is None:
            state = self._states[process] = State()
        return state

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002 - as in threading
        """Take the lock; a task that would have to wait parks."""
        process = current_process()
        if process is None:
            return bool(self._real.acquire(blocking, timeout))
        if not blocking and timeout != -1:
            message = "can't specify a timeout for a non-blocking call"
            raise ValueError(message)
        state, me = self._of(process), current_lane()
        if self._reentrant and state.owner is me and state.count:
            state.count += 1
            return True
        if state.count and not (blocking and timeout != 0 and wait_until(lambda: not state.count, "wait for a lock", timeout)):
            return False
        state.owner, state.count = me, 1
        return True

    def release(self) -> None:
        """Give the lock back; those that wait may try again."""
        process = current_process()
        if process is None:
            self._real.release()
            return
        state = self._of(process)
        if not state.count or (self._reentrant and state.owner is not current_lane()):
            message = "cannot release un-acquired lock" if self._reentrant else "release unlocked lock"
            raise RuntimeError(message)
        state.count -= 1
        if not state.count:
            self._freed(process, state)

    @staticmethod
    def _freed(process: Process, state: State) -> None:
        state.owner, state.count = None, 0
        process.host.releases += 1

    def locked(self) -> bool:
        """Whether somebody has it."""
        process = current_process()
        return bool(self._of(process).count) if process is not None else bool(getattr(self._real, "locked", bool)())

    def __enter__(self) -> bool:
        """Take the lock."""
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self.release()

    # For threading.Condition, and for a process of the operating system that has forked:

    def _is_owned(self) -> bool:
        process = current_process()
        if process is not None:
            return self._of(process).owner is current_lane()
        if self._reentrant:
            return bool(self._real._is_owned())  # noqa: SLF001 - as threading does
        free = self._real.acquire(blocking=False)
        if free:
            self._real.release()
        return not free

    def _release_save(self) -> Any:
        process = current_process()
        if process is None:
            return self._real._release_save() if self._reentrant else self._real.release()  # noqa: SLF001 - as threading does
        state = self._of(process)
        count = state.count
        self._freed(process, state)
        return count

    def _acquire_restore(self, saved: Any) -> None:
        process = current_process()
        if process is None:
            self._real._acquire_restore(saved) if self._reentrant else self._real.acquire()  # noqa: SLF001 - as threading does
            return
        self.acquire()
        self._of(process).count = saved

    def _at_fork_reinit(self) -> None:
        self._real._at_fork_reinit()  # noqa: SLF001 - as threading does


def wait_until(free: Callable[[], Hashable], what: str, timeout: float = -1) -> bool:
    """Let the task that is running wait until it may go on.

    Arguments:
        free: says whether it may.
        what: what it waits for.
        timeout: after how many seconds of virtual time it gives up; negative for never.

    Returns:
        False where the time was over.

    Raises:
        RuntimeError: it will never be, for nothing else can go on; or there is no task, and nobody else.
    """
    task, process = current_task(), current_process()
    if task is None:
        found = process is not None and go_on_until(process, free)
        if not found and timeout < 0:
            raise RuntimeError(_NEVER)
        return found
    return _wait(task, free, what) if timeout < 0 else _wait_at_most(task, free, what, timeout)


def _wait(task: Task, free: Callable[[], Hashable], what: str) -> bool:
    effect = Effect("wait", task.process.name, what)
    fault = task.park(effect)
    while not free():
        if fault == DEADLOCK:
            message = _NEVER if what == "wait for a lock" else f"{what}: that will never come, for nothing else can go on"
            raise RuntimeError(message)
        fault = task.block(effect)
    task.saw(effect, None, fault if fault == CRASH else "")
    return True


def _wait_at_most(task: Task, free: Callable[[], Hashable], what: str, timeout: float) -> bool:
    """Whenever it goes on, either it may, or its time is over."""
    clock = task.process.clock
    until = timeout if clock is None else clock.time + timeout
    effect = Effect(SLEEP, "clock", f"{what}, at most {timeout:g} s", until)
    task.free = free
    try:
        fault = task.park(effect)
    finally:
        task.free = None
    found = bool(free())
    if not found and clock is not None:
        clock.arrive(until)
    task.saw(effect, found, fault)
    return found


class Lock:
    """`threading.Lock`: what it makes knows of tasks, where it is made by code under test."""

    def __new__(cls) -> Any:
        """A lock."""
        return TaskLock() if is_under_test() else _lock()


class RLock:
    """`threading.RLock`, likewise."""

    def __new__(cls) -> Any:
        """A lock."""
        return TaskLock(reentrant=True) if is_under_test() else _rlock()


def is_under_test() -> bool:
    """Whether code under test makes something now: it runs, or a module is imported that is none of those that check it."""
    if _genuine:
        return False
    return current_process() is not None or _is_users()


def _is_users() -> bool:
    frame: Any = sys._getframe(3)  # noqa: SLF001 - there is no other way
    while frame is not None:
        root = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if root not in ("threading", "queue", "concurrent"):
            return root not in _OWN
        frame = frame.f_back
    return False


@contextmanager
def genuine() -> Iterator[None]:
    """For what the world itself makes in the meantime; nothing may park here."""
    global _genuine  # noqa: PLW0603 - one thread
    _genuine += 1
    try:
        yield
    finally:
        _genuine -= 1


def install() -> dict[Any, Any]:
    """Replace what makes locks; harmless when called again.

    Returns:
        what stands in the place of what others may have imported by its name.
    """
    module: Any = threading
    module.Lock = module._allocate_lock = Lock  # noqa: SLF001 - conditions make theirs so
    module.RLock = RLock
    return {_lock: Lock, _rlock: RLock}
