"""The contract of the saga without an orchestrator: PATTERNS sections 5 and 5A, and what is shared (section 0).

All four services are under test, each in a process and with databases of its own; the harness is the broker between them. What
they have done is read from their business ledgers, which must add up to their balances.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from acidtest.checker.machine import Property
from acidtest.environment import Outcome
from acidtest.errors import ContractError
from acidtest.models.saga.choreography_study import S11
from acidtest.models.saga.specification import all_or_nothing
from acidtest.models.shared.steps import SagaSeen, of_sagas
from acidtest.port import background, handler, installation, operation, read
from acidtest.properties.saga.contract import (
    ALWAYS,
    AT_REST,
    KEYS,
    PROPERTIES,
    STEP,
    SagaContract,
    orders_view,
)
from acidtest.properties.saga.services import (
    BOOKING,
    DONE,
    PAYMENT,
    SERVICES,
    SHIPPING,
    STOCK,
    UNDONE,
    WRONG,
    Work,
)
from acidtest.properties.saga.stories import choreographed
from acidtest.properties.shared.contract import accounts_of
from acidtest.properties.shared.predicates import SOURCE, is_stuck
from acidtest.properties.shared.scopes import BEFORE, DAY, before, environment
from acidtest.properties.shared.seen import Seen
from acidtest.workload import ENVIRONMENT, Client, Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from acidtest.environment import Delivery
    from acidtest.models.saga.service import OrdersView


class SagaChoreographyPort(Protocol):
    """What each of the services "payment", "stock", "booking" and "shipping" offers; `env.service` says which one it is.

    Payment debits an account by an amount, stock reserves a quantity of an item, booking takes one "place" and is the
    pivot, shipping sends one "parcel", of which there is no end. The first three refuse what they do not have. Before the
    pivot all that was done can be taken back, last first; after it there is no way back.

    Services talk by `env.broker` alone. Each has databases of its own, whatever it calls them. An attribute `topics` says
    which topics' messages a service is given; without it, it is given all.
    """

    @installation
    def install(self, opening: dict[str, int]) -> None:
        """Create the schema of this service, and put there what it has of every resource; runs once, outside the schedule."""

    @handler
    def handle(self, message: Delivery) -> None:
        """A message has come. It comes again where this raises or the process dies, and may come again or out of order anyway."""

    @background
    def relay(self) -> None:
        """Publish what is owed; called again and again. Nothing to do where `handle` and `start` publish themselves."""

    @background
    def tick(self) -> None:
        """Look after what takes too long; called every now and then."""

    @read
    def ledger(self) -> Sequence[tuple[str, Literal["do", "undo"], str, int]]:
        """What this service has done and undone, as committed: (order, do or undo, resource, amount)."""

    @read
    def balances(self) -> dict[str, int]:
        """What this service has of every resource, as committed; empty for shipping."""

    @operation.of(PAYMENT)
    def start(self, key: str, account: str, amount: int, item: str, quantity: int) -> Outcome:
        """At payment alone: place an order, once per `key`.

        OK as soon as it is durable; it will then be filled by all four services or, where one refuses, be taken back by all
        that have done their step. Rejected, without any effect: an amount or a quantity that is not positive, and a key that
        was used for another order.
        """

    @read.of(PAYMENT)
    def status(self, key: str) -> Literal["running", "completed", "compensated", "parked"] | None:
        """At payment alone: how an order stands, as committed; None for one that is not known."""


# Properties, beside those of every saga.

_HERE = "PATTERNS 5A"


def _unordered(view: OrdersView) -> bool:
    """Whether a message came out of order, or again."""
    return any(what.endswith("delivery") for what in view.happened)


def _whole(saga: SagaSeen) -> bool:
    """Every step is in effect, or none."""
    return all_or_nothing(saga) if saga.outcome else not any(saga.did)


def _not_again(saga: SagaSeen) -> bool:
    """What was undone was done once."""
    return all(did <= 1 for did, undid in zip(saga.did, saga.undid, strict=True) if undid)


_OWN = (
    Property("G1", "what a service has is what it had, less what it did and has not undone", ALWAYS, lambda v: not v.unbalanced, SOURCE),
    Property("G2", "no service gives away more than it has", ALWAYS, lambda v: not v.overdrawn, SOURCE),
    of_sagas(
        "S12", "no step is done again because it was compensated", ALWAYS, lambda saga: any(saga.undid), _not_again, _HERE,
    ),
)
_AT_REST = (
    Property(
        "S14", "messages in any order, and again, end in all or nothing", AT_REST,
        lambda v: not _unordered(v) or all(map(_whole, v.sagas)), _HERE, when=_unordered,
    ),
    S11,
)  # fmt: skip


# Workloads.


def order(name: str, key: str, account: str, amount: Any, item: str, quantity: Any, retries: int = 1) -> Operation:  # noqa: ANN401
    """A client places an order."""
    return Operation(name, "start", (key, account, amount, item, quantity), retries)


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
    jump = Operation(f"jump {number}", "jump", (40 * DAY,))
    calls = _client(service, plan).operations
    renamed = tuple(call._replace(name=f"{call.name} after {number}") for call in calls)
    return Client(f"pause {number}", ENVIRONMENT, (jump,)), Client(f"{service} after {number}", f"{service}-1", renamed)


def _outage(times: int) -> tuple[Client, ...]:
    """Booking tries to publish every hour, and once more after forty days."""
    pauses = [3_600.0] * (times - 1) + [40 * DAY]
    jumps = [Client(f"pause {i}", ENVIRONMENT, (Operation(f"jump {i}", "jump", (s,)),)) for i, s in enumerate(pauses, 1)]
    relays = [Client(f"relay {i}", "booking-1", (Operation(f"relay {i}", "relay"),)) for i in range(1, times + 1)]
    return tuple(one for pair in zip(jumps, relays, strict=True) for one in pair)


_ENOUGH = (("payment/A", 100), ("stock/book", 9), ("booking/place", 3))
_ONE_PLACE = (("payment/A", 100), ("stock/book", 9), ("booking/place", 1))
_CRASH = frozenset({"crash"})
_SILENCE = frozenset({"lost", "unacknowledged", "late"})
_DELIVERIES = frozenset({"reordered", "duplicated"})
_FIRST = order("o1", "k1", "A", 61, "book", 2)
_SECOND = order("o2", "k2", "A", 13, "book", 4)
#: Another order, which payment knows, and has told nobody of yet.
_BEFORE = before("payment-1", order("o0", "k4", "A", 7, "book", 1))
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
            _client(PAYMENT, "", _FIRST, _SECOND), *_after_a_pause(1, PAYMENT, "trr"), _client(BOOKING, "hrhr"), _client(STOCK, "hrhrhr"),
            Client("payment in the end", "payment-1", tuple(Operation(f"payment handle {i}", "handle", (), 1, "message") for i in (1, 2))),
        ),
        faults=1, kinds=_DELIVERIES, serial=True, idle=("shipping-1",),
    ),
    Scope(
        "same key", "one order placed twice at once, and its key used for another, by two processes of payment; there is just enough",
        (("payment/A", 74), ("stock/book", 6), ("booking/place", 2)),
        (
            *_clients("", "", "", "", _FIRST, _SECOND._replace(name="o4")),
            _client(PAYMENT, "", _FIRST._replace(name="o2"), order("o3", "k1", "A", 17, "book", 2), number=2),
        ),
    ),
    Scope(
        "two processes", "two processes of stock share the messages about two orders, of which it can fill one; one comes again",
        (("payment/A", 100), ("stock/book", 5), ("booking/place", 3)),
        (*_clients("r", "hr", "", "", _FIRST, _SECOND), _client(STOCK, "h", number=2)),
        faults=1, kinds=frozenset({"duplicated"}),
    ),
    Scope(
        "side by side", "two orders, of which the booking can take one, in any order of what the services do",
        _ONE_PLACE,
        _clients("r" + "hr" * 6, "hr" * 6, "hr" * 6, "hr" * 4, _FIRST, _SECOND),
    ),
    Scope(
        "outage", "two orders that are booked when the broker goes down for forty days, and is tried again and again",
        _ENOUGH,
        (*_clients("r", "hrhr", "hh", "", _FIRST, _SECOND), environment(("outage", None)), *_outage(12)),
        serial=True,
    ),
    Scope(
        "late relay", "two orders, of which booking can take one; every relay comes forty days late",
        _ONE_PLACE,
        (
            *_clients("", "", "", "", _FIRST, _SECOND),
            *_after_a_pause(1, PAYMENT, "r"), *_after_a_pause(2, STOCK, "hhr"), *_after_a_pause(3, BOOKING, "hhr"),
            *_after_a_pause(4, SHIPPING, "hr"), *_after_a_pause(5, STOCK, "hr"), *_after_a_pause(6, PAYMENT, "hh"),
        ),
        serial=True,
    ),
    Scope(
        "refused by stock", "two orders that stock refuses; one reply that is bad in any way, anywhere",
        (("payment/A", 100), ("stock/book", 1), ("booking/place", 3)),
        _clients("rhr" + "hr" * 6, "hr" * 6, "hr" * 3, "hr" * 3, _FIRST, _SECOND),
        faults=1, kinds=_SILENCE | {"refused", "twice"}, serial=True,
    ),
    Scope(
        "out of order", "two orders, of which the booking can take one; a message that comes again or before others",
        _ONE_PLACE,
        _clients("r" + "hr" * 6, "hr" * 6, "hr" * 6, "hr" * 4, _FIRST, _SECOND),
        faults=1, kinds=_DELIVERIES, serial=True,
    ),
    Scope(
        "patience", "an order, while time passes every deadline at any moment, after another",
        _ENOUGH,
        (*_FILLED, *_clients("rtrhrh", "hrhrh", "hrhrh", "hr", _FIRST), environment(("jump", 2 * DAY))),
        opening=tuple(one.name for one in _FILLED),
    ),
    Scope(
        "two orders", "two orders, of which the booking can take one; one crash or lost reply anywhere",
        _ONE_PLACE,
        _clients("r" + "hr" * 6, "hr" * 6, "hr" * 6, "hr" * 4, _FIRST, _SECOND),
        faults=1, kinds=_CRASH | {"unacknowledged"}, serial=True,
    ),
    Scope(
        "crashes", "an order that stock refuses, beside another; two crashes anywhere",
        (("payment/A", 100), ("stock/book", 1), ("booking/place", 3)),
        (_BEFORE, *_clients("rhr", "hr", "hr", "", _FIRST)),
        faults=2, kinds=_CRASH, serial=True, opening=(BEFORE,),
    ),
)  # fmt: skip


#: The server of PostgreSQL needs longer to die and start again than any other effect takes.
SLOW_SCOPES = (
    Scope(
        "server death", "an order that stock refuses, beside another; the database server is killed once, between any two effects",
        (("payment/A", 100), ("stock/book", 1), ("booking/place", 3)),
        (_BEFORE, *_clients("rhr", "hr", "", "", _FIRST)),
        faults=1, kinds=frozenset({"restart database"}), serial=True, opening=(BEFORE,),
    ),
)  # fmt: skip


class SagaChoreographyContract(SagaContract):
    """Orders that services fill on each other's events. Subclass it and give `implementation(env)`, for each `env.service`."""

    pattern: ClassVar[str] = "saga_choreography"
    port = SagaChoreographyPort
    members: ClassVar[tuple[str, ...]] = SERVICES
    properties = (*_OWN, *(p for p in PROPERTIES if p.kind in (ALWAYS, STEP)), *_AT_REST, *(p for p in PROPERTIES if p.kind not in (ALWAYS, STEP)))
    scopes = SCOPES
    slow_scopes = SLOW_SCOPES
    stateful_kinds: ClassVar[tuple[str, ...]] = ("crash", "unacknowledged", "lost", "refused", "late", "twice", "duplicated", "reordered")

    def install(self, implementation: Any, scope: Scope, member: str = "") -> None:  # noqa: ANN401
        """Create the schema of a service, and put there what it has."""
        implementation.install(dict(_opening(scope)[member]))

    def observe_member(self, implementation: Any, member: str) -> Hashable:  # noqa: ANN401
        """What a service has done, what it has, and, of payment, how the orders stand."""
        ledger = _ledger(member, implementation.ledger())
        statuses = tuple(self.status(implementation, KEYS).items()) if member == PAYMENT else ()
        return ledger, accounts_of(implementation.balances()), statuses

    def read(self, value: object) -> Hashable:
        """No client reads."""
        return str(value)

    def view(self, scope: Scope, seen: Seen, before: OrdersView | None) -> OrdersView:  # noqa: ARG002
        """What the services say that they have done, and whether it adds up."""
        durable: Any = seen.durable
        named, opening = list(zip(SERVICES, durable, strict=True)), _opening(scope)
        works = [_works(ledger) for ledger, _, _ in durable]
        view = orders_view(scope, seen, self.calls(scope, seen), dict(durable[0][2]), works)
        return view._replace(
            unbalanced=tuple(name for name, (ledger, has, _) in named if not _adds_up(opening[name], ledger, has)),
            overdrawn=tuple(name for name, (_, has, _) in named if any(n is None or n < 0 for _, n in has)),
            stuck=is_stuck(seen.happened),
        )

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """What becomes of orders, one story or two."""
        return choreographed(cls.stateful_kinds, SCOPES)


