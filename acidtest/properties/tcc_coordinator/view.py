"""How what was asked and seen of a coordinator of Try-Confirm/Cancel becomes a view."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from acidtest.environment import Outcome
from acidtest.errors import ContractError
from acidtest.models.tcc.coordinator import PENDING, Branch, CoordinationView
from acidtest.models.tcc.coordinator import request as transaction
from acidtest.models.tcc.protocol import CANCEL, CONFIRM, CONFIRMED, NONE
from acidtest.properties.shared.predicates import is_stuck
from acidtest.properties.shared.reading import shown
from acidtest.properties.tcc_coordinator.services import METHODS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from acidtest.models.shared.ledger import Call, Request
    from acidtest.outside import Served
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Operation, Scope

#: (account, amount): what tells the branches of a transaction apart.
Label = tuple[str, int]


# What clients ask, and are told.


@lru_cache(maxsize=64)
def requests_of(scope: Scope) -> tuple[Request, ...]:
    """The transactions of a scope."""
    known = {name for name, _ in scope.accounts}
    return tuple(_request(operation, known) for operation in scope.operations() if operation.method == "run")


def _request(operation: Operation, known: set[str]) -> Request:
    gid, branches = operation.arguments
    split: list[tuple[str, str, int]] = list(branches)  # type: ignore[call-overload]
    valid = bool(split) and all(f"{service}/{account}" in known and amount > 0 for service, account, amount in split)
    return transaction(operation.name, str(gid), *split, valid=valid)


def answer_of(operation: Operation, value: object) -> str:
    """What `run` answered: an outcome, or pending.

    Raises:
        ContractError: it is something else.
    """
    if value == PENDING:
        return PENDING
    try:
        return Outcome(value).value  # type: ignore[arg-type]
    except ValueError:
        message = (
            f'{operation} returned {shown(value)}; it must return Outcome.OK, Outcome.REJECTED or "pending" (an exception that '
            "escapes means: unknown). Import Outcome from acidtest."
        )
        raise ContractError(message) from None


# What services keep.


def view_of(scope: Scope, calls: tuple[Call, ...], seen: Seen) -> CoordinationView:
    """What the services keep, and what is on its way to them.

    Arguments:
        scope: the accounts at the start.
        calls: what clients know.
        seen: what was observed.
    """
    served: Served = seen.of("services")
    view = CoordinationView(
        tuple(sorted(scope.accounts)), balances_of(served.states), available_of(served.states), calls, (),
        branches_of(served.states, served.coming), seen.happened, is_stuck(seen.happened), seen.wedged,
    )  # fmt: skip
    return view._replace(accepted=accepted_of(view))


def branches_of(services: Iterable[tuple[str, Any]], coming: Iterable[Any]) -> tuple[Branch, ...]:
    """Every branch that some service has heard of, or will by what is on its way of Confirm and Cancel."""
    found: dict[tuple[str, Any, Any], Branch] = {}
    for service, books in services:
        for row in books.rows:
            account = f"{service}/{row.account}" if row.account != "" else ""
            branch = Branch(str(row.gid), f"{service} {row.branch}", account, row.amount, row.status, row.told)
            found[service, row.gid, row.branch] = branch
    for service, method, arguments in coming:
        if method in (CONFIRM, CANCEL) and len(arguments) == len(METHODS[method]):
            gid, id_ = arguments
            branch = found.get((service, gid, id_)) or Branch(str(gid), f"{service} {id_}", "", 0, NONE)
            found[service, gid, id_] = branch._replace(told=tuple(sorted({*branch.told, method})))
    return tuple(sorted(found.values(), key=lambda branch: branch[:2]))


def balances_of(services: Iterable[tuple[str, Any]]) -> tuple[tuple[str, int], ...]:
    """The balance of every account, holds included."""
    return tuple(sorted((f"{service}/{name}", sum_) for service, books in services for name, sum_ in books.balances))


def available_of(services: Iterable[tuple[str, Any]]) -> tuple[tuple[str, int], ...]:
    """What may be spent of every account."""
    return tuple(sorted((f"{service}/{name}", books.available(name)) for service, books in services for name, _ in books.balances))


# Which branches are of which transaction.


def asked_of(view: CoordinationView) -> list[Request]:
    """The requests that clients have made; of equal ones the first."""
    firsts: dict[object, Request] = {}
    for call in view.calls:
        firsts.setdefault(call.request.ask, call.request)
    made = {call.request.ask for call in view.calls if call.status != "new"}
    return [request for ask, request in firsts.items() if ask in made]


def labels_of(request: Request) -> Counter[Label]:
    """The branches of a request."""
    return Counter((account, -change) for account, change in request.deltas)


def branches_for(view: CoordinationView, request: Request) -> list[Branch]:
    """The branches at services that are of this request; one without a Try is, unless the id has other payloads."""
    labels = labels_of(request)
    alone = all(other.ask == request.ask for other in asked_of(view) if other.key == request.key)
    return [
        b for b in view.branches if b.gid == request.key and ((b.account, b.amount) in labels or (alone and not b.account))
    ]


def transactions_of(view: CoordinationView) -> Iterator[tuple[Request, list[Branch]]]:
    """Every request that was made, with what became of its branches."""
    for request in asked_of(view):
        yield request, branches_for(view, request)


def statuses_of(branches: list[Branch]) -> set[str]:
    """How branches stand."""
    return {branch.status for branch in branches}


def accepted_of(view: CoordinationView) -> tuple[str, ...]:
    """The requests of which some branch is confirmed."""
    return tuple(sorted([request.name for request, branches in transactions_of(view) if CONFIRMED in statuses_of(branches)]))


def branches_shown(branches: Iterable[Branch]) -> dict[str, tuple[str, ...]]:
    """Branches for a report, by name; a second one of the same name has a number."""
    shown: dict[str, tuple[str, ...]] = {}
    times: Counter[str] = Counter()
    for branch in branches:
        name = f"{branch.gid} {branch.account} {branch.amount}" if branch.account else f"{branch.gid} {branch.id}"
        times[name] += 1
        named = name if times[name] == 1 else f"{name} ({times[name]})"
        shown[named] = (branch.status, *(f"told {what}" for what in branch.told))
    return shown
