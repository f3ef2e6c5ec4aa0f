"""The scopes of XA transactions: what clients ask for, what resource managers answer and decide, and when processes recover."""

from __future__ import annotations

from acidtest.properties.shared.scopes import DAY, client, environment
from acidtest.workload import Client, Operation, Scope

#: Branches of another transaction manager, which uses names like ours: resource, name, and what they change. They are prepared.
FOREIGN = (
    ("left", (1, "other:k1#7", "left"), (("A", 4),)),
    ("right", (1, "other:k9#8", "right"), (("B", 3),)),
)  # fmt: skip


def run(name: str, key: str, *operations: tuple[str, str, int], retries: int = 1) -> Operation:
    """A run, of (resource, account, change) operations."""
    return Operation(name, "run", (key, operations), retries)


def _client(process: int, *operations: Operation) -> Client:
    # Not named like its process: a process that starts goes on as a client does, under the name of the process.
    return client(f"app-{process}", *operations, name=f"client-{process}")


def _recovery(process: int, times: int) -> Client:
    name = f"recovery-{process}"
    return Client(name, f"app-{process}", tuple(Operation(f"{name} {i + 1}", "recover") for i in range(times)))


ACCOUNTS = (("left/A", 100), ("left/D", 20), ("right/B", 60), ("third/C", 40))
_REPLIES = frozenset({"refused", "lost", "unacknowledged", "late"})
_ALONE = frozenset({"heurcom", "heurrb", "heurmix", "heurhaz", "rolled back", "forgotten"})
_CRASH = frozenset({"crash"})
_TRANSFER = run("t1", "k1", ("left", "A", -13), ("right", "B", 13))
_FOUR = run("t1", "k1", ("left", "A", -61), ("left", "D", 9), ("right", "B", 59), ("third", "C", -7), retries=0)

