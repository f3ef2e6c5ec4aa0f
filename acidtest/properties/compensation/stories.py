"""The workloads of the stateful search of compensating transactions."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from acidtest.properties.compensation.scopes import SCOPES, Change
from acidtest.properties.shared.scopes import DAY
from acidtest.properties.shared.stories import Story, clients_of, opened, pairs
from acidtest.workload import ENVIRONMENT, Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable


def _do(key: str, *changes: Change, retries: int = 1) -> Operation:
    return Operation("", "do", (key, changes), retries)


def _undo(key: str, retries: int = 1) -> Operation:
    return Operation("", "undo", (key,), retries)


def _stories(first: int, a: str, b: str, c: str) -> tuple[Story, ...]:
    """The stories, with keys from this number on.

    Arguments:
        first: the number of the first key.
        a: an account that holds 100.
        b: one that holds 10.
        c: one that holds 40.
    """
    k1, k2, k3 = (f"k{number}" for number in range(first, first + 3))
    return (
        Story("a refund", {"app-1": (_do(k1, (a, -61), (b, 61)), _undo(k1))}),
        Story("two refunds of one payment at once", {"app-1": (_do(k1, (a, -41)), _undo(k1)), "app-2": (_undo(k1),)}),
        Story(
            "a refund overtakes its payment",
            {"app-1": (_do(k1, (a, -37), (b, 37)),), "app-2": (_undo(k1), _do(k1, (a, -37), (b, 37)))},
        ),
        Story(
            "a refund of what was spent, and again when it is back",
            {
                "app-1": (
                    _do(k1, (a, -53), (b, 53)), _do(k2, (b, -23)), _undo(k1), _undo(k1),
                    _do(k1, (a, -53), (b, 53)), _undo(k2), _undo(k1),
                ),
            },
        ),
        Story(
            "others spend and pay in meanwhile",
            {
                "app-1": (_do(k1, (a, -31), (b, 31), retries=0), _undo(k1, retries=0)),
                "app-2": (_do(k2, (b, -19), retries=0), _do(k3, (a, 7), retries=0)),
            },
        ),
        Story(
            "one key twice at once, and for something else",
            {"app-1": (_do(k1, (a, -29)),), "app-2": (_do(k1, (a, -29)), _do(k1, (a, -17)), _undo(k1))},
        ),
        *_further_stories(first, a, b, c),
    )  # fmt: skip


def _further_stories(first: int, a: str, b: str, c: str) -> tuple[Story, ...]:
    """Further stories; see `_stories`."""
    k1, k2, k3, k4 = (f"k{number}" for number in range(first, first + 4))
    return (
        Story("changes of accounts of their own at once", {"app-1": (_do(k1, (a, -43)), _undo(k1)), "app-2": (_do(k2, (c, -15)),)}),
        Story(
            "what was refused, when the money is there",
            {
                "app-1": (
                    _do(k1, (b, -68)), _do(k2, (a, -59), (b, 59)), _do(k1, (b, -68)), _do(k1, (b, -5)),
                    _undo(k1),
                ),
            },
        ),
        Story("the last unit", {"app-1": (_do(k1, (c, -40)), _undo(k1))}),
        Story(
            "what is invalid",
            {"app-1": (_do(k1, (a, -3), ("nobody", 3)), _undo(k1), _do(k2, (a, 0)), _do(k3), _undo(k3), _undo(k4))},
        ),
        Story(
            "one account twice, which others need",
            {"app-1": (_do(k1, (c, 50), (c, -30)), _do(k2, (c, -35)), _undo(k1), _undo(k2))},
        ),
        Story(
            "a month later",
            {
                "app-1": (_do(k1, (a, -43)), _undo(k1), _undo(k2), _do(k3, (a, -13))),
                ENVIRONMENT: (Operation("", "jump", (40 * DAY,)),),
                "app-2": (_do(k1, (a, -43)), _undo(k1), _do(k2, (a, -11)), _do(k3, (a, -13)), _undo(k3)),
            },
        ),
        Story(
            "two payments of one account at once",
            {
                "app-1": (_do(k1, (a, -67), retries=0), _undo(k1, retries=0)),
                "app-2": (_do(k2, (a, -14), retries=0), _undo(k2, retries=0)),
            },
        ),
    )  # fmt: skip


_ACCOUNTS = (("A", 100), ("B", 10), ("C", 40), ("D", 100), ("E", 10), ("F", 40))
STORIES = _stories(1, "A", "B", "C")
_CLIENTS = {"app-1": "app-1", ENVIRONMENT: ENVIRONMENT, "app-2": "app-2"}


@cache
def workloads(kinds: Iterable[str]) -> tuple[tuple[Scope, ...], ...]:
    """Each story, and each after each other; and the scopes in which it is the length that matters."""
    rows = pairs(STORIES, _stories(5, "D", "E", "F"))
    drawn = tuple(tuple(_workload(story, kinds) for story in row) for row in rows)
    return (*drawn, *opened(SCOPES, ("long pause",), kinds, _ACCOUNTS))


def _workload(story: Story, kinds: Iterable[str]) -> Scope:
    clients = clients_of(story, _CLIENTS)
    return Scope(story.name, "a drawn workload", _ACCOUNTS, clients, faults=2, kinds=frozenset(kinds), unsteady=True)
