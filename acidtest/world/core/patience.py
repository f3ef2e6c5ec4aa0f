"""Code that comes to no effect for long is given up: a loop that nothing ends must not keep the verdict away.

In a call that the search drives it is a violation of termination; elsewhere it is the adapter's mistake.

A timer of the time that the interpreter itself has used looks now and then where the code under test is. If that is within
the same call, after the same effects, as long before, the call is parked for ever, which no `except` can catch. There is
no such timer outside of the main thread, or where someone else uses it: then everything is waited for.
"""

from __future__ import annotations

import atexit
import math
import os
import signal
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from acidtest.errors import ContractError, UsageError, is_acidtest, is_users, place
from acidtest.world.core.process import current_task

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType

    from acidtest.world.core.process import Task

#: Names another patience, in seconds.
VARIABLE = "ACIDTEST_PATIENCE"
#: How many seconds of its own time code may take to its next effect.
PATIENCE = 10.0
#: Seconds between two looks, at most; and how many there are at least before anything is given up.
_GLANCE, _GLANCES = 1.0, 4
#: Seconds between two looks once something was given up: what leads there again is given up at the first.
_QUICK = 0.02
#: How often code that was given up before is seen at the same, where one hurries.
_HURRIED = 5
#: A dead process has nothing to do any more: after so many looks it is left alone.
_LAST_GLANCES = 2
#: Seconds of its own time that a process uses at most, from one question to the next, while it waits.
_BUSY = 0.2
#: Outside of calls code may wait so many times as long: for a program that it has started, for example.
_OUTSIDE = 6
_DEBUGGERS = ("pdb", "bdb", "cmd", "code")
#: After so many looks at which no code under test was running, there are no more.
_IDLE = 60


class Endless(ContractError):  # noqa: N818 - it says what happened
    """A call comes to no effect any more.

    Arguments:
        message: all that is to be said where nobody makes a verdict of it.
        name: the task.
        process: its process.
        what: what happened, and where, in short.
    """

    def __init__(self, message: str, name: str, process: str, what: str) -> None:
        """Keep them."""
        super().__init__(message)
        self.name, self.process, self.what = name, process, what


class GivenUp(BaseException):  # noqa: N818 - not an error of anyone
    """Thrown into code outside of any task; no `except Exception` may catch it."""


class _Watch:
    """What the timer has seen. `call` numbers calls outside of tasks, `depth` says whether there is one.

    Outside of tasks it waits `times` as long. `waits_at` is where code waits in real time, `waited` for how long, `used` the time that
    the process had used by then, `asked` when that was asked last. `known` is the code that was given up before; with that it `hurries`, or not.
    """

    def __init__(self) -> None:
        self.armed = False
        self.here = False
        self.patience = PATIENCE
        self.call = 0
        self.depth = 0
        self.stage: object = None
        self.seen = 0
        self.needed = self.last = self.idle = 0
        self.times = 1
        self.hurries = False
        self.known: set[CodeType] = set()
        self.waits_at: object = None
        self.waited = self.used = self.asked = 0.0


_watch = _Watch()


def arm() -> None:
    """Begin to look; harmless when called again.

    Raises:
        UsageError: the environment names a patience that is no number of seconds.
    """
    _watch.here = threading.get_ident() == threading.main_thread().ident
    if _watch.armed or not _watch.here or not hasattr(signal, "setitimer"):
        return
    if signal.getsignal(signal.SIGVTALRM) not in (signal.SIG_DFL, _look):
        return
    _watch.patience = patience()
    if math.isinf(_watch.patience):
        return
    _watch.stage, _watch.seen, _watch.armed = None, 0, True
    signal.signal(signal.SIGVTALRM, _look)
    atexit.unregister(disarm)
    atexit.register(disarm)  # or the timer kills the interpreter while that puts back the handlers of signals
    _look_every(_usual())


def _usual() -> float:
    """Seconds between two looks, before anything was given up."""
    return min(_GLANCE, _watch.patience / _GLANCES)


def _look_every(interval: float) -> None:
    """Look so often; all waits stay as long as they are."""
    _watch.needed = math.ceil(_watch.patience / interval)
    _watch.last = math.ceil(_LAST_GLANCES * _usual() / interval)
    _watch.idle = math.ceil(_IDLE * _usual() / interval)
    signal.setitimer(signal.ITIMER_VIRTUAL, interval, interval)


def disarm() -> None:
    """Look no more; harmless when nobody looks."""
    if _watch.armed:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        _watch.armed = False


def patience() -> float:
    """How many seconds of its own time code may take to its next effect.

    Raises:
        UsageError: the environment names something else.
    """
    text = os.environ.get(VARIABLE, str(PATIENCE))
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not seconds > 0:
        message = f"{VARIABLE} is {text!r}, which is no number of seconds, so no loop would ever be given up. Write for example 30, or inf."
        raise UsageError(message)
    return seconds


@contextmanager
def bounded(times: int = 1) -> Iterator[None]:
    """For code under test that runs outside of any task: it is given up as a whole, whatever it does.

    Arguments:
        times: how many times as long as for others one waits for it.

    Raises:
        ContractError: it was.
    """
    arm()
    _watch.call += 1
    _watch.depth += 1
    _watch.times = times
    try:
        yield
    except GivenUp as error:
        raise ContractError(str(error)) from None
    finally:
        _watch.depth -= 1
        _watch.times = 1


