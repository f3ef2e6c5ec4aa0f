"""SQLite's own clock and chance: in statements of code under test they are those of its process, in defaults of columns as well."""

from __future__ import annotations

import sqlite3
from functools import partial
from typing import TYPE_CHECKING, Any

from acidtest.world.core.process import current_process, current_task

if TYPE_CHECKING:
    from acidtest.world.core.process import Process

_connect, _create = sqlite3.connect, sqlite3.Connection.create_function
#: Functions of time, with the place of the argument that may be "now", or left out; and what stands for functions without any.
_OF_TIME = {"date": 0, "time": 0, "datetime": 0, "julianday": 0, "unixepoch": 0, "strftime": 1}
_CURRENT = {"CURRENT_TIMESTAMP": "datetime", "CURRENT_DATE": "date", "CURRENT_TIME": "time"}
_LARGEST = 1 << 63


def give(connection: sqlite3.Connection) -> None:
    """Let a connection have them."""
    for name, place in _OF_TIME.items():
        if name not in _MISSING:
            _create(connection, name, -1, partial(_told, name, place), deterministic=True)
    for name, function in _CURRENT.items():
        _create(connection, name, 0, partial(_told, function, 0))
    _create(connection, "random", 0, _random)
    _create(connection, "randomblob", 1, _blob)


def _told(name: str, place: int, *arguments: Any) -> Any:
    """What a function of time returns; a plain copy of SQLite computes it."""
    process = current_process()
    if process is not None and len(arguments) >= place and _asks_for_now(arguments[place : place + 1]):
        arguments = (*arguments[:place], _time(process), "unixepoch", *arguments[place + 1 :])
    return _computed(name, arguments)


def _asks_for_now(argument: tuple[Any, ...]) -> bool:
    return not argument or (isinstance(argument[0], str) and argument[0].strip().lower() == "now")


def _computed(name: str, arguments: tuple[Any, ...]) -> Any:
    marks = ", ".join("?" * len(arguments))
    return _plain.execute(f"SELECT {name}({marks})", arguments).fetchone()[0]  # noqa: S608 - a name of ours


def _time(process: Process) -> float:
    assert process.clock is not None  # noqa: S101 - every process has one
    task, told = current_task(), process.clock.time
    if task is not None:
        task.read_clock = True
        process.remember(told)
    return told


def _random() -> int:
    return int.from_bytes(_blob(8), "big") - _LARGEST


def _blob(size: int) -> bytes:
    process = current_process()
    if process is None:
        return bytes(_plain.execute("SELECT randomblob(?)", (size,)).fetchone()[0])
    return process.drawn(max(size, 1))


def _lacks(name: str) -> bool:
    try:
        _computed(name, ("%Y", "2026-01-01")[-1 - _OF_TIME[name] :])
    except sqlite3.OperationalError:
        return True
    return False


_plain = _connect(":memory:", isolation_level=None, check_same_thread=False)
_MISSING = frozenset(name for name in _OF_TIME if _lacks(name))
