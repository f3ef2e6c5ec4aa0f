"""Ctrl-C comes from outside: it ends the search, whereas a KeyboardInterrupt of code under test ends a simulated process.

It strikes wherever the interpreter is, as a rule in code under test, which may catch it. So whoever lets that code run
asks afterwards whether it has come.
"""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

#: A supervisor passes on what a terminal sends to both: what comes again so soon is the same, in seconds.
_AT_ONCE = 1.0
_come = False
_since = 0.0


def listen() -> None:
    """Begin to take note; harmless when called again. Off where there is a handler of someone else's, or no main thread."""
    global _come  # noqa: PLW0603 - signals are of the whole interpreter
    _come = False
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)


def interrupt(_number: int = 0, _frame: FrameType | None = None) -> None:
    """End the search.

    Raises:
        KeyboardInterrupt: always, but where it was raised just now.
    """
    global _come, _since  # noqa: PLW0603 - signals are of the whole interpreter
    now = time.monotonic()
    if not _come or now - _since > _AT_ONCE:
        _come, _since = True, now
        raise KeyboardInterrupt


def has_come() -> bool:
    """Whether the search is to end."""
    return _come
