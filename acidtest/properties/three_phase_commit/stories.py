"""The workloads of the stateful search of three-phase commit: transactions, alone and one after the other."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from acidtest.properties.shared.network import connected
from acidtest.properties.shared.stories import OFTEN, Story, pairs
from acidtest.properties.three_phase_commit.port import SITES
from acidtest.properties.three_phase_commit.scopes import SCOPES, at, begin
from acidtest.workload import Client, Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NORTH, EAST, SOUTH, WEST = SITES


def _begin(key: str, *operations: tuple[str, str, int]) -> Operation:
    return begin("", key, *operations)


def _stories(first: int, a: str, b: str, c: str, d: str) -> tuple[Story, ...]:
    """The stories, with keys from this number on.

    Arguments:
        first: the number of the first key.
        a: an account of north that holds 100.
        b: one of east that holds 60.
        c: one of south that holds 40.
        d: one of west that holds 20.
    """
    k1, k2, k3 = (f"k{number}" for number in range(first, first + 3))
    return (
        Story("two sites", {NORTH: (_begin(k1, (NORTH, a, -13), (EAST, b, 13)),)}),
        Story("two sites, and a third alone", {NORTH: (_begin(k1, (NORTH, a, -15), (EAST, b, 15)),), SOUTH: (_begin(k2, (SOUTH, c, -7)),)}),
        Story("three sites", {NORTH: (_begin(k1, (NORTH, a, -61), (EAST, b, 54), (SOUTH, c, 7)),)}),
        Story("four sites, begun elsewhere", {EAST: (_begin(k1, (NORTH, a, -62), (EAST, b, 55), (SOUTH, c, 4), (WEST, d, 3)),)}),
        Story("the last cannot pay", {NORTH: (_begin(k1, (NORTH, a, -63), (EAST, b, 104), (SOUTH, c, -41)),)}),
        Story("one key again, and for something else", {
            NORTH: (_begin(k1, (NORTH, a, -14), (EAST, b, 14)), _begin(k1, (NORTH, a, -14), (EAST, b, 14)), _begin(k1, (NORTH, a, -8), (EAST, b, 8))),
        }),
        Story("two that two accounts can pay one of each", {
            NORTH: (_begin(k1, (NORTH, a, -64), (EAST, b, -31)),), EAST: (_begin(k2, (NORTH, a, -52), (EAST, b, -32)),),
        }),
        Story("what is invalid, or alone", {
            NORTH: (_begin(k1), _begin(k2, (NORTH, a, 0), (EAST, b, 11)), _begin(k3, (NORTH, a, -9))),
        }),
    )  # fmt: skip


_ACCOUNTS = (
    ("north/A", 100), ("east/B", 60), ("south/C", 40), ("west/D", 20), ("north/E", 100), ("east/F", 60), ("south/G", 40), ("west/H", 20),
)  # fmt: skip
STORIES = _stories(1, "A", "B", "C", "D")


@cache
def workloads(kinds: tuple[str, ...]) -> tuple[tuple[Scope, ...], ...]:
    """Each story, and each after each other; and the scopes that lift an assumption, in which little is promised."""
    rows = pairs(STORIES, _stories(4, "E", "F", "G", "H"))
    lifted = [replace(scope, accounts=_ACCOUNTS) for scope in SCOPES if scope.lifted]
    return (
        *(tuple(_workload(story, kinds) for story in row) for row in rows for _ in range(_often(row[0]))),
        *((scope,) for scope in lifted for _ in range(OFTEN)),
    )


def _often(story: Story) -> int:
    """How often a row comes: among many sites there are so many more moments at which one may crash."""
    return max(len(_sites_of(story)) - 1, 1)


def _workload(story: Story, kinds: Iterable[str]) -> Scope:
    """Among those sites that it is about."""
    clients = tuple(at(site, *_named(site, operations)) for site, operations in story.clients.items())
    return Scope(
        story.name, "a drawn workload", _ACCOUNTS, (*clients, *_connected(story)), faults=2, kinds=frozenset(kinds), restarts=True,
    )  # fmt: skip


def _named(site: str, operations: Sequence[Operation]) -> tuple[Operation, ...]:
    return tuple(operation._replace(name=f"begin at {site} {number}") for number, operation in enumerate(operations, 1))


def _connected(story: Story) -> tuple[Client, ...]:
    return connected(_sites_of(story))


def _sites_of(story: Story) -> list[str]:
    """The sites that a story is about."""
    named = {where for operations in story.clients.values() for one in operations for where, _, _ in one.arguments[1]}  # type: ignore[attr-defined]
    return [site for site in SITES if site in named | set(story.clients)]
