"""The workloads of the stateful search of the chain: transfers, and services that take them on beside each other."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from acidtest.properties.outbox_inbox.scopes import MONTHS, SCOPES, accounts, transfer
from acidtest.properties.shared.scopes import DAY
from acidtest.properties.shared.stories import Story, clients_of, opened, pairs
from acidtest.workload import ENVIRONMENT, Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable

_HANDLE, _RELAY, _PURGE = Operation("", "handle", (), 0, "message"), Operation("", "relay"), Operation("", "purge")
_JUMP, _LATER = Operation("", "jump", (2 * DAY,)), Operation("", "jump", (MONTHS,))


def _transfer(key: str, account: str, amount: int) -> Operation:
    return transfer("", key, account, amount)


def _stories(first: int, a: str, b: str, c: str) -> tuple[Story, ...]:
    """The stories, with keys from this number on.

    Arguments:
        first: the number of the first key.
        a: an account that holds 100.
        b: another.
        c: one that holds 17.
    """
    k1, k2, k3 = (f"k{number}" for number in range(first, first + 3))
    return (
        Story("one transfer", {"source-1": (_transfer(k1, a, 61),)}),
        Story("all there is", {"source-1": (_transfer(k1, c, 17),)}),
        Story("one key twice at once", {"source-1": (_transfer(k1, a, 41),), "source-2": (_transfer(k1, a, 41),)}),
        Story("one key for something else", {"source-1": (_transfer(k1, a, 41), _transfer(k1, a, 23))}),
        Story("two that cannot both be paid", {"source-1": (_transfer(k1, a, 62),), "source-2": (_transfer(k2, a, 53),)}),
        Story("two from one account", {"source-1": (_transfer(k1, a, 43), _transfer(k2, a, 24))}),
        Story("two of two accounts", {"source-1": (_transfer(k1, a, 64),), "source-2": (_transfer(k2, b, 27),)}),
        Story("what is refused, again and for something else", {
            "source-1": (_transfer(k1, a, 161), _transfer(k1, a, 161), _transfer(k1, a, 29), _transfer(k2, b, 13), _transfer(k2, a, 13)),
        }),
        Story("what is invalid", {"source-1": (_transfer(k1, "nobody", 50), _transfer(k2, a, 0), _transfer(k3, a, -18))}),
        Story("two days later", {"source-1": (_transfer(k1, a, 65),), ENVIRONMENT: (_JUMP,)}),
        Story("forty days later", {"source-1": (_transfer(k1, a, 66),), ENVIRONMENT: (_LATER,)}),
    )  # fmt: skip


_ACCOUNTS = accounts(A=100, B=100, C=17, D=100, E=100, F=17)
#: Whom a client calls; in the order in which they come on the default schedule.
_PROCESSES = {
    **{name: name for name in ("source-1", "source-2", "middle-1", "sink-1", ENVIRONMENT, "middle-2")}, "sink-1 later": "sink-1",
}  # fmt: skip
STORIES = _stories(1, "A", "B", "C")


@cache
def workloads(kinds: tuple[str, ...]) -> tuple[tuple[Scope, ...], ...]:
    """Each story, and each after each other; and of the scopes those in which it matters in which order messages come, or that time passes."""
    rows = pairs(STORIES, _stories(4, "D", "E", "F"))
    return (
        *(tuple(_workload(story, kinds) for story in row) for row in rows),
        *opened(SCOPES, ("out of order",), ("reordered", "duplicated"), _ACCOUNTS),
        # Only while another message is there to begin with may a call be given one that is being handled.
        *opened(SCOPES, ("two of one account",), ("redelivered", "duplicated"), _ACCOUNTS),
        *opened(SCOPES, ("cleaning beside",), ("crash", "duplicated"), _ACCOUNTS),
        *opened(SCOPES, ("backup",), ("backup",), _ACCOUNTS),
        *opened(SCOPES, ("comparing",), ("crash", "backup", "lost"), _ACCOUNTS),
        *opened(SCOPES, ("equal transfers", "outage", "late relays", "forty days"), (), _ACCOUNTS),
    )


def _workload(story: Story, kinds: Iterable[str]) -> Scope:
    """With two processes of the middle, of which the second also cleans away what is old, as the sink does."""
    n = sum(operation.method == "execute" for operations in story.clients.values() for operation in operations)
    turn = _HANDLE, _RELAY
    clients = clients_of(
        Story(story.name, {
            "source-1": (*story.clients.get("source-1", ()), *(_RELAY,) * (n + 1)),
            "source-2": (*story.clients.get("source-2", ()), *((_RELAY,) if "source-2" in story.clients else ())),
            "middle-1": turn * n, ENVIRONMENT: story.clients.get(ENVIRONMENT, ()), "sink-1": (_HANDLE,) * n,
            "middle-2": (_PURGE, *turn), "sink-1 later": (_PURGE, _HANDLE),
        }),
        _PROCESSES,
    )  # fmt: skip
    return Scope(story.name, "a drawn workload", _ACCOUNTS, clients, faults=2, kinds=frozenset(kinds), unsteady=True)
