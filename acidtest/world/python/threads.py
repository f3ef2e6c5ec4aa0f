"""Threads that code under test starts: tasks of its process, which go on beside the calls that started them.

Nothing of the standard library is built anew. What makes threads, locks and storage of a thread is replaced where code under test
runs; conditions, events, semaphores, barriers, queues, timers and pools of threads are Python's own, built on these.
"""

from __future__ import annotations

import _thread
import concurrent.futures
import logging
import queue
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from acidtest.world.core import locks
from acidtest.world.core.effects import ProcessCrash, RunEnded
from acidtest.world.core.process import current_lane, current_process
from acidtest.world.python.storage import Local

if TYPE_CHECKING:
    from collections.abc import Callable

    from acidtest.world.core.lanes import Fork
    from acidtest.world.core.process import Process

_Thread: Any = threading.Thread
_start, _join, _is_alive, _newname = _Thread.start, _Thread.join, _Thread.is_alive, threading._newname  # type: ignore[attr-defined]  # noqa: SLF001
_get_ident, _current_thread, _start_new_thread = threading.get_ident, threading.current_thread, _thread.start_new_thread
_Simple: Any = queue.SimpleQueue
_Pool: Any = concurrent.futures.ThreadPoolExecutor
_make_pool, _submit = _Pool.__init__, _Pool.submit
#: Under which a thread object has the thread of the world, and a pool the process that it was made in.
_FORK, _HOME = "_acidtest_fork", "_acidtest_home"


class _InOrder(dict[Any, None]):
    """A set whose order is that in which things came to it, not that of their addresses."""

    def add(self, item: Any) -> None:
        """Let it be in it."""
        self[item] = None


class SimpleQueue:
    """`queue.SimpleQueue`; for code under test the one that is written in Python, whose locks are known."""

    def __new__(cls) -> Any:
        """A queue."""
        return queue._PySimpleQueue() if locks.is_under_test() else _Simple()  # type: ignore[attr-defined]  # noqa: SLF001 - there is no other

    def __class_getitem__(cls, item: Any) -> Any:
        """The type of a queue of something."""
        return _Simple[item]


def _started(self: Any) -> None:
    """Thread.start."""
    process = current_process()
    if process is None:
        _start(self)
        return
    if not self._initialized:
        message = "thread.__init__() not called"
        raise RuntimeError(message)
    if self._started.is_set():
        message = "threads can only be started once"
        raise RuntimeError(message)
    fork = process.fork(partial(_call, self.run, (), {}), self)
    self.__dict__[_FORK] = fork
    self._ident = fork.lane.ident
    self._started.set()


def _joined(self: Any, timeout: float | None = None) -> None:
    """Thread.join."""
    fork: Fork | None = self.__dict__.get(_FORK)
    if fork is None:
        _join(self, timeout)
        return
    if fork.lane is current_lane():
        message = "cannot join current thread"
        raise RuntimeError(message)
    if not fork.finished and current_process() is not None and timeout != 0:
        locks.wait_until(lambda: fork.finished, f"wait for {self.name}", -1 if timeout is None else max(timeout, 0))


def _alive(self: Any) -> bool:
    """Thread.is_alive."""
    fork: Fork | None = self.__dict__.get(_FORK)
    return bool(_is_alive(self)) if fork is None else not fork.finished


def _named(name: str) -> str:
    """The name of a thread that was given none: counted in each process."""
    process = current_process()
    return str(_newname(name)) if process is None else name % (process.lanes.started + 1)


def _ident() -> int:
    """`threading.get_ident`."""
    lane = current_lane()
    return _get_ident() if lane is None else lane.ident


def _current() -> threading.Thread:
    """`threading.current_thread`."""
    lane = current_lane()
    if lane is None:
        return _current_thread()
    if lane.thread is None:
        lane.thread = made = threading.Thread(name=f"worker {lane.number}", daemon=True)
        made._ident = lane.ident  # type: ignore[attr-defined]  # noqa: SLF001 - there is no other way
        made._started.set()  # type: ignore[attr-defined]  # noqa: SLF001 - likewise
    return lane.thread


def _begun(function: Callable[..., object], args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> int:
    """`_thread.start_new_thread`."""
    process = current_process()
    if process is None:
        return _start_new_thread(function, args, kwargs or {})
    return process.fork(partial(_call, function, args, kwargs or {})).lane.ident


def _call(function: Callable[..., object], args: tuple[Any, ...], options: dict[str, Any]) -> None:
    """What a thread does; what it raises ends its task, which tells it. `sys.exit` in a thread ends that thread, and no process."""
    with suppress(SystemExit):
        function(*args, **options)


def _made(self: Any, *args: Any, **options: Any) -> None:
    """ThreadPoolExecutor.__init__, which is to be told to each process that uses it."""
    _make_pool(self, *args, **options)
    process = current_process()
    self.__dict__[_HOME] = process, args, options
    if process is not None:
        process.lanes.pools += 1
        self._thread_name_prefix = f"pool {process.lanes.pools}"  # Python counts on from one run to the next
        self._threads = _InOrder()


def _submitted(self: Any, /, *args: Any, **options: Any) -> Any:
    """ThreadPoolExecutor.submit: a pool that was made when a module was imported has threads of its own in each process."""
    process = current_process()
    return _submit(self if process is None else pool_of(process, self), *args, **options)


def pool_of(process: Process, pool: Any) -> Any:
    """What stands for a pool of threads in a process."""
    home, args, options = pool.__dict__.get(_HOME, (process, (), {}))
    if home is process:
        return pool
    return process.belongings.get((_HOME, id(pool))) or process.belongings.setdefault((_HOME, id(pool)), type(pool)(*args, **options))


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a pool has something to tell, other than that the process of one of its threads has ended."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, (ProcessCrash, RunEnded))


def install() -> dict[Any, Any]:
    """Replace what makes threads; harmless when called again.

    Returns:
        what stands in the place of what others may have imported by its name.
    """
    module: Any = threading
    low: Any = _thread
    _Thread.start, _Thread.join, _Thread.is_alive = _started, _joined, _alive
    _Pool.__init__, _Pool.submit = _made, _submitted
    module._newname, module.get_ident, module.current_thread = _named, _ident, _current  # noqa: SLF001 - names are counted there
    low.get_ident, low.start_new_thread, module.local, low._local = _ident, _begun, Local, Local  # noqa: SLF001 - as it is called
    logging.getLogger("concurrent.futures").addFilter(_is_news)
    shared: Any = queue
    shared.SimpleQueue = SimpleQueue
    return {
        _get_ident: _ident, _current_thread: _current, _start_new_thread: _begun, _Simple: SimpleQueue, **locks.install(),
    }  # fmt: skip
