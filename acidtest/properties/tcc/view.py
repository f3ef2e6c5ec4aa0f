"""How what was asked and seen of a service that takes part in Try-Confirm/Cancel becomes a view."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from acidtest.models.tcc.participant import TRY, TccServiceView, method_of, request
from acidtest.properties.shared.balances import UNEXPLAINED, explain
from acidtest.properties.shared.predicates import is_stuck

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.models.shared.ledger import Call, Request
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Operation, Scope

Amounts = tuple[tuple[str, int], ...]


# What clients ask.


@lru_cache(maxsize=64)
def requests_of(scope: Scope) -> tuple[Request, ...]:
    """The calls of a scope."""
    known = {name for name, _ in scope.accounts}
    return tuple(_request(operation, known) for operation in scope.operations())


def _request(operation: Operation, known: set[str]) -> Request:
    gid, branch, *payload = operation.arguments
    method = operation.method.rstrip("_")
    if method != TRY:
        return request(operation.name, method, f"{gid}/{branch}")
    account, amount = payload
    valid = isinstance(amount, int) and amount > 0 and account in known
    return request(operation.name, TRY, f"{gid}/{branch}", str(account), amount, valid=valid)  # type: ignore[arg-type]


def predecessors_of(scope: Scope) -> list[int | None]:
    """Per call, the number of the one that its client makes before."""
    numbers = {operation.name: i for i, operation in enumerate(scope.operations())}
    before = {
        later.name: numbers[earlier.name]
        for one in scope.clients
        for earlier, later in zip(one.operations, one.operations[1:], strict=False)
        if earlier.name in numbers
    }
    return [before.get(name) for name in numbers]


# What was seen.


def view_of(scope: Scope, calls: tuple[Call, ...], seen: Seen, before: TccServiceView | None) -> TccServiceView:
    """Say of every amount that is held or gone which Try it is of.

    Arguments:
        scope: the accounts at the start.
        calls: what clients know.
        seen: what was observed.
        before: the view before; None at the start.
    """
    opening = tuple(sorted(scope.accounts))
    durable: Any = seen.durable
    balances, available = durable
    if before is not None and (balances, available) == (before.balances, before.available):
        held, booked = before.held, before.booked
    else:
        held, booked = explain_holds(opening, calls, balances, available)
    return TccServiceView(opening, balances, available, calls, held, booked, seen.happened, is_stuck(seen.happened))


def explain_holds(
    opening: Amounts, calls: Sequence[Call], balances: Amounts, available: Amounts
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which Try requests are held, and which are booked, given the balances and what of them may be spent."""
    tries = tuple(call for call in calls if method_of(call.request) == TRY)
    booked = explain(opening, tries, balances, ())
    same = [name for name, _ in balances] == [name for name, _ in available]
    whole = same and all(isinstance(sum_, (int, float)) for _, sum_ in (*balances, *available))
    held = explain(balances, tries, available, ()) if whole else (UNEXPLAINED,)
    return tuple(sorted(held)), tuple(sorted(booked))
