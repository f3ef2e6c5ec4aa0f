"""What every saga must keep, whatever its style: PATTERNS section 5, and what is shared (section 0).

The contracts of the two styles are `saga_orchestration` and `saga_choreography`. Both fill orders, by the steps and services
of `saga_services`, and both are judged by what the services have done: nobody looks into the log of a saga.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.checker.machine import Kind, Property, implied
from acidtest.checker.theory import Size, Study, Theorem
from acidtest.errors import ContractError
from acidtest.models.saga.protocols import THEORY as PROTOCOLS
from acidtest.models.saga.service import UNKNOWN, Orders, OrdersView
from acidtest.models.saga.specification import G6, S1, S2, S3, S4, S5, S5_TAIL, S6, S8, S10
from acidtest.models.shared.ledger import Request
from acidtest.models.shared.steps import COMPENSATED, COMPLETED, PARKED, RUNNING, SagaSeen, of_sagas
from acidtest.properties.saga.services import PIVOT, SERVICES, Work, saga_of, strangers
from acidtest.properties.shared.ledger import LedgerContract
from acidtest.properties.shared.predicates import SOURCE, idempotent
from acidtest.workload import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from acidtest.models.shared.ledger import Call
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Operation, Scope

ALWAYS, STEP, AT_REST, SOMETIMES = Kind.ALWAYS, Kind.STEP, Kind.AT_REST, Kind.SOMETIMES
_HERE = "PATTERNS 5"
_GMS = "Garcia-Molina & Salem 1987; PATTERNS 5"


# Predicates over views.


def _asks(view: OrdersView, *statuses: str) -> list[tuple[str, Request]]:
    """The orders whose clients were told one of these, by key."""
    return [(call.request.key, call.request) for call in view.calls if call.status in statuses]


def _by_key(view: OrdersView) -> dict[str, SagaSeen]:
    return dict(zip(view.keys, view.sagas, strict=True))


def truthful(view: OrdersView) -> bool:
    """Ok was told of orders that are known; rejected of those for which nothing was done, under no other order's key."""
    sagas = _by_key(view)
    if any(sagas[key].outcome == UNKNOWN for key, _ in _asks(view, "ok")):
        return False
    taken = {key for key, _ in _asks(view, "ok", "open", "unknown")}
    refused = [sagas[key] for key, request in _asks(view, "rejected") if request.valid and key not in taken]
    return not any(any(saga.did) or saga.outcome in (RUNNING, COMPLETED) for saga in refused)


def exact(view: OrdersView) -> bool:
    """Nothing is done of an invalid order."""
    valid = {call.request.key for call in view.calls if call.request.valid}
    return not any(any(saga.did) or saga.outcome for key, saga in _by_key(view).items() if key not in valid)


def done_in_order(before: SagaSeen, after: SagaSeen) -> bool:
    """What has just been done follows a step that is in effect."""
    fresh = [i for i, (was, now) in enumerate(zip(before.did, after.did, strict=True)) if now > was]
    return all(i == 0 or after.did[i - 1] > after.undid[i - 1] for i in fresh)


def goes_forward(before: SagaSeen, after: SagaSeen) -> bool:
    """A step took effect."""
    return before.did != after.did


def comes_early(before: SagaSeen, after: SagaSeen) -> bool:
    """A compensation found nothing to undo."""
    return after.cancelled != before.cancelled


def nothing_in_effect(before: SagaSeen, after: SagaSeen) -> bool:
    """Where a compensation has just found nothing, there was nothing."""
    fresh = [i for i, (was, now) in enumerate(zip(before.cancelled, after.cancelled, strict=True)) if now and not was]
    return all(before.did[i] == before.undid[i] for i in fresh)


def serves(before: OrdersView, after: OrdersView) -> bool:
    """An order that nothing disturbed, valid and under a fresh key, is taken."""
    for then, now in zip(before.calls, after.calls, strict=True):
        others = [c for c in after.calls if c.request.key == now.request.key and c.request.name != now.request.name]
        fresh = now.request.valid and all(c.status == "new" for c in others)
        if then.status == "open" and now.status in ("rejected", "unknown") and now.alone and fresh and _certain(after, now.request.key):
            return False
    return True


