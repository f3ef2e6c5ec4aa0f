"""The scopes of two-phase commit: what clients ask for, and when processes recover."""

from __future__ import annotations

from acidtest.properties.shared.scopes import A_DAY, A_YEAR, DAY, MONTHS, client, environment, pause
from acidtest.workload import Client, Operation, Scope


def _run(name: str, key: str, *operations: tuple[str, str, int], retries: int = 1) -> Operation:
    return Operation(name, "run", (key, operations), retries)


def _client(process: int, *operations: Operation) -> Client:
    # Not named like its process: a process that starts goes on as a client does, under the name of the process.
    return client(f"app-{process}", *operations, name=f"client-{process}")


def _recovery(process: int, times: int) -> Client:
    name = f"recovery-{process}"
    return Client(name, f"app-{process}", tuple(Operation(f"{name} {i + 1}", "recover") for i in range(times)))


_ACCOUNTS = (("left/A", 100), ("left/D", 20), ("right/B", 60), ("third/C", 40))
_REPLIES = frozenset({"refused", "lost", "unacknowledged", "late"})
_CRASH = frozenset({"crash"})
_FOUR = _run("t1", "k1", ("left", "A", -61), ("left", "D", 9), ("right", "B", 59), ("third", "C", -7), retries=0)
_TRANSFER = _run("t1", "k1", ("left", "A", -13), ("right", "B", 13))

SCOPES = (
    Scope(
        "lost replies", "one run over two databases, asked for again; one crash, refused, lost or late reply anywhere",
        _ACCOUNTS,
        (_client(1, _TRANSFER),),
        faults=1, kinds=_REPLIES | _CRASH,
    ),
    Scope(
        "the last cannot pay", "one run over three databases, the last without funds; one crash or bad reply anywhere",
        _ACCOUNTS,
        (_client(1, _run("t1", "k1", ("left", "A", -61), ("right", "B", 61), ("third", "C", -52), retries=0)),),
        faults=1, kinds=_REPLIES | _CRASH,
    ),
    Scope(
        "refused for good", "runs that are invalid or that nobody can pay, and again elsewhere after the funds have come",
        _ACCOUNTS,
        (
            _client(
                1,
                _run("t1", "k1"),
                _run("t2", "k2", ("left", "A", 0), ("right", "B", 11)),
                _run("t3", "k3", ("left", "nobody", -5), ("right", "B", 5)),
                _run("t4", "k4", ("right", "B", 17), ("nowhere", "A", -17)),
                _run("t15", "k15", ("left", "A", -5), ("right", "nobody", 5)),
                _run("t16", "k16", ("left", "nobody", 5), ("right", "B", -5)),
                _run("t5", "k5", ("right", "B", 80), ("third", "C", -80)),
                _run("t6", "k6", ("left", "A", -41), ("third", "C", 41)),
            ),
            _client(
                2,
                _run("t7", "k5", ("right", "B", 80), ("third", "C", -80)),
                _run("t8", "k6", ("left", "A", -41), ("third", "C", 41)),
                _run("t9", "k6", ("left", "A", -19), ("third", "C", 19)),
                _run("t10", "k10", ("left", "A", -30), ("left", "A", -31), ("right", "B", 61)),
                _run("t11", "k5", ("right", "B", 3), ("third", "C", -3)),
                _run("t12", "k12", ("left", "A", -58), ("third", "C", -200)),
                _run("t13", "k13", ("left", "A", -47), ("right", "B", 47)),
                _run("t14", "k14", ("right", "B", -9)),
                _run("t17", "k17", ("left", "D", -20), ("right", "B", 20)),
                _run("t18", "k17", ("left", "D", -20), ("right", "B", 20)),
            ),
        ),
        serial=True,
    ),
    Scope(
        "crash in recovery", "one run over three databases and four accounts; one crash anywhere, one more in recovery",
        _ACCOUNTS,
        (_client(1, _FOUR),),
        faults=1, kinds=_CRASH, recovery_crashes=1,
    ),
    Scope(
        "recovery beside a run", "one run while another process recovers, and time jumps past every timeout",
        _ACCOUNTS,
        (_client(1, _TRANSFER), _recovery(2, 1), environment(("jump", DAY))),
    ),
    Scope(
        "opposite runs", "two runs that one account cannot both pay, over two databases in opposite order",
        _ACCOUNTS,
        (
            _client(1, _run("t1", "k1", ("left", "A", -61), ("right", "B", 61))),
            _client(2, _run("t2", "k2", ("right", "B", -7), ("left", "A", -52))),
        ),
    ),
    Scope(
        "one key", "one run asked for through two processes, then its key for another run",
        _ACCOUNTS,
        (
            _client(
                1,
                _run("t1", "k1", ("left", "A", -13), ("right", "B", 13)),
                _run("t3", "k1", ("left", "A", -7), ("third", "C", 7)),
            ),
            _client(2, _run("t2", "k1", ("left", "A", -13), ("right", "B", 13))),
        ),
    ),
    Scope(
        "two failures", "one run, asked for again, and recovery; two crashes, refused or lost replies anywhere",
        _ACCOUNTS,
        (_client(1, _TRANSFER, Operation("recovery", "recover")),),
        faults=2, kinds=frozenset({"refused", "unacknowledged", "crash"}),
    ),
    Scope(
        "recovery beside a retry", "one run, asked for again, while another process recovers; one lost reply anywhere",
        _ACCOUNTS,
        (_client(1, _TRANSFER), _recovery(2, 1)),
        faults=1, kinds=frozenset({"lost"}),
    ),
    Scope(
        "long after", "keys that come again a day later, after forty days, and after more than a year: done, refused, and for another run",
        _ACCOUNTS,
        (
            _client(1, _TRANSFER, _run("t2", "k2", ("right", "B", -80), ("third", "C", 80))),
            pause("a day", A_DAY),
            client("app-2", _TRANSFER._replace(name="t3"), _run("t4", "k3", ("left", "D", -7), ("right", "B", 7)), Operation("recovery 1", "recover"), name="client-2"),
            pause("months", MONTHS),
            client("app-1", _TRANSFER._replace(name="t5"), _run("t6", "k3", ("left", "D", -7), ("right", "B", 7)), _run("t7", "k2", ("right", "B", -80), ("third", "C", 80)), name="client-3"),
            pause("a year", A_YEAR),
            client("app-2", Operation("recovery 2", "recover"), _TRANSFER._replace(name="t8"), _run("t9", "k3", ("left", "D", -3), ("third", "C", 3)), name="client-4"),
        ),
        serial=True,
    ),
    Scope(
        "bystanders", "two runs at once that have a database in common, and no account",
        _ACCOUNTS,
        (_client(1, _run("t1", "k1", ("left", "A", -61), ("right", "B", 61))), _client(2, _run("t2", "k2", ("left", "D", -7), ("third", "C", 7)))),
    ),
)  # fmt: skip


#: The server of PostgreSQL needs longer to die and start again than any other effect takes.
SLOW_SCOPES = (
    Scope(
        "server death", "a run over two databases and a recovery by one process; the database server is killed once, between any two effects",
        _ACCOUNTS,
        (_client(1, _TRANSFER, Operation("recovery 1", "recover")),),
        faults=1, kinds=frozenset({"restart database"}),
    ),
)  # fmt: skip