SCOPES = (
    Scope(
        "lost replies", "one run over two resource managers, asked for again; one crash, or one call that is refused, lost, unanswered or late",
        ACCOUNTS,
        (_client(1, _TRANSFER),),
        faults=1, kinds=_REPLIES | _CRASH,
    ),
    Scope(
        "decided alone", "one run over two resource managers and three accounts, one of which decides alone, in any way, or rolls back and forgets",
        ACCOUNTS,
        (_client(1, run("t1", "k1", ("left", "A", -17), ("left", "D", 6), ("right", "B", 11)), Operation("heuristics 1", "heuristics")),),
        faults=1, kinds=_ALONE,
    ),
    Scope(
        "the last cannot pay", "one run over three resource managers, the last without funds; one crash or bad answer anywhere",
        ACCOUNTS,
        (_client(1, run("t1", "k1", ("left", "A", -61), ("right", "B", 61), ("third", "C", -52), retries=0)),),
        faults=1, kinds=_REPLIES | _CRASH,
    ),
    Scope(
        "refused for good", "runs that are invalid or that nobody can pay, and again elsewhere after the funds have come",
        ACCOUNTS,
        (
            _client(
                1,
                run("t1", "k1"),
                run("t2", "k2", ("left", "nobody", -5), ("right", "B", 5)),
                run("t3", "k3", ("right", "B", 17), ("nowhere", "A", -17)),
                run("t4", "k4", ("right", "B", 80), ("third", "C", -80)),
                run("t5", "k5", ("left", "A", -41), ("third", "C", 41)),
            ),
            _client(
                2,
                run("t6", "k4", ("right", "B", 80), ("third", "C", -80)),
                run("t7", "k5", ("left", "A", -41), ("third", "C", 41)),
                run("t8", "k5", ("left", "A", -19), ("third", "C", 19)),
                run("t9", "k9", ("left", "A", -20), ("left", "A", -22), ("right", "B", 42)),
                run("t10", "k10", ("left", "A", -8), ("right", "B", 8)),
                run("t11", "k11", ("right", "B", -9)),
                run("t12", "k12", ("right", "B", 0), ("left", "D", 0)),
                run("t13", "k13", ("third", "C", 0)),
                run("t14", "k14", ("left", "A", -5), ("right", "nobody", 5)),
                run("t15", "k15", ("left", "D", -20), ("right", "B", 20)),
                run("t16", "k15", ("left", "D", -20), ("right", "B", 20)),
            ),
        ),
        serial=True,
    ),
    Scope(
        "readers", "a run that reads in one resource manager and changes two, beside one that only reads; one crash or unanswered call",
        ACCOUNTS,
        (_client(1, run("t1", "k1", ("third", "C", 0), ("left", "A", -13), ("right", "B", 13)), run("t2", "k2", ("left", "D", 0), ("right", "B", 0))),),
        faults=1, kinds=_CRASH | {"refused", "unacknowledged", "timed out"},
    ),
    Scope(
        "one phase", "a run of one branch, asked for again a day later; one crash, or one call that is refused, lost, unanswered or late",
        ACCOUNTS,
        (_client(1, run("t1", "k1", ("left", "A", -13), ("left", "D", 13))), environment(("jump", DAY))),
        faults=1, kinds=_REPLIES | _CRASH | {"timed out"},
    ),
    Scope(
        "late enlistment", "a run that comes to a second resource manager late, and returns to the first; one that is restarted, or times out",
        ACCOUNTS,
        (_client(1, run("t1", "k1", ("left", "A", -13), ("left", "D", 6), ("right", "B", 7), ("left", "A", -1))),),
        faults=1, kinds=frozenset({"restart resource", "timed out", "refused"}),
    ),
    Scope(
        "crash in recovery", "one run over three resource managers and four accounts; one crash anywhere, one more in recovery",
        ACCOUNTS,
        (_client(1, _FOUR),),
        faults=1, kinds=_CRASH, recovery_crashes=1,
    ),
    Scope(
        "alone after a crash", "one run; two of: a crash, a call that is not answered, a decision that is made alone",
        ACCOUNTS,
        (_client(1, _TRANSFER),),
        faults=2, kinds=_CRASH | {"unacknowledged", "heurrb", "heurcom"},
    ),
    Scope(
        "recovery beside a run", "one run while another process recovers, and time jumps past every timeout",
        ACCOUNTS,
        (_client(1, _TRANSFER), _recovery(2, 1), environment(("jump", DAY))),
    ),
    Scope(
        "opposite runs", "two runs that one account cannot both pay, over two resource managers in opposite order",
        ACCOUNTS,
        (
            _client(1, run("t1", "k1", ("left", "A", -61), ("right", "B", 61))),
            _client(2, run("t2", "k2", ("right", "B", -7), ("left", "A", -52))),
        ),
    ),
    Scope(
        "one key", "one run asked for through two processes, then its key for another run",
        ACCOUNTS,
        (
            _client(
                1,
                run("t1", "k1", ("left", "A", -13), ("right", "B", 13)),
                run("t3", "k1", ("left", "A", -7), ("third", "C", 7)),
            ),
            _client(2, run("t2", "k1", ("left", "A", -13), ("right", "B", 13))),
        ),
    ),
    Scope(
        "two failures", "one run, asked for again, and recovery; two crashes, refused or unanswered calls anywhere",
        ACCOUNTS,
        (_client(1, _TRANSFER, Operation("recovery", "recover")),),
        faults=2, kinds=frozenset({"refused", "unacknowledged", "crash"}),
    ),
)  # fmt: skip


