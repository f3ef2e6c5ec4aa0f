"""What clients ask of an orchestrator of sagas, and what is explored of it completely."""

from __future__ import annotations

from acidtest.properties.saga.scopes import ANOTHER, CRASH, FIRST, SECOND, SILENCE, order, pauses
from acidtest.properties.shared.scopes import (
    ATTEMPTS,
    BEFORE,
    DAY,
    IN_VAIN,
    again_and_again,
    before,
    client,
    environment,
    in_vain,
    repeated,
)
from acidtest.workload import Client, Operation, Scope


def _replies(process: str, *sources: str) -> Client:
    """Answers come late, or once more."""
    return Client(process, process, tuple(Operation(source, "on_reply", (), 1, source) for source in sources))


#: There is enough to do everything twice, so that a service that is told to do so does it.
_ENOUGH = (("payment/A", 200), ("stock/book", 20), ("booking/place", 5))
_ONE_PLACE = (("payment/A", 200), ("stock/book", 20), ("booking/place", 1))
_NO_PLACE = (("payment/A", 200), ("stock/book", 20), ("booking/place", 0))
_REPLIES = SILENCE | {"refused", "twice"}
#: Another order, which is filled before all else, or which no service could be told of yet.
_BEFORE = before("app-1", ANOTHER)
_IN_VAIN = in_vain("app-1", ANOTHER)

SCOPES = (
    Scope(
        "two orders", "two orders one after the other, and a tick; one crash or bad reply anywhere",
        _ENOUGH,
        (client("app-1", FIRST, SECOND), repeated("desk-1", "tick", 1)),
        faults=1, kinds=CRASH | _REPLIES, serial=True,
    ),
    Scope(
        "invalid requests", "nothing, less than nothing, unknown accounts and goods, too much; and keys that are used again",
        (("payment/A", 100), ("stock/book", 9), ("booking/place", 9)),
        (
            client(
                "app-1",
                order("o1", "k1", "A", 0, "book", 1), order("o2", "k2", "A", 7, "book", -1), order("o3", "k1", "A", -7, "book", 1),
                order("o4", "k3", "nobody", 5, "book", 1), order("o5", "k4", "A", 11, "pen", 1),
                order("o6", "k5", "A", 101, "book", 1), order("o7", "k6", "A", 89, "book", 9),
                order("o8", "k6", "A", 89, "book", 9), order("o9", "k6", "A", 17, "book", 9), order("o10", "k5", "A", 11, "book", 1),
                order("o11", "k6", "A", 89, "book", 2),
            ),
            repeated("desk-1", "tick", 1),
        ),
        serial=True,
    ),
    Scope(
        "late answers", "an order, and then one that is refused, while answers about it come once more, at any moment",
        _ONE_PLACE,
        (client("app-1", FIRST, SECOND), _replies("hook-1", "booking reply 1", "stock reply 1")),
    ),
    Scope(
        "same key", "one order placed twice at once, and its key used for another, by two processes, after another",
        _ENOUGH,
        (
            _BEFORE, client("app-1", FIRST),
            client("app-2", FIRST._replace(name="o2"), order("o3", "k1", "A", 17, "book", 5)),
        ),
        opening=(BEFORE,),
    ),
    Scope(
        "pauses", "an order, a tick a minute later, and another two days later, beside another; one crash or bad reply anywhere",
        _ENOUGH,
        (*_IN_VAIN, client("app-1", FIRST), *pauses("desk-1", "tick", 60.0, 2 * DAY)),
        faults=1, kinds=CRASH | _REPLIES, serial=True, opening=IN_VAIN,
    ),
    Scope(
        "crash in recovery", "an order that is refused in the end, and ticks after a minute and after two days, beside another; two crashes anywhere",
        _NO_PLACE,
        (*_IN_VAIN, client("app-1", SECOND), *pauses("desk-1", "tick", 60.0, 2 * DAY)),
        faults=2, kinds=CRASH, serial=True, opening=IN_VAIN,
    ),
    Scope(
        "refusal and crash", "an order that booking refuses, after another; two crashes, or calls that are refused, anywhere",
        _NO_PLACE,
        (_BEFORE, client("app-1", SECOND)),
        faults=2, kinds=CRASH | {"refused"}, serial=True, opening=(BEFORE,),
    ),
    Scope(
        "two executors", "an order, while time passes every deadline, and two processes that look after it, after another",
        _ENOUGH,
        (_BEFORE, client("app-1", FIRST, Operation("own tick", "tick")), environment(("jump", 2 * DAY)), repeated("desk-1", "tick", 2)),
        opening=(BEFORE,),
    ),
    Scope(
        "slow executor", "an order, while a minute passes, and two days, and another process looks after it, after another",
        _ENOUGH,
        (_BEFORE, client("app-1", FIRST), environment(("jump", 60.0), ("jump", 2 * DAY)), repeated("desk-1", "tick", 1)),
        opening=(BEFORE,),
    ),
    Scope(
        "late commands", "an order that is refused in the end, while time passes, beside another; two calls that take effect late",
        _NO_PLACE,
        (*_IN_VAIN, client("app-1", FIRST), environment(("jump", 2 * DAY)), repeated("desk-1", "tick", 2)),
        faults=2, kinds=frozenset({"late"}), serial=True, opening=IN_VAIN,
    ),
    Scope(
        "side by side", "two orders at once, by two processes, of which the stock suffices for one",
        _ENOUGH,
        (client("app-1", FIRST), client("app-2", order("o2", "k2", "A", 13, "book", 19))),
    ),
    Scope(
        "refused orders", "an order that is filled, and one each that payment, stock and booking refuse; one crash or bad reply anywhere",
        _ONE_PLACE,
        (
            client("app-1", FIRST, order("o2", "k2", "A", 13, "book", 4), order("o3", "k3", "A", 7, "book", 19), order("o4", "k4", "A", 187, "book", 1)),
            repeated("desk-1", "tick", 1),
        ),
        faults=1, kinds=CRASH | _REPLIES, serial=True,
    ),
    Scope(
        "outage", "two orders, while no service answers for more than a year, and eleven hundred ticks",
        _ENOUGH,
        (
            client("app-1", FIRST), environment(("outage", None)), client("app-1", SECOND, name="client-2"),
            *again_and_again(("desk-1", "tick")),
        ),
        serial=True, enough=ATTEMPTS,
    ),
)  # fmt: skip

#: The server of PostgreSQL needs longer to die and start again than any other effect takes.
SLOW_SCOPES = (
    Scope(
        "server death", "an order that is refused in the end, beside another; the database server is killed once, between any two effects",
        _NO_PLACE,
        (*_IN_VAIN, client("app-1", FIRST)),
        faults=1, kinds=frozenset({"restart database"}), serial=True, opening=IN_VAIN,
    ),
)  # fmt: skip
