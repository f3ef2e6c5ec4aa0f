"""What the stateful search draws for a contract of one's own: clients that call the declared operations, with drawn arguments.

Bugs show where two ask for the same. So a call is often one that was drawn before: by another client, or by the same once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from acidtest.errors import ContractError
from acidtest.port import Role
from acidtest.properties.own.scopes import UNWIRED, numbered
from acidtest.workload import ENVIRONMENT, Client, Operation, service_of
from acidtest.workload import Scope as Built

if TYPE_CHECKING:
    from collections.abc import Callable

    from acidtest.properties.own.declared import Declared
    from acidtest.properties.own.network import Wiring

#: How many calls of clients a workload has at most, and of what runs by itself.
CALLS, TICKS = 4, 2
#: How often a client tries again, at most.
RETRIES = 1
#: The values of an argument of which only the type is known, and of which no scope gives any.
_SIMPLE: dict[type, tuple[Any, ...]] = {str: ("a", "b"), int: (1, 2), float: (0.5, 1.5), bool: (False, True)}


class Drawable(NamedTuple):
    """What workloads are drawn of.

    Arguments:
        like: the scope that gives all but the clients.
        operations: what clients may call.
        ticks: what may run beside them.
        processes: which there are.
        used: per method and argument, the values that scopes give.
        wired: the network between services.
    """

    like: Built
    operations: Sequence[Declared]
    ticks: Sequence[Declared]
    processes: tuple[str, ...]
    used: dict[tuple[str, str], list[Any]]
    wired: Wiring = UNWIRED


def drawable(declared: Iterable[Declared], scopes: Sequence[Built], like: Built, wired: Wiring = UNWIRED) -> Drawable:
    """What workloads are drawn of: the operations, in the processes of the scopes.

    Arguments:
        declared: all that is declared.
        scopes: all that there are.
        like: the scope that gives all but the clients.
        wired: the network between services.
    """
    known = list(declared)
    names = dict.fromkeys(p for scope in scopes for p in scope.processes())
    clients = [one for one in known if one.role == Role.OPERATION]
    ticks = [one for one in known if one.role in (Role.BACKGROUND, Role.HANDLER) and not wired.calls(one)]
    calls = [operation for scope in scopes for operation in scope.operations()]
    used = {
        (one.method, name): list(dict.fromkeys(call.arguments[place] for call in calls if call.method == one.method))
        for one in clients for place, name in enumerate(one.arguments)
    }  # fmt: skip
    return Drawable(like, clients, ticks, tuple(names), used, wired)


def workloads(known: Drawable) -> SearchStrategy[Built]:
    """A strategy for workloads."""
    calls = st.one_of([_calls(one, known) for one in known.operations])
    ticks = st.one_of([_ticks(one, known) for one in known.ticks]) if known.ticks else st.nothing()

    @st.composite
    def workload(draw: Callable[[Any], Any]) -> Built:
        asked = [draw(calls)]
        for _ in range(draw(st.integers(0, CALLS - 1))):
            process, operation = draw(calls)
            again = draw(st.sampled_from([None, *range(len(asked))]))
            asked.append((process, operation) if again is None else (_peer(process, asked[again][0]), asked[again][1]))
        beside = draw(st.lists(ticks, max_size=TICKS)) if known.ticks else []
        return _built(known, [*asked, *beside])

    return workload()


def _peer(process: str, other: str) -> str:
    """A process that can do what the other can: of the same service."""
    return process if service_of(process) == service_of(other) else other


def _built(known: Drawable, calls: Sequence[tuple[str, Operation]]) -> Built:
    """A client for each process, which does what was drawn for it; the name says all that."""
    by_process: dict[str, list[Operation]] = {}
    for process, operation in calls:
        by_process.setdefault(process, []).append(operation)
    clients = tuple([Client("", process, tuple(operations)) for process, operations in by_process.items()])
    name = " | ".join(f"{process}: {', '.join(map(_told, operations))}" for process, operations in by_process.items())
    idle = tuple([process for process in known.processes if process not in by_process])
    drawn = replace(known.like, name=name, summary="a drawn workload", clients=numbered(clients), idle=idle, opening=())
    return known.wired.connected(drawn)


def _told(operation: Operation) -> str:
    return f"{operation}{' again' * operation.retries}"


def _calls(one: Declared, known: Drawable) -> SearchStrategy[tuple[str, Operation]]:
    """Calls of an operation, each with the process that is called."""
    values = [strategy_of(given, f"{one.name}({name}=…)", known.used[one.method, name]) for name, given in one.arguments.items()]
    call = st.tuples(st.tuples(*values), st.integers(0, RETRIES))
    return st.tuples(st.sampled_from(_having(one, known.processes)), call.map(lambda drawn: one(*drawn[0], retries=drawn[1])))


def _ticks(one: Declared, known: Drawable) -> SearchStrategy[tuple[str, Operation]]:
    return st.tuples(st.sampled_from(_having(one, known.processes)), st.just(one()))


def _having(one: Declared, processes: Sequence[str]) -> list[str]:
    """The processes that a method can be called in; one where no scope has any."""
    having = [name for name in processes if name != ENVIRONMENT and (not one.services or service_of(name) in one.services)]
    return having or [f"{one.services[0] if one.services else 'app'}-1"]


def strategy_of(given: Any, what: str, used: Sequence[Any] = ()) -> SearchStrategy[Any]:
    """A strategy for the values of an argument.

    Arguments:
        given: what was declared: a strategy, a collection of values, or a type.
        what: was declared so, for a message.
        used: the values that scopes give; of a type that is all that is known, these are drawn.

    Raises:
        ContractError: it is none of these.
    """
    if isinstance(given, SearchStrategy):
        return given
    if isinstance(given, type):
        values = tuple(used) or _SIMPLE.get(given, ())
        return st.sampled_from(values) if values else st.from_type(given)
    if isinstance(given, Iterable) and not isinstance(given, str) and list(given):
        return st.sampled_from(list(given))
    message = (
        f"{what} is declared by {given!r}. Say what values there are: a type (str), a collection of values (('7', '8')), or a "
        "Hypothesis strategy (st.integers(1, 9))."
    )
    raise ContractError(message)
