"""What scopes are made of: clients, what opens a scope, and changes of the environment."""

from __future__ import annotations

from typing import Any

from acidtest.workload import ENVIRONMENT, Client, Operation

#: A day, in seconds.
DAY = 86_400.0


def client(process: str, *operations: Operation, name: str = "") -> Client:
    """A client of `process`; `name` where a process has several."""
    return Client(name or process, process, operations)


#: The opening of a scope: something that is there before, and goes on beside, what is explored.
BEFORE = "before"
IN_VAIN = ("down", BEFORE, "up")


def before(process: str, operation: Operation) -> Client:
    """A client that opens a scope, with something that nothing befalls."""
    return Client(BEFORE, process, (operation,))


def in_vain(process: str, operation: Operation) -> tuple[Client, ...]:
    """A client that opens a scope, while nothing that is outside can be reached: what it asks for is left unfinished."""
    down, up = (Client(name, ENVIRONMENT, (Operation(name, what),)) for name, what in (("down", "outage"), ("up", "restore")))
    return down, before(process, operation), up


def repeated(process: str, method: str, times: int) -> Client:
    """A client that calls a method without arguments again and again: a relay that polls, a process that recovers."""
    return Client(process, process, tuple(Operation(f"{process} {method} {i + 1}", method) for i in range(times)))


def environment(*changes: tuple[str, Any]) -> Client:
    """The environment: ("outage", None), ("restore", None) of the broker, ("jump", seconds) of the clock."""
    steps = tuple(Operation(f"{m} {a or ''}".strip(), m, () if a is None else (a,)) for m, a in changes)
    return Client(ENVIRONMENT, ENVIRONMENT, steps)
