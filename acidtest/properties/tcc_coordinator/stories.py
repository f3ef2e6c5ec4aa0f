"""The workloads of the stateful search of TCC's coordinator: transactions that go wrong at one service or another."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from acidtest.properties.shared.stories import Story, clients_of, opened, pairs
from acidtest.properties.tcc_coordinator.scopes import ACCOUNTS, SCOPES, run
from acidtest.workload import Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable

_CLIENTS = {"client-1": "app-1", "client-2": "app-2", "desk-2": "app-2"}
_DESK = (Operation("", "tick"), Operation("", "recover"))
_run = partial(run, "")


def _stories(first: int, less: int) -> tuple[Story, ...]:
    """The stories, with transactions from this number on; of the first branch of each so much less."""
    g1, g2, g3 = (f"g{number}" for number in range(first, first + 3))
    plain, small = _run(g1, ("bank/A", 41 - less), ("shop/D", 17)), _run(g2, ("bank/A", 23 - less), ("hotel/C", 11))
    rival, poor = _run(g2, ("hotel/C", 7 - less), ("bank/A", 67)), _run(g1, ("bank/B", 13 - less), ("bank/A", 29), ("shop/D", 63))
    return (
        Story("confirmed", {"client-1": (plain,), "desk-2": _DESK}),
        Story("the last is refused", {"client-1": (poor,), "desk-2": _DESK}),
        Story("asked for twice at once", {"client-1": (plain,), "client-2": (plain,)}),
        Story("another under its number", {"client-1": (plain, _run(g1, ("bank/A", 19 - less), ("shop/D", 3))), "client-2": (plain,)}),
        Story("two that one account cannot both pay", {"client-1": (plain,), "client-2": (rival,)}),
        Story("two side by side", {"client-1": (plain,), "client-2": (small,), "desk-2": _DESK[:1]}),
        Story("two branches at one service", {"client-1": (_run(g1, ("bank/A", 13 - less), ("bank/A", 13 - less), ("bank/B", 27)),), "desk-2": _DESK}),
        Story("refused, and asked for again", {"client-1": (poor, poor), "client-2": (small,)}),
        Story("all that there is", {"client-1": (_run(g1, ("hotel/C", 40 - less), ("bank/B", 50)),)}),
        Story(
            "what is invalid",
            {"client-1": (_run(g1), _run(g2, ("shop/D", 0), ("bank/A", 9)), _run(g3, ("bank/A", 3), ("bank/nobody", 2))), "client-2": (plain,)},
        ),
    )  # fmt: skip


@cache
def workloads(kinds: Iterable[str]) -> tuple[tuple[Scope, ...], ...]:
    """Each story, and each after each other; and scopes in which time passes while others look after what is overdue."""
    rows = tuple(tuple(_workload(story, kinds) for story in row) for row in pairs(_stories(1, 0), _stories(4, 1)))
    names = ("one id for several", "timeout against confirm", "recovery beside a run", "two failures", "outage", "long outage")
    return (*rows, *opened(SCOPES, names, kinds, ACCOUNTS))


def _workload(story: Story, kinds: Iterable[str]) -> Scope:
    return Scope(story.name, "a drawn workload", ACCOUNTS, clients_of(story, _CLIENTS), faults=2, kinds=frozenset(kinds), unsteady=True)
