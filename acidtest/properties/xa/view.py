"""How what was seen of XA transactions becomes a view.

What the resource managers hold is the truth; the transaction manager is believed in nothing but what it reports.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.errors import ContractError
from acidtest.models.shared.ledger import Call, Request
from acidtest.models.two_phase_commit.service import Names, database_of
from acidtest.models.xa.service import ALL, NOTHING, SOME, GlobalView
from acidtest.properties.shared.attribution import narrowed, words_of
from acidtest.properties.shared.balances import UNEXPLAINED, label
from acidtest.properties.shared.predicates import is_stuck
from acidtest.properties.shared.reading import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.outside import BranchSeen, ResourceSeen
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Operation, Scope

#: The kinds of heuristic decisions.
KINDS = ("XA_HEURCOM", "XA_HEURRB", "XA_HEURMIX", "XA_HEURHAZ")
_KEPT = ("heurcom", "heurrb", "heurmix", "heurhaz")


class Part(NamedTuple):
    """What became of a request at one resource: in doubt, took effect, or was decided alone; several may hold of several attempts."""

    name: str
    key: str
    doubt: bool
    took: bool
    alone: str
    kept: bool


def request_of(operation: Operation, known: frozenset[str]) -> Request:
    """The run that `operation` asks for; `known` are the names of the accounts."""
    key, operations = operation.arguments
    changes: Counter[str] = Counter()
    for resource, account, change in operations:  # type: ignore[attr-defined]
        changes[f"{resource}/{account}"] += change
    valid = bool(changes) and all(name in known for name in changes)
    deltas = tuple((name, change) for name, change in changes.items() if change)
    return Request(operation.name, str(key), operations, deltas, valid)  # type: ignore[arg-type]


def view_of(scope: Scope, calls: tuple[Call, ...], seen: Seen, before: GlobalView | None) -> GlobalView:
    """Say of every resource which runs took effect there.

    Arguments:
        scope: the accounts at the start.
        calls: what clients know.
        seen: what was observed.
        before: the view before; None at the start.
    """
    reported: Any = seen.durable
    resources: Sequence[ResourceSeen] = seen.of("resources")
    balances = tuple((f"{resource.name}/{account}", n) for resource in resources for account, n in resource.balances)
    parts = {resource.name: _parts(resource, calls) for resource in resources}
    took = _in_order(parts, () if before is None else before.took)
    doubt = _named(parts, lambda part: part.key if part.doubt else "")
    earlier = {} if before is None else dict(before.voted)
    ever = _named(parts, lambda part: part.key if part.doubt or part.took or part.alone else "")
    voted = tuple((name, tuple(sorted({*keys, *earlier.get(name, ())}))) for name, keys in ever)
    branches = [branch for resource in resources for branch in resource.branches]
    return GlobalView(
        tuple(sorted(scope.accounts)), balances, calls, _accepted(took, () if before is None else before.accepted), took, doubt, voted,
        _named(parts, lambda part: f"{part.key} {part.alone}" if part.alone else ""), _named(parts, lambda part: part.key if part.kept else ""),
        reported, tuple([b.status for b in branches if b.foreign]), tuple(sorted({note for b in branches for note in b.notes})),
        seen.happened, is_stuck(seen.happened), seen.wedged,
    )  # fmt: skip


def reported_of(value: object) -> tuple[tuple[str, str], ...]:
    """What `heuristics` returned, in order.

    Raises:
        ContractError: it is no collection of (key, kind) pairs.
    """
    try:
        pairs = sorted((key, str(getattr(kind, "value", kind))) for key, kind in value)  # type: ignore[attr-defined]
        fits = all(isinstance(key, str) and kind in KINDS for key, kind in pairs)
    except (TypeError, ValueError):
        fits = False
    if not fits:
        message = (
            f"heuristics() returned {shown(value)}; it must return (key, kind) pairs: a key as given to run(), and one of "
            f"{', '.join(KINDS)}."
        )
        raise ContractError(message)
    return tuple(pairs)


def _parts(resource: ResourceSeen, calls: Sequence[Call]) -> list[Part]:
    """What became of each transaction in one resource, by the requests that they are for: of several branches of one, together."""
    by_transaction: dict[str, list[BranchSeen]] = {}
    for branch in resource.branches:
        if not branch.foreign:
            by_transaction.setdefault(branch.gtrid, []).append(branch)
    return [part for gtrid, branches in by_transaction.items() if (part := _part(resource.name, gtrid, branches, calls)) is not None]


def _part(resource: str, gtrid: str, branches: Sequence[BranchSeen], calls: Sequence[Call]) -> Part | None:
    working = [b for b in branches if b.changes and (b.alone or b.status in ("prepared", "committed", *_KEPT))]
    if not working:
        return None
    changes = _sum(working, resource)
    request = _about(gtrid, changes, resource, calls)
    prepared, done = (any(b.status == status for b in working) for status in ("prepared", "committed"))
    whole = request is not None and changes == dict(_local(request, resource))
    name = UNEXPLAINED if request is None or (done and not prepared and not whole) else label(calls, request)
    key = gtrid if request is None else request.key
    alone = next((_came_to(b) for b in working if b.alone), "")
    return Part(name, key, prepared, (done and not prepared and not alone) or alone == ALL, alone, any(b.status in _KEPT for b in working))


def _came_to(branch: BranchSeen) -> str:
    """What a branch that was decided alone came to."""
    return NOTHING if not branch.applied else ALL if branch.applied == len(branch.changes) else SOME


def _sum(branches: Sequence[BranchSeen], resource: str) -> dict[str, int]:
    changes: Counter[str] = Counter()
    for branch in branches:
        for account, change in branch.changes:
            changes[f"{resource}/{account}"] += change
    return {name: change for name, change in changes.items() if change}


def _local(request: Request, resource: str) -> list[tuple[str, int]]:
    return [(name, change) for name, change in request.deltas if database_of(name) == resource]


def _about(gtrid: str, changes: dict[str, int], resource: str, calls: Sequence[Call]) -> Request | None:
    """By the client's key in the name of the transaction, and by what it changes; by either where both do not lead to one."""
    words = words_of(gtrid)
    asked = [call.request for call in calls if call.status != "new"]
    fitting = [r for r in asked if r.key in words or changes == dict(_local(r, resource))]
    likely = narrowed(fitting, lambda r: r.key in words, lambda r: changes == dict(_local(r, resource)))
    return likely[0] if likely else None


