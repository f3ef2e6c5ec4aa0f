"""The workloads of the stateful search of event stores: appends that meet, are asked for again, and are handed on."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from acidtest.properties.event_store.scopes import SCOPES, append, read, read_all
from acidtest.properties.shared.scopes import DAY
from acidtest.properties.shared.stories import Story, clients_of, opened, pairs
from acidtest.workload import ENVIRONMENT, Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable

_POLL, _FOLLOW = Operation("", "poll"), Operation("", "follow")
_JUMP, _OUTAGE = Operation("", "jump", (40 * DAY,)), Operation("", "outage")


def _stories(mark: str, a: str, b: str) -> tuple[Story, ...]:
    """The stories, with events and streams of their own.

    Arguments:
        mark: what ids begin with.
        a: a stream.
        b: another.
    """
    e1, e2, e3, f1, f2 = (f"{mark}{n}" for n in range(1, 6))
    return (
        Story("one append", {"app-1": (append("", a, 0, e2, e1),)}),  # an order that is not the one of their ids
        Story("two that expect the same version", {"app-1": (append("", a, 0, e1, e2),), "app-2": (append("", a, 0, f1),)}),
        Story(
            "one after the other, by two processes",
            {"app-1": (append("", a, 0, e1), read("", a)), "app-2": (append("", a, 1, f1), append("", a, 2, f2), read("", a, 1))},
        ),
        Story("two on any version", {"app-1": (append("", a, None, e1, e2),), "app-2": (append("", a, None, f1), read("", a))}),
        Story(
            "one append twice at once, and on any version",
            {"app-1": (append("", a, 0, e1),), "app-2": (append("", a, 0, e1), append("", a, None, e1), append("", a, 1, e1))},
        ),
        Story(
            "an id that is used for something else",
            {"app-1": (append("", a, 0, e1), append("", a, None, e1, data="other"), append("", a, 1, e1, data="other"), append("", a, 1, e2, e1))},
        ),
        Story(
            "two streams, and who follows them",
            {"app-1": (append("", a, 0, e1), append("", a, 0, e2)), "app-2": (append("", b, 0, f1),), "reader-1": (_FOLLOW, _FOLLOW)},
        ),
        Story(
            "two streams, and the store's own subscriber",
            {"app-1": (append("", a, 0, e1), append("", a, 1, e2, e3), _POLL), "app-2": (append("", b, 0, f1), _POLL, _POLL)},
        ),
        Story(
            "a version that is not there",
            {"app-1": (append("", a, 1, e1), append("", a, -1, e2), append("", a, 0, e3), append("", a, 0, f1), read_all("", 0, 10))},
        ),
        Story("months later", {"app-1": (append("", a, 0, e1, e2),), ENVIRONMENT: (_JUMP,), "app-2": (append("", a, 0, e1, e2), read("", a))}),
        Story("a subscriber that cannot be reached", {"app-1": (append("", a, 0, e1, e2), _POLL), "the broker": (_OUTAGE,)}),
    )  # fmt: skip


STORIES = _stories("e", "a", "b")
_PROCESSES = {"app-1": "app-1", "app-2": "app-2", "reader-1": "reader-1", ENVIRONMENT: ENVIRONMENT, "the broker": ENVIRONMENT}


@cache
def workloads(kinds: Iterable[str]) -> tuple[tuple[Scope, ...], ...]:
    """Each story, and each after each other; and the scopes in which it is the length that matters."""
    rows = pairs(STORIES, _stories("g", "c", "d"))
    drawn = tuple(tuple(_workload(story, kinds) for story in row) for row in rows)
    return (*drawn, *opened(SCOPES, ("expected versions", "known events", "long ago", "outage"), (), ()))


def _workload(story: Story, kinds: Iterable[str]) -> Scope:
    """With a process that follows what the others append."""
    clients = clients_of(Story(story.name, {"reader-1": (_FOLLOW,), **story.clients}), _PROCESSES)
    return Scope(story.name, "a drawn workload", (), clients, faults=2, kinds=frozenset(kinds), unsteady=True)
