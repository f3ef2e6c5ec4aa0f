"""The scopes of event-sourced accounts: what clients do, and what releases before and after would."""

from __future__ import annotations

from acidtest.properties.shared.scopes import (
    A_DAY,
    A_PAGE,
    A_YEAR,
    ATTEMPTS,
    DAY,
    MONTHS,
    again_and_again,
    client,
    environment,
    pause,
)
from acidtest.workload import Operation, Scope


def handle(name: str, key: str, account: str, amount: int, retries: int = 1) -> Operation:
    """A deposit, or a withdrawal where the amount is negative."""
    return Operation(name, "handle", (key, account, amount), retries)


def legacy(name: str, key: str, account: str, amount: int) -> Operation:
    """The same by the previous release."""
    return Operation(name, "legacy", (key, account, amount), 1)


def _do(method: str, *arguments: str, name: str = "") -> Operation:
    return Operation(name or f"{method} {' '.join(arguments)}".strip(), method, arguments)


_REPLIES = frozenset({"refused", "lost", "unacknowledged", "late"})
_CRASH = frozenset({"crash"})
_TWO = (("A", 100), ("B", 50))

SCOPES = (
    Scope(
        "one command", "a withdrawal, balances, and its event told to others; one crash, lost or late reply anywhere", (("A", 100),),
        (client("app-1", handle("w1", "k1", "A", -61), _do("balances"), _do("poll")),),
        faults=1, kinds=_CRASH | _REPLIES,
    ),
    Scope(
        "invalid commands", "unknown accounts, amounts of zero or too large, and keys that are used again", _TWO,
        (
            client(
                "app-1",
                handle("w1", "k1", "nobody", 5), handle("w2", "k2", "A", 0), handle("w3", "k3", "A", -161), handle("w4", "k4", "B", -11),
                handle("w5", "k3", "A", -161), handle("w6", "k4", "B", -11), handle("w7", "k4", "B", -23), handle("w8", "k4", "B", 11),
                handle("w9", "k5", "A", 67), handle("w10", "k3", "A", -29), handle("w11", "k6", "B", -39), handle("w12", "k3", "A", -161),
                handle("w13", "k6", "B", -39), handle("w14", "k7", "A", -167), handle("w15", "k7", "A", -167),
                _do("balances"),
            ),
        ),
        serial=True,
    ),
    Scope(
        "snapshots", "snapshots between commands, by two processes that remember, and a rebuild; months go by", _TWO,
        (
            client("app-1", handle("w1", "k1", "A", -13), _do("snapshot", "A"), handle("w2", "k2", "A", -7), _do("balances", name="r1")),
            client("app-2", handle("w3", "k3", "A", 41), _do("snapshot", "A", name="s2"), handle("w4", "k1", "A", -13), _do("balances", name="r2")),
            environment(("jump", 40 * DAY)),
            client(
                "app-1", _do("snapshot", "A", name="s3"), _do("balances", name="r3"), _do("poll"), _do("rebuild"), handle("w5", "k5", "A", -117),
                handle("w6", "k2", "A", -7), _do("balances", name="r4"), _do("poll", name="poll 2"), name="client-3",
            ),
        ),
        serial=True,
    ),
    Scope(
        "old release", "commands of the previous release, before and between those of this one, also with snapshots", _TWO,
        (
            client(
                "app-1", legacy("l1", "k1", "A", -61), handle("w1", "k2", "A", 17), legacy("l2", "k3", "A", -29), _do("balances", name="r1"),
                handle("w2", "k1", "A", -61), legacy("l3", "k2", "A", 17), _do("snapshot", "A"), legacy("l4", "k4", "B", 3), handle("w3", "k5", "A", -23),
            ),
            client("app-2", _do("balances", name="r2"), handle("w4", "k6", "A", -4), _do("rebuild"), _do("poll"), handle("w5", "k4", "B", 3)),
        ),
        serial=True,
    ),
    Scope(
        "newer release", "an event that a newer release has written, and commands after it", (("A", 100),),
        (client("app-1", handle("w1", "k1", "A", -61), _do("newer", "A"), handle("w2", "k2", "A", -13), _do("balances"), _do("snapshot", "A")),),
        serial=True,
    ),
    Scope(
        "same key", "one key asked for twice at once, then with another amount; one crash or lost reply of COMMIT", (("A", 100),),
        (
            client("app-1", handle("w1", "k1", "A", -41)),
            client("app-2", handle("w2", "k1", "A", -41), handle("w3", "k1", "A", -23)),
        ),
        faults=1, kinds=_CRASH | {"unacknowledged"},
    ),
    Scope(
        "two withdrawals", "two withdrawals that the account cannot both pay, by processes that know it, and balances", (("A", 100),),
        (
            client("app-1", handle("w1", "k1", "A", -61, 0), _do("balances", name="r1")),
            client("app-2", handle("w2", "k2", "A", -52, 0)),
        ),
        faults=1, kinds=frozenset({"unacknowledged"}),
    ),
    Scope(
        "in one process", "two clients ask one process for balances at once, which has changed since it was asked before", (("A", 100),),
        (
            client("app-1", _do("balances", name="before"), name="before"),
            client("app-2", handle("w1", "k1", "A", -61, 0), name="beside"),
            client("app-1", _do("balances", name="r1"), name="client-1"),
            client("app-1", _do("balances", name="r2"), name="client-2"),
        ),
        opening=("before", "beside"),
    ),
    Scope(
        "snapshot beside", "a snapshot while the account changes; one crash or lost reply of COMMIT", (("A", 100),),
        (client("app-1", handle("w1", "k1", "A", -61, 0)), client("app-2", _do("snapshot", "A"), handle("w2", "k2", "A", 7, 0))),
        faults=1, kinds=_CRASH | {"unacknowledged"},
    ),
    Scope(
        "outage", "others cannot be told for more than a year, and it is tried eleven hundred times", (("A", 100),),
        (
            client("app-1", handle("w1", "k1", "A", -61), handle("w2", "k2", "A", 13)),
            environment(("outage", None)),
            *again_and_again(("app-1", "poll")),
        ),
        serial=True, enough=ATTEMPTS,
    ),
    Scope(
        "many commands", "a hundred and ten commands; their keys come again a day later, after forty days, and after more than a year", _TWO,
        (
            client("app-1", *[handle(f"w{i}", f"k{i}", "AB"[i % 2], 1_000 + i) for i in range(1, A_PAGE + 1)], _do("balances"), _do("snapshot", "A")),
            pause("a day", A_DAY),
            client("app-2", handle("w2 again", "k2", "A", 1_002), _do("balances", name="r2"), _do("poll")),
            pause("months", MONTHS),
            client("app-1", handle("w2 once more", "k2", "A", 1_002), handle("w3 again", "k3", "B", 1_003), _do("snapshot", "B"), name="client-3"),
            pause("a year", A_YEAR),
            client("app-2", handle("w4 again", "k4", "A", 1_004), handle("w5 for another", "k5", "B", 7), _do("balances", name="r4"), name="client-4"),
        ),
        serial=True,
    ),
    Scope(
        "two failures", "a withdrawal, and others are told of it; two crashes or bad replies, or one of each, anywhere", (("A", 100),),
        (client("app-1", handle("w1", "k1", "A", -61), _do("poll"), _do("poll")._replace(name="poll again")),),
        faults=2, kinds=_CRASH | {"refused", "unacknowledged"}, serial=True,
    ),
)  # fmt: skip

#: The server of PostgreSQL needs longer to die and start again than any other effect takes.
SLOW_SCOPES = (
    Scope(
        "server death", "a withdrawal by one process; the database server is killed once, between any two effects", (("A", 100),),
        (client("app-1", handle("w1", "k1", "A", -61), _do("snapshot", "A")),),
        faults=1, kinds=frozenset({"restart database"}),
    ),
)  # fmt: skip
