"""What a coordinator asks of a service, by Try-Confirm/Cancel, and what is explored of it completely."""

from __future__ import annotations

from acidtest.properties.shared.scopes import (
    A_DAY,
    A_YEAR,
    BEFORE,
    DAY,
    MONTHS,
    before,
    client,
    environment,
    pause,
)
from acidtest.workload import Operation, Scope


def try_(name: str, branch: str, account: str, amount: int, retries: int = 1) -> Operation:
    """A Try of a branch, written as transaction/branch."""
    return Operation(name, "try_", (*branch.split("/"), account, amount), retries)


def confirm(name: str, branch: str, retries: int = 1) -> Operation:
    """A Confirm of a branch."""
    return Operation(name, "confirm", tuple(branch.split("/")), retries)


def cancel(name: str, branch: str, retries: int = 1) -> Operation:
    """A Cancel of a branch."""
    return Operation(name, "cancel", tuple(branch.split("/")), retries)


_CRASH = frozenset({"crash"})
_REPLIES = frozenset({"refused", "lost", "unacknowledged", "late"})
_ONE = (("A", 100), ("B", 50))
#: Another transaction holds something of the same account, before all else and to the end.
_HELD = before("app-1", try_("t0", "g0/b1", "A", 7))

SCOPES = (
    Scope(
        "one branch", "a branch is tried and confirmed, beside another's hold; one crash, refusal, or lost or late reply anywhere",
        _ONE,
        (_HELD, client("app-1", try_("t1", "g1/b1", "A", 41), confirm("c1", "g1/b1"))),
        faults=1, kinds=_CRASH | _REPLIES, idle=("app-2",), opening=(BEFORE,),
    ),
    Scope(
        "invalid requests", "an unknown account, nothing, less than nothing, what was never tried; and the last unit",
        (("A", 100), ("C", 7)),
        (
            client(
                "app-1",
                try_("t1", "g1/b1", "nobody", 5),
                try_("t2", "g2/b1", "A", 0),
                try_("t3", "g3/b1", "A", -7),
                confirm("c4", "g5/b1"),
                cancel("x1", "g1/b1"),
                cancel("x2", "g2/b1"),
                confirm("c3", "g3/b1"),
                try_("t4", "g4/b1", "C", 7),
                confirm("c5", "g4/b1"),
                try_("t5", "g4/b1", "C", 7),
                confirm("c6", "g4/b1"),
            ),
        ),
        serial=True,
    ),
    Scope(
        "rejected requests", "unfunded ones, calls that come again or out of order, and with other amounts and accounts",
        (("A", 100), ("B", 100)),
        (
            client(
                "app-1",
                try_("t1", "g1/b1", "A", 61),
                try_("t2", "g2/b1", "A", 47),
                try_("t3", "g1/b1", "A", 61),
                try_("t4", "g1/b1", "A", 13),
                try_("t5", "g1/b1", "B", 61),
                confirm("c2", "g2/b1"),
                try_("t6", "g3/b1", "A", 29),
                confirm("c3", "g3/b1"),
                try_("t7", "g3/b1", "A", 29),
                confirm("c4", "g3/b1"),
                cancel("x1", "g1/b1"),
                cancel("x2", "g1/b1"),
                try_("t8", "g2/b1", "A", 47),
                confirm("c1", "g1/b1"),
                cancel("x3", "g3/b1"),
                cancel("x4", "g2/b1"),
                confirm("c5", "g2/b1"),
                try_("t9", "g1/b1", "A", 61),
            ),
        ),
        serial=True,
    ),
    Scope(
        "two branches", "two branches of one transaction, by two clients of one process, beside another's hold",
        _ONE,
        (
            _HELD, client("app-1", try_("t1", "g1/b1", "A", 61), name="client-1"),
            client("app-1", try_("t2", "g1/b2", "A", 13), confirm("c2", "g1/b2"), name="client-2"),
        ),
        opening=(BEFORE,),
    ),
    Scope(
        "other payload", "a branch is tried twice at once, then with another amount, beside another's hold; one crash or lost reply of COMMIT",
        _ONE,
        (
            _HELD, client("app-1", try_("t1", "g1/b1", "A", 41)),
            client("app-2", try_("t2", "g1/b1", "A", 41), try_("t3", "g1/b1", "A", 13)),
        ),
        faults=1, kinds=_CRASH | {"unacknowledged"}, opening=(BEFORE,),
    ),
    Scope(
        "long pause", "forty days pass between a Try and its Confirm, and between a Cancel and its Try",
        _ONE,
        (
            client("app-1", try_("t1", "g1/b1", "A", 61), confirm("c1", "g1/b1")),
            client("app-2", cancel("x2", "g2/b1"), try_("t2", "g2/b1", "B", 13)),
            environment(("jump", 40 * DAY)),
        ),
    ),
    Scope(
        "cancelled twice", "two Cancels of a branch at once, beside another's hold; one crash",
        _ONE,
        (
            client("app-1", try_("t0", "g0/b1", "A", 53), try_("t1", "g1/b1", "A", 41), cancel("x1", "g1/b1")),
            client("app-2", cancel("x2", "g1/b1")),
        ),
        faults=1, kinds=_CRASH,
    ),
    Scope(
        "confirm or cancel", "a branch is to be confirmed and cancelled at once, beside another's hold; one crash, refusal, or lost or late reply anywhere",
        _ONE,
        (
            _HELD, client("app-1", try_("t1", "g1/b1", "A", 61), confirm("c1", "g1/b1")),
            client("app-2", cancel("x1", "g1/b1")),
        ),
        faults=1, kinds=_CRASH | _REPLIES, opening=(BEFORE,),
    ),
    Scope(
        "late Try", "a Try and its Cancel at once, in either order, beside another's hold; two crashes, or unanswered or late COMMITs",
        _ONE,
        (_HELD, client("app-1", try_("t1", "g1/b1", "A", 61)), client("app-2", cancel("x1", "g1/b1"))),
        faults=2, kinds=_CRASH | {"unacknowledged", "late"}, opening=(BEFORE,),
    ),
    Scope(
        "two transactions", "two that the account cannot both pay: one confirms, the other cancels; one crash",
        _ONE,
        (
            client("app-1", try_("t1", "g1/b1", "A", 61), confirm("c1", "g1/b1")),
            client("app-2", try_("t2", "g2/b1", "A", 47), cancel("x2", "g2/b1")),
        ),
        faults=1, kinds=_CRASH,
    ),
    Scope(
        "twice", "every call of a transaction comes twice, from two processes, while another holds the same account; one crash",
        _ONE,
        (
            client("app-1", try_("t0", "g0/b1", "A", 53), try_("t1", "g1/b1", "A", 41), confirm("c1", "g1/b1")),
            client("app-2", try_("t2", "g1/b1", "A", 41), confirm("c2", "g1/b1")),
        ),
        faults=1, kinds=_CRASH,
    ),
    Scope(
        "long after", "branches whose calls come, and come again, a day later, after forty days, and after more than a year",
        _ONE,
        (
            client(
                "app-1", try_("t1", "g1/b1", "A", 41), try_("t2", "g2/b1", "A", 13), cancel("x3", "g3/b1"), try_("t4", "g4/b1", "B", 7), confirm("c4", "g4/b1"),
                try_("t5", "g5/b1", "A", 5),
            ),
            pause("a day", A_DAY),
            client("app-2", try_("t6", "g3/b1", "B", 3), try_("t7", "g4/b1", "B", 7), confirm("c5", "g4/b1"), confirm("c1", "g1/b1")),
            pause("months", MONTHS),
            client(
                "app-1", try_("t8", "g3/b1", "B", 3), try_("t9", "g1/b1", "A", 41), confirm("c6", "g1/b1"), cancel("x2", "g2/b1"), cancel("x4", "g2/b1"),
                name="client-3",
            ),
            pause("a year", A_YEAR),
            client(
                "app-2", try_("t10", "g2/b1", "A", 13), try_("t11", "g3/b1", "B", 3), confirm("c7", "g4/b1"), confirm("c8", "g5/b1"), cancel("x5", "g2/b1"),
                name="client-4",
            ),
        ),
        serial=True,
    ),
    Scope(
        "branches twice", "transactions of two branches of one account, beside larger and smaller holds: all is asked for twice, and all is spent in the end",
        _ONE,
        (
            client(
                "app-1",
                try_("t1", "g0/b1", "A", 29), try_("t2", "g1/b1", "A", 13), try_("t3", "g1/b2", "A", 17), try_("t4", "g1/b2", "A", 17),
                try_("t5", "g1/b1", "A", 13), cancel("x1", "g1/b1"), cancel("x2", "g1/b1"), try_("t6", "g1/b2", "A", 17), cancel("x3", "g1/b2"),
                cancel("x4", "g1/b2"), try_("t7", "g2/b1", "A", 31), try_("t8", "g2/b2", "B", 50), confirm("c1", "g2/b2"), confirm("c2", "g2/b2"),
                try_("t9", "g2/b2", "B", 50), try_("t10", "g2/b1", "A", 31), confirm("c3", "g2/b1"), confirm("c4", "g2/b1"),
                try_("t11", "g3/b1", "A", 40), cancel("x5", "g0/b1"), cancel("x6", "g0/b1"), confirm("c5", "g3/b1"), confirm("c6", "g3/b1"),
            ),
        ),
        serial=True,
    ),
)  # fmt: skip

SLOW_SCOPES = (
    Scope(
        "server death", "a branch is confirmed, one cancelled, and tried again; the database server is killed once, between any two effects",
        _ONE,
        (
            client(
                "app-1",
                try_("t1", "g1/b1", "A", 41), confirm("c1", "g1/b1"),
                try_("t2", "g2/b1", "B", 13), cancel("x2", "g2/b1"), try_("t3", "g2/b1", "B", 13),
            ),
        ),
        faults=1, kinds=frozenset({"restart database"}),
    ),
)  # fmt: skip
