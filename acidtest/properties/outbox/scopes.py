"""The scopes of the transactional outbox: what clients and relays do."""

from __future__ import annotations

from acidtest.properties.shared.scopes import DAY, client, environment, repeated
from acidtest.workload import ENVIRONMENT, Client, Operation, Scope

#: An hour, in seconds.
HOUR = 3_600.0


def _withdraw(name: str, key: str, account: str, amount: int, retries: int = 1) -> Operation:
    return Operation(name, "execute", (key, account, amount), retries)


def _poll(name: str) -> Operation:
    """A poll by a process that has other things to do as well."""
    return Operation(name, "relay")


def _outage() -> tuple[Client, ...]:
    """Twenty polls in as many hours, and one after forty days, while the broker is down."""
    polls = [Client(f"poll {i}", "relay-1", (_poll(f"poll {i}"),)) for i in range(1, 22)]
    pauses = [HOUR] * 19 + [40 * DAY]
    jumps = [Client(f"pause {i}", ENVIRONMENT, (Operation(f"jump {i}", "jump", (s,)),)) for i, s in enumerate(pauses, 1)]
    between = [one for pair in zip(polls, jumps, strict=False) for one in pair]
    return (environment(("outage", None)), *between, polls[-1])


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
            ),
            repeated("relay-1", "relay", 1),
        ),
        serial=True,
    ),
    Scope(
        "late relay", "a relay that comes forty days after the withdrawal, past every retention period",
        (("A", 100),),
        (
            client("app-1", _withdraw("w1", "k1", "A", 61)),
            environment(("jump", 40 * DAY)),
            repeated("relay-1", "relay", 1),
        ),
        serial=True,
    ),
    Scope(
        "outage", "the broker is down for forty days, and is tried again and again",
        (("A", 100),),
        (client("app-1", _withdraw("w1", "k1", "A", 61)), *_outage()),
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
        "poison", "the broker never accepts the messages of one account, and a hundred of them are owed before another's",
        (("P", 1_000_000), ("A", 100)),
        (
            client("app-1", *(_withdraw(f"p{i}", f"p{i}", "P", 1000 + i) for i in range(1, 101)), name="client-1"),
            client("app-1", _withdraw("w1", "k1", "A", 61), name="client-2"),
            repeated("relay-1", "relay", 101),
        ),
        poison=("P",), serial=True,
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
