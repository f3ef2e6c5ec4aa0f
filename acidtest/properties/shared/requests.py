"""The requests of a scope, and which of them took effect."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from acidtest.properties.shared.balances import Balances, explain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from acidtest.models.shared.ledger import Call, Request
    from acidtest.workload import Operation, Scope


@lru_cache(maxsize=64)  # a search asks for the same ones at every step
def requests_of(
    scope: Scope, methods: tuple[str, ...], request_of: Callable[[Operation, frozenset[str]], Request]
) -> tuple[Request, ...]:
    """The requests of a scope, in the order of its operations.

    Arguments:
        scope: whose operations are meant.
        methods: the port methods that clients make requests by; other operations are none.
        request_of: what an operation asks for, given the names of the accounts that there are.
    """
    known = frozenset(name for name, _ in scope.accounts)
    return tuple(request_of(operation, known) for operation in scope.operations() if operation.method in methods)


def took_effect(before: Any, opening: Balances, calls: Sequence[Call], balances: Balances) -> tuple[str, ...]:
    """The requests that took effect, in the order in which they did; equal ones go by the name of the first.

    Arguments:
        before: the view before, which has the fields `balances` and `accepted`; None at the start.
        opening: the balances at the start.
        calls: the requests, and which of them were invoked.
        balances: the balances now.
    """
    if before is None:
        return explain(opening, calls, balances, ())
    known: tuple[str, ...] = before.accepted
    return known if balances == before.balances else explain(opening, calls, balances, known)
