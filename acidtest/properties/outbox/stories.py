"""The workloads of the stateful search of the outbox: withdrawals, and relays that poll beside them and after them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from acidtest.properties.outbox.scopes import SCOPES
from acidtest.properties.shared.scopes import DAY
from acidtest.properties.shared.stories import Story, clients_of, opened, pairs
from acidtest.workload import ENVIRONMENT, Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable

_POLL = Operation("", "relay")
_JUMP, _OUTAGE = Operation("", "jump", (40 * DAY,)), Operation("", "outage")


def _withdraw(key: str, account: str, amount: int, retries: int = 1) -> Operation:
    return Operation("", "execute", (key, account, amount), retries)


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
        Story("one withdrawal", {"app-1": (_withdraw(k1, a, 61),)}),
        Story("the last unit", {"app-1": (_withdraw(k1, c, 7),)}),
        Story(
            "one key twice at once, and for something else",
            {"app-1": (_withdraw(k1, a, 41),), "app-2": (_withdraw(k1, a, 41), _withdraw(k1, a, 23))},
        ),
        Story("two that cannot both be paid", {"app-1": (_withdraw(k1, a, 62),), "app-2": (_withdraw(k2, a, 52),)}),
        Story("two of accounts of their own at once", {"app-1": (_withdraw(k1, a, 44),), "app-2": (_withdraw(k2, b, 16),)}),
        Story(
            "two at once, by processes that also relay",
            {"app-1": (_withdraw(k1, a, 63), _POLL), "app-2": (_withdraw(k2, a, 12), _POLL)},
        ),
        Story(
            "two of one account at once, and one poll",
            {"app-1": (_withdraw(k1, a, 43),), "app-2": (_withdraw(k2, a, 14),), "relay-1": (_POLL,), "relay-2": ()},
        ),
        Story(
            "two of one account, by a process that also relays",
            {"app-1": (_withdraw(k1, a, 42), _withdraw(k2, a, 9), _POLL, _POLL)},
        ),
        Story(
            "three of three accounts, by the only process",
            {
                "app-1": (_withdraw(k1, a, 64, 0), _withdraw(k2, b, 15, 0), _withdraw(k3, c, 5, 0), _POLL, _POLL),
                "relay-1": (), "relay-2": (),
            },
        ),
        Story(
            "a relay whose lease runs out, and then the broker is down",
            {"app-1": (_withdraw(k1, a, 65), _POLL), ENVIRONMENT: (Operation("", "jump", (DAY,)),), "the broker": (_OUTAGE,)},
        ),
        Story("a month before the next poll", {"app-1": (_withdraw(k1, a, 66),), ENVIRONMENT: (_JUMP,)}),
        Story(
            "what is refused, again and for something else",
            {
                "app-1": (
                    _withdraw(k1, a, 161), _withdraw(k1, a, 161), _withdraw(k1, a, 29), _withdraw(k2, b, 11), _withdraw(k2, b, 11),
                    _withdraw(k2, b, 24), _withdraw(k2, a, 11),
                ),
            },
        ),
        Story("what is invalid", {"app-1": (_withdraw(k1, "nobody", 5), _withdraw(k2, a, 0), _withdraw(k3, a, -8))}),
        Story("a message that is refused for ever", {"app-1": (_withdraw(k1, "P", 6 + first), _withdraw(k2, a, 31))}),
    )  # fmt: skip


_ACCOUNTS = (("A", 100), ("B", 100), ("C", 7), ("D", 100), ("E", 100), ("F", 7), ("P", 1_000_000))
_PROCESSES = {
    "app-1": "app-1", "app-2": "app-2", ENVIRONMENT: ENVIRONMENT, "relay-1": "relay-1", "the broker": ENVIRONMENT, "relay-2": "relay-2",
}  # fmt: skip
STORIES = _stories(1, "A", "B", "C")


@cache
def workloads(kinds: Iterable[str]) -> tuple[tuple[Scope, ...], ...]:
    """Each story, and each after each other; and the scopes in which it is the length that matters."""
    rows = pairs(STORIES, _stories(4, "D", "E", "F"))
    drawn = tuple(tuple(_workload(story, kinds) for story in row) for row in rows)
    return (*drawn, *opened(SCOPES, ("late relay", "poison", "outage"), kinds, _ACCOUNTS))


def _workload(story: Story, kinds: Iterable[str]) -> Scope:
    """With two relays, the first of which polls twice, unless the story says otherwise."""
    clients = clients_of(Story(story.name, {"relay-1": (_POLL, _POLL), "relay-2": (_POLL,), **story.clients}), _PROCESSES)
    refused = any(operation.arguments[1:2] == ("P",) for one in clients for operation in one.operations)
    return Scope(
        story.name, "a drawn workload", _ACCOUNTS, clients, faults=2, kinds=frozenset(kinds), poison=("P",) * refused, unsteady=True,
    )  # fmt: skip
