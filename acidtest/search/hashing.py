"""How strings hash: what code does in the order of a set of them depends on it, from one process to the next.

Python draws the seed of its hashes when it starts, and keeps it until it ends. So within one process a schedule leads to the same order
again and again; a failure file that another process reads may not. The command line starts with a seed that is always the same. Under
pytest nothing is started anew: a debugger, a coverage tool or pytest-xdist may own that process. There it is told.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What Python takes the seed from, and the seed of a command that was given none.
VARIABLE, USUAL = "PYTHONHASHSEED", "0"
#: What `hash_seed` is where Python has drawn it.
DRAWN = "random"


def hash_seed() -> str:
    """The seed of this process: a number, or that it was drawn."""
    given = os.environ.get(VARIABLE, "")
    if sys.flags.ignore_environment or (sys.flags.hash_randomization and not given.isdigit()):
        return DRAWN
    return given or USUAL


def start_anew_with_a_seed() -> None:
    """Start this process anew with the usual seed, by the same command line, where Python has drawn one and can be told another."""
    if hash_seed() == DRAWN and hasattr(os, "fork") and not sys.flags.ignore_environment:
        _become(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, VARIABLE: USUAL})


def _become(program: str, arguments: list[str], environment: Mapping[str, str]) -> NoReturn:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os.execve(program, arguments, environment)  # noqa: S606 - it is this program


def remark(seed: str) -> str:
    """What is to be said of a failure that was found with a seed, and is not there any more with ours; empty where that is the same."""
    if seed in ("", hash_seed()) and seed != DRAWN:
        return ""
    if seed == DRAWN:
        return (
            f" Strings had hashes of their own in the process that found it: if the code goes by the order of a set of them, find it again "
            f"with {VARIABLE}={USUAL}, as in `{VARIABLE}={USUAL} pytest …`."
        )
    return f" It was found with {VARIABLE}={seed}, and this is {hash_seed()}: if the code goes by the order of a set, replay it with that."
