"""How what was seen of event-sourced accounts becomes a view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acidtest.models.event_sourcing.service import AccountsView
from acidtest.models.shared.ledger import Call, Request
from acidtest.properties.event_sourcing.calls import DONE, UNREADABLE
from acidtest.properties.outbox.view import copies_of, excusable
from acidtest.properties.shared.requests import took_effect

if TYPE_CHECKING:
    from collections.abc import Callable

    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Operation, Scope

#: What speaks for it that a message with these words is about a command.
SIGNS: tuple[Callable[[Request, frozenset[str]], bool], ...] = (
    lambda request, words: request.key.rpartition("/")[2] in words,
    lambda request, words: not words.isdisjoint({str(request.payload[1]), str(request.payload[1]).removeprefix("-")}),
    lambda request, words: request.payload[0] in words,
)
#: The methods by which clients make requests.
REQUESTS = ("handle", "legacy")


def view_of(scope: Scope, calls: tuple[Call, ...], seen: Seen, before: AccountsView | None) -> AccountsView:
    """Say of every balance and message which command it is about.

    Arguments:
        scope: the accounts at the start, and what is excused.
        calls: what clients know.
        seen: what was observed.
        before: the view before; None at the start.
    """
    opening = tuple(sorted(scope.accounts))
    unreadable = seen.durable == UNREADABLE
    balances: Any = before.balances if unreadable and before is not None else seen.durable
    accepted = took_effect(before, opening, calls, balances)
    used = frozenset([
        op.method for op, status in zip(scope.operations(), seen.status, strict=True) if status not in ("new", f"no {op.method}")
    ])
    done = frozenset([op.method for op, status in zip(scope.operations(), seen.status, strict=True) if status == DONE    ])  # fmt: skip
    read: Any = () if seen.read == UNREADABLE else seen.read
    window: Any = frozenset([state for state in seen.window or () if state != UNREADABLE])
    return AccountsView(
        opening, balances, calls, accepted, copies_of(seen.of("broker"), calls, accepted, SIGNS), min(seen.disturbances, excusable(scope)),
        used, "newer" in done, unreadable, read, window, seen.of("subscriber").polls, seen.happened, seen.wedged,
    )  # fmt: skip


def request_of(operation: Operation, known: frozenset[str]) -> Request:
    """The command that `operation` is; `known` are the names of the accounts. A key belongs to one account."""
    key, account, amount = operation.arguments
    valid = isinstance(amount, int) and amount != 0 and account in known
    return Request(operation.name, f"{account}/{key}", (account, amount), ((str(account), amount),), valid)  # type: ignore[arg-type]
