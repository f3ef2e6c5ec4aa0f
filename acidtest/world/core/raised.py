"""What code under test has raised, as plain text: neither the exception nor its frames are kept alive."""

from __future__ import annotations

import sysconfig
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from acidtest.errors import text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

#: How much of a text and how many frames are kept: recursion has a thousand of them, and a statement many pages.
LONGEST, DEEPEST = 1_000, 8

_OURS = Path(__file__).parents[2]
#: Code under test that comes with acidtest.
_IMPLEMENTATIONS = _OURS / "impl"
_STANDARD = Path(sysconfig.get_path("stdlib"))
#: Where libraries lie, whatever they are installed in.
_LIBRARIES = {"site-packages", "dist-packages"}


@dataclass(frozen=True)
class Raised:
    """An exception of the code under test.

    Arguments:
        kind: the name of its type.
        text: its message.
        frames: (file, line, function) of the user's own code, the innermost last.
        by: what ended by it first: an operation, a process or a call.
    """

    kind: str
    text: str
    frames: tuple[tuple[str, int, str], ...]
    by: str = ""


def raised(error: BaseException) -> Raised:
    """An exception as text."""
    stack = [(frame.f_code.co_filename, line, frame.f_code.co_name) for frame, line in traceback.walk_tb(error.__traceback__)]
    text = text_of(error)
    text = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    return Raised(type(error).__name__, text, tuple(own(stack)[-DEEPEST:]))


def own(stack: Sequence[tuple[str, int, str]]) -> list[tuple[str, int, str]]:
    """Those of the frames that are the user's; of code that is installed like a library, what is no library that we know."""
    theirs = [frame for frame in stack if not _is_ours_or_standard(Path(frame[0]))]
    chosen = [frame for frame in theirs if not _LIBRARIES & set(Path(frame[0]).parts)]
    return [(_short(file), line, function) for file, line, function in chosen or theirs]


def _is_ours_or_standard(file: Path) -> bool:
    if str(file).startswith("<"):
        return True
    if file.is_relative_to(_OURS):
        return not file.is_relative_to(_IMPLEMENTATIONS)
    if _LIBRARIES & set(file.parts):
        return bool({"sqlalchemy", "psycopg", "pymysql", "greenlet", "redis", "hypothesis"} & set(file.parts))
    return file.is_relative_to(_STANDARD)


def _short(file: str) -> str:
    """A file as the user names it: from the current folder, where it lies in there."""
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file
