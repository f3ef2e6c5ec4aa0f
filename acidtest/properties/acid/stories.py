"""The workloads of the stateful search of local ACID transfers: transfers, and reads beside them and after them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from acidtest.properties.acid.scopes import SCOPES
from acidtest.properties.shared.scopes import DAY
from acidtest.properties.shared.stories import Story, clients_of, opened, pairs
from acidtest.workload import ENVIRONMENT, Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable


def _transfer(key: str, source: str, target: str, amount: int, retries: int = 1) -> Operation:
    return Operation("", "transfer", (key, source, target, amount), retries)


_READ = Operation("", "balances")


def _stories(first: int, a: str, b: str, c: str) -> tuple[Story, ...]:
    """The stories, with keys from this number on.

    Arguments:
        first: the number of the first key.
        a: an account that holds 150.
        b: one that holds 50.
        c: one that holds 10.
    """
    k1, k2, k3, k4 = (f"k{number}" for number in range(first, first + 4))
    return (
        Story("one transfer", {"app-1": (_transfer(k1, a, b, 61),)}),
        Story("the last unit", {"app-1": (_transfer(k1, c, a, 10),)}),
        Story(
            "one key twice at once, and for something else",
            {"app-1": (_transfer(k1, a, b, 41),), "app-2": (_transfer(k1, a, b, 41), _transfer(k1, a, b, 22))},
        ),
        Story("two that cannot both be paid", {"app-1": (_transfer(k1, a, b, 103),), "app-2": (_transfer(k2, a, b, 67),)}),
        Story("two in opposite directions at once", {"app-1": (_transfer(k1, a, b, 31),), "app-2": (_transfer(k2, b, a, 17),)}),
        Story(
            "two in one direction at once, by one process",
            {"app-1": (_transfer(k1, a, b, 29),), "app-3": (_transfer(k2, a, b, 12),)},
        ),
        Story("a read before it and after it", {"app-1": (_READ, _transfer(k1, a, b, 37, 0), _READ)}),
        Story("a read before another process's transfer", {"app-1": (_READ,), "app-2": (_transfer(k1, a, b, 38),)}),
        Story(
            "a month later",
            {"app-1": (_transfer(k1, a, b, 43),), ENVIRONMENT: (Operation("", "jump", (40 * DAY,)),), "app-2": (_transfer(k1, a, b, 43),)},
        ),
        Story(
            "what was refused, when the money is there",
            {
                "app-1": (
                    _transfer(k1, b, a, 63), _transfer(k2, a, b, 24), _transfer(k1, b, a, 63), _transfer(k1, b, a, 19),
                    _transfer(k2, a, b, 24), _transfer(k2, a, c, 24),
                ),
            },
        ),
        Story(
            "what is invalid",
            {
                "app-1": (
                    _transfer(k1, a, a, 3), _transfer(k2, a, b, -7), _transfer(k3, a, "nobody", 5), _transfer(k4, "nobody", a, 11),
                ),
            },
        ),
    )  # fmt: skip


_ACCOUNTS = (("A", 150), ("B", 50), ("C", 10), ("D", 150), ("E", 50), ("F", 10))
_PROCESSES = {
    "app-1": "app-1", ENVIRONMENT: ENVIRONMENT, "app-2": "app-2", "app-3": "app-1", "reader-2": "app-2", "reader-1": "app-1",
}  # fmt: skip
STORIES = _stories(1, "A", "B", "C")


@cache
def workloads(kinds: Iterable[str]) -> tuple[tuple[Scope, ...], ...]:
    """Each story, and each after each other; and the scopes in which it is the length that matters."""
    rows = pairs(STORIES, _stories(5, "D", "E", "F"))
    drawn = tuple(tuple(_workload(story, kinds) for story in row) for row in rows)
    return (*drawn, *opened(SCOPES, ("long after", "bystanders"), kinds, _ACCOUNTS))


def _workload(story: Story, kinds: Iterable[str]) -> Scope:
    """With reads by both processes, by one of them twice."""
    clients = clients_of(Story(story.name, {**story.clients, "reader-2": (_READ,), "reader-1": (_READ, _READ)}), _PROCESSES)
    return Scope(story.name, "a drawn workload", _ACCOUNTS, clients, faults=2, kinds=frozenset(kinds), unsteady=True)
