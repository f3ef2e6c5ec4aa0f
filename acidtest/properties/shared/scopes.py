"""What scopes are made of: clients, what opens a scope, and changes of the environment."""

from __future__ import annotations

from typing import Any

from acidtest.workload import ENVIRONMENT, Client, Operation

#: An hour, and a day, in seconds.
HOUR, DAY = 3_600.0, 86_400.0
#: Long scopes go past the thresholds of code: so many attempts (a double overflows at the 1,025th doubling), more items than two
#: pages of a hundred, or than one where models make many dear, and pauses. What keeps something for a day keeps it for exactly
#: a day, so the first pause is a second longer.
ATTEMPTS, ITEMS, A_PAGE = 1_100, 250, 110
A_DAY, MONTHS, A_YEAR = LONG_PAUSES = DAY + 1.0, 40 * DAY, 400 * DAY


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


def pause(name: str, seconds: float) -> Client:
    """Time passes; the name tells pauses of a scope apart."""
    return Client(f"pause {name}", ENVIRONMENT, (Operation(f"jump {name}", "jump", (seconds,)),))


def again_and_again(*calls: tuple[str, str], times: int = ATTEMPTS) -> tuple[Client, ...]:
    """Calls of methods without arguments, over and over, an hour after each other, and now and then much later.

    Arguments:
        calls: (process, method) pairs.
        times: how often each is called.
    """
    seconds = [HOUR] * times
    seconds[3:12:3] = LONG_PAUSES  # early: a call may try a hundred times at once, and then not many are made
    found: list[Client] = []
    for i, after in enumerate(seconds, 1):
        found += [Client(f"{process} {method} {i}", process, (Operation(f"{process} {method} {i}", method),)) for process, method in calls]
        found.append(pause(str(i), after))
    return tuple(found[:-1])
