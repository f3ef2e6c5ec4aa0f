"""How what was asked and seen of reserve/confirm becomes a view."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from acidtest.environment import Outcome
from acidtest.errors import ContractError
from acidtest.models.reserve_confirm.service import PENDING, VOIDED, Deal, Provider, ReserveView
from acidtest.models.shared.ledger import Request
from acidtest.properties.shared.attribution import narrowed, words_of
from acidtest.properties.shared.balances import label
from acidtest.properties.shared.reading import amount_of, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.models.shared.ledger import Call
    from acidtest.outside import Order
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Operation, Scope


# What clients ask, and of what provider.


@lru_cache(maxsize=64)
def requests_of(scope: Scope) -> tuple[Request, ...]:
    """The withdrawals of a scope."""
    known = {name for name, _ in scope.accounts}
    return tuple(_request(op, known) for op in scope.operations() if op.method == "withdraw")


def _request(operation: Operation, known: set[str]) -> Request:
    key, user, amount = operation.arguments
    valid = isinstance(amount, int) and amount > 0 and user in known
    return Request(operation.name, str(key), (user, amount), ((str(user), -amount),), valid)  # type: ignore[operator]


@lru_cache(maxsize=64)
def provider_of(scope: Scope) -> Provider:
    """What the provider of a scope can do."""
    return Provider(**{name: value for name, value in scope.systems[0]._asdict().items() if name != "name"})


# What was seen.


def view_of(scope: Scope, calls: tuple[Call, ...], seen: Seen) -> ReserveView:
    """Say of every order which withdrawal it is for.

    Arguments:
        scope: the accounts at the start, and the provider.
        calls: what clients know.
        seen: what was observed.
    """
    durable: Any = seen.durable
    accounts, statuses = durable
    balances, held, available = (tuple((row[0], row[i]) for row in accounts) for i in (1, 2, 3))
    return ReserveView(
        tuple(sorted(scope.accounts)), balances, held, available, calls, deals(calls, seen.of("externals")), provider_of(scope), statuses,
        seen.happened,
    )  # fmt: skip


def account_of(value: Any, name: str) -> tuple[Any, Any, Any]:  # noqa: ANN401 - whatever the adapter returns
    """Balance, held and available.

    Raises:
        ContractError: one of them is missing, or no amount.
    """
    try:
        parts = {part: value[part] for part in ("balance", "held", "available")}
    except (TypeError, KeyError, IndexError) as error:
        message = f"account({name!r}) returned {shown(value)}; it must return a dict with balance, held and available, in minor units."
        raise ContractError(message) from error
    balance, held, available = (amount_of(amount, f"account({name!r}) gives", f" as {part}") for part, amount in parts.items())
    return balance, held, available


def answer_of(what: str, value: object, unknown: str) -> str | None:
    """An outcome, or pending; None for what is not known.

    Arguments:
        what: was called.
        value: what it returned.
        unknown: what it should have done, had it not known.

    Raises:
        ContractError: it is something else.
    """
    if value is None or value == PENDING:
        return None if value is None else PENDING
    try:
        return Outcome(value).value  # type: ignore[arg-type]
    except ValueError:
        message = f'{what} returned {shown(value)}; it must be Outcome.OK, Outcome.REJECTED or "pending" ({unknown} means: unknown).'
        raise ContractError(message) from None


def deals(calls: Sequence[Call], orders: Sequence[Order]) -> tuple[Deal, ...]:
    """The orders that were really given, each with the withdrawal that it is for."""
    return tuple([
        Deal(_about(order, calls), str(order.status), order.paid, order.coming)
        for order in orders if order.amount or order.status != VOIDED
    ])  # fmt: skip


def _about(order: Order, calls: Sequence[Call]) -> str:
    """By amount and by the client's key in the order's key; by either where both do not lead to one."""
    words = words_of(order.key)
    asked = [call.request for call in calls if call.status != "new"]
    candidates = [request for request in asked if request.payload[1] == order.amount or request.key in words]
    likely = narrowed(candidates, lambda request: request.payload[1] == order.amount, lambda request: request.key in words)
    return label(calls, likely[0]) if likely else "?"
