"""What clients ask of a coordinator of Try-Confirm/Cancel, and what is explored of it completely."""

from __future__ import annotations

from typing import Any

from acidtest.properties.shared.scopes import (
    A_DAY,
    A_YEAR,
    ATTEMPTS,
    BEFORE,
    DAY,
    IN_VAIN,
    MONTHS,
    again_and_again,
    before,
    environment,
    in_vain,
    pause,
)
from acidtest.workload import Client, Operation, Scope

#: The accounts of every scope, by service.
ACCOUNTS = (("bank/A", 100), ("bank/B", 50), ("hotel/C", 40), ("shop/D", 60))

_CRASH = frozenset({"crash"})
_SILENCE = frozenset({"lost", "unacknowledged", "late"})
_REPLIES = _SILENCE | {"refused", "twice"}


def run(name: str, gid: str, *branches: tuple[str, Any], retries: int = 1) -> Operation:
    """A client asks for a transaction of (service/account, amount) branches."""
    split = tuple((*account.split("/"), sum_) for account, sum_ in branches)
    return Operation(name, "run", (gid, split), retries)


def _client(process: int, *operations: Operation, name: str = "") -> Client:
    # Not named like its process: a process that starts goes on as a client does, under the name of the process.
    return Client(name or f"client-{process}", f"app-{process}", operations)


def _work(process: int, *methods: str) -> Client:
    name = f"desk-{process}"
    return Client(name, f"app-{process}", tuple(Operation(f"{name} {i} {method}", method) for i, method in enumerate(methods, 1)))


_FIRST = run("t1", "g1", ("bank/A", 41), ("shop/D", 17))
_SECOND = run("t2", "g2", ("bank/A", 23), ("hotel/C", 11))
_RIVAL = run("t2", "g2", ("hotel/C", 11), ("bank/A", 67))
#: Another transaction, which is confirmed before all else, or of which no service could be told.
_BEFORE = before("app-1", run("t0", "g3", ("bank/B", 19), ("hotel/C", 5), retries=0))
_IN_VAIN = in_vain("app-1", run("t0", "g3", ("bank/B", 19), ("hotel/C", 5), retries=0))
_POOR = run("t2", "g2", ("bank/B", 13), ("bank/A", 23), ("shop/D", 63))