def _certain(view: OrdersView, key: str) -> bool:
    """Whether the services can fill an order whatever else was ordered; where that is not known, yes."""
    return not view.certain or view.certain[view.keys.index(key)]


def goes_back_in_vain(view: OrdersView) -> bool:
    """An order that can be filled is taken back, or parked."""
    sagas = zip(view.keys, view.sagas, strict=True)
    return any(_certain(view, key) and (any(saga.undid) or saga.outcome in (COMPENSATED, PARKED)) for key, saga in sagas)


PROPERTIES = (
    Property("G12", "nothing is done of an invalid order", ALWAYS, exact, SOURCE),
    S4,
    Property("S8", "nothing is done but what was ordered", ALWAYS, lambda v: not v.strangers, _HERE),
    of_sagas(
        "S7", "what is done is done for an order that is known durably", ALWAYS,
        lambda saga: any(saga.did), lambda saga: saga.outcome != UNKNOWN, _HERE,
    ),
    S5,
    S3,
    of_sagas("S3", "a compensation finds the step that it is for", STEP, comes_early, nothing_in_effect, _HERE),
    of_sagas("S2", "a step is done after the one before it", STEP, goes_forward, done_in_order, _GMS),
    S2,
    S10,
    replace(S1, kind=ALWAYS),  # an order that is said to have ended has: nobody says so before
    S6,
    S8,
    implied(
        "G11", "where nothing goes wrong, an order that can be filled is not taken back", ALWAYS,
        lambda v: bool(v.certain) and not v.happened, lambda v: not goes_back_in_vain(v), SOURCE,
    ),
    Property("G4", "ok means known and brought to an end, rejected means that nothing is done", ALWAYS, truthful, SOURCE),
    Property("G7", "one key, one answer; another order under it is refused", ALWAYS, idempotent, SOURCE),
    Property("G9", "nobody waits for a lock that is never released", ALWAYS, lambda v: not v.stuck, SOURCE),
    Property("G11", "an undisturbed, valid order is taken", STEP, serves, SOURCE),
    S5_TAIL,
    implied(
        "S10", "an order is parked only after something went wrong", AT_REST,
        lambda v: any(saga.outcome == PARKED for saga in v.sagas), lambda v: bool(v.happened), _HERE,
    ),
    G6,
    Property("SOME-COMPLETED", "an order is filled", SOMETIMES, lambda v: any(s.outcome == COMPLETED for s in v.sagas), _GMS),
    Property(
        "SOME-COMPENSATED", "an order is taken back after it had begun, unless all can be filled", SOMETIMES,
        lambda v: (bool(v.certain) and all(v.certain)) or any(s.outcome == COMPENSATED and any(s.undid) for s in v.sagas), _GMS,
    ),
)  # fmt: skip

N2 = Property(
    "N2", "a reader sees half of an order", SOMETIMES,
    lambda v: any(any(saga.did) and not all(saga.did) and not any(saga.undid) for saga in v.sagas), _HERE,
)  # fmt: skip


def _service(asks: tuple[tuple[Any, ...], ...], steps: int = len(SERVICES), pivot: int = PIVOT) -> Orders:
    """The model of orders."""
    return Orders([Request(f"o{i}", key, payload, ()) for i, (key, payload) in enumerate(asks, 1)], steps, pivot)


def of_model(properties: Sequence[Property]) -> tuple[Property, ...]:
    """Those that can be proved of the model: it knows nothing of what befell a run, nor of what can be filled."""
    return tuple(p for p in properties if p.id != "G11" and (p.id, p.kind) != ("S10", AT_REST))


SERVICE = Study(
    name="what clients and services see of a saga",
    make=_service,
    sizes=(
        Size("one order, placed twice", {"asks": (("k1", ("A", 61)), ("k1", ("A", 61)))}, 1_997, 13),
        Size("one order, and its key used for another", {"asks": (("k1", ("A", 61)), ("k1", ("A", 13)))}, 3_139, 14),
        Size("two orders of three steps", {"asks": (("k1", ("A", 61)), ("k2", ("A", 13))), "steps": 3, "pivot": 1}, 27_019, 17),
    ),
    properties=of_model(PROPERTIES),
    theorems=(Theorem(N2),),
)

