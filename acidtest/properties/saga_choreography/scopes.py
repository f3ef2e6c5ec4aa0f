"""What clients ask of services without an orchestrator, what these do in turn, and what is explored of it completely."""

from __future__ import annotations

from acidtest.properties.saga.scopes import ANOTHER, CRASH, FIRST, SECOND, SILENCE, order, pause
from acidtest.properties.saga.services import BOOKING, PAYMENT, SHIPPING, STOCK
from acidtest.properties.shared.scopes import ATTEMPTS, BEFORE, DAY, again_and_again, before, environment
from acidtest.workload import Client, Operation, Scope


def _client(service: str, plan: str, *first: Operation, number: int = 1) -> Client:
    """What a process does, one after the other: its clients' calls, then h for a message, r for a relay, t for a tick."""
    name, methods = f"{service}-{number}", {"h": ("handle", "message"), "r": ("relay", ""), "t": ("tick", "")}
    calls = [Operation(f"{name} {methods[c][0]} {i}", methods[c][0], (), 1, methods[c][1]) for i, c in enumerate(plan, 1)]
    return Client(name, name, (*first, *calls))


def _clients(payment: str, stock: str, booking: str, shipping: str, *first: Operation) -> tuple[Client, ...]:
    """One process for each service; `first` are the calls of payment's clients."""
    return _client(PAYMENT, payment, *first), _client(STOCK, stock), _client(BOOKING, booking), _client(SHIPPING, shipping)


def _after_a_pause(number: int, service: str, plan: str) -> tuple[Client, ...]:
    """Forty days pass, then a service handles what there is and publishes what it owes."""
    calls = _client(service, plan).operations
    renamed = tuple(call._replace(name=f"{call.name} after {number}") for call in calls)
    return pause(number, 40 * DAY), Client(f"{service} after {number}", f"{service}-1", renamed)


_ENOUGH = (("payment/A", 100), ("stock/book", 9), ("booking/place", 3))
_ONE_PLACE = (("payment/A", 100), ("stock/book", 9), ("booking/place", 1))
_DELIVERIES = frozenset({"reordered", "duplicated"})
#: Another order, which payment knows, and has told nobody of yet.
_BEFORE = before("payment-1", ANOTHER)
#: Another order, which all have filled, and not all have heard so.
_FILLED = tuple(
    one._replace(name=f"{one.name} before", operations=tuple(op._replace(name=f"{op.name} before") for op in one.operations))
    for one in _clients("r", "hr", "hr", "hr", *_BEFORE.operations)
)

