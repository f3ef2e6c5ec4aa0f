"""How what was seen of compensating transactions becomes a view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from acidtest.errors import ContractError
from acidtest.models.compensation.service import (
    UNDO,
    CompensationView,
    Entry,
    backwards,
    is_undo,
    undo_request,
)
from acidtest.models.shared.ledger import Call, Request
from acidtest.properties.shared.balances import explain
from acidtest.properties.shared.reading import amount_of, amounts_of, names_of, shown

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Operation, Scope


def view_of(scope: Scope, calls: tuple[Call, ...], seen: Seen, before: CompensationView | None) -> CompensationView:
    """Say of every change of balances what was done, or taken back.

    Arguments:
        scope: the accounts at the start.
        calls: what clients know of changes and of compensations.
        seen: what was observed.
        before: the view before; None at the start.
    """
    opening = tuple(sorted(scope.accounts))
    done, undos = (tuple([call for call in calls if is_undo(call.request) == back]) for back in (False, True))
    durable: Any = seen.durable
    balances, parked, history = durable
    accepted = before.accepted if before is not None else ()
    if before is None or balances != before.balances:
        accepted = explain(opening, (*done, *_compensations(done, undos)), balances, accepted)
    return CompensationView(opening, balances, done, undos, accepted, parked, history)


def request_of(operation: Operation, known: frozenset[str]) -> Request:
    """The change or compensation that `operation` asks for; `known` are the names of the accounts."""
    if operation.method == "undo":
        return undo_request(operation.name, str(operation.arguments[0]))
    key, changes = operation.arguments
    deltas: tuple[tuple[str, int], ...] = tuple(changes)  # type: ignore[arg-type]
    valid = bool(deltas) and all(account in known and amount != 0 for account, amount in deltas)
    return Request(operation.name, str(key), (deltas,), deltas, valid)


def state_of(value: object, *, history: bool) -> Hashable:
    """What `state` returned, as a hashable value: balances, parked keys, and the history if it is asked for.

    Raises:
        ContractError: it is not what the port promises.
    """
    if not isinstance(value, Mapping) or "balances" not in value or "parked" not in value:
        message = f'state() returned {shown(value)}; it must return a dict with "balances" and "parked".'
        raise ContractError(message)
    if history and "history" not in value:
        message = 'state() has no "history", although the capability "history" is declared. Add it, or declare less.'
        raise ContractError(message)
    entries = _entries(value["history"]) if history else ()
    parked = names_of(value["parked"], "state()['parked']", "the keys whose compensation is parked")
    return amounts_of(value["balances"], "state()['balances']"), parked, entries


def _entries(history: Any) -> tuple[Entry, ...]:  # noqa: ANN401 - whatever the adapter returned
    call = "state()['history']"
    try:
        rows = [(str(key), str(account), amount) for key, account, amount in history]
    except (TypeError, ValueError):
        message = f"{call} is {shown(history)}; it must be a list of (key, account, amount) tuples, each change when it took effect."
        raise ContractError(message) from None
    return tuple(Entry(key, account, amount_of(amount, f"{call} gives", f" for key {key!r}")) for key, account, amount in rows)


def _compensations(done: Sequence[Call], undos: Sequence[Call]) -> list[Call]:
    """What may have been taken back: whatever was asked for under a key of which a compensation was asked for.

    Of equal requests it goes by the name of the first, as they do themselves, whoever of them was the first to ask.
    """
    asked = {call.request.payload[1] for call in undos if call.status != "new"}
    invoked = {call.request.ask for call in done if call.status != "new" and call.request.valid}
    firsts = {call.request.ask: call.request for call in reversed(done)}
    return [
        Call(_reversed(request), "open", alone=False)
        for request in reversed(firsts.values())
        if request.ask in invoked and request.key in asked
    ]


def _reversed(request: Request) -> Request:
    return Request(f"{UNDO} {request.name}", request.key, (UNDO, *request.payload), backwards(request.deltas))
