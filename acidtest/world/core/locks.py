"""Locks of `threading` between calls of one process: waiting for one parks the call, as waiting for a database does.

All calls run in one thread. A real lock that one of them holds while it is parked would hang the others for ever, and the
search with them. So while an adapter is built, `threading.Lock` and `threading.RLock` make locks that know of tasks.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from acidtest.world.core.effects import CRASH, DEADLOCK, Effect
from acidtest.world.core.process import Task, current_task

if TYPE_CHECKING:
    from collections.abc import Iterator

_lock: Any = threading.Lock
_rlock: Any = threading.RLock
_constructing = 0


class TaskLock:
    """A lock that excludes threads as any other, and tasks from one another.

    Arguments:
        reentrant: whether its owner may take it again.
    """

    def __init__(self, *, reentrant: bool = False) -> None:
        """Make it free."""
        self._lock = _lock()
        self._reentrant = reentrant
        self._owner: object = None
        self._count = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002 - as in threading
        """Take the lock; a task that would have to wait parks."""
        task = current_task()
        me = task or threading.get_ident()
        if self._reentrant and self._owner == me:
            self._count += 1
            return True
        if task is None or not blocking:
            taken = bool(self._lock.acquire(blocking, timeout))
        else:
            taken = self._lock.acquire(blocking=False) or self._wait(task, timeout)
        if taken:
            self._owner, self._count = me, 1
        return taken

    def _wait(self, task: Task, timeout: float) -> bool:
        """Park until the lock is free; whoever is chosen as the victim of a deadlock gives up."""
        effect = Effect("wait", task.process.name, "wait for a lock")
        fault = task.park(effect)
        while not self._lock.acquire(blocking=False):
            if fault == DEADLOCK and timeout >= 0:
                return False
            if fault == DEADLOCK:
                message = "this lock will never be free: the call that holds it cannot go on"
                raise RuntimeError(message)
            fault = task.block(effect)
        task.saw(effect, None, fault if fault == CRASH else "")
        return True

    def release(self) -> None:
        """Give the lock back; those that wait may try again."""
        self._count -= 1
        if self._count <= 0:
            self._owner = None
            self._lock.release()
            task = current_task()
            if task is not None:
                task.process.host.releases += 1

    def locked(self) -> bool:
        """Whether somebody has it."""
        return bool(self._lock.locked())

    def __enter__(self) -> bool:
        """Take the lock."""
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self.release()

    def _is_owned(self) -> bool:
        """For threading.Condition."""
        return self._owner == (current_task() or threading.get_ident())


@contextmanager
def of_tasks() -> Iterator[None]:
    """While an adapter's constructor runs: the locks that it makes know of tasks. Constructors may park in between."""
    global _constructing  # noqa: PLW0603 - one thread
    _constructing += 1
    _replace(TaskLock, lambda: TaskLock(reentrant=True))
    try:
        yield
    finally:
        _constructing -= 1
        if not _constructing:
            _replace(_lock, _rlock)


@contextmanager
def genuine() -> Iterator[None]:
    """For what the world itself makes in the meantime; nothing may park here."""
    before = threading.Lock, threading.RLock
    _replace(_lock, _rlock)
    try:
        yield
    finally:
        _replace(*before)


def _replace(lock: Any, rlock: Any) -> None:
    module: Any = threading
    module.Lock, module.RLock = lock, rlock