SCOPES = (
    Scope(
        "invalid requests", "nothing, less than nothing, unknown accounts and goods, too much; and keys that are used again",
        (("payment/A", 100), ("payment/B", 50), ("stock/book", 9), ("booking/place", 9)),
        _clients(
            "r" + "hr" * 8, "hr" * 8, "hr" * 8, "hr" * 8,
            order("o1", "k1", "A", 0, "book", 1), order("o2", "k2", "A", 7, "book", -1), order("o3", "k1", "A", -7, "book", 1),
            order("o4", "k3", "nobody", 5, "book", 1), order("o5", "k4", "A", 11, "pen", 1), order("o6", "k5", "A", 101, "book", 1),
            order("o7", "k6", "A", 89, "book", 9), order("o8", "k6", "A", 89, "book", 9), order("o9", "k6", "A", 17, "book", 9),
            order("o10", "k5", "A", 101, "book", 1), order("o11", "k5", "A", 11, "book", 1), order("o12", "k6", "A", 89, "book", 2),
        ),
        serial=True,
    ),
    Scope(
        "cancelled", "two orders that are given up before anybody but payment has heard of them; a message that comes again or before others",
        _ENOUGH,
        (
            _client(PAYMENT, "", FIRST, SECOND), *_after_a_pause(1, PAYMENT, "trr"), _client(BOOKING, "hrhr"), _client(STOCK, "hrhrhr"),
            Client("payment in the end", "payment-1", tuple(Operation(f"payment handle {i}", "handle", (), 1, "message") for i in (1, 2))),
        ),
        faults=1, kinds=_DELIVERIES, serial=True, idle=("shipping-1",),
    ),
    Scope(
        "same key", "one order placed twice at once, and its key used for another, by two processes of payment; there is just enough",
        (("payment/A", 74), ("stock/book", 6), ("booking/place", 2)),
        (
            *_clients("", "", "", "", FIRST, SECOND._replace(name="o4")),
            _client(PAYMENT, "", FIRST._replace(name="o2"), order("o3", "k1", "A", 17, "book", 2), number=2),
        ),
    ),
    Scope(
        "two processes", "two processes of stock share the messages about two orders, of which it can fill one; one comes again",
        (("payment/A", 100), ("stock/book", 5), ("booking/place", 3)),
        (*_clients("r", "hr", "", "", FIRST, SECOND), _client(STOCK, "h", number=2)),
        faults=1, kinds=frozenset({"duplicated"}),
    ),
    Scope(
        "side by side", "two orders, of which the booking can take one, in any order of what the services do",
        _ONE_PLACE,
        _clients("r" + "hr" * 6, "hr" * 6, "hr" * 6, "hr" * 4, FIRST, SECOND),
    ),
    Scope(
        "late relay", "two orders, of which booking can take one; every relay comes forty days late",
        _ONE_PLACE,
        (
            *_clients("", "", "", "", FIRST, SECOND),
            *_after_a_pause(1, PAYMENT, "r"), *_after_a_pause(2, STOCK, "hhr"), *_after_a_pause(3, BOOKING, "hhr"),
            *_after_a_pause(4, SHIPPING, "hr"), *_after_a_pause(5, STOCK, "hr"), *_after_a_pause(6, PAYMENT, "hh"),
        ),
        serial=True,
    ),
    Scope(
        "refused by stock", "two orders that stock refuses; one reply that is bad in any way, anywhere",
        (("payment/A", 100), ("stock/book", 1), ("booking/place", 3)),
        _clients("rhr" + "hr" * 6, "hr" * 6, "hr" * 3, "hr" * 3, FIRST, SECOND),
        faults=1, kinds=SILENCE | {"refused", "twice"}, serial=True,
    ),
    Scope(
        "out of order", "two orders, of which the booking can take one; a message that comes again or before others",
        _ONE_PLACE,
        _clients("r" + "hr" * 6, "hr" * 6, "hr" * 6, "hr" * 4, FIRST, SECOND),
        faults=1, kinds=_DELIVERIES, serial=True,
    ),
    Scope(
        "patience", "an order, while time passes every deadline at any moment, after another",
        _ENOUGH,
        (*_FILLED, *_clients("rtrhrh", "hrhrh", "hrhrh", "hr", FIRST), environment(("jump", 2 * DAY))),
        opening=tuple(one.name for one in _FILLED),
    ),
    Scope(
        "two orders", "two orders, of which the booking can take one; one crash or lost reply anywhere",
        _ONE_PLACE,
        _clients("r" + "hr" * 6, "hr" * 6, "hr" * 6, "hr" * 4, FIRST, SECOND),
        faults=1, kinds=CRASH | {"unacknowledged"}, serial=True,
    ),
    Scope(
        "crashes", "an order that stock refuses, beside another; two crashes anywhere",
        (("payment/A", 100), ("stock/book", 1), ("booking/place", 3)),
        (_BEFORE, *_clients("rhr", "hr", "hr", "", FIRST)),
        faults=2, kinds=CRASH, serial=True, opening=(BEFORE,),
    ),
    Scope(
        "outage", "two orders that are booked when the broker goes down for more than a year, and is tried nearly three hundred times",
        _ENOUGH,
        (*_clients("r", "hrhr", "hh", "", FIRST, SECOND), environment(("outage", None)), *again_and_again(("booking-1", "relay"), times=ATTEMPTS // 4)),
        serial=True, enough=ATTEMPTS // 4,
    ),
    Scope(
        "refusal and crash", "an order that payment refuses, beside another; two crashes or refusals, or one of each, anywhere",
        (("payment/A", 10), ("stock/book", 9), ("booking/place", 3)),
        (_BEFORE, *_clients("rr", "h", "", "", FIRST)),
        faults=2, kinds=CRASH | {"refused"}, serial=True, opening=(BEFORE,),
    ),
)  # fmt: skip

#: The server of PostgreSQL needs longer to die and start again than any other effect takes.
SLOW_SCOPES = (
    Scope(
        "server death", "an order that stock refuses, beside another; the database server is killed once, between any two effects",
        (("payment/A", 100), ("stock/book", 1), ("booking/place", 3)),
        (_BEFORE, *_clients("rhr", "hr", "", "", FIRST)),
        faults=1, kinds=frozenset({"restart database"}), serial=True, opening=(BEFORE,),
    ),
)  # fmt: skip
