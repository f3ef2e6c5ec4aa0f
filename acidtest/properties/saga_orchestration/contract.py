"""The contract of the saga with an orchestrator: PATTERNS sections 5 and 6, and what is shared (section 0).

The orchestrator is under test; the harness plays the services (`saga_services`). They know a command that comes again by the
operation that it names, so what they have done twice was commanded under two names.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from acidtest.checker.machine import implied
from acidtest.environment import Outcome
from acidtest.models.saga.service import OrdersView
from acidtest.models.saga.specification import at_most_once
from acidtest.models.shared.steps import RUNNING
from acidtest.port import background, installation, operation, read, recovery, reply
from acidtest.properties.saga.contract import ALWAYS, AT_REST, KEYS, PROPERTIES, SagaContract, orders_view
from acidtest.properties.saga.services import SERVICES, PlayedService
from acidtest.properties.saga.stories import orchestrated
from acidtest.properties.shared.predicates import is_stuck
from acidtest.properties.shared.scopes import (
    BEFORE,
    DAY,
    IN_VAIN,
    before,
    client,
    environment,
    in_vain,
    repeated,
)
from acidtest.workload import ENVIRONMENT, Client, Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from acidtest.environment import Reply
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Played


class SagaOrchestrationPort(Protocol):
    """What an orchestrator of sagas offers. It fills orders by `env.call`, one step after the other.

    | step | do | undo |
    | --- | --- | --- |
    | 0 | `env.call("payment", "do", operation, key, account, amount)` | `env.call("payment", "undo", operation, key)` |
    | 1 | `env.call("stock", "do", operation, key, item, quantity)` | `env.call("stock", "undo", operation, key)` |
    | 2, the pivot | `env.call("booking", "do", operation, key)` | `env.call("booking", "undo", operation, key)` |
    | 3 | `env.call("shipping", "do", operation, key)` | none |

    Every call answers `Outcome.OK` or `Outcome.REJECTED`. `operation` is any text by which a service knows what comes again,
    and what is to be undone; the order's key will do. To undo what was not done bars it, and is answered with OK. To do is
    refused where there is not enough, or where it was barred; shipping is never refused. To undo is refused of the pivot
    alone, if it is done: then there is no way back, and the order has to be completed.
    """

    @installation
    def install(self) -> None:
        """Create the schema; runs once, outside the schedule."""

    @operation
    def start(self, key: str, account: str, amount: int, item: str, quantity: int) -> Outcome:
        """Place an order, once per `key`.

        OK as soon as it is durable; it will then be filled by all four services or, where one refuses or does not answer
        in time, be taken back by all that have done their step. Rejected, without any effect: an amount or a quantity that is
        not positive, and a key that was used for another order.
        """

    @reply
    def on_reply(self, reply: Reply) -> None:
        """An answer comes late to a call that was not answered in time, or once more; it may be left unread."""

    @background
    def tick(self) -> None:
        """Look after the orders that are not at an end; called every now and then, by any process."""

    @recovery
    def recover(self) -> None:
        """What a process does first that starts again after a crash."""

    @read
    def status(self, key: str) -> Literal["running", "completed", "compensated", "parked"] | None:
        """How an order stands, as committed; None for one that is not known."""


# Properties, beside those of every saga.

_HERE = "PATTERNS 6"


def _ended(view: OrdersView) -> bool:
    """No order is still running."""
    return all(saga.outcome != RUNNING for saga in view.sagas)


_OWN = (
    implied(
        "O4", "recovery beside a live executor does nothing twice", ALWAYS, lambda v: v.executors > 1 and "jump" in v.happened,
        lambda v: all(at_most_once(saga) for saga in v.sagas), _HERE,
    ),
    implied(
        "O2", "two executors of one order do nothing twice", ALWAYS, lambda v: v.executors > 1,
        lambda v: all(at_most_once(saga) for saga in v.sagas), _HERE,
    ),
    implied("O1", "after a crash every order goes on to its end", AT_REST, lambda v: "crash" in v.happened, _ended, _HERE),
    implied("O5", "after a timeout every order comes to an end", AT_REST, lambda v: "jump" in v.happened, _ended, _HERE),
)  # fmt: skip


# Workloads.


def order(name: str, key: str, account: str, amount: Any, item: str, quantity: Any, retries: int = 1) -> Operation:  # noqa: ANN401
    """A client places an order."""
    return Operation(name, "start", (key, account, amount, item, quantity), retries)


def _replies(process: str, *sources: str) -> Client:
    """Answers come late, or once more."""
    return Client(process, process, tuple(Operation(source, "on_reply", (), 1, source) for source in sources))


def _pauses(*seconds: float) -> tuple[Client, ...]:
    """Time passes, and a process looks after the orders, each time."""
    jumps = [Client(f"pause {i}", ENVIRONMENT, (Operation(f"jump {i}", "jump", (s,)),)) for i, s in enumerate(seconds, 1)]
    ticks = [Client(f"tick {i}", "desk-1", (Operation(f"tick {i}", "tick"),)) for i, _ in enumerate(seconds, 1)]
    return tuple(one for pair in zip(jumps, ticks, strict=True) for one in pair)


#: There is enough to do everything twice, so that a service that is told to do so does it.
_ENOUGH = (("payment/A", 200), ("stock/book", 20), ("booking/place", 5))
_ONE_PLACE = (("payment/A", 200), ("stock/book", 20), ("booking/place", 1))
_TWO_PLACES = (("payment/A", 200), ("stock/book", 20), ("booking/place", 2))
_NO_PLACE = (("payment/A", 200), ("stock/book", 20), ("booking/place", 0))
_CRASH = frozenset({"crash"})
_SILENCE = frozenset({"lost", "unacknowledged", "late"})
_REPLIES = _SILENCE | {"refused", "twice"}
_FIRST = order("o1", "k1", "A", 61, "book", 2)
_SECOND = order("o2", "k2", "A", 13, "book", 4)
#: Another order, which is filled before all else, or which no service could be told of yet.
_BEFORE = before("app-1", order("o0", "k4", "A", 7, "book", 1))
_IN_VAIN = in_vain("app-1", order("o0", "k4", "A", 7, "book", 1))

SCOPES = (
    Scope(
        "two orders", "two orders one after the other, and a tick; one crash or bad reply anywhere",
        _ENOUGH,
        (client("app-1", _FIRST, _SECOND), repeated("desk-1", "tick", 1)),
        faults=1, kinds=_CRASH | _REPLIES, serial=True,
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
        "outage", "two orders, while no service answers for forty days, and a tick now and then",
        _ENOUGH,
        (
            client("app-1", _FIRST), environment(("outage", None)), client("app-1", _SECOND, name="client-2"),
            *_pauses(*[DAY / 2] * 11, 40 * DAY),
        ),
        serial=True,
    ),
    Scope(
        "late answers", "an order, and then one that is refused, while answers about it come once more, at any moment",
        _ONE_PLACE,
        (client("app-1", _FIRST, _SECOND), _replies("hook-1", "booking reply 1", "stock reply 1")),
    ),
    Scope(
        "same key", "one order placed twice at once, and its key used for another, by two processes, after another",
        _ENOUGH,
        (
            _BEFORE, client("app-1", _FIRST),
            client("app-2", _FIRST._replace(name="o2"), order("o3", "k1", "A", 17, "book", 5)),
        ),
        opening=(BEFORE,),
    ),
    Scope(
        "pauses", "an order, a tick a minute later, and another two days later, beside another; one crash or bad reply anywhere",
        _ENOUGH,
        (*_IN_VAIN, client("app-1", _FIRST), *_pauses(60.0, 2 * DAY)),
        faults=1, kinds=_CRASH | _REPLIES, serial=True, opening=IN_VAIN,
    ),
    Scope(
        "crash in recovery", "an order that is refused in the end, and ticks after a minute and after two days, beside another; two crashes anywhere",
        _NO_PLACE,
        (*_IN_VAIN, client("app-1", _SECOND), *_pauses(60.0, 2 * DAY)),
        faults=2, kinds=_CRASH, serial=True, opening=IN_VAIN,
    ),
    Scope(
        "two executors", "an order, while time passes every deadline, and two processes that look after it, after another",
        _ENOUGH,
        (_BEFORE, client("app-1", _FIRST, Operation("own tick", "tick")), environment(("jump", 2 * DAY)), repeated("desk-1", "tick", 2)),
        opening=(BEFORE,),
    ),
    Scope(
        "slow executor", "an order, while a minute passes, and two days, and another process looks after it, after another",
        _ENOUGH,
        (_BEFORE, client("app-1", _FIRST), environment(("jump", 60.0), ("jump", 2 * DAY)), repeated("desk-1", "tick", 1)),
        opening=(BEFORE,),
    ),
    Scope(
        "late commands", "an order that is refused in the end, while time passes, beside another; two calls that take effect late",
        _NO_PLACE,
        (*_IN_VAIN, client("app-1", _FIRST), environment(("jump", 2 * DAY)), repeated("desk-1", "tick", 2)),
        faults=2, kinds=frozenset({"late"}), serial=True, opening=IN_VAIN,
    ),
    Scope(
        "side by side", "two orders at once, by two processes, of which the stock suffices for one",
        _ENOUGH,
        (client("app-1", _FIRST), client("app-2", order("o2", "k2", "A", 13, "book", 19))),
    ),
    Scope(
        "refused orders", "an order that is filled, and one each that payment, stock and booking refuse; one crash or bad reply anywhere",
        _ONE_PLACE,
        (
            client("app-1", _FIRST, order("o2", "k2", "A", 13, "book", 4), order("o3", "k3", "A", 7, "book", 19), order("o4", "k4", "A", 187, "book", 1)),
            repeated("desk-1", "tick", 1),
        ),
        faults=1, kinds=_CRASH | _REPLIES, serial=True,
    ),
)  # fmt: skip


#: The server of PostgreSQL needs longer to die and start again than any other effect takes.
SLOW_SCOPES = (
    Scope(
        "server death", "an order that is refused in the end, beside another; the database server is killed once, between any two effects",
        _NO_PLACE,
        (*_IN_VAIN, client("app-1", _FIRST)),
        faults=1, kinds=frozenset({"restart database"}), serial=True, opening=IN_VAIN,
    ),
)  # fmt: skip


class SagaOrchestrationContract(SagaContract):
    """Orders that an orchestrator has other services fill. Subclass it and give `implementation(env)`."""

    pattern: ClassVar[str] = "saga_orchestration"
    port = SagaOrchestrationPort
    properties = (*_OWN, *PROPERTIES)
    scopes = SCOPES
    slow_scopes = SLOW_SCOPES
    stateful_kinds: ClassVar[tuple[str, ...]] = ("crash", "unacknowledged", "lost", "refused", "late", "twice")

    def install(self, implementation: Any, scope: Scope, member: str = "") -> None:  # noqa: ANN401, ARG002
        """Create the schema; what there is belongs to the services."""
        implementation.install()

    def played(self, scope: Scope) -> Mapping[str, Played]:
        """The four services."""
        return _played(scope)

    def observe(self, implementation: Any) -> Hashable:  # noqa: ANN401
        """How the orders stand."""
        return tuple(self.status(implementation, KEYS).items())

    def read(self, value: object) -> Hashable:
        """No client reads."""
        return str(value)

    def view(self, scope: Scope, seen: Seen, before: OrdersView | None) -> OrdersView:  # noqa: ARG002
        """What the services have done, beside what clients know."""
        durable: Any = seen.durable
        ledgers: Any = tuple(state for _, state in seen.services)
        view = orders_view(scope, seen, self.calls(scope, seen), dict(durable), ledgers)
        executors = 1 if scope.serial else len(scope.processes())
        return view._replace(executors=executors, stuck=is_stuck(seen.happened))

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """What becomes of orders, one story or two."""
        return orchestrated(cls.stateful_kinds, SCOPES)


@lru_cache(maxsize=64)
def _played(scope: Scope) -> dict[str, PlayedService]:
    opening: dict[str, dict[str, int]] = {name: {} for name in SERVICES}
    for account, n in scope.accounts:
        service, _, resource = account.partition("/")
        opening[service][resource] = n
    return {name: PlayedService(name, opening[name]) for name in SERVICES}
