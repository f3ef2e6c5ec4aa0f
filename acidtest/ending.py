"""How a command ends: its exit code, and what is said where it does not end with a verdict.

Exit codes: 0 pass, 1 fail, 2 the caller's or the adapter's mistake, 3 inconclusive, 70 acidtest's own error, 130
interrupted. A verdict's own code is the command's business; everything else is here.
"""

from __future__ import annotations

import contextlib
import math
import os
import platform
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from acidtest import __version__
from acidtest.errors import AcidtestError, HarnessError, UsageError, inert, is_ours, place_of, told
from acidtest.world.core import interrupt, journal
from acidtest.world.databases.full_disk import full_disk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

USAGE, INCONCLUSIVE, OURS, INTERRUPTED = 2, 3, 70, 130
_FULL = "the disk is full: {}. There is no verdict. Make room in the temporary folder, or name another one in TMPDIR."


class Carried(Exception):  # noqa: N818 - not an error of its own
    """An OSError on its way past click, which would exit with the code of *fail* where it is a closed pipe."""


@contextlib.contextmanager
def carried() -> Iterator[None]:
    """Let no OSError come to click as one."""
    try:
        yield
    except OSError as error:
        raise Carried from error


def run(command: Callable[[], Any]) -> int:
    """Run a command to its end, and say what has to be said.

    Arguments:
        command: exits with the code of its verdict, or returns; whatever it raises is told without a traceback, but where
            it is a bug in acidtest.

    Returns:
        The exit code.
    """
    _write_what_can_be_written()
    interrupt.listen()
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, interrupt.interrupt)  # so that what was made is cleaned up
    try:
        code = _code(command)
        _flush()
    except OSError as error:  # it cannot be said on the standard output, so nobody can have read a verdict
        code = _unheard(error)
    return code


def _code(command: Callable[[], Any]) -> int:
    try:
        command()
    except Carried as error:
        return _told(error.__cause__ or error)
    except BaseException as error:  # noqa: BLE001 - nothing escapes: the interpreter would exit with the code of *fail*
        return _told(error)
    return 0


def _told(error: BaseException) -> int:
    """Say what an exception means; its exit code."""
    if isinstance(error, SystemExit) and _is_exit_of_ours(error):
        return error.code if isinstance(error.code, int) else 0
    if isinstance(error, click.ClickException):
        error.show()
        return USAGE
    if interrupt.has_come() or isinstance(error, (KeyboardInterrupt, click.Abort)):
        return _interrupted()
    if isinstance(error, AcidtestError) and not isinstance(error, HarnessError):
        _say(f"acidtest: {error}")
        return USAGE
    if isinstance(error, OSError) and _is_of_output(error):
        raise error
    full = _is_full_disk(error)
    if not full and (isinstance(error, HarnessError) or is_ours(error)):
        return _ask_for_report(error)
    _say(f"acidtest: {_FULL.format(error) if full else adapters_mistake(error)}")
    return USAGE


def _is_full_disk(error: BaseException) -> bool:
    return full_disk(error) is not None


def adapters_mistake(error: BaseException) -> str:
    """What is said of an exception of the adapter's that nobody but the adapter can mend."""
    where = place_of(error)
    at = f" at {where}" if where else ""
    if isinstance(error, SystemExit):
        return (
            f"The code under test ended the interpreter by sys.exit({error.code!r}){at}, outside of any call that is checked. "
            "There is no verdict. Let it raise an error that says what is wrong, or return."
        )
    return (
        f"The code under test raised {told(error)}{at}, where nobody can catch it. That ends the search, so there is no verdict. "
        "Catch it, or raise an Exception in a method of the port."
    )


def _interrupted() -> int:
    _say("\nacidtest: interrupted. What is printed above is what was known so far; there is no verdict.")
    return INTERRUPTED


def _ask_for_report(error: BaseException) -> int:
    lines = traceback.format_exception(error)
    _say(
        "acidtest: this is an error of acidtest itself, not of the code under test, and there is no verdict. Please report it "
        f"with all that follows:\n\nacidtest {__version__}, Python {platform.python_version()}, {sys.platform}\n{''.join(lines)}"
    )
    return OURS


def _is_exit_of_ours(error: SystemExit) -> bool:
    """Whether it is the end of a command, not one of the code under test's."""
    name = _last_module(error)
    return name == "acidtest.cli" or name.partition(".")[0] == "click"


def _last_module(error: BaseException) -> str:
    """The module that raised an error."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return "" if last is None else str(last.tb_frame.f_globals.get("__name__", ""))


# The standard output:


def _write_what_can_be_written() -> None:
    """Where the encoding of a stream lacks a character, write it as an escape: a report is no reason to fail."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()


def _is_of_output(error: OSError) -> bool:
    """Whether it was the output that failed: that is written by click alone."""
    return _last_module(error).partition(".")[0] == "click"


def _unheard(error: OSError) -> int:
    """The exit code where the output could not be written; a reader that has seen enough needs no message."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # or the interpreter tries once more, and complains
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return INCONCLUSIVE
    _say(f"acidtest: the standard output cannot be written: {error}. The verdict was not told. Write it where there is space.")
    return USAGE


def _say(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        click.echo(inert(text), err=True)


# What is asked for:


class Command(click.Command):
    """A command that refuses values which click takes, and which mean nothing."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse numbers that are none, and names that are empty.

        Raises:
            UsageError: there is one.
        """
        rest = super().parse_args(ctx, args)
        for option in self.params:
            if option.name is not None and ctx.get_parameter_source(option.name) == ParameterSource.COMMANDLINE:
                given = ctx.params.get(option.name)
                for value in given if isinstance(given, tuple) else (given,):
                    _refuse_nothing(option.opts[0], value)
        return rest


def _refuse_nothing(name: str, value: object) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        message = f"{name} is {value}, which is no length of time, so nothing would be bounded by it. Give a number, or leave it out."
        raise UsageError(message)
    if value == "":
        message = f"{name} is empty, so it names nothing. Give a name, or leave it out."
        raise UsageError(message)


def check_writable(_ctx: click.Context, _option: click.Parameter, file: str | None) -> str | None:
    """Whether a file can be written in the end; asked before the work that it is to hold.

    Raises:
        UsageError: it cannot.
    """
    file = check_place(_ctx, _option, file)
    if file:
        journal.tell(journal.FILE, str(Path(file).absolute()))  # for whoever has to write it in our place
    return file


def check_place(_ctx: click.Context, _option: click.Parameter, file: str | None) -> str | None:
    """The same, of a file that nobody else could write in our place.

    Raises:
        UsageError: it cannot.
    """
    if file:
        folder = Path(file).absolute().parent
        if not folder.is_dir():
            message = f"{file} cannot be written: there is no folder {folder}. Make it, or name another file."
            raise UsageError(message)
        if not os.access(file if Path(file).exists() else folder, os.W_OK):
            message = f"{file} cannot be written: {folder} does not allow it. Name another file."
            raise UsageError(message)
    return file