#: Left and right are databases that prepare transactions by themselves, third is played: on a server of the kind that the check runs
#: on, or each on a server of its own kind.
_OF_ONE_KIND = (("left", ""), ("right", ""))
_OF_TWO_KINDS = (("left", "postgresql"), ("right", "mariadb"))
_BOTH = run("t1", "k1", ("left", "A", -13), ("right", "B", 13))
_OPPOSITE = (
    _client(1, run("t1", "k1", ("left", "A", -13), ("right", "B", 13), retries=0)),
    _client(2, run("t2", "k2", ("right", "B", -7), ("left", "A", 7), retries=0)),
)
DATABASE_SCOPES = (
    Scope(
        "two databases", "one run over two databases that prepare it themselves; one crash, or one statement that is refused, lost, unanswered or late",
        ACCOUNTS,
        (_client(1, _BOTH),),
        faults=1, kinds=_REPLIES | _CRASH, databases=_OF_ONE_KIND,
    ),
    Scope(
        "one database", "a run of one branch in a database; one crash, or one statement that is refused, lost, unanswered or late",
        ACCOUNTS,
        (_client(1, run("t1", "k1", ("left", "A", -13))), environment(("jump", DAY))),
        faults=1, kinds=_REPLIES | _CRASH, databases=_OF_ONE_KIND,
    ),
    Scope(
        "databases cannot pay", "runs that a database cannot pay, or that name no account of it; one crash",
        ACCOUNTS,
        (_client(1, run("t1", "k1", ("left", "A", -61), ("right", "B", -61)), run("t2", "k2", ("right", "B", 5), ("left", "nobody", -5))),),
        faults=1, kinds=_CRASH, databases=_OF_ONE_KIND,
    ),
    Scope(
        "databases in opposite order", "two runs that lock rows of two databases in opposite order: somebody has to give up",
        ACCOUNTS, _OPPOSITE, databases=_OF_ONE_KIND,
    ),
    Scope(
        "recovery beside databases", "a run over two databases while another process recovers",
        ACCOUNTS,
        (_client(1, _BOTH._replace(retries=0)), _recovery(2, 1)),
        databases=_OF_ONE_KIND,
    ),
    Scope(
        "death of the databases", "a run over two databases; the server of both, and of the log, is killed once, between any two effects",
        ACCOUNTS,
        (_client(1, _BOTH, Operation("recovery 1", "recover")),),
        faults=1, kinds=frozenset({"restart database"}), databases=_OF_ONE_KIND,
    ),
    Scope(
        "PostgreSQL and MariaDB",
        "one run over a database of PostgreSQL and one of MariaDB; one crash, or one statement that is refused, lost, unanswered or late",
        ACCOUNTS,
        (_client(1, _BOTH),),
        faults=1, kinds=_REPLIES | _CRASH, databases=_OF_TWO_KINDS,
    ),
    Scope(
        "PostgreSQL and MariaDB, crash in recovery",
        "one run over a database of PostgreSQL and one of MariaDB; one crash anywhere, one more in recovery",
        ACCOUNTS,
        (_client(1, _BOTH._replace(retries=0)),),
        faults=1, kinds=_CRASH, recovery_crashes=1, databases=_OF_TWO_KINDS,
    ),
    Scope(
        "PostgreSQL and MariaDB in opposite order", "two runs that lock rows of both in opposite order: no server sees that, and somebody has to give up",
        ACCOUNTS, _OPPOSITE, databases=_OF_TWO_KINDS,
    ),
    Scope(
        "death of PostgreSQL or MariaDB", "a run over a database of each; one of the servers is killed once, between any two effects",
        ACCOUNTS,
        (_client(1, _BOTH, Operation("recovery 1", "recover")),),
        faults=1, kinds=frozenset({"restart database"}), databases=_OF_TWO_KINDS,
    ),
)  # fmt: skip

#: The server of PostgreSQL needs longer to die and start again than any other effect takes.
SLOW_SCOPES = (
    Scope(
        "server death", "a run over two resource managers and a recovery by one process; the server of the log is killed once, between any two effects",
        ACCOUNTS,
        (_client(1, _TRANSFER, Operation("recovery 1", "recover")),),
        faults=1, kinds=frozenset({"restart database"}),
    ),
)  # fmt: skip
