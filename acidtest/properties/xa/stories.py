"""The workloads of the stateful search of XA transactions: runs, and recovery beside them and after them."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from acidtest.properties.shared.scopes import DAY
from acidtest.properties.shared.stories import Story, clients_of, pairs
from acidtest.properties.xa.scopes import run
from acidtest.workload import ENVIRONMENT, Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable

_run = partial(run, "")
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
            "three resource managers and four accounts",
            {"client-1": (_run(k1, ("left", a, -61), ("left", d, 9), ("right", b, 59), ("third", c, -7), retries=0), _RECOVER)},
        ),
        Story("an only branch", {"client-1": (_run(k1, ("left", a, -16), ("left", d, 16)),)}),
        Story(
            "one that reads in one resource manager, and one that only reads",
            {"client-1": (_run(k1, ("third", c, 0), ("left", a, -18), ("right", b, 18)), _run(k2, ("left", d, 0), ("right", b, 0)))},
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
        *_further_stories(first, a, b, c, d),
    )  # fmt: skip


def _further_stories(first: int, a: str, b: str, c: str, d: str) -> tuple[Story, ...]:
    """Further stories; see `_stories`."""
    k1, k2, k3 = (f"k{number}" for number in range(first, first + 3))
    return (
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
            "a second resource manager late, and the first again",
            {"client-1": (_run(k1, ("left", a, -20), ("left", d, 5), ("right", b, 17), ("left", a, -2)),)},
        ),
        Story(
            "what is invalid",
            {
                "client-1": (
                    _run(k1), _run(k2, ("left", "nobody", -5), ("right", b, 5)), _run(k3, ("right", b, 17), ("nowhere", a, -17)),
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


#: Of these a resource manager keeps nothing: only who was answered knows, and nobody where he dies, or until he has written it down.
_FORGOTTEN = frozenset({"rolled back", "forgotten"})
_PAIR = 2


@cache
def workloads(kinds: Iterable[str]) -> tuple[tuple[Scope, ...], ...]:
    """Each story, and each after each other; and those of one client alone, whose resource managers decide and keep nothing."""
    rows = pairs(STORIES, _stories(5, "E", "F", "G", "H"))
    kept = frozenset(kinds) - _FORGOTTEN
    alone = [story for story in STORIES[:_PAIR] if len(story.clients) == 1]
    return (
        *(tuple(_workload(story, kept) for story in row) for row in rows),
        *((_unrecorded(story, frozenset(kinds) & _FORGOTTEN),) for story in alone),
    )


def _unrecorded(story: Story, kinds: frozenset[str]) -> Scope:
    """A story that nobody else asks about, in which one thing happens that no resource manager keeps."""
    return Scope(f"{story.name}, unrecorded", "a drawn workload", _ACCOUNTS, clients_of(story, _PROCESSES), faults=1, kinds=kinds)


def _workload(story: Story, kinds: Iterable[str]) -> Scope:
    """With recovery by both processes, by one of them twice."""
    clients = clients_of(Story(story.name, {**story.clients, "recovery-2": (_RECOVER, _RECOVER), "recovery-1": (_RECOVER,)}), _PROCESSES)
    return Scope(story.name, "a drawn workload", _ACCOUNTS, clients, faults=2, kinds=frozenset(kinds), unsteady=True)
