"""The scopes of compensating transactions: what clients do, and what they take back."""

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

#: An account and a signed amount, in minor units.
Change = tuple[str, int]


def _do(name: str, key: str, *changes: Change, retries: int = 1) -> Operation:
    return Operation(name, "do", (key, changes), retries)


def _undo(name: str, key: str, retries: int = 1) -> Operation:
    return Operation(name, "undo", (key,), retries)


#: Done before all else, so that there is another that could be undone.
_BEFORE = before("app-1", _do("d0", "k0", ("A", -7)))
_CRASH = frozenset({"crash"})
_REPLIES = frozenset({"refused", "lost", "unacknowledged", "late"})

SCOPES = (
    Scope(
        "invalid requests", "unknown accounts, nothing, amounts of zero, too much; keys that are used again; compensations of all",
        (("A", 100), ("B", 10)),
        (
            client(
                "app-1",
                _do("d1", "k1", ("A", -3), ("nobody", 3)),
                _do("d2", "k2", ("nobody", -5)),
                _do("d13", "k9", ("nobody", 5), ("A", -5)),
                _do("d14", "k10", ("nobody", 5)),
                _do("d3", "k3", ("A", 0)),
                _do("d4", "k4"),
                _do("d5", "k5", ("B", 71), ("A", -171)),
                _do("d6", "k5", ("B", 71), ("A", -171)),
                _do("d7", "k6", ("A", -200)),
                _do("d8", "k6", ("A", -19)),
                _undo("u1", "k6"),
                _undo("u2", "k7"),
                _undo("u3", "k7"),
                _do("d9", "k7", ("A", -11)),
                _undo("u4", "k1"),
                _undo("u5", "k2"),
                _do("d10", "k8", ("B", -10)),
                _do("d12", "k8", ("B", -10)),
                _do("d11", "k8", ("B", -9)),
                _undo("u6", "k8"),
                _undo("u7", "k8"),
                _do("d15", "k11", ("A", 230)),
                _do("d16", "k5", ("B", 71), ("A", -171)),
            ),
        ),
        serial=True,
    ),
    Scope(
        "parked", "refunds of money that was spent, of money that came back, and of accounts that are changed twice",
        (("A", 100), ("B", 10), ("C", 40)),
        (
            client(
                "app-1",
                _do("d1", "k1", ("A", -61), ("B", 61)),
                _do("d2", "k2", ("B", -23)),
                _undo("u1", "k1"),
                _undo("u2", "k1"),
                _do("d3", "k1", ("A", -61), ("B", 61)),
                _undo("u3", "k2"),
                _undo("u4", "k1"),
                _do("d4", "k4", ("C", 50), ("C", -30)),
                _do("d5", "k5", ("C", -35)),
                _undo("u5", "k4"),
                _do("d6", "k6", ("B", 7)),
                _do("d7", "k7", ("B", -17)),
                _undo("u6", "k6"),
                _undo("u7", "k7"),
            ),
        ),
        serial=True,
    ),
    Scope(
        "undone by two", "one of two changes, the compensation of which is asked for twice at once; one crash or lost reply of COMMIT",
        (("A", 100), ("B", 10)),
        (
            _BEFORE, client("app-1", _do("d1", "k1", ("A", -61)), _undo("u1", "k1")),
            client("app-2", _undo("u2", "k1")),
        ),
        faults=1, kinds=_CRASH | {"unacknowledged"}, opening=(BEFORE,),
    ),
    Scope(
        "done and undone", "a payment and its refund, beside another; two crashes, refusals or lost replies anywhere, also when asked again",
        (("A", 100), ("B", 10)),
        (_BEFORE, client("app-1", _do("d1", "k1", ("A", -61), ("B", 61)), _undo("u1", "k1"))),
        faults=2, kinds=_CRASH | _REPLIES, opening=(BEFORE,),
    ),
    Scope(
        "overtaken", "one of two changes, which its compensation may overtake, and that comes again, also forty days after; one crash or lost reply",
        (("A", 100), ("B", 10)),
        (
            _BEFORE, client("app-1", _do("d1", "k1", ("A", -61), ("B", 61))),
            client("app-2", _undo("u1", "k1"), _do("d2", "k1", ("A", -61), ("B", 61))),
            environment(("jump", 40 * DAY)),
        ),
        faults=1, kinds=_CRASH | {"unacknowledged", "late"}, opening=(BEFORE,),
    ),
    Scope(
        "third party", "a refund, while a third party spends or adds to what was paid; one crash or refusal",
        (("A", 100), ("B", 10)),
        (
            client("app-1", _do("d1", "k1", ("A", -61), ("B", 61), retries=0), _undo("u1", "k1", retries=0)),
            client("app-2", _do("d2", "k2", ("B", -23), retries=0), _do("d3", "k3", ("A", 7), retries=0)),
        ),
        faults=1, kinds=_CRASH | {"refused"},
    ),
    Scope(
        "two at once", "two business transactions on one account, both done and undone at once; one crash, refusal or lost reply",
        (("A", 100), ("B", 10)),
        (
            client("app-1", _do("d1", "k1", ("A", -61), retries=0), _undo("u1", "k1", retries=0)),
            client("app-2", _do("d2", "k2", ("A", -13), retries=0), _undo("u2", "k2", retries=0)),
        ),
        faults=1, kinds=_CRASH | {"refused", "unacknowledged"},
    ),
    Scope(
        "same key", "one key asked for twice at once, then with another amount, then undone, beside another; one crash or lost reply of COMMIT",
        (("A", 100), ("B", 10)),
        (
            _BEFORE, client("app-1", _do("d1", "k1", ("A", -41)), _undo("u1", "k1")),
            client("app-2", _do("d2", "k1", ("A", -41)), _do("d3", "k1", ("A", -23))),
        ),
        faults=1, kinds=_CRASH | {"unacknowledged"}, opening=(BEFORE,),
    ),
    Scope(
        "long pause", "changes and compensations that come again, or too late: a day after, forty days, and more than a year",
        (("A", 100), ("B", 10)),
        (
            client("app-1", _do("d1", "k1", ("A", -41)), _undo("u1", "k1"), _undo("u2", "k2"), _do("d2", "k3", ("A", -13)), _do("d6", "k4", ("B", 7))),
            pause("a day", A_DAY),
            client("app-2", _do("d7", "k1", ("A", -41)), _undo("u5", "k1"), _do("d8", "k2", ("A", -29)), _do("d9", "k4", ("B", 7))),
            pause("months", MONTHS),
            client(
                "app-1",
                _do("d3", "k1", ("A", -41)), _undo("u3", "k1"), _do("d4", "k2", ("A", -29)), _do("d5", "k3", ("A", -13)),
                _undo("u4", "k3"), _do("d10", "k4", ("B", 7)), name="client-3",
            ),
            pause("a year", A_YEAR),
            client("app-2", _do("d11", "k3", ("A", -13)), _do("d12", "k1", ("A", -41)), _undo("u6", "k4"), _undo("u7", "k4"), _do("d13", "k2", ("A", -5)), name="client-4"),
        ),
        serial=True,
    ),
    Scope(
        "bystanders", "changes of accounts of their own at once, by two processes, one of which takes its own back",
        (("A", 100), ("B", 10), ("C", 40)),
        (client("app-1", _do("d1", "k1", ("A", -61)), _undo("u1", "k1")), client("app-2", _do("d2", "k2", ("C", -13)))),
    ),
)  # fmt: skip

SLOW_SCOPES = (
    Scope(
        "server death", "a payment and its refund by one process, after another; the database server is killed once, between any two effects",
        (("A", 100), ("B", 10)),
        (_BEFORE, client("app-1", _do("d1", "k1", ("A", -61), ("B", 61)), _undo("u1", "k1"))),
        faults=1, kinds=frozenset({"restart database"}), opening=(BEFORE,),
    ),
)  # fmt: skip
