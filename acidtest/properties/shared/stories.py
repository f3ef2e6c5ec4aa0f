"""What the workloads of the stateful search are made of.

A story is what one or two clients do about a request that goes wrong in some way: they ask twice at once, ask again after
a month, spend what somebody else counts on. A workload is one story, or two, with keys and accounts of their own, so that
whatever happens to the balances says which request it was.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from acidtest.workload import Client, Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


#: So many times as often as a story is drawn what is explored for its order: what it is there for shows in no other workload.
OFTEN = 3


class Story(NamedTuple):
    """What clients do.

    Arguments:
        name: identifies it within the pattern.
        clients: per client, by name, what it asks for, one after the other.
    """

    name: str
    clients: Mapping[str, Sequence[Operation]]


def pairs(stories: Sequence[Story], others: Sequence[Story]) -> list[list[Story]]:
    """Every story with every other after it, in rows.

    Arguments:
        stories: the simplest first.
        others: the same stories, with other keys and accounts.

    Returns:
        a row for no story, where there is one of the others, or else the simplest; then a row for each story, alone and with
        each of the others after it.
    """
    alone = [stories[0], *(other._replace(name=f"{other.name}, elsewhere") for other in others)]
    return [alone, *([first, *(after(first, second) for second in others if second.name != first.name)] for first in stories)]


def after(first: Story, second: Story) -> Story:
    """Two stories, one after the other: each client goes on to the second when it is done with the first."""
    names = dict.fromkeys([*first.clients, *second.clients])
    clients = {name: [*first.clients.get(name, ()), *second.clients.get(name, ())] for name in names}
    return Story(f"{first.name}, then {second.name}", clients)


def clients_of(story: Story, processes: Mapping[str, str]) -> tuple[Client, ...]:
    """The clients of a workload, of those who have something to ask for; the operations are numbered.

    Arguments:
        story: what its clients do.
        processes: per client, in their order, the process that it calls.
    """
    numbers = iter(range(1, 1_000))
    return tuple(
        Client(name, process, tuple(_named(operation, next(numbers)) for operation in story.clients[name]))
        for name, process in processes.items()
        if story.clients.get(name)
    )


def opened(
    scopes: Iterable[Scope], names: Sequence[str], kinds: Iterable[str], accounts: tuple[tuple[str, int], ...]
) -> tuple[tuple[Scope, ...], ...]:
    """Scopes of the exhaustive search as workloads: what is drawn there is where they leave their default schedule.

    Arguments:
        scopes: where to look them up.
        names: which of them; the length of one that is serial and without faults is what matters, and it stays so.
        kinds: the fault kinds that may befall the others; empty for those that are in the scope itself.
        accounts: those of all the other workloads, so that nothing has to be installed anew in between.

    Returns:
        a row for each; those in which there is something to draw come several times.
    """
    found = {scope.name: replace(scope, accounts=accounts) for scope in scopes}
    rows = tuple((_freely(found[name], frozenset(kinds)),) for name in names)
    return tuple(row for row in rows for _ in range(1 if row[0].serial else OFTEN))


def _freely(scope: Scope, kinds: frozenset[str]) -> Scope:
    if scope.serial and not scope.kinds:
        return scope
    return replace(scope, faults=2, kinds=kinds or scope.kinds, recovery_crashes=0, serial=False, unsteady=True)


def _named(operation: Operation, number: int) -> Operation:
    return operation._replace(name=f"{operation.method.rstrip('_')} {number}")
