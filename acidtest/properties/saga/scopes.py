"""What the workloads of both styles are made of: orders, and time that passes."""

from __future__ import annotations

from typing import Any

from acidtest.workload import ENVIRONMENT, Client, Operation

#: The keys that clients use in all scopes.
KEYS = ("k1", "k2", "k3", "k4", "k5", "k6")
CRASH = frozenset({"crash"})
SILENCE = frozenset({"lost", "unacknowledged", "late"})


def order(name: str, key: str, account: str, amount: Any, item: str, quantity: Any, retries: int = 1) -> Operation:  # noqa: ANN401
    """A client places an order."""
    return Operation(name, "start", (key, account, amount, item, quantity), retries)


FIRST = order("o1", "k1", "A", 61, "book", 2)
SECOND = order("o2", "k2", "A", 13, "book", 4)
#: What opens a scope, beside them.
ANOTHER = order("o0", "k4", "A", 7, "book", 1)


def pause(number: int, seconds: float) -> Client:
    """Time passes; the number tells pauses of a scope apart."""
    return Client(f"pause {number}", ENVIRONMENT, (Operation(f"jump {number}", "jump", (seconds,)),))


def pauses(process: str, method: str, *seconds: float) -> tuple[Client, ...]:
    """Time passes, and a process calls a method without arguments, each time."""
    turns = [(pause(i, s), Client(f"{method} {i}", process, (Operation(f"{method} {i}", method),))) for i, s in enumerate(seconds, 1)]
    return tuple(one for turn in turns for one in turn)