#: What the protocols' models leave out because nobody waits for an answer there, and orders carry nothing, is shown by SERVICE.
_SHOWN = {p.id for p in SERVICE.properties}
THEORY = replace(
    PROTOCOLS,
    studies=(*PROTOCOLS.studies, SERVICE),
    omitted={name: why for name, why in PROTOCOLS.omitted.items() if name not in _SHOWN},
)


class SagaContract(LedgerContract):
    """What the contracts of both styles share: how orders are asked for, and how they stand."""

    asks_again: ClassVar[bool] = True

    def requests(self, scope: Scope) -> tuple[Request, ...]:
        """The orders of `scope`."""
        return requests_of(scope)

    def model(self, scope: Scope) -> Orders:
        """The orders of `scope`, beside the services."""
        calm = not scope.faults and not scope.unsteady and all(one.process != ENVIRONMENT for one in scope.clients)
        certain = calm and all(certain_of(scope))
        return Orders(self.requests(scope), len(SERVICES), PIVOT, certain=certain, bars=not self.members)

    def abstract(self, view: OrdersView) -> Hashable:
        """Calls, and what has become of the orders."""
        return OrdersView(view.calls, view.sagas, view.keys)

    def status(self, implementation: Any, scope_keys: Sequence[str]) -> dict[str, str]:  # noqa: ANN401
        """How orders stand.

        Raises:
            ContractError: it says something else than the port knows.
        """
        return {key: _status(key, implementation.status(key)) for key in scope_keys}


#: The keys that clients use in all scopes.
KEYS = ("k1", "k2", "k3", "k4", "k5", "k6")
_STATUSES = (RUNNING, COMPLETED, COMPENSATED, PARKED)


def _status(key: str, value: object) -> str:
    if value is None:
        return UNKNOWN
    if value not in _STATUSES:
        message = f"status({key!r}) returned {value!r}; it must return one of {', '.join(map(repr, _STATUSES))}, or None for an order that is not known."
        raise ContractError(message)
    return str(value)


@lru_cache(maxsize=128)
def requests_of(scope: Scope) -> tuple[Request, ...]:
    """The orders of a scope."""
    return tuple(_request(operation) for operation in scope.operations() if operation.method == "start")


def _request(operation: Operation) -> Request:
    key, *payload = operation.arguments
    account, amount, item, quantity = payload
    whole = all(isinstance(n, int) and n > 0 for n in (amount, quantity))
    return Request(operation.name, str(key), (account, amount, item, quantity), (), whole)


@lru_cache(maxsize=128)
def certain_of(scope: Scope) -> tuple[bool, ...]:
    """Of each order, by key, whether the services can fill all orders together."""
    wanted: dict[tuple[str, str], int] = {}
    for key, payload in {request.ask for request in requests_of(scope) if request.valid}:
        account, amount, item, quantity = payload
        for name, n in ((f"payment/{account}", amount), (f"stock/{item}", quantity), ("booking/place", 1)):
            wanted[key, name] = max(wanted.get((key, name), 0), n)  # type: ignore[call-overload]
    left = Counter(dict(scope.accounts))
    for (_, name), n in wanted.items():
        left[name] -= n
    enough = all(n >= 0 for n in left.values())
    keys = dict.fromkeys(request.key for request in requests_of(scope))
    return tuple(enough for _ in keys)


def orders_view(
    scope: Scope, seen: Seen, calls: Sequence[Call], statuses: dict[str, str], works: Sequence[Sequence[Work]]
) -> OrdersView:
    """The view, without what only one of the styles knows."""
    keys = tuple(dict.fromkeys(call.request.key for call in calls))
    placed = [(c.request.key, c.request.payload) for c in calls if c.status != "new" and c.request.valid]
    return OrdersView(
        tuple(calls), tuple(saga_of(key, works, statuses.get(key, UNKNOWN)) for key in keys), keys,
        strangers(works, placed), certain=certain_of(scope), happened=seen.happened,
    )  # fmt: skip
