"""The scopes of CQRS: what clients, projectors and rebuilds do."""

from __future__ import annotations

from acidtest.properties.shared.scopes import (
    A_DAY,
    A_PAGE,
    A_YEAR,
    MONTHS,
    client,
    pause,
    repeated,
)
from acidtest.workload import Client, Operation, Scope


def _handle(name: str, key: str, account: str, amount: int, retries: int = 1) -> Operation:
    return Operation(name, "handle", (key, account, amount), retries)


def _close(name: str, account: str, retries: int = 1) -> Operation:
    return Operation(name, "close", (account,), retries)


def _query(name: str, account: str, after: str = "") -> Operation:
    """A query; or one within a session, which is given the position of what came before."""
    return Operation(name, "query", (account,), source=f"{after} answer") if after else Operation(name, "query", (account, None))


def _project(name: str) -> Operation:
    """One pump by a process that has other things to do as well."""
    return Operation(name, "project")


def _opening(*operations: Operation) -> Client:
    """A client that goes first, without faults."""
    return Client("before", "app-1", operations)


_REPLIES = frozenset({"refused", "lost", "unacknowledged", "late"})
_CRASH = frozenset({"crash"})
_VANISHING = frozenset({"evict", "restart cache"})

SCOPES = (
    Scope(
        "one command", "one command and a projector; one crash, lost or late reply anywhere",
        (("A", 100),),
        (client("app-1", _handle("w1", "k1", "A", -61)), repeated("projector-1", "project", 1)),
        faults=1, kinds=_CRASH | _REPLIES,
    ),
    Scope(
        "one process", "two commands, each with a pump and a query, by one process; one crash, lost or late reply, eviction or restart anywhere",
        (("A", 100),),
        (
            client(
                "app-1",
                _handle("w1", "k1", "A", -61), _project("p1"), _query("q1", "A"), _handle("w2", "k2", "A", 13), _project("p2"), _query("q2", "A"),
            ),
        ),
        faults=1, kinds=_CRASH | _REPLIES | _VANISHING,
    ),
    Scope(
        "readers", "two queries of an account beside a pump that shows a command on it, and one more pump",
        (("A", 100),),
        (
            _opening(_handle("w1", "k1", "A", -61)),
            client("app-1", _query("q1", "A")), repeated("projector-1", "project", 2), client("app-2", _query("q2", "A")),
        ),
        opening=("before",),
    ),
    Scope(
        "vanishing", "two queries by one process beside a pump; one eviction, restart of the cache, or lost or late reply anywhere",
        (("A", 100),),
        (
            _opening(_query("q1", "A"), _handle("w1", "k1", "A", -61)),
            client("app-1", _query("q2", "A"), _query("q3", "A")), repeated("projector-1", "project", 1),
        ),
        faults=1, kinds=_VANISHING | _REPLIES, opening=("before",),
    ),
    Scope(
        "projectors", "two projectors at once, of two commands on one account; one crash anywhere",
        (("A", 100),),
        (
            _opening(_handle("w1", "k1", "A", -61), _handle("w2", "k2", "A", 13)),
            repeated("projector-1", "project", 1), repeated("projector-2", "project", 1),
        ),
        faults=1, kinds=_CRASH, opening=("before",),
    ),
    Scope(
        "projectors of a closed account", "two projectors at once, of a command on an account and its closing",
        (("A", 100),),
        (
            _opening(_handle("w1", "k1", "A", -61), _close("c1", "A")),
            repeated("projector-1", "project", 1), repeated("projector-2", "project", 1),
        ),
        opening=("before",),
    ),
    Scope(
        "rebuild", "a rebuild beside a process that decides a command and pumps",
        (("A", 100),),
        (client("app-2", Operation("r1", "rebuild")), client("app-1", _handle("w1", "k1", "A", -61), _project("p1"))),
    ),
    Scope(
        "rebuild that dies", "a rebuild, and a query afterwards; one crash, lost or late reply anywhere",
        (("A", 100),),
        (
            _opening(_handle("w1", "k1", "A", -61), _project("p1"), _query("q1", "A"), _handle("w2", "k2", "A", 13)),
            client("app-2", Operation("r1", "rebuild", (), 1), _query("q2", "A"), _project("p2")),
        ),
        faults=1, kinds=_CRASH | _REPLIES, opening=("before",),
    ),
    Scope(
        "same key", "one key asked for twice at once, then reused with another amount; one crash or lost reply of COMMIT",
        (("A", 100),),
        (
            client("app-1", _handle("w1", "k1", "A", -41)),
            client("app-2", _handle("w2", "k1", "A", -41), _handle("w3", "k1", "A", -23)),
        ),
        faults=1, kinds=_CRASH | {"unacknowledged"}, idle=("projector-1",),
    ),
    Scope(
        "two commands", "two withdrawals that the account cannot both pay, and a pump by one of the processes; one crash anywhere",
        (("A", 100),),
        (client("app-1", _handle("w1", "k1", "A", -61, 0)), client("app-2", _handle("w2", "k2", "A", -52, 0), _project("p1"))),
        faults=1, kinds=_CRASH,
    ),
    Scope(
        "two writers", "commands on two accounts at once, and a pump by one of the processes",
        (("A", 100), ("B", 50)),
        (client("app-1", _handle("w1", "k1", "A", -61)), client("app-2", _handle("w2", "k2", "B", 7), _project("p1"))),
    ),
    Scope(
        "closing", "an account is closed beside a process that decides a command on it and pumps twice",
        (("A", 100),),
        (
            _opening(_handle("w1", "k1", "A", -61)),
            client("app-1", _close("c1", "A")), client("app-2", _handle("w2", "k2", "A", 13), _project("p1"), _project("p2")),
        ),
        opening=("before",),
    ),
    Scope(
        "closed", "an account is closed, queried, used and closed again; one crash, lost or late reply, eviction or restart anywhere",
        (("A", 100),),
        (
            _opening(_handle("w1", "k1", "A", -61), _project("p1"), _query("q1", "A")),
            client("app-1", _close("c1", "A"), _project("p2"), _query("q2", "A"), _handle("w2", "k2", "A", 13), _close("c2", "A"), _project("p3")),
        ),
        faults=1, kinds=_CRASH | _REPLIES | _VANISHING, serial=True, opening=("before",),
    ),
    Scope(
        "own command", "a client that queries after its command, of an account that is cached, beside a projector; a key is evicted",
        (("A", 100),),
        (
            _opening(_query("q1", "A")),
            client("app-1", _handle("w1", "k1", "A", -61, 0), _query("q2", "A", "w1")), repeated("projector-1", "project", 1),
        ),
        faults=1, kinds=frozenset({"evict"}), opening=("before",),
    ),
    Scope(
        "query again", "a client that queries an account twice that is cached, beside a pump that shows a command; one lost reply anywhere",
        (("A", 100),),
        (
            _opening(_query("q1", "A"), _handle("w1", "k1", "A", -61)),
            repeated("projector-1", "project", 1), client("app-1", _query("q2", "A"), _query("q3", "A", "q2")),
        ),
        faults=1, kinds=frozenset({"lost"}), opening=("before",),
    ),
    Scope(
        "invalid requests", "unknown accounts, amounts of zero or too large, and keys that are used again",
        (("A", 100), ("B", 50), ("C", 7)),
        (
            client(
                "app-1",
                _handle("w1", "k1", "nobody", 5), _handle("w2", "k2", "A", 0), _handle("w3", "k3", "A", -161),
                _handle("w4", "k4", "B", -11), _handle("w5", "k3", "A", -161), _handle("w6", "k4", "B", -11),
                _handle("w7", "k4", "B", -23), _handle("w8", "k4", "A", -11), _handle("w9", "k3", "A", -29),
                _handle("w10", "k5", "C", -7), _handle("w11", "k5", "C", -7),
                _handle("w12", "k6", "A", 83), _handle("w13", "k3", "A", -161), _close("c1", "nobody"), _project("p1"), _query("q1", "A"), _query("q2", "C"), _query("q3", "nobody"),
            ),
        ),
        serial=True,
    ),
    Scope(
        "many commands", "a hundred and ten commands before the first pump; keys that come again a day later, forty days, and more than a year",
        (("A", 100), ("B", 50)),
        (
            client("app-1", *[_handle(f"w{i}", f"k{i}", "AB"[i % 2], 1_000 + i) for i in range(1, A_PAGE + 1)], name="client-1"),
            client("app-1", _project("p1"), _query("q1", "A"), name="client-2"),
            pause("a day", A_DAY),
            client("app-2", _handle("w2 again", "k2", "A", 1_002), _project("p2"), _query("q2", "A"), name="client-3"),
            pause("months", MONTHS),
            client("app-1", _handle("w2 once more", "k2", "A", 1_002), _handle("w3 again", "k3", "B", 1_003), _query("q3", "B"), name="client-4"),
            pause("a year", A_YEAR),
            client("app-2", _handle("w4 again", "k4", "A", 1_004), _handle("w5 for another", "k5", "B", 7), _query("q4", "B"), name="client-5"),
        ),
        serial=True,
    ),
    Scope(
        "two failures", "a command and a pump by one process; two crashes or refusals, or one of each, anywhere",
        (("A", 100),),
        (client("app-1", _handle("w1", "k1", "A", -61), _project("p1")),),
        faults=2, kinds=_CRASH | {"refused"}, serial=True,
    ),
)  # fmt: skip


#: The server of PostgreSQL needs longer to die and start again than any other effect takes.
SLOW_SCOPES = (
    Scope(
        "server death", "a command and a pump by one process; the database server is killed once, between any two effects",
        (("A", 100),),
        (client("app-1", _handle("w1", "k1", "A", -61), _project("p1")),),
        faults=1, kinds=frozenset({"restart database"}),
    ),
)  # fmt: skip