@contextmanager
def hurried() -> Iterator[None]:
    """For explanations: code that was given up before is given up again as soon as it is seen at the same."""
    _watch.hurries = True
    try:
        yield
    finally:
        _watch.hurries = False


def _look(_number: int, frame: FrameType | None) -> None:
    """Look where the code under test is."""
    task = current_task()
    if not _watch.here:
        return
    stage: Any = (task, task.effects, task.quiet, task.tries) if task is not None else _watch.call if _watch.depth else None
    if stage != _watch.stage or stage is None:
        _watch.stage, _watch.seen = stage, 1 if stage is not None else min(_watch.seen, 0) - 1
        if _watch.seen < -_watch.idle:
            disarm()
        return
    _watch.seen += 1
    if task is None and _watch.seen > _watch.needed * _watch.times:
        happened = f"The adapter did not come to an end within {_watch.patience * _watch.times:g} s of its own time"
        raise GivenUp(_message(happened, _place(frame)))
    if task is not None and _watch.seen > _most(task, frame):
        _give_up(task, frame)


def look_at_waiting(frame: FrameType | None) -> None:
    """Look whether code under test waits for something in real time, which never comes: nothing else runs meanwhile.

    The timer does not see it, for it uses no time. Whoever sees that nothing happens may ask.

    Arguments:
        frame: where the interpreter is.

    Raises:
        GivenUp: it waits outside of any call, and has waited for long.
    """
    task, now, used = current_task(), time.monotonic(), time.process_time()
    at = (task or _watch.call, task and task.effects) if _waits(frame) and (task is not None or _watch.depth) else None
    if at is None or at != _watch.waits_at or used - _watch.used > _BUSY:
        _watch.waits_at, _watch.waited = at, 0.0
    else:
        _watch.waited += min(now - _watch.asked, 2 * _GLANCE)  # more has passed only where all of us were stopped
    _watch.asked, _watch.used = now, used
    if at is None or _watch.waited <= patience() * (1 if task is not None else _OUTSIDE):
        return
    _watch.waits_at, message = None, _waiting(task, _place(frame))
    del frame
    if task is None:
        raise GivenUp(message)
    if task.process.alive:
        task.give_up(ContractError(message))


def _waits(frame: FrameType | None) -> bool:
    """Whether it is code under test that waits, or a library for it; not acidtest, and nobody who looks for a bug."""
    if sys.gettrace() is not None:
        return False
    while frame is not None:
        if is_acidtest(frame.f_code.co_filename) or frame.f_globals.get("__name__") in _DEBUGGERS:
            return False
        if is_users(frame.f_code.co_filename):
            return True
        frame = frame.f_back
    return False


def _waiting(task: Task | None, at: str) -> str:
    who = "The adapter" if task is None else task.name
    return (
        f"{who} waits in real time, at {at}, for what does not come: nothing else goes on meanwhile. A lock that another call holds is "
        "given back only when that goes on, and to wait for that takes a lock that acidtest knows: write threading.Lock(), as an "
        "attribute of its module. One that was made before acidtest was loaded, or that comes from `_thread` or another library in C, is "
        "not known. Nothing can be said about the code before that."
    )


def _most(task: Task, frame: FrameType | None) -> int:
    """How often a task may be seen at the same before it is given up."""
    if not task.process.alive:
        return _watch.last
    if frame is None or not is_users(frame.f_code.co_filename):  # it may be in the middle of something, with locks of a driver
        return _watch.needed
    if (task.name, task.process.digest) in task.process.host.endless:
        return 1
    return min(_HURRIED, _watch.needed) if _watch.hurries and frame.f_code in _watch.known else _watch.needed


def _give_up(task: Task, frame: FrameType | None) -> None:
    _watch.stage = None
    happened, at = f"{task.name} came to no effect within {_watch.patience:g} s of its own time", _place(frame)
    error = Endless(_message(happened, at), task.name, task.process.name, f"{happened}, at {at}" if at else happened)
    if task.process.alive:
        task.process.host.endless.add((task.name, task.process.digest))
        _look_every(min(_QUICK, _usual()))  # it will be seen again when it is explained
        if frame is not None and is_users(frame.f_code.co_filename):
            _watch.known.add(frame.f_code)
    del frame
    task.give_up(error)


def _message(happened: str, at: str) -> str:
    where = f" It was at {at}." if at else ""
    return (
        f"{happened}.{where} What never ends gives no answer, so there is no verdict. Let it end, or give it more time by {VARIABLE} "
        "(in seconds)."
    )


def _place(frame: FrameType | None) -> str:
    """Where the code was, in the user's own files if it was in any."""
    where = _users(frame) or frame
    return "" if where is None else place(where.f_code, where.f_lineno)


def _users(frame: FrameType | None) -> FrameType | None:
    """The innermost frame of the user's own code."""
    while frame is not None and not is_users(frame.f_code.co_filename):
        frame = frame.f_back
    return frame
