"""What every pattern of keyed requests on accounts shares: predicates, the reading of balances, and the contract's base.

Views that these predicates speak of have the fields `opening`, `balances`, `calls` and `accepted`.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any

from acidtest.checker.machine import Action, Kind, Property
from acidtest.models.shared.ledger import Call, Request
from acidtest.properties.shared.contract import Contract
from acidtest.workload import ENVIRONMENT, Client, Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.properties.shared.contract import Seen

Balances = tuple[tuple[str, int], ...]

#: Stands for a change of balances that no set of requests explains.
UNEXPLAINED = "?"
DAY = 86_400.0
SOURCE = "PATTERNS 0"


# Predicates over views.


def whole(view: Any) -> bool:  # noqa: ANN401 - any view with the fields above; likewise below
    """Balances are what some whole requests make of them."""
    return UNEXPLAINED not in view.accepted


def no_overdraft(view: Any) -> bool:  # noqa: ANN401
    """No balance is negative."""
    return all(balance >= 0 for _, balance in view.balances if isinstance(balance, (int, float)))


def once(view: Any) -> bool:  # noqa: ANN401
    """No key took effect twice."""
    keys = {call.request.name: call.request.key for call in view.calls}
    return max(Counter(keys[name] for name in view.accepted if name in keys).values(), default=0) <= 1


def truthful(view: Any) -> bool:  # noqa: ANN401
    """Ok was told of what took effect, rejected of what did not."""
    first = {call.request.ask: call.request.name for call in reversed(view.calls)}
    accepted = set(view.accepted)
    return all(
        call.status not in ("ok", "rejected") or (call.status == "ok") == (first[call.request.ask] in accepted)
        for call in view.calls
    )


def stable(before: Any, after: Any) -> bool:  # noqa: ANN401
    """What took effect stays, in its order."""
    return bool(after.accepted[: len(before.accepted)] == before.accepted)


def idempotent(view: Any) -> bool:  # noqa: ANN401
    """Equal requests were told the same, and of requests that only share a key at most one was told ok."""
    told: dict[str, list[Call]] = {}
    for one in view.calls:
        if one.status not in ("ok", "rejected"):
            continue
        others = told.setdefault(one.request.key, [])
        others.append(one)
        for other in others[:-1]:
            if one.request.ask == other.request.ask and one.status != other.status:
                return False
            if one.request.ask != other.request.ask and one.status == other.status == "ok":
                return False
    return True


def remembers(before: Any, after: Any) -> bool:  # noqa: ANN401
    """Nothing takes effect under a key that was refused, for want of funds, to another payload.

    Only of calls that ran alone: beside another call, a key may have been refused because it was claimed already.
    """
    refused = {
        c.request.key: c.request.ask for c in before.calls if c.status == "rejected" and c.request.valid and c.alone
    }
    disturbed = {call.request.ask for call in after.calls if call.status != "new" and not call.alone}
    asks = {call.request.name: call.request.ask for call in after.calls}
    fresh = {asks[name] for name in after.accepted if name in asks and name not in before.accepted} - disturbed
    return all(refused.get(ask[0], ask) == ask for ask in fresh)


def serves(before: Any, after: Any) -> bool:  # noqa: ANN401
    """A request that nothing disturbed, that is valid and funded, and whose key is fresh, is accepted."""
    for then, now in zip(before.calls, after.calls, strict=True):
        if then.status == "open" and now.status in ("rejected", "unknown") and now.alone and _deserved(before, now):
            return False
    return True


def _deserved(view: Any, call: Call) -> bool:  # noqa: ANN401
    request = call.request
    balances = dict(view.balances)
    others = [c for c in view.calls if c.request.name != request.name and c.request.key == request.key]
    return (
        request.valid
        and all(c.status == "new" for c in others)
        and all(balances.get(account, 0) + change >= 0 for account, change in request.deltas)
    )


def exact(view: Any) -> bool:  # noqa: ANN401
    """Money is whole numbers, and nothing invalid took effect."""
    valid = {call.request.name: call.request.valid for call in view.calls}
    return all(type(b) is int for _, b in view.balances) and all(valid.get(name, True) for name in view.accepted)


def conserved(view: Any) -> bool:  # noqa: ANN401
    """The sum of all balances is what it was."""
    return bool(sum(b for _, b in view.balances if b is not None) == sum(b for _, b in view.opening))


def is_stuck(happened: frozenset[str]) -> bool:
    """Whether a lock was waited for in vain. Only a COMMIT that has yet to take effect may keep one without a task."""
    words = {what.split(" ", 1)[0] for what in happened}
    return "victim" in words and "late" not in words


G2 = Property("G2", "no account is overdrawn", Kind.ALWAYS, no_overdraft, SOURCE)
G3 = Property("G3", "a key takes effect at most once", Kind.ALWAYS, once, SOURCE)
G4 = Property("G4", "ok means done, rejected means never done", Kind.ALWAYS, truthful, SOURCE)
G5 = Property("G5", "what took effect stays", Kind.STEP, stable, SOURCE)
G7 = Property("G7", "one key, one answer; another payload under it is refused", Kind.ALWAYS, idempotent, SOURCE)
REMEMBERED = Property("G7", "a key that was refused stays refused", Kind.STEP, remembers, SOURCE)
G11 = Property("G11", "an undisturbed, funded request is accepted", Kind.STEP, serves, SOURCE)
G12 = Property("G12", "money is whole minor units, and nothing invalid takes effect", Kind.ALWAYS, exact, SOURCE)


# Reading balances.


def label(calls: Sequence[Call], request: Request) -> str:
    """Equal requests go by the name of the first."""
    return next(c.request.name for c in calls if c.request.ask == request.ask)


#: With more different requests than these, only one more at a time is tried as an explanation.
_MOST = 8


def explain(opening: Balances, calls: Sequence[Call], balances: Balances, known: tuple[str, ...]) -> tuple[str, ...]:
    """Which requests took effect, given the balances.

    Arguments:
        opening: the balances at the start.
        calls: the requests, and which of them were invoked.
        balances: the balances to be explained.
        known: the explanation so far.

    Returns:
        `known` and the fewest more; if that is impossible, any explanation; else `known` and UNEXPLAINED.
    """
    firsts = {c.request.ask: c.request for c in reversed(calls)}
    invoked = {c.request.ask for c in calls if c.status != "new"}
    return _explain(opening, tuple([r for r in reversed(firsts.values()) if r.ask in invoked]), balances, known)


@lru_cache(maxsize=100_000)  # a search asks the same thing over and over
def _explain(opening: Balances, candidates: tuple[Request, ...], balances: Balances, known: tuple[str, ...]) -> tuple[str, ...]:
    taken = [r for name in known for r in candidates if r.name == name]
    for more in [[], *([r] for r in candidates if r.name not in known), *([r] for r in candidates)]:
        if len(taken) == len(known) and _fold(opening, [*taken, *more]) == balances:
            return (*known, *(r.name for r in more))
    if len(candidates) > _MOST:
        return (*known, UNEXPLAINED)
    choices = product((0, 1, 2), repeat=len(candidates))
    solutions = [[r for r, n in zip(candidates, times, strict=True) for _ in range(n)] for times in choices]
    solutions = sorted((s for s in solutions if _fold(opening, s) == balances), key=len)
    extending = [names for s in solutions if not Counter(known) - Counter(names := [r.name for r in s])]
    if extending:
        return (*known, *sorted((Counter(extending[0]) - Counter(known)).elements()))
    return tuple(r.name for r in solutions[0]) if solutions else (*known, UNEXPLAINED)


def _fold(opening: Balances, taken: Sequence[Request]) -> Balances:
    """The balances after these requests."""
    after = dict(opening)
    for request in taken:
        for account, change in request.deltas:
            if account in after:
                after[account] += change
    return tuple(sorted(after.items()))


# The base of contracts.


class LedgerContract(Contract):
    """A contract of keyed requests on accounts: how events and balances are read."""

    def requests(self, scope: Scope) -> tuple[Request, ...]:
        """The requests of a scope, in the order of its operations."""
        raise NotImplementedError

    def request_indexes(self, scope: Scope) -> dict[str, int]:
        """The numbers of the requests by name."""
        return {request.name: i for i, request in enumerate(self.requests(scope))}

    def calls(self, scope: Scope, seen: Seen) -> tuple[Call, ...]:
        """What clients know of the requests."""
        names = [op.name for op in scope.operations()]
        known = {name: (str(status), alone) for name, status, alone in zip(names, seen.status, seen.alone, strict=True)}
        return tuple(Call(request, *known[request.name]) for request in self.requests(scope))

    def actions(self, scope: Scope, kind: str, subject: str, value: object) -> Sequence[Action]:
        """Clients' events by number of the request; nothing for other operations."""
        index = self.request_indexes(scope).get(subject)
        if index is None:
            return ()
        return (Action(kind, (index, str(value)) if kind == "reply" else (index,)),)


