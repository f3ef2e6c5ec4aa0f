"""`threading.local`: what each thread has for itself, where the threads of a simulated process are tasks.

As Python's own that is written in Python (`_threading_local`), but by the threads of the world where code under test runs.
"""

from __future__ import annotations

import _thread
import threading
import weakref
from typing import Any

from acidtest.world.core.lanes import Lane
from acidtest.world.core.process import current_lane

_real_lock: Any = _thread.allocate_lock
_RLock: Any = threading.RLock
_real: Any = _thread._local  # noqa: SLF001 - as it is called
_KEPT = "_acidtest_kept"


class Kept:
    """What a `Local` has for each thread: in the world by lanes, elsewhere in Python's own; `made` says how each is initialised."""

    __slots__ = ("by_lane", "elsewhere", "lock", "made")

    def __init__(self, made: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
        """Nobody has anything."""
        self.made = made
        self.lock = _RLock()
        self.by_lane: weakref.WeakKeyDictionary[Lane, dict[str, Any]] = weakref.WeakKeyDictionary()
        self.elsewhere = _real()

    def present(self) -> dict[str, Any] | None:
        """What the present thread has; None where it has not been initialised."""
        lane = current_lane()
        found: dict[str, Any] | None = getattr(self.elsewhere, "kept", None) if lane is None else self.by_lane.get(lane)
        return found

    def begin(self) -> dict[str, Any]:
        """Let the present thread have something."""
        lane, found = current_lane(), dict[str, Any]()
        if lane is None:
            self.elsewhere.kept = found
        else:
            self.by_lane[lane] = found
        return found


class Local:
    """Storage of a thread's own."""

    __slots__ = ("__dict__", "__weakref__", _KEPT)

    def __new__(cls, /, *args: Any, **options: Any) -> Any:
        """Make one; a subclass is initialised anew in each thread that uses it."""
        if (args or options) and cls.__init__ is object.__init__:
            message = "Initialization arguments are not supported"
            raise TypeError(message)
        self = object.__new__(cls)
        kept = Kept((args, options))
        object.__setattr__(self, _KEPT, kept)
        kept.begin()
        return self

    def __getattribute__(self, name: str) -> Any:
        """What the present thread has."""
        with _entered(self):
            return object.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Let the present thread have something."""
        _may_change(self, name)
        with _entered(self):
            object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        """Let the present thread have something no more."""
        _may_change(self, name)
        with _entered(self):
            object.__delattr__(self, name)


def _may_change(local: Local, name: str) -> None:
    if name == "__dict__":
        message = f"{type(local).__name__!r} object attribute '__dict__' is read-only"
        raise AttributeError(message)


class _entered:  # noqa: N801 - as contextlib's
    """While a `Local` is used, its attributes are those of the present thread."""

    __slots__ = ("_kept", "_local")

    def __init__(self, local: Local) -> None:
        self._local = local
        self._kept: Kept = object.__getattribute__(local, _KEPT)

    def __enter__(self) -> None:
        kept, local = self._kept, self._local
        kept.lock.acquire()
        found = kept.present()
        first = found is None
        object.__setattr__(local, "__dict__", kept.begin() if found is None else found)
        if first and type(local).__init__ is not object.__init__:
            args, options = kept.made
            type(local).__init__(local, *args, **options)
            object.__setattr__(local, "__dict__", kept.present())

    def __exit__(self, *_: object) -> None:
        self._kept.lock.release()
