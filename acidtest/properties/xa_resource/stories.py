"""The workloads of the stateful search of a resource manager: what transaction managers ask of it, and what they should not ask."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from acidtest.properties.shared.stories import Story, clients_of
from acidtest.properties.xa_resource.scopes import ACCOUNTS, call
from acidtest.workload import Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable

_PROCESSES = {"client-1": "app-1", "client-2": "app-2"}


def _calls(branch: str, *what: str) -> tuple[Operation, ...]:
    return tuple([call(one, branch) for one in what])


_BOTH = ("start", "change", "end", "prepare", "commit")
_BACK = ("start", "change", "end", "prepare", "rollback")
STORIES = (
    Story("both phases", {"client-1": _calls("b1", *_BOTH)}),
    Story("left prepared", {"client-1": _calls("b1", *_BOTH[:4])}),
    Story("rolled back", {"client-1": _calls("b1", *_BACK)}),
    Story("one phase", {"client-1": _calls("b1", "start", "change", "change", "end", "commit one phase")}),
    Story("only read", {"client-1": _calls("b1", "start", "end", "prepare", "commit")}),
    Story("never prepared", {"client-1": _calls("b1", "start", "change", "end", "commit", "rollback")}),
    Story("committed twice", {"client-1": _calls("b1", *_BOTH, "commit", "rollback")}),
    Story("rolled back, then committed", {"client-1": _calls("b1", *_BACK, "commit", "prepare")}),
    Story("a name that is used", {"client-1": _calls("b1", *_BOTH[:4], "start", "commit", "start", "end")}),
    Story(
        "a branch that is not there, beside one at work",
        {"client-1": (*_calls("b1", "start", "change"), *_calls("b2", "rollback", "end", "start", "commit"), *_calls("b1", "end", "prepare", "commit"))},
    ),
    Story("too early and too late", {"client-1": _calls("b1", "prepare", "start", "prepare", "rollback", "commit one phase", "end", "end", "prepare", "prepare")}),
    Story(
        "two sessions", {"client-1": _calls("b1", *_BOTH), "client-2": _calls("b2", *_BOTH[:4], "rollback")},
    ),
    Story("decided alone", {"client-1": _calls("b1", *_BOTH[:4], "decide to commit", "rollback", "commit", "start", "forget", "forget")}),
    Story("decided alone to roll back", {"client-1": _calls("b1", *_BOTH[:4], "decide to roll back", "commit", "commit", "forget", "commit")}),
)  # fmt: skip


@cache
def workloads(kinds: Iterable[str]) -> tuple[tuple[Scope, ...], ...]:
    """Each story; where there is only one session, which may then die, also with a crash.

    Not where it may die deciding to roll back alone: nobody could see whether it has.
    """
    return tuple((_workload(story, frozenset(kinds)),) for story in STORIES)


def _workload(story: Story, kinds: frozenset[str]) -> Scope:
    asked = [operation for operations in story.clients.values() for operation in operations]
    alone = len(story.clients) == 1 and not any(op.method == "decide" and not op.arguments[-1] for op in asked)
    return Scope(
        story.name, "a drawn workload", ACCOUNTS, clients_of(story, _PROCESSES), faults=int(alone), kinds=kinds if alone else frozenset(),
    )  # fmt: skip
