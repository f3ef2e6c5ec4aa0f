"""How what was seen of the transactional outbox becomes a view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acidtest.models.outbox.service import Copy, OutboxView
from acidtest.models.shared.ledger import Call, Request
from acidtest.properties.shared.attribution import narrowed, words_of
from acidtest.properties.shared.requests import took_effect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
    given: Any = seen.durable
    balances, parked = given
    accepted = took_effect(before, opening, calls, balances)
    return OutboxView(
        opening, balances, calls, accepted, copies_of(seen.of("broker"), calls, accepted),
        min(seen.disturbances, excusable(scope)), frozenset(scope.poison), seen.happened, seen.wedged, _waiting(scope, seen, calls, parked),
    )  # fmt: skip


def _waiting(scope: Scope, seen: Seen, calls: Sequence[Call], parked: Sequence[str]) -> tuple[str, ...]:
    """The requests whose keys are parked, without those that somebody has asked to send again."""
    operations = zip(scope.operations(), seen.status, strict=True)
    again = {op.arguments[0] for op, status in operations if op.method == "send_again" and status != "new"} if parked else ()
    return tuple([call.request.name for call in calls if call.request.key in parked and call.request.key not in again])


def request_of(operation: Operation, known: frozenset[str]) -> Request:
    """The withdrawal that `operation` asks for; `known` are the names of the accounts."""
    key, account, amount = operation.arguments
    valid = isinstance(amount, int) and amount > 0 and account in known
    return Request(operation.name, str(key), (account, amount), ((str(account), -amount),), valid)  # type: ignore[operator]


def excusable(scope: Scope) -> int:
    """How many disturbances are counted: the faults, some errors of the database's own, and all that time may cause."""
    relays_in_vain = len(scope.clients) * len(scope.operations()) if scope.unsteady else 0
    return scope.faults + scope.recovery_crashes + 2 + relays_in_vain


#: What speaks for it that a message with these words is about a request, the strongest first.
_SIGNS: tuple[Callable[[Request, frozenset[str]], bool], ...] = (
    lambda request, words: request.key in words,
    lambda request, words: str(request.payload[1]) in words,
    lambda request, words: request.payload[0] in words,
)


def copies_of(
    messages: Sequence[Message], calls: Sequence[Call], accepted: tuple[str, ...],
    signs: Sequence[Callable[[Request, frozenset[str]], bool]] = _SIGNS,
) -> tuple[Copy, ...]:  # fmt: skip
    """The messages, each with the request that it is about; copies of one message are about the same.

    By the request key in id, key or payload; else by account and amount; else by account alone, in order of acceptance.

    Arguments:
        messages: all that are on the broker.
        calls: the requests.
        accepted: those that took effect.
        signs: what speaks for it that a message with these words is about a request, the strongest first.
    """
    firsts = list({c.request.ask: c.request for c in reversed(calls)}.values())
    known: dict[str | None, str] = {}
    copies = []
    for message in messages:
        if message.id not in known:
            known[message.id] = _about(message, firsts, accepted, set(known.values()), signs)
        copies.append(Copy(known[message.id], message.id or "", f"{message.key}\0{message.payload}"))
    return tuple(copies)


def _about(
    message: Message, asked: list[Request], accepted: tuple[str, ...], taken: set[str],
    signs: Sequence[Callable[[Request, frozenset[str]], bool]],
) -> str:  # fmt: skip
    words = words_of(f"{message.id} {message.key} {message.payload}")
    likely = narrowed(asked, *(lambda request, sign=sign: sign(request, words) for sign in signs))
    ranked = sorted(
        (request.name for request in likely),
        key=lambda name: (name not in accepted, name in taken, accepted.index(name) if name in accepted else 0, name),
    )
    return ranked[0] if ranked else "?"
