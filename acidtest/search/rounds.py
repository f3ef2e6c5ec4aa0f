"""Several scopes within one budget, shared fairly: level by level of faults, the cheap ones first, none starves another."""

from __future__ import annotations

from math import comb, inf
from typing import TYPE_CHECKING, Any

from acidtest.search.budget import Budget
from acidtest.search.exhaustive import Explorer, Search
from acidtest.search.harness import Harness

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from acidtest.properties.shared.contract import Contract
    from acidtest.workload import Scope

#: The least time that a scope is given at once, in seconds: less is spent on going to and fro.
LEAST_SHARE = 0.1
#: A scope of more operations than this takes seconds, though it has one schedule: others have their first fault before.
LONG = 200
#: By what a fault multiplies the work, roughly; and more ways to interleave than this make no difference any more.
A_FAULT, MANY = 4.5, 3_000


class Rounds:
    """The searches of several scopes of an implementation.

    Arguments:
        contract: the pattern's contract.
        factory: makes an implementation from an environment.
        backend: the kind of its databases.
        seconds: the time for all of them together.
        progress: called now and then with the search that goes on.
        without: ids of properties that are left out.
    """

    def __init__(
        self,
        contract: Contract,
        factory: Callable[[Any], Any],
        backend: str,
        seconds: float,
        progress: Callable[[Search], None] | None = None,
        without: frozenset[str] = frozenset(),
    ) -> None:
        """Time runs from now on."""
        self._adapter = contract, factory, backend, without
        self._budget = Budget(seconds)
        self._progress = progress
        self._harnesses: dict[Hashable, Harness] = {}
        self._explorers: dict[Scope, Explorer] = {}

    def explore(self, scopes: Sequence[Scope]) -> Iterator[Explorer]:
        """Explore them all, first without faults, then with one, and so on.

        In each round a scope goes on to the round's level, for its share of the time that is left at most. What it did
        not come to waits for the next round.

        Yields:
            each that has come to its end, prepared; when the time is up, all the others.
        """
        left = sorted(scopes, key=extent)
        faults = 0
        while left and not self._budget.is_spent:
            share = max((self._budget.left or 0.0) / len(left), LEAST_SHARE)
            for scope in list(left):
                if not faults and scope.has_one_schedule and extent(scope) > LONG and left[0] is not scope:
                    continue  # what breaks at the first fault is told before that
                explorer = self._explorer(scope)
                found = explorer.explore(faults, share if len(left) > 1 else None)
                if found.complete or found.missing or found.violation is not None:
                    left.remove(scope)
                    yield explorer
            left.sort(key=lambda scope: self._explorers[scope].found.seconds if scope in self._explorers else inf)
            faults += 1
        for scope in scopes:
            if scope in left:
                explorer = self._explorer(scope)
                explorer.found.given_up = True
                explorer.recall()
                yield explorer

    def close(self) -> None:
        """Give back what they ran on."""
        for harness in self._harnesses.values():
            harness.close()

    def _explorer(self, scope: Scope) -> Explorer:
        """The search of a scope. Those with the same installation share a harness: it knows the contents of one."""
        if scope not in self._explorers:
            harness = self._harnesses.get(scope.installation)
            if harness is None:
                harness = self._harnesses[scope.installation] = Harness(*self._adapter)
            seconds = self._budget.left
            self._explorers[scope] = Explorer(harness, scope, seconds=seconds, progress=self._progress)
        return self._explorers[scope]


def extent(scope: Scope) -> int:
    """What a scope may cost without faults, as far as one can see: its operations, times the ways to interleave them."""
    lengths = _lengths(scope)
    return _ways(scope, lengths) * (sum(lengths) + len(scope.opening) + len(scope.poison))


def cost(scope: Scope) -> float:
    """What a scope may cost in all, in comparison with others.

    Most ways to interleave operations are equal to others, so the cost grows with a root of their number only. The exponents are those
    that fit the references best.
    """
    ways = min(_ways(scope, _lengths(scope)), MANY)
    return float(ways**0.4 * max(len(scope.processes()), 1) ** 0.7 * A_FAULT**scope.faults)


def _lengths(scope: Scope) -> list[int]:
    """How many operations each client has, of those that do not open the scope."""
    return [len(client.operations) for client in scope.clients if client.name not in scope.opening]


def _ways(scope: Scope, lengths: Sequence[int]) -> int:
    """In how many ways the operations of clients can be interleaved."""
    ways = 1
    if not scope.serial:
        for number, length in enumerate(lengths):
            ways *= comb(sum(lengths[: number + 1]), length)
    return ways
