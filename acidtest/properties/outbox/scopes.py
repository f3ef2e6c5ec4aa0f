"""The scopes of the transactional outbox: what clients and relays do."""

from __future__ import annotations

from acidtest.properties.shared.scopes import (
    A_DAY,
    A_YEAR,
    ATTEMPTS,
    DAY,
    ITEMS,
    MONTHS,
    again_and_again,
    client,
    environment,
    pause,
    repeated,
)
from acidtest.workload import Client, Operation, Scope


def _withdraw(name: str, key: str, account: str, amount: int, retries: int = 1) -> Operation:
    return Operation(name, "execute", (key, account, amount), retries)


def _poll(name: str) -> Operation:
    """A poll by a process that has other things to do as well."""
    return Operation(name, "relay")


def _later(name: str, seconds: float, *operations: Operation) -> tuple[Client, ...]:
    """Time passes, a relay polls, and then clients ask."""
    return pause(name, seconds), Client(f"relay after {name}", "relay-1", (_poll(f"poll after {name}"),)), client("app-1", *operations, name=f"after {name}")


_REPLIES = frozenset({"refused", "lost", "unacknowledged", "late", "twice"})
_CRASH = frozenset({"crash"})

SCOPES = (
    Scope(
        "one withdrawal", "one withdrawal and a relay; one crash, lost, late or double reply anywhere",
        (("A", 100),),
        (client("app-1", _withdraw("w1", "k1", "A", 61)), repeated("relay-1", "relay", 1)),
        faults=1, kinds=_CRASH | _REPLIES,
    ),
    Scope(
        "same key", "one key asked for twice at once, then reused with another amount; one crash or lost reply of COMMIT",
        (("A", 100),),
        (
            client("app-1", _withdraw("w1", "k1", "A", 41)),
            client("app-2", _withdraw("w2", "k1", "A", 41), _withdraw("w3", "k1", "A", 23)),
        ),
        faults=1, kinds=_CRASH | {"unacknowledged"}, idle=("relay-1",),
    ),
    Scope(
        "two funded withdrawals", "two withdrawals of one account at once, by processes that also relay",
        (("A", 100),),
        (
            client("app-1", _withdraw("w1", "k1", "A", 61), _poll("poll 1")),
            client("app-2", _withdraw("w2", "k2", "A", 13), _poll("poll 2")),
        ),
    ),
    Scope(
        "invalid requests", "unknown accounts, amounts of zero, below zero or too large, and keys that are used again",
        (("A", 100), ("B", 50), ("C", 7)),
        (
            client(
                "app-1",
                _withdraw("w1", "k1", "nobody", 5),
                _withdraw("w2", "k2", "A", 0),
                _withdraw("w3", "k3", "A", -7),
                _withdraw("w4", "k4", "A", 161),
                _withdraw("w5", "k5", "B", 11),
                _withdraw("w6", "k4", "A", 161),
                _withdraw("w7", "k5", "B", 11),
                _withdraw("w8", "k5", "B", 23),
                _withdraw("w9", "k5", "A", 11),
                _withdraw("w10", "k4", "A", 29),
                _withdraw("w11", "k6", "C", 7),
                _withdraw("w12", "k6", "C", 7),
            ),
            repeated("relay-1", "relay", 1),
        ),
        serial=True,
    ),
    Scope(
        "late relay", "relays that come a day, forty days and four hundred days after withdrawals, and keys that come again then",
        (("A", 100),),
        (
            client("app-1", _withdraw("w1", "k1", "A", 61)), *_later("a day", A_DAY, _withdraw("w2", "k1", "A", 61), _withdraw("w3", "k2", "A", 13)),
            *_later("months", MONTHS, _withdraw("w4", "k2", "A", 13), _withdraw("w5", "k1", "A", 61), _withdraw("w6", "k3", "A", 5)),
            *_later("a year", A_YEAR, _withdraw("w7", "k3", "A", 5), _withdraw("w8", "k1", "A", 61), _withdraw("w9", "k3", "A", 7)),
        ),
        serial=True,
    ),
    Scope(
        "one process", "three withdrawals and two polls by one process; one crash, lost, late or double reply anywhere",
        (("A", 100), ("B", 100)),
        (
            client(
                "app-1",
                _withdraw("w1", "k1", "A", 41), _withdraw("w2", "k2", "B", 13), _withdraw("w3", "k3", "A", 7),
                _poll("poll 1"), _poll("poll 2"),
            ),
        ),
        faults=1, kinds=_CRASH | _REPLIES,
    ),
    Scope(
        "lease", "two relays, while time jumps past every lease and retention period",
        (("A", 100),),
        (
            client("app-1", _withdraw("w1", "k1", "A", 61), _poll("poll 1")),
            repeated("relay-1", "relay", 1),
            environment(("jump", 40 * DAY)),
        ),
    ),
    Scope(
        "two withdrawals", "two withdrawals that the account cannot both pay, and a relay; one crash anywhere",
        (("A", 100),),
        (
            client("app-1", _withdraw("w1", "k1", "A", 61)),
            client("app-2", _withdraw("w2", "k2", "A", 52)),
            repeated("relay-1", "relay", 1),
        ),
        faults=1, kinds=_CRASH,
    ),
    Scope(
        "stale relay", "two relays, while time jumps past every lease and then the broker goes down",
        (("A", 100),),
        (
            client("app-1", _withdraw("w1", "k1", "A", 61), _poll("poll 1")),
            repeated("relay-1", "relay", 1),
            environment(("jump", DAY), ("outage", None)),
        ),
    ),
    Scope(
        "two relays", "two accounts' messages and two relays at once; one crash anywhere",
        (("A", 100), ("B", 100)),
        (
            client("app-1", _withdraw("w1", "k1", "A", 61, 0), _withdraw("w2", "k2", "B", 13, 0), _poll("poll 1")),
            repeated("relay-1", "relay", 1),
        ),
        faults=1, kinds=_CRASH,
    ),
    Scope(
        "poison", "the broker never accepts the messages of one account, and two hundred and fifty of them are owed before another's",
        (("P", 1_000_000), ("A", 100)),
        (
            client("app-1", *(_withdraw(f"p{i}", f"p{i}", "P", 1000 + i) for i in range(1, ITEMS + 1)), name="client-1"),
            client("app-1", _withdraw("w1", "k1", "A", 61), name="client-2"),
            repeated("relay-1", "relay", ITEMS + 1),
        ),
        poison=("P",), serial=True, enough=2 * ITEMS,
    ),
    Scope(
        "outage", "the broker is down for more than a year, and is tried eleven hundred times",
        (("A", 100), ("B", 100)),
        (client("app-1", _withdraw("w1", "k1", "A", 61)), environment(("outage", None)), *again_and_again(("relay-1", "relay"))),
        serial=True, enough=ATTEMPTS,
    ),
    Scope(
        "two failures", "a withdrawal and two polls by one process; two crashes or bad replies, or one of each, anywhere",
        (("A", 100),),
        (client("app-1", _withdraw("w1", "k1", "A", 61), _poll("poll 1"), _poll("poll 2")),),
        faults=2, kinds=_CRASH | {"refused", "unacknowledged"}, serial=True,
    ),
    Scope(
        "bystanders", "two withdrawals at once from accounts of their own, by two processes",
        (("A", 100), ("B", 100), ("C", 7)),
        (client("app-1", _withdraw("w1", "k1", "A", 61)), client("app-2", _withdraw("w2", "k2", "B", 13))),
        idle=("relay-1",),
    ),
)  # fmt: skip


#: The server of PostgreSQL needs longer to die and start again than any other effect takes.
SLOW_SCOPES = (
    Scope(
        "server death", "a withdrawal and a poll by one process; the database server is killed once, between any two effects",
        (("A", 100),),
        (client("app-1", _withdraw("w1", "k1", "A", 61), _poll("poll 1")),),
        faults=1, kinds=frozenset({"restart database"}),
    ),
)  # fmt: skip
