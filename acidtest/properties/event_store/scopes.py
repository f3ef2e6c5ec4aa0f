"""The scopes of event stores: what clients and subscribers do."""

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
    repeated,
)
from acidtest.workload import Client, Operation, Scope


def append(name: str, stream: str, expected: int | None, *ids: str, retries: int = 1, data: str | None = None) -> Operation:
    """An append of events with these ids; their data say which they are, unless they are given."""
    events = tuple([(one, f"type of {one}", f'{{"n": "{one}"}}' if data is None else data) for one in ids])
    return Operation(name, "append", (stream, expected, events), retries)


def read(name: str, stream: str, after: int = 0) -> Operation:
    """A read of a stream."""
    return Operation(name, "read", (stream, after))


def read_all(name: str, after: int, limit: int) -> Operation:
    """A read of all streams."""
    return Operation(name, "read_all", (after, limit))


def _poll(name: str) -> Operation:
    return Operation(name, "poll")


def _follow(times: int) -> Client:
    return repeated("reader-1", "follow", times)


_REPLIES = frozenset({"refused", "lost", "unacknowledged", "late"})
_CRASH = frozenset({"crash"})

SCOPES = (
    Scope(
        "one append", "two events to a new stream; one crash, lost or late reply anywhere", (),
        (client("app-1", append("a1", "a", 0, "e1", "e2")),),
        faults=1, kinds=_CRASH | _REPLIES,
    ),
    Scope(
        "expected versions", "appends that expect the version that there is, another one, none, any; reads from everywhere", (),
        (
            client(
                "app-1",
                append("a1", "a", 0, "e1", "e2"), append("a2", "a", 0, "e3"), append("a3", "a", 1, "e4"), append("a4", "a", 3, "e5"),
                append("a5", "a", -1, "e6"), append("a6", "a", 2, "e7"), append("a7", "a", None, "e8", "e9"), append("a8", "b", 0, "f1"),
                append("a9", "b", None, "f2", data=""), append("a10", "c", None, "g1"), append("a11", "c", 2, "g2"),
                read("r1", "a"), read("r2", "a", 2), read("r3", "a", 5), read("r4", "a", -1), read("r5", "nobody"),
                read_all("r6", 0, 10), read_all("r7", 0, 1), read_all("r8", -1, 3),
                _poll("poll 1"), _poll("poll 2"),
            ),
            _follow(3),
        ),
        serial=True,
    ),
    Scope(
        "known events", "appends that are asked for again, in every mode, and ids that are used for something else", (),
        (
            client(
                "app-1",
                append("a1", "a", 0, "e1"), append("a2", "a", 0, "e1"), append("a3", "a", 1, "e1"), append("a4", "a", None, "e1"),
                append("a5", "a", 1, "e1", data="other"), append("a6", "a", None, "e1", data="other"), append("a7", "a", 1, "e2", "e3"),
                append("a8", "a", None, "e2", "e3"), append("a9", "a", 3, "e1"), append("a10", "a", 3, "e3", "e4"),
                append("a11", "a", 3, "e5", "e1"), append("a12", "b", None, "f1"), append("a13", "b", None, "f1"), append("a14", "b", 0, "f1"),
            ),
            client("app-2", append("b1", "a", None, "e1"), append("b2", "b", 1, "f1"), append("b3", "a", None, "e2", "e3")),
            _follow(3),
        ),
        serial=True,
    ),
    Scope(
        "own subscriber", "an append of three events and polls by the same process; one crash, lost or late reply anywhere", (),
        (client("app-1", append("a1", "a", 0, "e1", "e2", "e3"), _poll("poll 1"), _poll("poll 2")),),
        faults=1, kinds=_CRASH | _REPLIES,
    ),
    Scope(
        "two subscribers", "appends to two streams at once, beside the store's own subscriber", (),
        (
            client("app-1", append("a1", "a", 0, "e1", retries=0)),
            client("app-2", append("b1", "b", 0, "f1", retries=0), _poll("poll 1")),
        ),
    ),
    Scope(
        "two streams", "appends to two streams at once, and a subscriber that reads on beside them", (),
        (
            client("app-1", append("a1", "a", 0, "e1", retries=0)),
            client("app-2", append("b1", "b", 0, "f1", retries=0)),
            _follow(2),
        ),
    ),
    Scope(
        "a day apart", "two appends to one stream at once, while a day goes by, and a subscriber that reads on", (),
        (
            client("app-1", append("a1", "a", None, "e1", retries=0)),
            client("app-2", append("b1", "a", None, "f1", retries=0)),
            _follow(1),
            environment(("jump", DAY)),
        ),
    ),
    Scope(
        "any version", "two appends to one stream, whatever its version, and a read beside them; one lost reply of COMMIT", (),
        (
            client("app-1", append("a1", "a", None, "e1", "e2"), read("r1", "a")),
            client("app-2", append("b1", "a", None, "f1")),
        ),
        faults=1, kinds=frozenset({"unacknowledged"}),
    ),
    Scope(
        "one stream", "two appends that expect the same version at once; one crash or lost reply of COMMIT", (),
        (client("app-1", append("a1", "a", 0, "e1", "e2")), client("app-2", append("b1", "a", 0, "f1"))),
        faults=1, kinds=_CRASH | {"unacknowledged"},
    ),
    Scope(
        "same append", "one append asked for twice at once, with a version and with any; one lost or late reply of COMMIT", (),
        (client("app-1", append("a1", "a", 0, "e1")), client("app-2", append("b1", "a", None, "e1"))),
        faults=1, kinds=frozenset({"unacknowledged", "late"}),
    ),
    Scope(
        "outage", "the subscriber cannot be reached for more than a year, and is tried eleven hundred times", (),
        (
            client("app-1", append("a1", "a", 0, "e1", "e2"), append("a2", "b", 0, "f1")),
            environment(("outage", None)),
            *again_and_again(("app-1", "poll")),
        ),
        serial=True, enough=ATTEMPTS,
    ),
    Scope(
        "long ago", "a hundred and ten events, read, handed on, and asked for again a day later, after forty days, and after more than a year", (),
        (
            client(
                "app-1", append("a1", "a", 0, "e1", "e2"), append("a2", "a", 2, "e3"),
                append("b1", "b", 0, *[f"f{i}" for i in range(1, A_PAGE + 1)]), append("b2", "b", A_PAGE, "f0"),
            ),
            pause("a day", A_DAY),
            client("app-2", append("c1", "a", 0, "e1", "e2"), read("r1", "b"), read_all("r2", 0, 2 * A_PAGE), *[_poll(f"poll {i}") for i in range(1, 4)]),
            pause("months", MONTHS),
            client("app-1", append("c2", "a", 0, "e1", "e2"), append("c3", "a", None, "e3"), append("c4", "a", 3, "e4"), _poll("poll 4"), name="client-3"),
            pause("a year", A_YEAR),
            client("app-2", append("c5", "a", 2, "e3"), append("c6", "b", A_PAGE, "f0"), read("r3", "b", 100), name="client-4"),
        ),
        serial=True,
    ),
    Scope(
        "two failures", "an append of two events and polls by the same process; two crashes or bad replies, or one of each, anywhere", (),
        (client("app-1", append("a1", "a", 0, "e1", "e2"), _poll("poll 1"), _poll("poll 2")),),
        faults=2, kinds=_CRASH | {"refused", "unacknowledged"}, serial=True,
    ),
)  # fmt: skip

#: The server of PostgreSQL needs longer to die and start again than any other effect takes.
SLOW_SCOPES = (
    Scope(
        "server death", "an append by one process; the database server is killed once, between any two effects", (),
        (client("app-1", append("a1", "a", 0, "e1", "e2")),),
        faults=1, kinds=frozenset({"restart database"}),
    ),
)  # fmt: skip
