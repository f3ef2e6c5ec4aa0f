"""How what was seen of the transactional outbox becomes a view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acidtest.models.outbox.service import Copy, OutboxView
from acidtest.models.shared.ledger import Call, Request
from acidtest.properties.shared.attribution import narrowed, words_of
from acidtest.properties.shared.requests import took_effect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.outside import Message
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Operation, Scope


def view_of(scope: Scope, calls: tuple[Call, ...], seen: Seen, before: OutboxView | None) -> OutboxView:
    """Say of every balance and message which withdrawal it is about.

    Arguments:
        scope: the accounts at the start, and what is excused and refused.
        calls: what clients know.
        seen: what was observed.
        before: the view before; None at the start.
    """
    opening = tuple(sorted(scope.accounts))
    balances: Any = seen.durable
    accepted = took_effect(before, opening, calls, balances)
    return OutboxView(
        opening, balances, calls, accepted, copies_of(seen.of("broker"), calls, accepted),
        min(seen.disturbances, excusable(scope)), frozenset(scope.poison), seen.happened, seen.wedged,
    )  # fmt: skip


def request_of(operation: Operation, known: frozenset[str]) -> Request:
    """The withdrawal that `operation` asks for; `known` are the names of the accounts."""
    key, account, amount = operation.arguments
    valid = isinstance(amount, int) and amount > 0 and account in known
    return Request(operation.name, str(key), (account, amount), ((str(account), -amount),), valid)  # type: ignore[operator]


def excusable(scope: Scope) -> int:
    """How many disturbances are counted: the faults, some errors of the database's own, and all that time may cause."""
    relays_in_vain = len(scope.clients) * len(scope.operations()) if scope.unsteady else 0
    return scope.faults + scope.recovery_crashes + 2 + relays_in_vain


def copies_of(messages: Sequence[Message], calls: Sequence[Call], accepted: tuple[str, ...]) -> tuple[Copy, ...]:
    """The messages, each with the withdrawal that it is about; copies of one message are about the same.

    By the request key in id, key or payload; else by account and amount; else by account alone, in order of acceptance.
    """
    firsts = list({c.request.ask: c.request for c in reversed(calls)}.values())
    known: dict[str | None, str] = {}
    copies = []
    for message in messages:
        if message.id not in known:
            known[message.id] = _about(message, firsts, accepted, set(known.values()))
        copies.append(Copy(known[message.id], message.id or "", f"{message.key}\0{message.payload}"))
    return tuple(copies)


def _about(message: Message, asked: list[Request], accepted: tuple[str, ...], taken: set[str]) -> str:
    words = words_of(f"{message.id} {message.key} {message.payload}")
    likely = narrowed(
        asked,
        lambda request: request.key in words,
        lambda request: str(request.payload[1]) in words,
        lambda request: request.payload[0] in words,
    )
    ranked = sorted(
        (request.name for request in likely),
        key=lambda name: (name not in accepted, name in taken, accepted.index(name) if name in accepted else 0, name),
    )
    return ranked[0] if ranked else "?"