# The making of scopes.


def client(process: str, *operations: Operation, name: str = "") -> Client:
    """A client of `process`; `name` where a process has several."""
    return Client(name or process, process, operations)


#: The opening of a scope: something that is there before, and goes on beside, what is explored.
BEFORE = "before"
IN_VAIN = ("down", BEFORE, "up")


def before(process: str, operation: Operation) -> Client:
    """A client that opens a scope, with something that nothing befalls."""
    return Client(BEFORE, process, (operation,))


def in_vain(process: str, operation: Operation) -> tuple[Client, ...]:
    """A client that opens a scope, while nothing that is outside can be reached: what it asks for is left unfinished."""
    down, up = (Client(name, ENVIRONMENT, (Operation(name, what),)) for name, what in (("down", "outage"), ("up", "restore")))
    return down, before(process, operation), up


def repeated(process: str, method: str, times: int) -> Client:
    """A client that calls a method without arguments again and again: a relay that polls, a process that recovers."""
    return Client(process, process, tuple(Operation(f"{process} {method} {i + 1}", method) for i in range(times)))


def environment(*changes: tuple[str, Any]) -> Client:
    """The environment: ("outage", None), ("restore", None) of the broker, ("jump", seconds) of the clock."""
    steps = tuple(Operation(f"{m} {a or ''}".strip(), m, () if a is None else (a,)) for m, a in changes)
    return Client(ENVIRONMENT, ENVIRONMENT, steps)
