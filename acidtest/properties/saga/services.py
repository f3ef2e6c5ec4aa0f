"""The services of a saga, and how the harness plays them.

Every order takes four steps, one at each service: the buyer's account is debited, goods are reserved, a place with a carrier
is booked, the parcel is shipped. The booking is the pivot: it is the last step that may be refused, and once it is made there
is no way back. Shipping is never refused, only repeated until it is done.

A service that is played is what a service should be: it knows an operation that comes again, whoever sends it and with
whatever arguments, and it bars an operation that was undone before it came.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from acidtest.environment import CallRefused, Outcome

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from acidtest.workload import Scope

#: The services, in the order of the steps, and the number of the pivot.
SERVICES = ("payment", "stock", "booking", "shipping")
PAYMENT, STOCK, BOOKING, SHIPPING = SERVICES
PIVOT = 2
#: What the booking and the shipping of an order take one of.
PLACE, PARCEL = "place", "parcel"

DONE, UNDONE, REFUSED, BARRED, WRONG = "done", "undone", "refused", "barred", "wrong"


class Work(NamedTuple):
    """Something that a service did, or was told and did not do.

    Arguments:
        operation: what identifies it at the service.
        order: the key of the order that it is for.
        resource: the account, the goods, or what else it takes some of; empty where it was barred.
        amount: how much.
        status: done, undone, refused or barred; or wrong: undone without having been done.
    """

    operation: str
    order: str
    resource: str
    amount: int
    status: str


class PlayedService:
    """A service that does its step of orders, and undoes it.

    Arguments:
        name: one of SERVICES.
        opening: how much of each resource it has; none for one that never refuses.
    """

    def __init__(self, name: str, opening: dict[str, int]) -> None:
        """Take note of what there is."""
        self.name = name
        self._opening = opening
        self._step = SERVICES.index(name)

    def initial(self) -> Hashable:
        """Nothing has been done."""
        return ()

    def answer(self, state: tuple[Work, ...], method: str, arguments: tuple[object, ...]) -> tuple[Hashable, Hashable]:
        """Do or undo an operation.

        Raises:
            CallRefused: it is asked for something else.
        """
        if method == "do" and self._takes(arguments):
            operation, order, *payload = arguments
            resource, amount = payload or ((PLACE if self.name == BOOKING else PARCEL), 1)
            return self._do(state, Work(str(operation), str(order), str(resource), amount, DONE))  # type: ignore[arg-type]
        if method == "undo" and len(arguments) == 2 and self.name != SHIPPING:  # noqa: PLR2004 - operation and order
            return self._undo(state, str(arguments[0]), str(arguments[1]))
        message = (
            f"{self.name} knows no call {method}({', '.join(map(repr, arguments))}). It knows {self._signatures()}, and an amount is "
            "a positive whole number."
        )
        raise CallRefused(message)

    def _takes(self, arguments: Sequence[object]) -> bool:
        if self.name in (BOOKING, SHIPPING):
            return len(arguments) == 2  # noqa: PLR2004 - operation and order
        return len(arguments) == 4 and type(arguments[3]) is int and arguments[3] > 0  # noqa: PLR2004 - and resource and amount

    def _signatures(self) -> str:
        payload = {PAYMENT: ", account, amount", STOCK: ", item, quantity"}.get(self.name, "")
        undo = "" if self.name == SHIPPING else " and undo(operation, order)"
        return f"do(operation, order{payload}){undo}"

    def _do(self, state: tuple[Work, ...], work: Work) -> tuple[Hashable, Hashable]:
        known = next((w for w in state if w.operation == work.operation), None)
        if known is not None:
            same = known[:4] == work[:4] and known.status in (DONE, UNDONE)
            return state, Outcome.OK if same else Outcome.REJECTED
        left = self._opening.get(work.resource, 0) - sum(w.amount for w in state if (w.resource, w.status) == (work.resource, DONE))
        if self.name != SHIPPING and left < work.amount:
            return (*state, work._replace(status=REFUSED)), Outcome.REJECTED
        return (*state, work), Outcome.OK

    def _undo(self, state: tuple[Work, ...], operation: str, order: str) -> tuple[Hashable, Hashable]:
        known = next((w for w in state if w.operation == operation), None)
        if known is None:
            return (*state, Work(operation, order, "", 0, BARRED)), Outcome.OK
        if known.status != DONE:
            return state, Outcome.OK
        if self._step == PIVOT:
            return state, Outcome.REJECTED
        return tuple(w._replace(status=UNDONE) if w is known else w for w in state), Outcome.OK


@lru_cache(maxsize=64)
def opening_of(scope: Scope) -> Mapping[str, dict[str, int]]:
    """What each service has of every resource at the start of a scope."""
    opening: dict[str, dict[str, int]] = {name: {} for name in SERVICES}
    for account, n in scope.accounts:
        service, _, resource = account.partition("/")
        opening[service][resource] = n
    return opening


@lru_cache(maxsize=64)
def services_of(scope: Scope) -> dict[str, PlayedService]:
    """The services of a scope, by name."""
    return {name: PlayedService(name, opening) for name, opening in opening_of(scope).items()}
