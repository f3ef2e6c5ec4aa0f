"""The workloads of the stateful search of two-phase commit: runs, and recovery beside them and after them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from acidtest.properties.shared.scopes import DAY
from acidtest.properties.shared.stories import Story, clients_of, opened, pairs
from acidtest.properties.two_phase_commit.scopes import SCOPES
from acidtest.workload import ENVIRONMENT, Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable


def _run(key: str, *operations: tuple[str, str, int], retries: int = 1) -> Operation:
    return Operation("", "run", (key, operations), retries)


_RECOVER = Operation("", "recover")


def _stories(first: int, a: str, b: str, c: str, d: str) -> tuple[Story, ...]:
    """The stories, with keys from this number on.

    Arguments:
        first: the number of the first key.
        a: an account of left that holds 100.
        b: one of right that holds 60.
        c: one of third that holds 40.
        d: another one of left.
    """
    k1, k2 = (f"k{number}" for number in range(first, first + 2))
    once = _run(k1, ("left", a, -14), ("right", b, 14))
    return (
        Story("one run", {"client-1": (_run(k1, ("left", a, -13), ("right", b, 13)),)}),
        Story(
            "three databases and four accounts",
            {"client-1": (_run(k1, ("left", a, -61), ("left", d, 9), ("right", b, 59), ("third", c, -7), retries=0), _RECOVER)},
        ),
        Story("the last cannot pay", {"client-1": (_run(k1, ("left", a, -62), ("right", b, 62), ("third", c, -52)),)}),
        Story(
            "one key twice at once, and for something else",
            {"client-1": (once, _run(k1, ("left", a, -8), ("third", c, 8))), "client-2": (once,)},
        ),
        Story(
            "two in opposite order, that one account cannot both pay",
            {
                "client-1": (_run(k1, ("left", a, -63), ("right", b, 63)),),
                "client-2": (_run(k2, ("right", b, -6), ("left", a, -51)),),
            },
        ),
        *_further_stories(first, a, b, c),
    )  # fmt: skip


def _further_stories(first: int, a: str, b: str, c: str) -> tuple[Story, ...]:
    """Further stories; see `_stories`."""
    k1, k2, k3, k4 = (f"k{number}" for number in range(first, first + 4))
    return (
        Story(
            "two of one account at once",
            {
                "client-1": (_run(k1, ("left", a, -23), ("right", b, 23)),),
                "client-2": (_run(k2, ("left", a, -32), ("third", c, 32)),),
            },
        ),
        Story(
            "a day later",
            {
                "client-1": (_run(k1, ("left", a, -15), ("right", b, 15)),),
                ENVIRONMENT: (Operation("", "jump", (DAY,)),),
                "client-2": (_run(k1, ("left", a, -15), ("right", b, 15)),),
            },
        ),
        Story(
            "what was refused, when the money is there",
            {
                "client-1": (
                    _run(k1, ("right", b, 80), ("third", c, -80)), _run(k2, ("left", a, -42), ("third", c, 42)),
                    _run(k1, ("right", b, 80), ("third", c, -80)), _run(k1, ("right", b, 3), ("third", c, -3)),
                ),
            },
        ),
        Story(
            "one database, and one account twice",
            {
                "client-1": (
                    _run(k1, ("right", b, -9)), _run(k2, ("left", a, -30), ("left", a, -33), ("right", b, 63)),
                    _run(k3, ("left", a, -47), ("right", b, 47)),
                ),
            },
        ),
        Story(
            "what is invalid",
            {
                "client-1": (
                    _run(k1), _run(k2, ("left", a, 0), ("right", b, 11)), _run(k3, ("left", "nobody", -5), ("right", b, 5)),
                    _run(k4, ("right", b, 17), ("nowhere", a, -17)),
                ),
            },
        ),
    )  # fmt: skip


_ACCOUNTS = (
    ("left/A", 100), ("right/B", 60), ("third/C", 40), ("left/D", 20),
    ("left/E", 100), ("right/F", 60), ("third/G", 40), ("left/H", 20),
)  # fmt: skip
_PROCESSES = {
    "client-1": "app-1", ENVIRONMENT: ENVIRONMENT, "client-2": "app-2", "recovery-2": "app-2", "recovery-1": "app-1",
}  # fmt: skip
STORIES = _stories(1, "A", "B", "C", "D")


@cache
def workloads(kinds: Iterable[str]) -> tuple[tuple[Scope, ...], ...]:
    """Each story, and each after each other."""
    rows = pairs(STORIES, _stories(5, "E", "F", "G", "H"))
    return (*(tuple(_workload(story, kinds) for story in row) for row in rows), (_alone(frozenset(kinds)),), *opened(SCOPES, ("long after",), kinds, _ACCOUNTS))


def _workload(story: Story, kinds: Iterable[str]) -> Scope:
    """With recovery by both processes, by one of them twice."""
    clients = clients_of(Story(story.name, {**story.clients, "recovery-2": (_RECOVER, _RECOVER), "recovery-1": (_RECOVER,)}), _PROCESSES)
    return Scope(story.name, "a drawn workload", _ACCOUNTS, clients, faults=2, kinds=frozenset(kinds), unsteady=True)


def _alone(kinds: frozenset[str]) -> Scope:
    """A run, not asked for again, and recovery by a process that nobody helps: what it does not resolve stays in doubt."""
    story = Story("a process alone", {"client-1": (_run("k1", ("left", "A", -19), ("right", "B", 19), retries=0), _RECOVER, _RECOVER)})
    refusals = kinds & {"refused"} or kinds
    return Scope(story.name, "a drawn workload", _ACCOUNTS, clients_of(story, _PROCESSES), faults=2, kinds=refusals, unsteady=True)