@lru_cache(maxsize=64)
def _opening(scope: Scope) -> Mapping[str, Mapping[str, int]]:
    """What each service has of every resource at the start."""
    opening: dict[str, dict[str, int]] = {name: {} for name in SERVICES}
    for account, n in scope.accounts:
        service, _, resource = account.partition("/")
        opening[service][resource] = n
    return opening


def _ledger(service: str, value: Any) -> Hashable:  # noqa: ANN401 - whatever the adapter returns
    """What a service has done, sorted by order.

    Raises:
        ContractError: it is not what the port asks for.
    """
    try:
        rows = [(str(key), what, str(resource), amount) for key, what, resource, amount in value]
    except (TypeError, ValueError):
        rows = [("", "", "", 0)]
    if any(what not in ("do", "undo") for _, what, _, _ in rows):
        message = f"ledger() of {service} returned {value!r}; it must return (order, 'do' or 'undo', resource, amount) tuples."
        raise ContractError(message)
    return tuple(sorted(rows, key=lambda row: row[0]))


def _works(ledger: Sequence[tuple[str, str, str, int]]) -> list[Work]:
    """What was done, each with whether it was undone, and what was undone without having been done."""
    done = Counter((key, resource, amount) for key, what, resource, amount in ledger if what == "do")
    undone = Counter((key, resource, amount) for key, what, resource, amount in ledger if what == "undo")
    statuses = ((done - undone, DONE), (done & undone, UNDONE), (undone - done, WRONG))
    return [
        Work("", key, resource, amount, status) for counted, status in statuses for key, resource, amount in counted.elements()
    ]


def _adds_up(opening: Mapping[str, int], ledger: Sequence[tuple[str, str, str, int]], has: Sequence[tuple[str, int]]) -> bool:
    """Whether balances are what the ledger makes of them."""
    left = dict(opening)
    for _, what, resource, amount in ledger:
        if resource in left:
            left[resource] -= amount if what == "do" else -amount
    return {name: n for name, n in has if name in opening} == left
