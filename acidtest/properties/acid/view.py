"""How what was seen of local ACID transfers becomes a view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acidtest.models.acid.service import AcidView
from acidtest.models.shared.ledger import Call, Request
from acidtest.properties.shared.predicates import is_stuck
from acidtest.properties.shared.requests import took_effect

if TYPE_CHECKING:
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Operation, Scope


def view_of(scope: Scope, calls: tuple[Call, ...], seen: Seen, before: AcidView | None) -> AcidView:
    """Say of every change of balances which transfer it is.

    Arguments:
        scope: the accounts at the start.
        calls: what clients know.
        seen: what was observed.
        before: the view before; None at the start.
    """
    opening = tuple(sorted(scope.accounts))
    balances: Any = seen.durable
    read: Any = seen.read
    window: Any = seen.window or frozenset()
    accepted = took_effect(before, opening, calls, balances)
    return AcidView(opening, balances, calls, accepted, read, window, is_stuck(seen.happened))


def request_of(operation: Operation, known: frozenset[str]) -> Request:
    """The transfer that `operation` asks for; `known` are the names of the accounts."""
    key, source, target, amount = operation.arguments
    valid = isinstance(amount, int) and amount > 0 and source != target and {source, target} <= known
    deltas = (str(source), -amount), (str(target), amount)  # type: ignore[operator]
    return Request(operation.name, str(key), (source, target, amount), deltas, valid)  # type: ignore[arg-type]
