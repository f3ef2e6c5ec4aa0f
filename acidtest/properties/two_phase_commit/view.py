"""How what was seen of two-phase commit becomes a view.

A request takes effect in one database after the other, so what took effect is said per database.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from acidtest.errors import ContractError
from acidtest.models.shared.ledger import Call, Request
from acidtest.models.two_phase_commit.service import AtomicCommitView, Names, database_of
from acidtest.properties.shared.balances import explain
from acidtest.properties.shared.predicates import is_stuck
from acidtest.properties.shared.reading import names_of
from acidtest.properties.two_phase_commit.port import DATABASES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Operation, Scope


def view_of(scope: Scope, calls: tuple[Call, ...], seen: Seen, before: AtomicCommitView | None) -> AtomicCommitView:
    """Say of every database which runs took effect there.

    Arguments:
        scope: the accounts at the start.
        calls: what clients know.
        seen: what was observed.
        before: the view before; None at the start.

    Raises:
        ContractError: a key is in doubt that no client gave.
    """
    opening = tuple(sorted(scope.accounts))
    observed: Any = seen.durable
    balances = tuple((f"{d}/{account}", sum_) for d, accounts, _ in observed for account, sum_ in accounts)
    known = dict.fromkeys(DATABASES, ()) if before is None else dict(before.took)
    if before is None or balances != before.balances:
        known = {d: _explain_branches(d, opening, calls, accounts, known[d]) for d, accounts, _ in observed}
    took = tuple(known.items())
    accepted = _accepted_of(took, () if before is None else before.accepted)
    in_doubt = tuple((d, _of_workload(keys, calls)) for d, _, keys in observed)
    ever = _ever_in_doubt(took, in_doubt, calls, () if before is None else before.voted)
    return AtomicCommitView(
        opening, balances, calls, accepted, took, in_doubt, ever,
        seen.happened, is_stuck(seen.happened), seen.wedged,
    )  # fmt: skip


def request_of(operation: Operation, known: frozenset[str]) -> Request:
    """The run that `operation` asks for; `known` are the names of the accounts."""
    key, operations = operation.arguments
    changes: Counter[str] = Counter()
    for database, account, change in operations:  # type: ignore[attr-defined]
        changes[f"{database}/{account}"] += change
    valid = bool(changes) and all(name in known and change != 0 for name, change in changes.items())
    return Request(operation.name, str(key), operations, tuple(changes.items()), valid)  # type: ignore[arg-type]


def keys_of(value: object, database: str) -> tuple[str, ...]:
    """What `in_doubt` returned for a database, in order.

    Raises:
        ContractError: it is no collection of keys.
    """
    return names_of(value, f"in_doubt({database!r})", "the keys of branches in doubt, as given to run()")


def _of_workload(keys: tuple[str, ...], calls: Sequence[Call]) -> tuple[str, ...]:
    """The keys, all of which must have been given to `run`.

    Raises:
        ContractError: one was not.
    """
    given = {call.request.key for call in calls}
    for key in keys:
        if key not in given:
            message = (
                f"in_doubt() names {key!r}, which is not a key that was given to run() ({', '.join(sorted(given))}). "
                "Without it a branch cannot be told from another; return the keys, not internal identifiers."
            )
            raise ContractError(message)
    return keys


def _explain_branches(
    database: str,
    opening: tuple[tuple[str, int], ...],
    calls: tuple[Call, ...],
    balances: tuple[tuple[str, int], ...],
    known: tuple[str, ...],
) -> tuple[str, ...]:
    """Which requests took effect in one database, given its balances."""
    there = tuple((name, balance) for name, balance in opening if database_of(name) == database)
    named = tuple((f"{database}/{account}", balance) for account, balance in balances)
    local = [call._replace(request=_branch(call.request, database)) for call in calls]
    return explain(there, [call for call in local if call.request.deltas], named, known)


def _branch(request: Request, database: str) -> Request:
    """The part of a request that concerns one database."""
    deltas = tuple((name, change) for name, change in request.deltas if change and database_of(name) == database)
    return request._replace(deltas=deltas)


def _accepted_of(took: Names, known: tuple[str, ...]) -> tuple[str, ...]:
    """The requests that took effect somewhere, as often as in the database in which they did most often."""
    most: Counter[str] = Counter()
    for _, names in took:
        most |= Counter(names)
    still = tuple(name for name in known if name in most)
    return (*still, *(most - Counter(still)).elements())


def _ever_in_doubt(took: Names, in_doubt: Names, calls: Sequence[Call], before: Names) -> Names:
    """Per database, the keys that were in doubt or took effect there at some time."""
    key = {call.request.name: call.request.key for call in calls}
    earlier, taken = dict(before), dict(took)
    return tuple(
        (d, tuple(sorted({*earlier.get(d, ()), *keys, *(key[name] for name in taken[d] if name in key)})))
        for d, keys in in_doubt
    )
