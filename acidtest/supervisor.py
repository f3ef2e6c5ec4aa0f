"""Work in a child process: its answer, or how it died and what it was doing.

The child answers through a pipe, which also shows when it has ended. While it works it writes what it does into a journal, in
memory that both share. A child that writes nothing is asked, by a signal that nobody else uses, whether it still runs Python;
one that does not answer for long is in code that nothing interrupts, and is killed.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import faulthandler
import math
import os
import pickle
import re
import select
import signal
import sys
import tempfile
import threading
import time
import traceback
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Generic, TypeVar

from acidtest.errors import is_users
from acidtest.world.core import journal
from acidtest.world.core.journal import Journal, Page

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

T = TypeVar("T")

#: Seconds between two looks at a child; one that was silent in between is asked.
_TICK = 0.5
#: Seconds for which a child may be silent once it was told to end, and until it has left once it has answered.
_TO_END, _TO_LEAVE = 10.0, 30.0
#: The question. Who has no handler for it ignores it, whatever else it means.
_QUESTION = getattr(signal, "SIGURG", None)
#: What whoever stops the parent wants of the child.
PASSED_ON = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT") if hasattr(signal, name))
_PR_SET_PDEATHSIG = 1
_FRAME = re.compile(r'File "(.+)", line (\d+) in (.+)')

_leave = os._exit  # before anybody takes it over


@dataclass(frozen=True)
class Ended(Generic[T]):
    """How a child ended.

    Arguments:
        answered: whether it gave its answer; all else is of a child that did not.
        answer: what it answered.
        status: its exit code; negative for the number of the signal that it died by.
        silent: for how many seconds it had done nothing before it was killed for that; 0 where it was not.
        page: what it was doing.
        stack: where it was in the user's own files, as (file, line, function), the innermost first, as far as that is known.
        told_to: the number of the last signal that was passed on to it; 0 for none.
    """

    answered: bool
    answer: T | None
    status: int
    silent: float
    page: Page
    stack: tuple[tuple[str, int, str], ...] = ()
    told_to: int = 0


def can_supervise() -> bool:
    """Whether a child can do the work: there is fork, and nobody else is in this process."""
    alone = threading.current_thread() is threading.main_thread() and threading.active_count() == 1
    return hasattr(os, "fork") and hasattr(signal, "setitimer") and alone


def run(work: Callable[[], T], patience: float = math.inf, asked: Callable[[FrameType | None], object] | None = None) -> Ended[T]:
    """Do some work in a child process, and wait for it. Signals that would end this process are passed on.

    Arguments:
        work: what to do; its answer can be pickled.
        patience: for how many seconds it may do nothing, and not answer, before it is killed.
        asked: called in the child, with where it is, when it has done nothing for a moment and answers.

    Returns:
        How it ended.
    """
    child: Child[T] = Child(work, patience, asked)
    before = {n: signal.getsignal(n) for n in PASSED_ON if signal.getsignal(n) not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, child.pass_on)
    try:
        child.start(before)
        while not child.has_ended():
            pass
        return child.ended()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        child.close()


def wait(children: Sequence[Child[Any]], seconds: float = _TICK) -> None:
    """Wait until there is news of one of them, or so long."""
    select.select([child.pipe for child in children], [], [], seconds)


class Child(Generic[T]):
    """A process that does some work.

    Arguments:
        work: what to do; its answer can be pickled.
        patience: for how many seconds it may do nothing, and not answer, before it is killed.
        asked: called in the child, with where it is, when it has done nothing for a moment and answers.
    """

    def __init__(
        self, work: Callable[[], T], patience: float = math.inf, asked: Callable[[FrameType | None], object] | None = None
    ) -> None:
        """It does not run yet."""
        self.pid = 0
        self._work = work
        self._patience = patience
        self._asked = asked
        self._journal = Journal()
        self._stack: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the rest
        self._heard = b""
        self._state = b""
        self._silent = self._leaving = self._gave_up = 0.0
        self._looked = time.monotonic()
        self._stopped = False
        self._status: int | None = None
        self._told_to = self._early = 0

    def start(self, handlers: dict[Any, Any] | None = None) -> None:
        """Begin; `handlers` are those of signals that the child has, in place of ours."""
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()  # or what is written but not out yet comes twice
        parent = os.getpid()
        self.pipe, writing = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.close(self.pipe)
            self._live(parent, writing, handlers or {})
        os.close(writing)
        if self._early:
            self.pass_on(self._early)

    def pass_on(self, number: int, _frame: FrameType | None = None) -> None:
        """Let a signal that came here come to the child."""
        self._told_to = number
        if not self.pid:
            self._early = number  # nobody knows yet who the child is, or it has just begun
        elif self._status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    # The child:

    def _live(self, parent: int, writing: int, handlers: dict[Any, Any]) -> None:
        """Work, answer and leave; never returns."""
        code = 1
        try:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            if self._early:
                os.kill(os.getpid(), self._early)
            _end_with(parent)
            faulthandler.enable(self._stack, all_threads=False)
            journal.keep(self._journal)
            if _QUESTION is not None:
                signal.signal(_QUESTION, self._answer)
            answer = pickle.dumps(self._work())
            with os.fdopen(writing, "wb", closefd=False) as pipe:
                pipe.write(len(answer).to_bytes(8, "little") + answer)
            code = 0
        except KeyboardInterrupt:
            pass  # whoever interrupts knows why
        except BaseException:  # noqa: BLE001 - nothing may go on where the parent was
            traceback.print_exc()
        finally:
            try:
                atexit._run_exitfuncs()  # noqa: SLF001 - the interpreter itself is left as it is
            finally:
                _leave(code)

    def _answer(self, _number: int, frame: FrameType | None) -> None:
        """Say that Python still runs here."""
        journal.beat()
        if self._asked is not None:
            self._asked(frame)

    # The parent:

    def has_ended(self, seconds: float = _TICK) -> bool:
        """Whether it has ended; waits so long for that."""
        if self._status is not None:
            return True
        self._listen(seconds)
        pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
        if pid:
            self._stopped = os.WIFSTOPPED(status)
        if pid and (os.WIFEXITED(status) or os.WIFSIGNALED(status)):
            self._status = os.waitstatus_to_exitcode(status)
            self._listen(0)
        elif not self._stopped:
            self._watch()
        return self._status is not None

    def _listen(self, seconds: float) -> None:
        """Take what it answers; where it ends, the pipe is at its end, too."""
        while select.select([self.pipe], [], [], seconds)[0]:
            data = os.read(self.pipe, 1 << 16)
            self._heard += data
            if not data:
                time.sleep(min(seconds, _TICK / 50))  # it has all but ended, or closed the pipe itself
                return

    def _watch(self) -> None:
        """See to it that it does something."""
        now = time.monotonic()
        passed, self._looked = min(now - self._looked, 2 * _TICK), now  # more has passed only where all of us were stopped
        if self._answer_of_child() is not None:
            self._leaving += passed
            if self._leaving > _TO_LEAVE:
                os.kill(self.pid, signal.SIGKILL)  # it has nothing to say any more
            return
        state = self._journal.state()
        self._silent = self._silent + passed if state == self._state else 0.0
        self._state = state
        if self._silent > (_TO_END if self._told_to else self._patience):
            self._kill()
        elif self._silent and _QUESTION is not None:
            os.kill(self.pid, _QUESTION)

    def _kill(self) -> None:
        """Have it tell where it is, and end."""
        self._gave_up = self._silent
        with contextlib.suppress(ImportError, AttributeError, OSError, ValueError):
            import resource

            _, hard = resource.prlimit(self.pid, resource.RLIMIT_CORE)
            resource.prlimit(self.pid, resource.RLIMIT_CORE, (0, hard))
        os.kill(self.pid, signal.SIGABRT)
        time.sleep(_TICK)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def _answer_of_child(self) -> bytes | None:
        """What it answered, if that is whole."""
        length = int.from_bytes(self._heard[:8], "little")
        return self._heard[8:] if self._heard and len(self._heard) - 8 == length else None

    def ended(self) -> Ended[T]:
        """How it ended."""
        answer, status = self._answer_of_child(), self._status or 0
        if answer is not None:
            return Ended(answered=True, answer=pickle.loads(answer), status=status, silent=0.0, page=self._journal.read())  # noqa: S301 - ours
        return Ended(
            answered=False, answer=None, status=status, silent=self._gave_up, page=self._journal.read(), stack=self._users_stack(),
            told_to=self._told_to,
        )  # fmt: skip

    def _users_stack(self) -> tuple[tuple[str, int, str], ...]:
        self._stack.seek(0)
        found = _FRAME.findall(self._stack.read().decode(errors="replace"))
        return tuple((file, int(line), name) for file, line, name in found if is_users(file))

    def kill(self) -> None:
        """End it at once, whatever it does."""
        if self.pid and self._status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    def close(self) -> None:
        """Give back what was shared with it."""
        if self.pid:
            os.close(self.pipe)
        self._stack.close()
        self._journal.close()


def _end_with(parent: int) -> None:
    """End when the parent does, however that ends, where the system can do that; and rather than it where memory is short."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:  # noqa: PTH123
            file.write("500")
    if os.getppid() != parent:
        _leave(1)
