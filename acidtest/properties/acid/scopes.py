"""The scopes of local ACID transfers: what clients ask for."""

from __future__ import annotations

from acidtest.properties.shared.scopes import A_DAY, A_YEAR, DAY, MONTHS, client, environment, pause, repeated
from acidtest.workload import Operation, Scope


def _transfer(name: str, key: str, source: str, target: str, amount: int, retries: int = 1) -> Operation:
    return Operation(name, "transfer", (key, source, target, amount), retries)


_CRASH = frozenset({"crash"})
_REPLIES = frozenset({"refused", "lost", "unacknowledged", "late"})

SCOPES = (
    Scope(
        "opposite transfers", "two transfers in opposite directions at once in one process",
        (("A", 100), ("B", 50)),
        (
            client("app-1", _transfer("t1", "k1", "A", "B", 61), name="client-1"),
            client("app-1", _transfer("t2", "k2", "B", "A", 13), name="client-2"),
        ),
    ),
    Scope(
        "one process", "a transfer beside a read in one process",
        (("A", 150), ("B", 50)),
        (
            client("app-1", _transfer("t1", "k1", "A", "B", 61, retries=0), name="payer"),
            client("app-1", Operation("r1", "balances"), name="reader"),
        ),
    ),
    Scope(
        "long pause", "time jumps past every lease while two processes are asked for one key",
        (("A", 150), ("B", 50)),
        (
            client("app-1", _transfer("t1", "k1", "A", "B", 41, retries=0)),
            client("app-2", _transfer("t2", "k1", "A", "B", 41, retries=0)),
            environment(("jump", DAY)),
        ),
    ),
    Scope(
        "rejected requests", "to oneself, nothing, less than nothing, unknown accounts, too much; some again later; and the last unit, twice",
        (("A", 100), ("B", 50), ("C", 10)),
        (
            client(
                "app-1",
                _transfer("t1", "k1", "A", "A", 3),
                _transfer("t2", "k2", "A", "B", 0),
                _transfer("t3", "k3", "A", "B", -7),
                _transfer("t4", "k4", "A", "nobody", 5),
                _transfer("t5", "k5", "nobody", "A", 11),
                _transfer("t6", "k6", "B", "A", 61),
                _transfer("t7", "k7", "A", "B", 23),
                _transfer("t8", "k6", "B", "A", 61),
                _transfer("t9", "k6", "B", "A", 17),
                _transfer("t10", "k7", "A", "B", 23),
                _transfer("t11", "k7", "B", "A", 23),
                _transfer("t12", "k7", "A", "C", 23),
                _transfer("t13", "k4", "A", "nobody", 5),
                _transfer("t14", "k8", "A", "C", 78),
                _transfer("t15", "k9", "A", "C", 77),
                _transfer("t16", "k9", "A", "C", 77),
            ),
            repeated("reader-1", "balances", 1),
        ),
        serial=True,
    ),
    Scope(
        "read and read again", "a process reads before and after it transfers; one refusal, or lost reply of COMMIT",
        (("A", 150), ("B", 50)),
        (
            client(
                "app-1",
                Operation("r1", "balances"), _transfer("t1", "k1", "A", "B", 61, retries=0), Operation("r2", "balances"),
            ),
        ),
        faults=1, kinds=_REPLIES,
    ),
    Scope(
        "competing transfers", "two transfers that the payer cannot both fund; one crash or refusal",
        (("A", 100), ("B", 50)),
        (client("app-1", _transfer("t1", "k1", "A", "B", 61)), client("app-2", _transfer("t2", "k2", "A", "B", 52))),
        faults=1, kinds=_CRASH | {"refused"},
    ),
    Scope(
        "one transfer", "one transfer and two reads beside it; one crash, refused statement or lost reply anywhere",
        (("A", 150), ("B", 50)),
        (client("app-1", _transfer("t1", "k1", "A", "B", 61)), repeated("reader-1", "balances", 2)),
        faults=1, kinds=_CRASH | _REPLIES,
    ),
    Scope(
        "same key", "one key asked for twice at once, then reused with another amount; one crash or lost reply of COMMIT",
        (("A", 150), ("B", 50)),
        (
            client("app-1", _transfer("t1", "k1", "A", "B", 41)),
            client("app-2", _transfer("t2", "k1", "A", "B", 41), _transfer("t3", "k1", "A", "B", 23)),
        ),
        faults=1, kinds=_CRASH | {"unacknowledged"},
    ),
    Scope(
        "long after", "keys that come again a day later, after forty days, and after more than a year: done, refused, and for another amount",
        (("A", 150), ("B", 50)),
        (
            client("app-1", _transfer("t1", "k1", "A", "B", 41), _transfer("t2", "k2", "B", "A", 201)),
            pause("a day", A_DAY),
            client("app-2", _transfer("t3", "k1", "A", "B", 41), _transfer("t4", "k3", "A", "B", 23), _transfer("t5", "k2", "B", "A", 201)),
            pause("months", MONTHS),
            client("app-1", _transfer("t6", "k1", "A", "B", 41), _transfer("t7", "k3", "A", "B", 23), _transfer("t8", "k1", "A", "B", 7), name="client-3"),
            pause("a year", A_YEAR),
            client("app-2", _transfer("t9", "k1", "A", "B", 41), _transfer("t10", "k3", "A", "B", 23), _transfer("t11", "k3", "A", "B", 5), name="client-4"),
        ),
        serial=True,
    ),
    Scope(
        "bystanders", "two transfers at once that have no account in common, by two processes",
        (("A", 150), ("B", 50), ("C", 40), ("D", 7)),
        (client("app-1", _transfer("t1", "k1", "A", "B", 61)), client("app-2", _transfer("t2", "k2", "C", "D", 13))),
    ),
)  # fmt: skip


#: The server of PostgreSQL needs longer to die and start again than any other effect takes.
SLOW_SCOPES = (
    Scope(
        "server death", "a transfer and a read by one process; the database server is killed once, between any two effects",
        (("A", 150), ("B", 50)),
        (client("app-1", _transfer("t1", "k1", "A", "B", 61), Operation("r1", "balances")),),
        faults=1, kinds=frozenset({"restart database"}),
    ),
)  # fmt: skip
