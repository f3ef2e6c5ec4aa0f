"""Whose fault it is: every error that acidtest raises, by owner.

AcidtestError
├── UsageError            the caller's: unknown pattern, missing port method, wrong option
├── ContractError         the adapter's: wrong return type, a view that cannot be read
├── NondeterminismError   the code under test depends on something that acidtest does not control
├── BackendUnavailable    a server that is needed cannot be reached
└── HarnessError          ours: a bug in acidtest

Every message says what happened, with which value, why it matters and what to do.
"""

from __future__ import annotations

import sysconfig
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import CodeType, TracebackType

_OURS = str(Path(__file__).parent)
#: Written as code under test is, and treated like it.
_ADAPTERS = str(Path(_OURS, "impl"))


def inert(text: str) -> str:
    """The text with all escaped that would not be seen as itself: control characters, escape sequences, direction marks.

    A terminal obeys these, and what is read in a log is then not what was there. Lines stay lines.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


class AcidtestError(Exception):
    """The base of every error that acidtest raises on its own account; its text is inert, whatever it quotes."""

    def __str__(self) -> str:
        """The message, to be printed anywhere."""
        return inert(super().__str__())


class UsageError(AcidtestError):
    """The caller asked for something that does not exist or cannot be done."""

    @classmethod
    def unknown(cls, what: str, value: object, known: Iterable[object]) -> UsageError:
        """The error for a name that is not in a list, with the list.

        Arguments:
            what: what kind of thing was named.
            value: the name that was given.
            known: those that there are.
        """
        listed = ", ".join(str(name) for name in known) or "none"
        return cls(f"There is no {what} {str(value)!r}. Known: {listed}.")


class ContractError(AcidtestError):
    """The adapter does not keep to its port: a missing method, a wrong return type, a view that cannot be read."""


class NondeterminismError(AcidtestError):
    """The same schedule gave different effects: the code under test uses something that is not controlled."""


class BackendUnavailable(AcidtestError):  # noqa: N818 - the name says what it is; "Error" would add nothing
    """A database server that is needed cannot be reached; the message says which and how to start it."""


class HarnessError(AcidtestError):
    """A bug in acidtest itself."""

    def __init__(self, message: str) -> None:
        """Add to `message` the request for a report."""
        super().__init__(f"{message} This is a bug in acidtest: please report it with this message.")


def text_of(error: BaseException) -> str:
    """The text of an error, also where its own `__str__` raises: errors of code under test must never become ours."""
    try:
        return str(error).strip()
    except (Exception, SystemExit) as other:  # noqa: BLE001 - it may raise anything
        return f"(its text cannot be shown: __str__ raised {type(other).__name__})"


def told(error: BaseException) -> str:
    """An error in words: its type and its text."""
    text = text_of(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def place_of(error: BaseException) -> str:
    """Where in the user's own files an error was raised, as file, line and function; empty where it was in none of them."""
    if isinstance(error, SyntaxError) and error.filename and not _is_library(error.filename):
        return f"{error.filename}, line {error.lineno}"
    return next(reversed(places_of(error)), "")


def places_of(error: BaseException) -> list[str]:
    """The frames of an error that are in the user's own files, the innermost last."""
    return [place(code, line) for code, line in _frames(error.__traceback__) if is_users(code.co_filename)]


def place(code: CodeType, line: int | None) -> str:
    """A place in code, in words."""
    name = code.co_qualname if hasattr(code, "co_qualname") else code.co_name
    return f"{code.co_filename}, line {line}" if name == "<module>" else f"{code.co_filename}, line {line}, in {name}"


def is_ours(error: BaseException) -> bool:
    """Whether an error was raised by acidtest itself, rather than by code of the user's that it called.

    Libraries do what they are told: they do not count.
    """
    files = [code.co_filename for code, _ in _frames(error.__traceback__)]
    owned = [file for file in files if is_users(file) or is_acidtest(file)]
    return not owned or is_acidtest(owned[-1])


@cache
def is_users(file: str) -> bool:
    """Whether a file of code is neither acidtest's nor a library's."""
    return not (file.startswith("<") or is_acidtest(file) or _is_library(file))


@cache
def is_acidtest(file: str) -> bool:
    """Whether a file of code is acidtest's, and not one of the implementations that come with it."""
    return _is_in(file, _OURS) and not _is_in(file, _ADAPTERS)


def _is_library(file: str) -> bool:
    if not Path(file).exists():  # compiled code names files that need not be there
        return True
    paths = sysconfig.get_paths()
    return not _is_in(file, _OURS) and any(_is_in(file, paths[name]) for name in ("stdlib", "platstdlib", "purelib", "platlib"))


def _is_in(file: str, folder: str) -> bool:
    return Path(file).is_relative_to(folder)


def _frames(traceback: TracebackType | None) -> Iterator[tuple[CodeType, int | None]]:
    while traceback is not None:
        yield traceback.tb_frame.f_code, traceback.tb_lineno
        traceback = traceback.tb_next
