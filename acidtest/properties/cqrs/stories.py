"""The workloads of the stateful search of CQRS: commands, with projectors, queries and rebuilds beside them and after them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from acidtest.properties.cqrs.scopes import SCOPES
from acidtest.properties.shared.stories import Story, clients_of, opened, pairs
from acidtest.workload import Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable

_PROJECT, _REBUILD = Operation("", "project"), Operation("", "rebuild", (), 1)


def _handle(key: str, account: str, amount: int, retries: int = 1) -> Operation:
    return Operation("", "handle", (key, account, amount), retries)


def _close(account: str) -> Operation:
    return Operation("", "close", (account,), 1)


def _query(account: str) -> Operation:
    return Operation("", "query", (account, None))


def _stories(first: int, a: str, b: str, c: str) -> tuple[Story, ...]:
    """The stories, with keys from this number on.

    Arguments:
        first: the number of the first key.
        a: an account that holds 100.
        b: another.
        c: one that holds 7.
    """
    k1, k2, k3 = (f"k{number}" for number in range(first, first + 3))
    return (
        Story("one command", {"app-1": (_handle(k1, a, -61), _query(a))}),
        Story("the last unit", {"app-1": (_handle(k1, c, -7), _query(c))}),
        Story(
            "one key twice at once, and for something else",
            {"app-1": (_handle(k1, a, -41),), "app-2": (_handle(k1, a, -41), _handle(k1, a, -23))},
        ),
        Story("two that cannot both be paid", {"app-1": (_handle(k1, a, -62),), "app-2": (_handle(k2, a, -52), _query(a))}),
        Story("two of one account, each with a query", {"app-1": (_handle(k1, a, -42), _query(a), _handle(k2, a, 9), _query(a))}),
        Story("two of two accounts, with two readers", {"app-1": (_handle(k1, a, -63), _query(b)), "app-2": (_handle(k2, b, 12), _query(a))}),
        Story(
            "two of one account, by a process that projects as well",
            {"app-1": (_handle(k1, a, -44), _PROJECT, _query(a), _handle(k2, a, 17), _PROJECT, _query(a)), "projector-1": ()},
        ),
        Story("a rebuild after two", {"app-1": (_handle(k1, a, -45), _PROJECT, _handle(k2, a, 19), _PROJECT), "app-2": (_REBUILD, _query(a))}),
        Story("a rebuild before the second", {"app-1": (_handle(k1, a, -46), _handle(k2, a, 21)), "app-2": (_query(a), _REBUILD, _query(a))}),
        Story("an account that is closed", {"app-1": (_handle(k1, a, -47), _query(a), _close(a), _query(a)), "app-2": (_handle(k2, a, 23),)}),
        Story(
            "what is refused, again and for something else",
            {
                "app-1": (
                    _handle(k1, a, -161), _handle(k1, a, -161), _handle(k1, a, -29), _handle(k2, b, -11), _handle(k2, b, -11),
                    _handle(k2, b, -24), _handle(k2, a, -11),
                ),
            },
        ),
        Story("what is invalid", {"app-1": (_handle(k1, "nobody", 5), _handle(k2, a, 0), _close("nobody"), _handle(k3, c, -8), _query("nobody"))}),
    )  # fmt: skip


_ACCOUNTS = (("A", 100), ("B", 100), ("C", 7), ("D", 100), ("E", 100), ("F", 7))
_PROCESSES = {"app-1": "app-1", "app-2": "app-2", "projector-1": "projector-1", "projector-2": "projector-2"}
#: Scopes that are workloads as well: what matters there is which client goes first, how much there is, or that one process is alone.
_OPENED = ("one process", "rebuild", "own command", "query again", "many commands")
STORIES = _stories(1, "A", "B", "C")


#: Two switches, each in its place, are seldom drawn among many. So this workload has few places, and is drawn as often as several others.
_SHORT = Scope(
    "readers beside one pump", "a query of an account beside a pump that shows a command, and one more query", _ACCOUNTS,
    clients_of(
        Story("", {"before": (_handle("k1", "A", -61),), "app-1": (_query("A"),), "projector-1": (_PROJECT,), "app-2": (_query("A"),)}),
        {"before": "app-1", "app-1": "app-1", "projector-1": "projector-1", "app-2": "app-2"},
    ),
    opening=("before",), unsteady=True,
)  # fmt: skip
_SHARES = 6


@cache
def workloads(kinds: Iterable[str]) -> tuple[tuple[Scope, ...], ...]:
    """Each story, and each after each other; and scopes in which it is the order or the length that matters."""
    rows = pairs(STORIES, _stories(4, "D", "E", "F"))
    stories = [tuple(_workload(story, kinds) for story in row) for row in rows]
    # A reader who is not answered leaves a lease behind, so that who comes after him fills the cache.
    return (
        *stories, *opened(SCOPES, ("readers",), ("unacknowledged",), _ACCOUNTS), *opened(SCOPES, _OPENED, (), _ACCOUNTS), *[(_SHORT,)] * _SHARES,
    )  # fmt: skip


def _workload(story: Story, kinds: Iterable[str]) -> Scope:
    """With two projectors, the first of which pumps twice, unless the story says otherwise."""
    clients = clients_of(Story(story.name, {"projector-1": (_PROJECT, _PROJECT), "projector-2": (_PROJECT,), **story.clients}), _PROCESSES)
    return Scope(story.name, "a drawn workload", _ACCOUNTS, clients, faults=2, kinds=frozenset(kinds), unsteady=True)
