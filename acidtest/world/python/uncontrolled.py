"""What code under test does behind the world's back, as far as Python's audit events tell: it is reported, not run.

Threads, processes, sockets, real sleeps and connections that were not opened through the world are not part of any
schedule. Files are not watched: too much that is harmless opens them.
"""

from __future__ import annotations

import _thread
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from acidtest.errors import NondeterminismError
from acidtest.world.core.process import complain, current_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PROCESS = "starts another process", "Take it out of what is tested, or call it through env.broker."
_THREAD = "starts a thread", "Let acidtest run the calls side by side; it tries every order."
_EVENTS = {
    "_thread.start_new_thread": _THREAD,
    "_thread.start_joinable_thread": _THREAD,
    "time.sleep": ("really sleeps", "Use env.clock.sleep(), or time.sleep as an attribute of its module."),
    "socket.connect": ("opens a network connection", "Use env.broker, env.redis, a database of env, or httpx or requests with env.route()."),
    "subprocess.Popen": _PROCESS,
    "os.fork": _PROCESS,
    "os.system": _PROCESS,
    "os.posix_spawn": _PROCESS,
}
#: Arguments with which an event is nobody's business.
_HARMLESS: dict[str, tuple[Any, ...] | None] = {}
#: What else is done upon an event, before it happens.
_HANDLERS: dict[str, Callable[[str, tuple[Any, ...]], None]] = {}
_allowed = 0
_watching = False


def watch() -> None:
    """Begin to watch; harmless when called again. It cannot be undone, but says nothing while no task runs."""
    global _watching  # noqa: PLW0603 - one interpreter, one hook
    if not _watching:
        _watching = True
        sys.addaudithook(_hook)
        if sys.version_info < (3, 12):
            _watch_threads()


def report(event: str, what: str, remedy: str, harmless: tuple[Any, ...] | None = None) -> None:
    """Watch for another event as well.

    Arguments:
        event: what Python's audit hooks call it.
        what: what code does there, after the name of its task.
        remedy: what to do instead.
        harmless: the arguments with which it is nobody's business, if any.
    """
    _EVENTS[event] = what, remedy
    _HARMLESS[event] = harmless


def handle(event: str, handler: Callable[[str, tuple[Any, ...]], None]) -> None:
    """Watch for an event of which not only a running task is guilty.

    Arguments:
        event: what Python's audit hooks call it.
        handler: called with the event and its arguments before it happens; what it raises keeps it from happening.
    """
    _HANDLERS[event] = handler


def _watch_threads() -> None:
    """Until 3.12 Python says nothing of threads that start."""
    start: Any = _thread.start_new_thread

    def start_new_thread(*arguments: Any) -> int:
        _hook("_thread.start_new_thread", arguments)
        ident: int = start(*arguments)
        return ident

    for module in (_thread, threading):
        names: Any = vars(module)
        for name in ("start_new_thread", "start_new", "_start_new_thread"):
            if name in names:
                names[name] = start_new_thread


@contextmanager
def allowed() -> Iterator[None]:
    """For what the world itself opens while a task is running."""
    global _allowed  # noqa: PLW0603 - one thread
    _allowed += 1
    try:
        yield
    finally:
        _allowed -= 1


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _allowed or event not in _EVENTS:
        if event in _HANDLERS and not _allowed:
            _HANDLERS[event](event, arguments)
        return
    task = current_task()
    if task is None or not task.process.alive or arguments == _HARMLESS.get(event):
        return
    what, remedy = _EVENTS[event]
    message = f"{task.name} {what} ({event}). That is not part of any schedule, so nothing can be said about it. {remedy}"
    complain(NondeterminismError(message))
