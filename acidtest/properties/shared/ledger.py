"""The base of contracts whose clients make keyed requests on accounts."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from acidtest.checker.machine import Action
from acidtest.models.shared.ledger import Call, Request
from acidtest.properties.shared.contract import Contract

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Scope


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
        requests = self.requests(scope)
        places = _places(scope, requests)
        return tuple([Call(request, str(seen.status[i]), seen.alone[i]) for request, i in zip(requests, places, strict=True)])

    def actions(self, scope: Scope, kind: str, subject: str, value: object) -> Sequence[Action]:
        """Clients' events by number of the request; nothing for other operations."""
        index = self.request_indexes(scope).get(subject)
        if index is None:
            return ()
        return (Action(kind, (index, str(value)) if kind == "reply" else (index,)),)


@lru_cache(maxsize=64)  # a search asks for the same ones at every step
def _places(scope: Scope, requests: tuple[Request, ...]) -> tuple[int, ...]:
    """Where requests stand among the operations of a scope."""
    places = {operation.name: i for i, operation in enumerate(scope.operations())}
    return tuple(places[request.name] for request in requests)
