"""The workloads of the stateful search of event-sourced accounts."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from acidtest.properties.event_sourcing.scopes import SCOPES, handle, legacy
from acidtest.properties.shared.scopes import DAY
from acidtest.properties.shared.stories import Story, clients_of, opened, pairs
from acidtest.workload import ENVIRONMENT, Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable

_POLL, _BALANCES, _REBUILD = Operation("", "poll"), Operation("", "balances"), Operation("", "rebuild")
_JUMP, _OUTAGE = Operation("", "jump", (40 * DAY,)), Operation("", "outage")


def _snapshot(account: str) -> Operation:
    return Operation("", "snapshot", (account,))


def _stories(first: int, a: str, b: str) -> tuple[Story, ...]:
    """The stories, with keys from this number on.

    Arguments:
        first: the number of the first key.
        a: an account that holds 100.
        b: another.
    """
    k1, k2, k3, k4 = (f"k{number}" for number in range(first, first + 4))
    return (
        Story("one command", {"app-1": (handle("", k1, a, -61), _POLL)}),
        Story(
            "one key twice at once, and for something else",
            {"app-1": (handle("", k1, a, -41),), "app-2": (handle("", k1, a, -41), handle("", k1, a, -23))},
        ),
        Story("two that cannot both be paid", {"app-1": (handle("", k1, a, -62), _BALANCES), "app-2": (handle("", k2, a, -52),)}),
        Story(
            "two of one process, and balances",
            {"app-1": (handle("", k1, a, -43), _BALANCES), "beside app-1": (handle("", k2, a, 12), _BALANCES)},
        ),
        Story(
            "processes that remember, and snapshots",
            {
                "app-1": (handle("", k1, a, -13), _snapshot(a), _BALANCES, handle("", k3, a, -7), _BALANCES),
                "app-2": (handle("", k2, a, 41), _snapshot(a), _BALANCES, handle("", k4, a, -9), _snapshot(a)),
            },
        ),
        Story(
            "the previous release",
            {"app-1": (legacy("", k1, a, -61), handle("", k2, a, 17), legacy("", k3, a, -29)), "app-2": (_BALANCES, handle("", k4, a, -4), _snapshot(a))},
        ),
        Story(
            "a rebuild, and what others were told",
            {"app-1": (handle("", k1, a, -15), handle("", k2, a, 21), _POLL, _snapshot(a), _REBUILD, _POLL, handle("", k3, a, -8), _POLL)},
        ),
        Story(
            "what is refused, again and for something else",
            {"app-1": (handle("", k1, a, -161), handle("", k1, a, -161), handle("", k1, a, -29), handle("", k2, b, -11), handle("", k2, b, -24))},
        ),
        Story("what is invalid", {"app-1": (handle("", k1, "nobody", 5), handle("", k2, a, 0))}),
        Story("months later", {"app-1": (handle("", k1, a, -66), _snapshot(a)), ENVIRONMENT: (_JUMP,), "app-2": (handle("", k1, a, -66),)}),
        Story("an outage", {"app-1": (handle("", k1, a, -18), handle("", k2, a, 6), _POLL), "the broker": (_OUTAGE,)}),
    )  # fmt: skip


_ACCOUNTS = (("A", 100), ("B", 50), ("C", 100), ("D", 50))
_PROCESSES = {"app-1": "app-1", "app-2": "app-2", "beside app-1": "app-1", ENVIRONMENT: ENVIRONMENT, "the broker": ENVIRONMENT}
STORIES = _stories(1, "A", "B")


@cache
def workloads(kinds: Iterable[str]) -> tuple[tuple[Scope, ...], ...]:
    """Each story, and each after each other; and the scopes in which it is the length that matters."""
    rows = pairs(STORIES, _stories(5, "C", "D"))
    drawn = tuple(tuple(_workload(story, kinds) for story in row) for row in rows)
    return (*drawn, *opened(SCOPES, ("many commands", "outage"), kinds, _ACCOUNTS))


def _workload(story: Story, kinds: Iterable[str]) -> Scope:
    clients = clients_of(story, _PROCESSES)
    return Scope(story.name, "a drawn workload", _ACCOUNTS, clients, faults=2, kinds=frozenset(kinds), unsteady=True)
