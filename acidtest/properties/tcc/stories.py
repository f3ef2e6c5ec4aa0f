"""The workloads of the stateful search of Try-Confirm/Cancel: what a coordinator does that is not a good one."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from acidtest.properties.shared.scopes import DAY
from acidtest.properties.shared.stories import Story, clients_of, opened, pairs
from acidtest.properties.tcc.scopes import SCOPES, cancel, confirm, try_
from acidtest.workload import ENVIRONMENT, Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable

_try, _confirm, _cancel = partial(try_, ""), partial(confirm, ""), partial(cancel, "")


def _stories(first: int, a: str, c: str) -> tuple[Story, ...]:
    """The stories, with transactions from this number on.

    Arguments:
        first: the number of the first transaction.
        a: an account that holds 100.
        c: one that holds 7.
    """
    g1, g2 = (f"g{number}" for number in range(first, first + 2))
    return (
        Story("tried and confirmed", {"app-1": (_try(f"{g1}/b1", a, 41), _confirm(f"{g1}/b1"))}),
        Story("tried and cancelled", {"app-1": (_try(f"{g1}/b1", a, 37), _cancel(f"{g1}/b1"))}),
        Story("the last unit", {"app-1": (_try(f"{g1}/b1", c, 7), _confirm(f"{g1}/b1"))}),
        Story(
            "every call twice, beside another hold",
            {
                "app-1": (_try(f"{g2}/b1", a, 13), _try(f"{g1}/b1", a, 31), _confirm(f"{g1}/b1")),
                "app-2": (_try(f"{g1}/b1", a, 31), _confirm(f"{g1}/b1")),
            },
        ),
        Story(
            "cancelled twice at once, beside another hold",
            {"app-1": (_try(f"{g2}/b1", a, 11), _try(f"{g1}/b1", a, 43), _cancel(f"{g1}/b1")), "app-2": (_cancel(f"{g1}/b1"),)},
        ),
        Story(
            "confirmed and cancelled at once",
            {"app-1": (_try(f"{g1}/b1", a, 61), _confirm(f"{g1}/b1")), "app-2": (_cancel(f"{g1}/b1"),)},
        ),
        Story(
            "confirmed, then cancelled, and the other way round",
            {
                "app-1": (
                    _try(f"{g1}/b1", a, 29), _confirm(f"{g1}/b1"), _cancel(f"{g1}/b1"), _confirm(f"{g1}/b1"),
                    _try(f"{g2}/b1", a, 17), _cancel(f"{g2}/b1"), _confirm(f"{g2}/b1"), _cancel(f"{g2}/b1"), _try(f"{g2}/b1", a, 17),
                ),
            },
        ),
        *_further_stories(first, a),
    )  # fmt: skip


def _further_stories(first: int, a: str) -> tuple[Story, ...]:
    """Further stories; see `_stories`."""
    g1, g2, g3, g4 = (f"g{number}" for number in range(first, first + 4))
    return (
        Story(
            "a Cancel overtakes its Try",
            {"app-1": (_cancel(f"{g1}/b1"),), "app-2": (_try(f"{g1}/b1", a, 47), _confirm(f"{g1}/b1"))},
        ),
        Story(
            "a month later",
            {
                "app-1": (_try(f"{g1}/b1", a, 23), _cancel(f"{g2}/b1")),
                ENVIRONMENT: (Operation("", "jump", (40 * DAY,)),),
                "app-2": (_confirm(f"{g1}/b1"), _try(f"{g2}/b1", a, 19), _try(f"{g1}/b1", a, 23)),
            },
        ),
        Story(
            "two that cannot both be paid",
            {
                "app-1": (_try(f"{g1}/b1", a, 67), _confirm(f"{g1}/b1")),
                "app-2": (_try(f"{g2}/b1", a, 53), _cancel(f"{g2}/b1")),
            },
        ),
        Story(
            "two branches at once, by two clients of one process",
            {"app-1": (_try(f"{g1}/b1", a, 59),), "app-3": (_try(f"{g1}/b2", a, 5), _confirm(f"{g1}/b2"))},
        ),
        Story(
            "one branch twice at once, and for something else",
            {"app-1": (_try(f"{g1}/b1", a, 27),), "app-2": (_try(f"{g1}/b1", a, 27), _try(f"{g1}/b1", a, 14), _confirm(f"{g1}/b1"))},
        ),
        Story(
            "what was refused, when there is enough",
            {
                "app-1": (
                    _try(f"{g1}/b1", a, 71), _try(f"{g2}/b1", a, 57), _cancel(f"{g1}/b1"), _try(f"{g2}/b1", a, 57), _confirm(f"{g2}/b1"),
                    _try(f"{g2}/b1", a, 15), _cancel(f"{g2}/b1"),
                ),
            },
        ),
        Story(
            "what is invalid",
            {
                "app-1": (
                    _try(f"{g1}/b1", "nobody", 3), _try(f"{g2}/b1", a, 0), _try(f"{g3}/b1", a, -7), _confirm(f"{g4}/b1"),
                    _cancel(f"{g1}/b1"), _cancel(f"{g2}/b1"), _confirm(f"{g3}/b1"),
                ),
            },
        ),
    )  # fmt: skip

_ACCOUNTS = (("A", 100), ("C", 7), ("D", 100), ("F", 7))
STORIES = _stories(1, "A", "C")
_CLIENTS = {"app-1": "app-1", ENVIRONMENT: ENVIRONMENT, "app-2": "app-2", "app-3": "app-1"}


@cache
def workloads(kinds: Iterable[str]) -> tuple[tuple[Scope, ...], ...]:
    """Each story, and each after each other; and the scopes in which it is the length that matters."""
    rows = pairs(STORIES, _stories(5, "D", "F"))
    drawn = tuple(tuple(_workload(story, kinds) for story in row) for row in rows)
    return (*drawn, *opened(SCOPES, ("long after", "branches twice"), kinds, _ACCOUNTS))


def _workload(story: Story, kinds: Iterable[str]) -> Scope:
    clients = clients_of(story, _CLIENTS)
    return Scope(story.name, "a drawn workload", _ACCOUNTS, clients, faults=2, kinds=frozenset(kinds), unsteady=True)
