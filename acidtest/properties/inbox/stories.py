"""The workloads of the stateful search of the inbox: what lies on the broker, for two processes that compete for it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from acidtest.properties.inbox.scopes import MONTHS, SCOPES, consumer, deposit, withdrawal
from acidtest.properties.shared.scopes import DAY, environment
from acidtest.properties.shared.stories import opened
from acidtest.workload import Client, Scope, Sent

if TYPE_CHECKING:
    from collections.abc import Sequence


class Post(NamedTuple):
    """What lies on the broker.

    Arguments:
        name: identifies it within the pattern.
        messages: in the order of the broker.
        changes: what the environment does meanwhile.
        together: all calls are of one process.
    """

    name: str
    messages: tuple[Sent, ...]
    changes: tuple[tuple[str, float], ...] = ()
    together: bool = False


def _stories(first: int, a: str, b: str, c: str) -> tuple[Post, ...]:
    """The stories, with ids from this number on.

    Arguments:
        first: the number of the first message.
        a: an account that holds 100.
        b: another.
        c: one that holds 30.
    """
    m1, m2, m3 = (f"m{number}" for number in range(first, first + 3))
    n1, n2, n3 = (f"{first + i}" for i in range(3))
    return (
        Post("one deposit", (deposit(f"d{n1}", m1, a, 61),)),
        Post("one deposit, in one process", (deposit(f"d{n1}", m1, a, 69),), together=True),
        Post("one message twice", (deposit(f"d{n1}", m1, a, 62), deposit(f"d{n1}", m1, a, 62))),
        Post("one id, two payloads", (deposit(f"d{n1}", m1, a, 63), deposit(f"d{n2}", m1, a, 12))),
        Post("one id, two subscriptions", (deposit(f"d{n1}", m1, b, 64), withdrawal(f"w{n2}", m1, b, 14, 2))),
        Post(
            "what cannot be paid, and then could be",
            (withdrawal(f"w{n1}", m1, c, 51), deposit(f"d{n2}", m2, c, 23, 2), withdrawal(f"w{n1}", m1, c, 51)),
        ),
        Post(
            "two deposits and a withdrawal that they pay for",
            (deposit(f"d{n1}", m1, c, 40), deposit(f"d{n2}", m2, c, 9, 2), withdrawal(f"w{n3}", m3, c, 61, 3)),
        ),
        Post("nothing that can be handled", (Sent(f"x{n1}", m1, "P", f"no JSON {first}", "deposits"), deposit(f"x{n2}", m2, b, -8))),
        Post("no id", (deposit(f"d{n1}", None, a, 65), deposit(f"d{n2}", "", b, 16))),
        Post("a message that kills", (deposit(f"k{n1}", m1, b, 7, deadly=True), deposit(f"d{n2}", m2, a, 66))),
        Post("a message that kills, repaired", (deposit(f"k{n1}", m1, b, 8, deadly=True),), (("resend", 0.0),)),
        Post("two days later", (deposit(f"d{n1}", m1, a, 67),), (("jump", 2 * DAY),)),
        Post("a month later", (deposit(f"d{n1}", m1, a, 68),), (("jump", MONTHS),)),
    )


STORIES = _stories(1, "A", "B", "C")
#: While another message is there to begin with, a call may be given something else instead.
_LAST = deposit("d0", "m0", "K", 5)
_ACCOUNTS = (("A", 100), ("B", 100), ("C", 30), ("D", 100), ("E", 100), ("F", 30), ("K", 100))


@cache
def workloads(kinds: tuple[str, ...]) -> tuple[tuple[Scope, ...], ...]:
    """Each story, and each beside each other; and those in which it is the order, the moment of cleaning, or the number of attempts that matters."""
    others = _stories(4, "D", "E", "F")
    rows = [(STORIES[0], *(other._replace(name=f"{other.name}, elsewhere") for other in others))]
    rows += [(one, *(_beside(one, other) for other in others if other.name != one.name)) for one in STORIES]
    drawn = tuple(tuple(_workload(story, kinds) for story in row) for row in rows)
    return (
        *drawn,
        *opened(SCOPES, ("forty days",), ("duplicated",), _ACCOUNTS),
        *opened(SCOPES, ("equal payments", "dead letters again", "many"), kinds, _ACCOUNTS),
    )


def _beside(first: Post, second: Post) -> Post:
    return Post(f"{first.name}, and {second.name}", first.messages + second.messages, first.changes + second.changes, first.together)


def _workload(story: Post, kinds: Sequence[str]) -> Scope:
    """A process that handles all there is, and another, or the same, that does so later; in between what is old is cleaned away."""
    messages, n = (*story.messages, _LAST), len(story.messages)
    meanwhile = (environment(*story.changes),) if story.changes else ()
    later = consumer("app-1" if story.together else "app-2", "h" * (n + 2), name="later")
    clients: tuple[Client, ...] = (consumer("app-1", "h" * n), *meanwhile, consumer("app-3", "p"), later)
    return Scope(
        story.name, "a drawn workload", _ACCOUNTS, clients, faults=2, kinds=frozenset(kinds), unsteady=True, messages=messages,
    )  # fmt: skip