def _named(parts: dict[str, list[Part]], word: Any) -> Names:  # noqa: ANN401 - of a part, the word for it or none
    return tuple((name, tuple(sorted({word(part) for part in some} - {""}))) for name, some in parts.items())


def _in_order(parts: dict[str, list[Part]], before: Names) -> Names:
    """Per resource, what took effect, in the order in which it did."""
    known = dict(before)
    found = []
    for resource, some in parts.items():
        now = Counter(part.name for part in some if part.took)
        still = [name for name in known.get(resource, ()) if now[name]]
        kept = [name for i, name in enumerate(still) if still[:i].count(name) < now[name]]
        found.append((resource, (*kept, *sorted((now - Counter(kept)).elements()))))
    return tuple(found)


def _accepted(took: Names, known: tuple[str, ...]) -> tuple[str, ...]:
    """The requests that took effect somewhere, as often as in the resource in which they did most often."""
    most: Counter[str] = Counter()
    for _, names in took:
        most |= Counter(names)
    still = tuple(name for name in known if name in most)
    return (*still, *sorted((most - Counter(still)).elements()))


def folded_balances(view: GlobalView) -> tuple[tuple[str, int], ...]:
    """What balances would be if all that took effect were all that changed them."""
    requests = {call.request.name: call.request for call in view.calls}
    balances = dict(view.opening)
    for resource, names in view.took:
        for name in names:
            for account, change in _local(requests[name], resource) if name in requests else ():
                balances[account] += change
    return tuple(balances.items())
