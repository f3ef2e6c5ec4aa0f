"""What ends an interpreter at once, or strikes it with a signal: taken over, so that it ends a simulated process and not the check.

Python tells of some of it by audit events, however it is called. The rest is replaced where it is defined, and in the user's own
modules that were loaded before.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from acidtest.errors import NondeterminismError, is_users
from acidtest.world.core import exits
from acidtest.world.core.process import complain, current_task
from acidtest.world.python import uncontrolled

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

#: Signals that nobody dies of, and those that stop a process until another one lets it go on.
_HARMLESS = {getattr(signal, name, None) for name in ("SIGCHLD", "SIGURG", "SIGWINCH", "SIGCONT", "SIGINFO")}
_STOPPING = {getattr(signal, name, None) for name in ("SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU")}

_really: dict[str, Callable[..., Any]] = {
    "_exit": os._exit, "abort": os.abort, "raise_signal": signal.raise_signal, "interrupt_main": _thread.interrupt_main,
}  # fmt: skip


def _exit(status: int) -> None:
    """End the simulated process; where none is concerned, this one."""
    exits.end(f"os._exit({status!r})")
    _really["_exit"](status)


def abort() -> None:
    """End the simulated process; where none is concerned, this one."""
    exits.end("os.abort()")
    _really["abort"]()


def raise_signal(signalnum: int) -> None:
    """Let a signal strike the simulated process; where none is concerned, this one."""
    _strike(signalnum, f"signal.raise_signal({_named(signalnum)})")
    _really["raise_signal"](signalnum)


def interrupt_main(signum: int = signal.SIGINT) -> None:
    """Let a signal strike the simulated process; where none is concerned, this one."""
    _strike(signum, f"_thread.interrupt_main({_named(signum)})")
    _really["interrupt_main"](signum)


_OURS: dict[str, Callable[..., Any]] = {
    "_exit": _exit, "abort": abort, "raise_signal": raise_signal, "interrupt_main": interrupt_main,
}  # fmt: skip
_HOMES = {"_exit": os, "abort": os, "raise_signal": signal, "interrupt_main": _thread}


def install() -> None:
    """Take them over; harmless when called again."""
    exits.begin()
    if getattr(os, "_exit") is not _exit:  # noqa: B009 - as the others
        for name, home in _HOMES.items():
            setattr(home, name, _OURS[name])
        _replace_in_modules(list(sys.modules.values()))
    uncontrolled.handle("os.exec", _replaced)
    uncontrolled.handle("os.kill", _killed)
    uncontrolled.handle("os.killpg", _killed)
    uncontrolled.handle("signal.pthread_kill", _thread_killed)


def _replace_in_modules(modules: list[ModuleType]) -> None:
    """Whoever has taken one of them by its name before has the original still."""
    ours = {id(_really[name]): _OURS[name] for name in _really}
    for module in modules:
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and is_users(file):
            names = vars(module)
            names.update({name: ours[id(value)] for name, value in list(names.items()) if id(value) in ours})


def _replaced(_event: str, arguments: tuple[Any, ...]) -> None:
    exits.end(f"os.exec({arguments[0]!r})")


def _killed(event: str, arguments: tuple[Any, ...]) -> None:
    pid, number = arguments
    if number == 0 or not exits.concerns_us():
        return
    group = event == "os.killpg"
    if pid in ((os.getpgrp(), 0) if group else (os.getpid(), 0, -1, -os.getpgrp())):
        _strike(number, f"{event}({pid}, {_named(number)})")
        return
    message = (
        f"{_who()} sends {_named(number)} to another process ({event}). That is not part of any schedule, so nothing can be said "
        "about it. Take it out of what is tested."
    )
    complain(NondeterminismError(message))


def _thread_killed(event: str, arguments: tuple[Any, ...]) -> None:
    ident, number = arguments
    if number != 0 and ident == threading.get_ident():
        _strike(number, f"{event}({_named(number)})")


def _strike(number: int, how: str) -> None:
    """What a signal does to the code under test; where there is a handler of its own, that runs.

    Raises:
        KeyboardInterrupt: that is what it does.
        ProcessCrash: the process is dead.
        Exit: it strikes outside of calls.
    """
    if not exits.concerns_us() or number in _HARMLESS or not _is_default(number):
        return
    if number == signal.SIGINT:
        raise KeyboardInterrupt(how)
    if number in _STOPPING:
        message = f"{_who()} stops itself by {how}, until another process lets it go on. Nobody would. Take it out of what is tested."
        complain(NondeterminismError(message))
    exits.end(how)


def _is_default(number: int) -> bool:
    """Whether nobody but us has said what a signal does."""
    handler = signal.getsignal(number)
    ours = str(getattr(handler, "__module__", "")).startswith("acidtest.")
    return ours or handler is signal.SIG_DFL or handler is signal.default_int_handler


def _named(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _who() -> str:
    task = current_task()
    return "The adapter" if task is None else task.name
