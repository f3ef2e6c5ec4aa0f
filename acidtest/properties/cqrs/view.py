"""How what was seen of CQRS becomes a view."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from acidtest.models.cqrs.service import (
    CLOSE,
    PHANTOM,
    WRONG,
    CqrsView,
    Read,
    Row,
    account_of,
    closes,
    shown_after,
)
from acidtest.models.shared.ledger import Call, Request
from acidtest.properties.shared.requests import took_effect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Operation, Scope

#: What leaves nothing behind that a projector would have to wait for.
_HARMLESS = frozenset({"evict", "restart cache"})


def request_of(operation: Operation, known: frozenset[str]) -> Request:
    """The command that `operation` asks for; `known` are the names of the accounts."""
    if operation.method == CLOSE:
        (account,) = operation.arguments
        return Request(operation.name, f"{CLOSE} {account}", (CLOSE, account), (), account in known)
    key, account, amount = operation.arguments
    valid = isinstance(amount, int) and amount != 0 and account in known
    return Request(operation.name, str(key), ("handle", account, amount), ((str(account), amount),), valid)  # type: ignore[arg-type]


def view_of(scope: Scope, calls: tuple[Call, ...], seen: Seen, before: CqrsView | None) -> CqrsView:
    """Say of every balance and row which commands it is made of.

    Arguments:
        scope: the accounts at the start, and what clients do.
        calls: what clients know of their commands.
        seen: what was observed, with the cache as it is and without one.
        before: the view before; None at the start.
    """
    opening = tuple(sorted(scope.accounts))
    durable: Any = seen.durable
    (balances, served), (_, shown) = durable
    closed = tuple([account for account, balance in balances if balance is None])
    last = dict(opening if before is None else before.balances)
    amounts = tuple([(account, last.get(account, 0) if balance is None else balance) for account, balance in balances])
    accepted = _with_closings(took_effect(before, opening, calls, amounts), calls, closed)
    rows = tuple([row_of(account, balance, dict(opening), calls, accepted) for account, balance in shown])
    statuses = {op.name: (op.method, str(status)) for op, status in zip(scope.operations(), seen.status, strict=True)}
    changed = before is None or (amounts, closed, rows) != (before.balances, before.closed, before.shown)
    began = frozenset([name for name, (method, status) in statuses.items() if method == "project" and status != "new"])
    earlier = began if changed or before is None else before.earlier
    is_done = any(statuses[name][1] == "done" for name in began - earlier)
    return CqrsView(
        opening, amounts, closed, calls, accepted, rows,
        tuple([row_of(account, balance, dict(opening), calls, accepted) for account, balance in served]),
        _reads(scope, seen, before, calls, accepted),
        any(method == "rebuild" and status != "new" for method, status in statuses.values()),
        is_done and not seen.happened - _HARMLESS and all(status != "open" for _, status in statuses.values()),
        earlier, seen.happened, seen.wedged,
    )  # fmt: skip


def _with_closings(accepted: tuple[str, ...], calls: Sequence[Call], closed: tuple[str, ...]) -> tuple[str, ...]:
    """What took effect, and what closed the accounts that are closed now: that shows in no balance."""
    first = {account_of(c.request): c.request.name for c in reversed(calls) if closes(c.request)}
    return (*accepted, *[first.get(account, "?") for account in closed if first.get(account, "?") not in accepted])


def row_of(
    account: str, balance: int | None, opening: dict[str, int], calls: tuple[Call, ...], accepted: tuple[str, ...]
) -> Row:
    """What a balance amounts to: so many of the account's events; else what was not committed; else nothing."""
    if account not in opening:
        return Row(account, balance, 0 if balance is None else WRONG)
    return Row(account, balance, _version(account, balance, opening[account], calls, accepted))


@lru_cache(maxsize=50_000)  # a search asks the same thing over and over
def _version(account: str, balance: int | None, opening: int, calls: tuple[Call, ...], accepted: tuple[str, ...]) -> int:
    asked = {call.request.name: call.request for call in calls}
    events = [asked[name] for name in accepted if name in asked and account_of(asked[name]) == account]
    for version in range(len(events), -1, -1):
        if type(balance) is type(found := shown_after(opening, events[:version])) and balance == found:
            return version
    others = [r for r in asked.values() if r.name not in accepted and account_of(r) == account]
    ahead = [shown_after(opening, [*events[:n], other]) for n in range(len(events) + 1) for other in others]
    return PHANTOM if balance in ahead else WRONG


def _reads(
    scope: Scope, seen: Seen, before: CqrsView | None, calls: tuple[Call, ...], accepted: tuple[str, ...]
) -> tuple[Read, ...]:
    """What queries were answered: which version, where a session hangs on that; of all others only whether it was one."""
    known = () if before is None else before.reads
    if seen.window is None:
        return known
    done = {read.query for read in known}
    answered = zip(scope.operations(), seen.status, strict=True)
    query = next((op for op, status in answered if op.method == "query" and status == "read" and op.name not in done), None)
    if query is None:
        return known
    account, answer = str(query.arguments[0]), seen.read
    version = row_of(account, answer, dict(scope.accounts), calls, accepted).version  # type: ignore[arg-type] # what a query answers
    matters = query.source or any(op.source.split(" ")[0] == query.name for op in scope.operations())
    source = query.source.split(" ")[0]
    least = _least(source, known, calls, accepted)
    return (*known, Read(query.name, version if matters else min(version, 0), least, source in done))


def _least(source: str, known: Sequence[Read], calls: Sequence[Call], accepted: tuple[str, ...]) -> int:
    """The least version that a query had to show which was given the position of another operation; -1 for none."""
    read = next((read for read in known if read.query == source), None)
    asked = {call.request.name: call.request for call in calls}
    if read is not None or source not in asked:
        return -1 if read is None else read.version
    first = next(name for name, request in asked.items() if request.ask == asked[source].ask)
    events = [name for name in accepted if name in asked and account_of(asked[name]) == account_of(asked[first])]
    return events.index(first) + 1 if first in events else 0
