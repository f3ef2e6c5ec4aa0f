"""The scopes of three-phase commit: what clients begin, and what is delivered between which sites."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acidtest.properties.shared.network import PARTITION, connected, misses
from acidtest.properties.shared.scopes import environment
from acidtest.properties.three_phase_commit.port import SITES
from acidtest.workload import BOUNDED_DELAY, NO_PARTITION, Client, Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable


def begin(name: str, key: str, *operations: tuple[str, str, int], retries: int = 0) -> Operation:
    """A client begins a transaction."""
    return Operation(name, "begin", (key, operations), retries)


def at(site: str, *operations: Operation) -> Client:
    """A client of a site."""
    return Client(f"client of {site}", f"{site}-1", operations)


NORTH, EAST, SOUTH, WEST = SITES
_THREE, _TWO = SITES[:3], SITES[:2]
ACCOUNTS = (("north/A", 100), ("north/E", 100), ("east/B", 60), ("south/C", 40), ("west/D", 20))
_CRASH = frozenset({"crash"})
_OF_TWO = begin("t1", "k1", ("north", "A", -13), ("east", "B", 13))
_OF_THREE = begin("t1", "k1", ("north", "A", -61), ("east", "B", 54), ("south", "C", 7))
_REFUSED = begin("t1", "k1", ("north", "A", -61), ("east", "B", 104), ("south", "C", -43))
_OF_FOUR = begin("t1", "k1", ("north", "A", -61), ("east", "B", 54), ("south", "C", 4), ("west", "D", 3))


def _scope(name: str, summary: str, clients: Iterable[Client], kinds: Iterable[str] = (), faults: int = 1, **more: Any) -> Scope:  # noqa: ANN401
    """A scope with the accounts of all."""
    found = frozenset(kinds)
    return Scope(name, summary, ACCOUNTS, tuple(clients), faults=faults if found else 0, kinds=found, **more)


SCOPES = (
    _scope("three sites", "a transaction of three sites, messages in any order", (at(NORTH, _OF_THREE), *connected(_THREE, silence=False))),
    _scope(
        "one cannot pay", "a transaction of three sites, of which one cannot pay, or another does not have the account",
        (
            at(NORTH, begin("t1", "k1", ("north", "A", -61), ("east", "B", 102), ("south", "C", -41)), begin("t2", "k2", ("east", "nobody", -1))),
            *connected(_THREE, silence=False),
        ),
    ),
    _scope(
        "the last unit", "two transactions begun at two sites, which two accounts can pay one of each",
        (
            at(NORTH, begin("t1", "k1", ("north", "A", -61), ("east", "B", -31))), at(EAST, begin("t2", "k2", ("north", "A", -52), ("east", "B", -32))),
            *connected(_TWO, silence=False),
        ),
    ),
    _scope(
        "keys", "a key that is given again, also for something else, and what is invalid",
        (
            at(
                NORTH, begin("t1", "k1", ("north", "A", -13), ("east", "B", 13)), begin("t2", "k1", ("north", "A", -13), ("east", "B", 13)),
                begin("t3", "k1", ("north", "A", -7), ("east", "B", 7)), begin("t4", "k2"), begin("t5", "k3", ("north", "A", 0), ("east", "B", 5)),
                begin("t6", "k4", ("north", "A", -5), ("nowhere", "B", 5)), begin("t7", "k5", ("north", "A", -9)),
                begin("t8", "k6", ("north", "A", -30), ("north", "A", -31), ("east", "B", 61)),
                begin("t9", "k2", ("north", "A", -900), ("east", "B", 900)),
            ),
            *connected(_TWO, silence=False),
        ),
        serial=True,
    ),
    _scope(
        "messages twice", "a transaction of three sites; two messages are delivered twice, or overtake others",
        (at(NORTH, _OF_THREE), *connected(_THREE, silence=False)), {"twice", "reordered"}, serial=True, faults=2,
    ),
    _scope(
        "refusals twice", "a transaction of three sites, of which the last cannot pay; two messages are delivered twice, or overtake others",
        (at(NORTH, _REFUSED), *connected(_THREE, silence=False)), {"twice", "reordered"}, serial=True, faults=2,
    ),
    _scope(
        "one site stays down", "a transaction of three sites, one of which crashes at any moment and stays down",
        (at(NORTH, _OF_THREE), *connected(_THREE)), _CRASH,
    ),
    _scope(
        "two sites stay down", "a transaction of three sites, one after the other; two of them crash at any moment and stay down",
        (at(NORTH, _OF_THREE), *connected(_THREE)), _CRASH, serial=True, faults=2,
    ),
    _scope(
        "a bystander dies", "a transaction of two sites, and one of a third alone; any of them crashes at any moment and stays down",
        (
            at(NORTH, _OF_TWO), at(SOUTH, begin("t2", "k2", ("south", "C", -7))), misses(NORTH, SOUTH, 1), misses(EAST, SOUTH, 1),
            *connected(_TWO),
        ),
        _CRASH, serial=True,
    ),
    _scope(
        "four sites", "a transaction of four sites, one after the other, one of which crashes at any moment and stays down",
        (at(NORTH, _OF_FOUR), *connected(SITES)), _CRASH, serial=True,
    ),
    _scope(
        "two sites come back", "a transaction of two sites, two crashes at any moment, each followed by a start at any later one",
        (at(NORTH, _OF_TWO), *connected(_TWO)), _CRASH, serial=True, faults=2, restarts=True,
    ),
    _scope(
        "partition", "a transaction of three sites, of which the last is cut off from the others at any moment",
        (
            at(NORTH, _OF_THREE), *connected(_THREE, silence=False), environment((PARTITION, "north east | south")),
            misses(NORTH, SOUTH, 1), misses(SOUTH, NORTH, 1), misses(SOUTH, EAST, 1),
        ),
        lifted=(NO_PARTITION,),
    ),
    _scope(
        "delay", "a transaction of two sites, each of which may give up the other although it is only late",
        (at(NORTH, _OF_TWO), *connected(_TWO, silence=False), misses(NORTH, EAST, 1), misses(EAST, NORTH, 1)),
        lifted=(BOUNDED_DELAY,),
    ),
    _scope(
        "lost message", "a transaction of two sites; a message is lost, and each may give up the other",
        (at(NORTH, _OF_TWO), *connected(_TWO, silence=False), misses(NORTH, EAST, 1), misses(EAST, NORTH, 1)), {"dropped"},
        lifted=(BOUNDED_DELAY,),
    ),
)  # fmt: skip

#: Those that take minutes. None has a server of databases die: sites are fail-stop, so that one whose database fails is one that has
#: crashed; and all of them at once are the total failure.
SLOW_SCOPES = (
    _scope(
        "one site comes back", "a transaction of three sites, one of which crashes at any moment, and starts again at any later one",
        (at(NORTH, _OF_THREE), *connected(_THREE)), _CRASH, restarts=True,
    ),
    _scope(
        "two crashes", "a transaction of three sites, two crashes at any moment, in any order of messages, that stay down",
        (at(NORTH, _OF_THREE), *connected(_THREE)), _CRASH, faults=2,
    ),
    _scope(
        "total failure", "a transaction of two sites, two crashes at any moment, each followed by a start at any later one, in any order",
        (at(NORTH, _OF_TWO), *connected(_TWO)), _CRASH, faults=2, restarts=True,
    ),
)  # fmt: skip