SCOPES = (
    Scope(
        "two transactions", "two that one account cannot both pay, in opposite order, by two processes",
        ACCOUNTS,
        (_client(1, _FIRST), _client(2, _RIVAL)),
    ),
    Scope(
        "invalid requests", "no branch, an unknown account, nothing, less than nothing, all but one account; and the last unit",
        ACCOUNTS,
        (
            _client(
                1,
                run("t1", "g1"),
                run("t2", "g2", ("bank/A", 5), ("bank/nobody", 3)),
                run("t3", "g3", ("shop/D", 0), ("bank/A", 9)),
                run("t4", "g4", ("bank/B", 2), ("hotel/C", -7)),
                run("t5", "g5", ("hotel/C", 40), ("bank/B", 50)),
                run("t6", "g6", ("hotel/C", 1), ("bank/A", 29)),
            ),
        ),
        serial=True,
    ),
    Scope(
        "one id for several", "transactions asked for again, also a day later, after forty days, and after more than a year; their ids with other branches; two alike",
        ACCOUNTS,
        (
            _client(
                1,
                _FIRST,
                run("t2", "g1", ("bank/A", 41), ("shop/D", 17)),
                run("t3", "g1", ("bank/A", 13), ("shop/D", 5)),
                run("t4", "g1", ("hotel/C", 3)),
                run("t5", "g2", ("bank/B", 19), ("bank/A", 73)),
                run("t6", "g2", ("bank/B", 19), ("bank/A", 73)),
                run("t7", "g2", ("hotel/C", 2), ("shop/D", 11)),
                run("t8", "g3", ("bank/B", 7), ("shop/D", 29)),
            ),
            pause("a day", A_DAY),
            _client(2, run("t14", "g3", ("bank/B", 7), ("shop/D", 29)), run("t15", "g1", ("bank/A", 41), ("shop/D", 17)), name="client-3"),
            pause("a year", A_YEAR),
            _client(1, run("t16", "g3", ("bank/B", 7), ("shop/D", 29)), run("t17", "g2", ("bank/B", 19), ("bank/A", 73)), name="client-4"),
            pause("months", MONTHS),
            _client(
                2,
                run("t9", "g3", ("bank/B", 7), ("shop/D", 29)),
                run("t10", "g1", ("hotel/C", 5)),
                run("t11", "g1", ("bank/A", 41), ("shop/D", 17)),
                run("t12", "g2", ("bank/B", 19), ("bank/A", 73)),
                run("t13", "g2", ("shop/D", 3)),
            ),
        ),
        serial=True,
    ),
    Scope(
        "other payload", "two transactions under one id at once, after another",
        ACCOUNTS,
        (_BEFORE, _client(1, _FIRST), _client(2, run("t2", "g1", ("bank/A", 23), ("hotel/C", 11)))),
        opening=(BEFORE,),
    ),
    Scope(
        "timeout against confirm", "a transaction while time jumps, and another process looks after what is overdue, beside another that was begun in vain",
        ACCOUNTS,
        (*_IN_VAIN, _client(1, _FIRST), environment(("jump", DAY)), _work(2, "tick")),
        opening=IN_VAIN,
    ),
    Scope(
        "lost replies", "two transactions one after the other, then time passes; one crash, or bad reply of a service or COMMIT",
        ACCOUNTS,
        (_client(1, _FIRST), _client(2, _SECOND), environment(("jump", DAY)), _work(2, "tick")),
        faults=1, kinds=_CRASH | _REPLIES, serial=True,
    ),
    Scope(
        "one service twice", "two branches at one service, and two alike, all by one process; one crash or bad reply",
        ACCOUNTS,
        (
            _client(
                1, run("t1", "g1", ("bank/A", 41), ("bank/B", 17)), run("t2", "g2", ("bank/A", 13), ("bank/A", 13), ("shop/D", 29)),
            ),
            environment(("jump", DAY)), _work(1, "tick"),
        ),
        faults=1, kinds=_CRASH | {"lost", "unacknowledged", "refused"}, serial=True,
    ),
    Scope(
        "crash in recovery", "two transactions over two and three services; one crash anywhere, one more in recovery",
        ACCOUNTS,
        (
            _client(1, run("t1", "g1", ("bank/A", 41), ("shop/D", 17), ("hotel/C", 7)), _SECOND),
            environment(("jump", DAY)), _work(1, "recover"),
        ),
        faults=1, kinds=_CRASH, recovery_crashes=1, serial=True,
    ),
    Scope(
        "one id at once", "a transaction asked for through two processes, while one of them goes on to another",
        ACCOUNTS,
        (_client(1, _FIRST), _client(2, run("t2", "g1", ("bank/A", 41), ("shop/D", 17)), run("t3", "g2", ("hotel/C", 11)))),
    ),
    Scope(
        "outage", "two transactions while the services go down and come up again",
        ACCOUNTS,
        (_client(1, _FIRST, run("t2", "g2", ("bank/A", 67), retries=0)), environment(("outage", None), ("restore", None))),
    ),
    Scope(
        "refused at last", "one that the last service refuses, one that the first does, one that can be paid; one crash or bad reply",
        ACCOUNTS,
        (
            _client(1, _POOR, run("t3", "g3", ("hotel/C", 41), ("bank/B", 7))),
            _client(2, run("t4", "g4", ("bank/A", 77), ("bank/B", 29))),
            environment(("jump", DAY)), _work(2, "tick"),
        ),
        faults=1, kinds=_CRASH | _REPLIES, serial=True,
    ),
    Scope(
        "recovery beside a run", "a transaction by one process while another recovers, and time jumps, after another; one crash",
        ACCOUNTS,
        (_BEFORE, _client(1, _FIRST._replace(retries=0)), environment(("jump", DAY)), _work(2, "recover")),
        faults=1, kinds=_CRASH, opening=(BEFORE,),
    ),
    Scope(
        "two failures", "a transaction, then time passes and another process looks after it, after another; two crashes or bad replies",
        ACCOUNTS,
        (
            _BEFORE, _client(1, run("t1", "g1", ("bank/A", 41), ("shop/D", 17), retries=0)), environment(("jump", DAY)),
            _work(2, "tick"),
        ),
        faults=2, kinds=_CRASH | _SILENCE | {"refused"}, serial=True, opening=(BEFORE,),
    ),
    Scope(
        "long outage", "two transactions, while no service answers for more than a year, and eleven hundred ticks",
        ACCOUNTS,
        (_client(1, _FIRST), environment(("outage", None)), _client(1, _SECOND, name="client-3"), *again_and_again(("app-1", "tick"))),
        serial=True, enough=ATTEMPTS,
    ),
)  # fmt: skip

SLOW_SCOPES = (
    Scope(
        "server death", "a transaction that the last service refuses, beside another that was begun in vain; the database server is killed once, between any two effects",
        ACCOUNTS,
        (*_IN_VAIN, _client(1, _POOR)),
        faults=1, kinds=frozenset({"restart database"}), serial=True, opening=IN_VAIN,
    ),
)  # fmt: skip
