"""How what was seen of the services of a chain becomes a view."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from acidtest.models.outbox_inbox.service import ACKED, BURIED, WAITING, Copy, TransfersView, commission
from acidtest.models.shared.ledger import Call, Request
from acidtest.properties.outbox.view import copies_of
from acidtest.properties.outbox_inbox.port import MIDDLE, SERVICES, SINK, SOURCE, TOPICS
from acidtest.properties.shared.balances import explain, folded
from acidtest.properties.shared.predicates import is_stuck
from acidtest.properties.shared.requests import took_effect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from acidtest.models.outbox_inbox.service import Balances
    from acidtest.outside import Settled
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Operation, Scope


@lru_cache(maxsize=64)
def opening_of(scope: Scope) -> Mapping[str, dict[str, int]]:
    """What each service has on its accounts at the start of a scope."""
    opening: dict[str, dict[str, int]] = {name: {} for name in SERVICES}
    for account, n in scope.accounts:
        service, _, name = account.partition("/")
        opening[service][name] = n
    return opening


def balances_of(opening: Mapping[str, int]) -> Balances:
    """Balances, as they stand in views."""
    return tuple(sorted(opening.items()))


def request_of(operation: Operation, known: frozenset[str]) -> Request:
    """The transfer that `operation` asks for; `known` are the names of all accounts, with their services."""
    key, account, amount = operation.arguments
    valid = isinstance(amount, int) and amount > 0 and f"{SOURCE}/{account}" in known
    return Request(operation.name, str(key), (account, amount), ((str(account), -amount),), valid)  # type: ignore[operator]


def view_of(scope: Scope, calls: tuple[Call, ...], seen: Seen, before: TransfersView | None) -> TransfersView:
    """Say of every balance and message which transfer it is about.

    Arguments:
        scope: the accounts at the start.
        calls: what clients know.
        seen: what was observed.
        before: the view before; None at the start.
    """
    opening: Any = opening_of(scope)
    durable: Any = seen.durable
    (balances, owes, *_), (passed, owes_next, _), (arrived, *_) = durable
    then = None if before is None else _restored(before, seen.happened, opening, durable)
    accepted = took_effect(then, balances_of(opening[SOURCE]), calls, balances)
    taken = (
        _taken(0, balances_of(opening[MIDDLE]), calls, passed, then), _taken(1, balances_of(opening[SINK]), calls, arrived, then),
    )  # fmt: skip
    return TransfersView(
        balances_of(opening[SOURCE]), balances, calls, accepted, (passed, arrived), taken, (owes, owes_next),
        _copies(seen, calls, accepted), sum(sum(has.values()) for has in opening.values()), seen.happened, is_stuck(seen.happened),
        tuple([alarms for *_, alarms in durable]),
    )  # fmt: skip


def _restored(before: TransfersView, happened: frozenset[str], opening: Any, durable: Any) -> TransfersView:  # noqa: ANN401
    """The view before, as a service remembers it that was restored from a backup: the last of what took effect there has never been."""
    places = [place for place, name in enumerate(SERVICES) if f"backup {name}" in happened]
    if not places:
        return before
    has, known = [before.balances, *before.others], [before.accepted, *before.taken]
    for place in places:
        now, calls = durable[place][0], before.calls if place == 0 else _paid_in(place - 1, before.calls)
        if now != has[place]:
            known[place] = first_of(known[place], balances_of(opening[SERVICES[place]]), calls, now)
    accepted, passed, arrived = known
    return before._replace(accepted=accepted, taken=(passed, arrived))


def first_of(known: tuple[str, ...], opening: Balances, calls: tuple[Call, ...], balances: Balances) -> tuple[str, ...]:
    """As much of what took effect as explains the balances, the beginning of it; or all."""
    deltas = {call.request.name: call.request.deltas for call in calls}
    whole = [known[:n] for n in range(len(known), -1, -1)]
    return next((part for part in whole if folded(opening, [deltas.get(name, ()) for name in part]) == balances), known)


def _taken(place: int, opening: Balances, calls: tuple[Call, ...], balances: Balances, before: TransfersView | None) -> tuple[str, ...]:
    """The transfers that took effect at the middle (0) or the sink (1), as its balances say."""
    if before is not None and before.others[place] == balances:
        return before.taken[place]
    known = () if before is None else before.taken[place]
    return explain(opening, _paid_in(place, calls), balances, known)


@lru_cache(maxsize=100_000)  # a search asks for the same ones at every step
def _paid_in(place: int, calls: tuple[Call, ...]) -> tuple[Call, ...]:
    """The transfers as requests that pay in, at the middle (0) or the sink (1); only what was asked of the source can be an explanation."""
    found = []
    for call in calls:
        (account, change), *_ = call.request.deltas
        kept = commission(-change) if isinstance(change, int) else 0
        found.append(call._replace(request=call.request._replace(deltas=((account, (kept, -change - kept)[place]),))))
    return tuple(found)


def _copies(seen: Seen, calls: Sequence[Call], accepted: tuple[str, ...]) -> tuple[Copy, ...]:
    """The messages between services, each with the transfer that it is about and what has become of it."""
    status = {(name, found.place): _status(found) for name, found in seen.of("settled")}
    log = [(place, message) for place, message in enumerate(seen.of("broker")) if message.topic in TOPICS]
    about = copies_of([message for _, message in log], calls, accepted)
    hops = [TOPICS.index(message.topic) for _, message in log]
    return tuple(
        Copy(hop, copy.about, status.get((SERVICES[hop + 1], place), WAITING), copy.id, copy.payload)
        for (place, _), copy, hop in zip(log, about, hops, strict=True)
    )


def _status(found: Settled) -> str:
    return BURIED if found.buried else ACKED
