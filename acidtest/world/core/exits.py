"""What ends an interpreter at once: in a call it ends that simulated process, elsewhere it is the adapter's mistake.

Whoever takes over such a function (`acidtest.world.python.ends`) asks here first.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar

from acidtest.world.core.process import Task, current_task

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


class Exit(BaseException):  # noqa: N818 - not an error, an end
    """Code under test has ended the interpreter; the text says by what."""


class ChildEnded(BaseException):  # noqa: N818 - likewise
    """A child of a simulated process has ended, whose parent goes on; the text says by what."""


class _State:
    """`thread` is the one in which code under test runs, `outside` says that some does outside of any call, `ended` how it ended,
    `children` are the tasks that run what a child of their process would.

    A process that such code forks is nobody's but its own: `owner` is the one that counts.
    """

    thread = 0
    owner = 0
    outside = 0
    ended: Exit | None = None
    children: ClassVar[set[Task]] = set()


_state = _State()


def begin() -> None:
    """Take note of the thread in which code under test runs from now on."""
    _state.thread, _state.owner = threading.get_ident(), os.getpid()


@contextmanager
def watched() -> Iterator[None]:
    """For code under test that runs outside of any call: its end is told, whatever it makes of that.

    Raises:
        Exit: it has ended the interpreter.
    """
    _state.outside += 1
    try:
        yield
    finally:
        _state.outside -= 1
        ended, _state.ended = _state.ended, None
    if ended is not None:
        raise ended


@contextmanager
def in_child() -> Iterator[None]:
    """For what a pool of processes would run in a child: what ends the interpreter ends the child alone.

    Raises:
        ChildEnded: it was ended.
    """
    task = current_task()
    if task is None or task in _state.children:
        yield
        return
    _state.children.add(task)
    try:
        yield
    except SystemExit as error:
        message = f"sys.exit({error.code!r})"
        raise ChildEnded(message) from error
    finally:
        _state.children.discard(task)


def concerns_us() -> bool:
    """Whether it is code under test that runs now, here."""
    here = _state.thread == threading.get_ident() and _state.owner == os.getpid()
    return here and (current_task() is not None or _state.outside > 0)


def end(how: str) -> None:
    """What ends the interpreter was called; where that does not concern us, nothing is done, and it may go on.

    Arguments:
        how: the call, in words.

    Raises:
        ProcessCrash: in a call; its process is dead already, so no clean-up does any I/O.
        ChildEnded: in a call, where a child would run.
        Exit: outside of calls.
    """
    if not concerns_us():
        return
    if current_task() in _state.children:
        raise ChildEnded(how)
    task, error = current_task(), Exit(how).with_traceback(_stack())
    if task is None:
        _state.ended = error
        raise error
    task.exit(error)
    raise task.process.end


def _stack() -> TracebackType | None:
    """Where we are, as a traceback, without this module and who called it."""
    found: TracebackType | None = None
    frame: FrameType | None = sys._getframe(3)  # noqa: SLF001 - there is no other way to know one's callers
    while frame is not None:
        found = TracebackType(found, frame, frame.f_lasti, frame.f_lineno)
        frame = frame.f_back
    return found
