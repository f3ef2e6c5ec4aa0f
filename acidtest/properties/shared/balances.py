"""Which requests took effect, read from balances."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

from acidtest.models.shared.ledger import Call, Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Balances = tuple[tuple[str, int], ...]

#: Stands for a change of balances that no set of requests explains.
UNEXPLAINED = "?"


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
    return folded(opening, [request.deltas for request in taken])


def folded(opening: Balances, taken: Iterable[Balances]) -> Balances:
    """The balances after these changes, each (account, change) pairs."""
    after = dict(opening)
    for account, change in [delta for deltas in taken for delta in deltas]:
        if account in after:
            after[account] += change
    return tuple(sorted(after.items()))


def is_overwriting(
    before: tuple[str, ...], after: tuple[str, ...], deltas: Mapping[str, Balances], opening: Balances, now: Balances
) -> bool:
    """Whether a step is one change that was computed from balances that have changed since: a lost update.

    Such a step adds up to no single change; it does to one that starts, of some account at least, from what was committed
    earlier.

    Arguments:
        before: what had taken effect before it, by name.
        after: what took effect, as the balances alone say.
        deltas: the changes that may have taken effect, by name.
        opening: the balances at the start.
        now: the balances after it.
    """
    fresh = Counter(after) - Counter(before)
    if UNEXPLAINED in before or (fresh.total() <= 1 and UNEXPLAINED not in fresh):
        return False
    past = [dict(folded(opening, [deltas.get(name, ()) for name in before[:n]])) for n in range(len(before) + 1)]
    whole = {name: balance for name, balance in now if type(balance) is int}
    if whole.keys() != past[-1].keys():
        return False
    return any(_starts_earlier(past, whole, changes) for changes in deltas.values())


def _starts_earlier(past: Sequence[Mapping[str, int]], now: Mapping[str, int], changes: Balances) -> bool:
    """Whether these changes lead to these balances from earlier ones: of each account, from those of some time."""
    read = dict(folded(tuple(now.items()), [tuple((account, -change) for account, change in changes)]))
    changed = {account for account, _ in changes}
    return read != past[-1] and all(
        any(balances[name] == balance for balances in (past if name in changed else past[-1:])) for name, balance in read.items()
    )
