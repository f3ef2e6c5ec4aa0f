"""How what was seen of the sites of three-phase commit becomes a view."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from acidtest.errors import ContractError
from acidtest.models.shared.ledger import Call, Request
from acidtest.models.three_phase_commit.service import INITIAL, RANK, SitesView, States, Votes
from acidtest.outside import Connected
from acidtest.properties.shared.predicates import is_stuck
from acidtest.properties.shared.reading import shown
from acidtest.properties.three_phase_commit.port import SITES
from acidtest.workload import service_of

if TYPE_CHECKING:
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Operation, Scope

#: The keys of all workloads: of these every site is asked what it knows.
KEYS = tuple(f"k{number}" for number in range(1, 7))
_TOLD = (*(state for state in RANK if state != INITIAL), None)


def sites_in(scope: Scope) -> tuple[str, ...]:
    """The sites that there are in a scope, in their order."""
    there = {service_of(process) for process in scope.processes()}
    return tuple([site for site in SITES if site in there])


def request_of(operation: Operation, site: str, known: frozenset[str]) -> Request:
    """What `operation` begins at a site; `known` are the names of all accounts, with their sites."""
    key, operations = operation.arguments
    changes: Counter[str] = Counter()
    for where, account, change in operations:  # type: ignore[attr-defined]
        changes[f"{where}/{account}"] += change
    sites = {name.partition("/")[0] for name in known}
    valid = bool(operations) and all(where in sites and change != 0 for where, _, change in operations)  # type: ignore[attr-defined]
    return Request(operation.name, str(key), (site, operations), tuple(changes.items()), valid)


def state_of(value: object, key: str) -> str:
    """What `state` told of a key.

    Raises:
        ContractError: it is none of the states that there are.
    """
    if value not in _TOLD:
        message = f"state({key!r}) returned {shown(value)}; it must return one of {', '.join(map(repr, _TOLD))}."
        raise ContractError(message)
    return INITIAL if value is None else str(value)


def view_of(scope: Scope, calls: tuple[Call, ...], seen: Seen, before: SitesView | None) -> SitesView:
    """Say of every key what each site knows, and of the network what assumptions it has kept.

    Arguments:
        scope: the accounts at the start.
        calls: what clients know.
        seen: what was observed.
        before: the view before; None at the start.
    """
    observed: Any = seen.durable
    network: Connected = seen.of("network")
    sites = sites_in(scope)
    balances = tuple(sorted((f"{site}/{account}", n) for site, (held, _) in zip(SITES, observed, strict=True) for account, n in held))
    told = {site: dict(states) for site, (_, states) in zip(SITES, observed, strict=True)}
    known = [(key, tuple([(site, told[site][key]) for site in sites])) for key in KEYS]
    states = tuple([(key, pairs) for key, pairs in known if any(state != INITIAL for _, state in pairs)])
    open_ = any(call.status == "open" for call in calls)
    return SitesView(
        tuple(sorted(scope.accounts)), balances, calls, states, _voted(states, () if before is None else before.voted),
        tuple([site for site in sites if site not in network.fallen]), network.quiet and not open_, network.broken,
        seen.happened, is_stuck(seen.happened), seen.wedged,
    )  # fmt: skip


def _voted(states: States, before: Votes) -> Votes:
    """Per key, the sites that have voted yes by now."""
    earlier = dict(before)
    return tuple([
        (key, tuple([site for site, state in pairs if site in earlier.get(key, ()) or state in ("waiting", "precommitted", "committed")]))
        for key, pairs in states
    ])  # fmt: skip


@lru_cache(maxsize=64)  # a search asks for the same ones at every step
def requests_in(scope: Scope) -> tuple[Request, ...]:
    """What is begun in a scope, in the order of its operations."""
    known = frozenset(name for name, _ in scope.accounts)
    return tuple([
        request_of(operation, service_of(client.process), known)
        for client in scope.clients for operation in client.operations if operation.method == "begin"
    ])  # fmt: skip


@lru_cache(maxsize=64)
def places_of_requests(scope: Scope) -> tuple[int, ...]:
    """Where they stand among all operations of the scope."""
    return tuple([place for place, operation in enumerate(scope.operations()) if operation.method == "begin"])
