"""The workloads of the stateful search of reserve/confirm: what customers ask for, of providers that can do more or less."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from acidtest.properties.reserve_confirm.scopes import ACCOUNTS, ATM, SCOPES, withdraw
from acidtest.properties.shared.scopes import DAY
from acidtest.properties.shared.stories import Story, clients_of, opened, pairs
from acidtest.workload import ENVIRONMENT, Operation, Scope, System

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What a provider can do. Of all of them it does not pay some amounts, and others in part.
_NOTHING = ATM._replace(idempotent=False, queryable=False, voidable=False)
PROVIDERS = {
    "": ATM._replace(parts=((61, 40),), declines=(13,)),
    "it calls back": ATM._replace(callbacks=True, queues=True, declines=(13,)),
    "its orders stand in a queue": ATM._replace(queues=True, parts=((61, 40),)),
    "it can only recognise repetitions": _NOTHING._replace(idempotent=True),
    "it can only answer inquiries": _NOTHING._replace(queryable=True),
    "it can only void": _NOTHING._replace(voidable=True),
    "it can only call back": _NOTHING._replace(callbacks=True, declines=(13,)),
    "it can only send statements": _NOTHING._replace(statements=True, declines=(13,)),
    "it can do nothing": _NOTHING,
}

_withdraw = partial(withdraw, "")
_TICK = Operation("", "tick")


def _stories(k1: str, k2: str, k3: str) -> tuple[Story, ...]:
    """The stories, of withdrawals under these keys."""
    return (
        Story("one withdrawal", {"app-1": (_withdraw(k1, "A", 61, 0),)}),
        Story(
            "two at once, by processes that also look after them",
            {"app-1": (_withdraw(k1, "A", 62, 0), _TICK), "app-2": (_withdraw(k2, "A", 31, 0), _TICK)},
        ),
        Story(
            "a month later",
            {"app-1": (_withdraw(k1, "A", 61, 0),), ENVIRONMENT: (Operation("", "jump", (40 * DAY,)),),
             "app-2": (_TICK, _withdraw(k1, "A", 61))},
        ),
        Story(
            "one key twice at once, and for something else",
            {"app-1": (_withdraw(k1, "A", 41),), "app-2": (_withdraw(k1, "A", 41), _withdraw(k1, "A", 23))},
        ),
        Story("one that is declined", {"app-1": (_withdraw(k1, "B", 13),) * 2}),
        Story("asked three times", {"app-1": (_withdraw(k1, "A", 41),) * 3}),
        Story("the last unit", {"app-1": (_withdraw(k1, "B", 50),)}),
        Story(
            "two that cannot both be paid", {"app-1": (_withdraw(k1, "A", 61),), "app-2": (_withdraw(k2, "A", 52),) * 2},
        ),
        Story(
            "what is refused, again and for something else",
            {"app-1": (_withdraw(k1, "A", 161), _withdraw(k1, "A", 161), _withdraw(k1, "A", 29), _withdraw(k2, "B", 37),
                       _withdraw(k2, "A", 38), _withdraw(k2, "B", 11))},
        ),
        Story("what is invalid", {"app-1": (_withdraw(k1, "nobody", 5), _withdraw(k2, "A", 0), _withdraw(k3, "A", -7))}),
    )  # fmt: skip


STORIES = _stories("k1", "k2", "k3")
#: In so many of them, from the first, much depends on what the provider can do.
_PROVIDED = 5
_PROCESSES = {
    "app-1": "app-1", ENVIRONMENT: ENVIRONMENT, "app-2": "app-2", "hook-1": "desk-1", "hook-2": "app-2", "desk-1": "desk-1",
}  # fmt: skip


@cache
def workloads(kinds: Iterable[str]) -> tuple[tuple[Scope, ...], ...]:
    """Each story, alone and with each other after it; those in which much depends on the provider with each of them."""
    others = _stories("k4", "k5", "k6")
    told = [(STORIES, others, ""), *((STORIES[:_PROVIDED], others[:_PROVIDED], provider) for provider in PROVIDERS if provider)]
    drawn = [tuple(_workload(story, provider, kinds) for story in row) for stories, more, provider in told for row in pairs(stories, more)]
    return (*drawn, *opened(SCOPES, ("outage",), kinds, ACCOUNTS))


def _workload(story: Story, provider: str, kinds: Iterable[str]) -> Scope:
    system = PROVIDERS[provider]
    told = Story(story.name, {**story.clients, **_told(system)})
    return Scope(
        f"{story.name}; {provider}" if provider else story.name, "a drawn workload", ACCOUNTS, clients_of(told, _PROCESSES),
        faults=2, kinds=frozenset(kinds), systems=(system,), unsteady=True,
    )  # fmt: skip


def _told(system: System) -> dict[str, tuple[Operation, ...]]:
    """What the provider says of its own accord, not always in order; and who looks after what is pending."""
    desk = (_TICK, _TICK, *(Operation("", "reconcile", (), 1, "atm statement") for _ in range(2 * system.statements)))
    calls = [Operation("", "on_callback", (), 1, f"atm callback {number}") for number in (1, 0, 1)]
    hooks = {"hook-1": tuple(calls[:2]), "hook-2": tuple(calls[2:])} if system.callbacks else {}
    return {"desk-1": desk, **hooks}
