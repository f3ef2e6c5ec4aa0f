"""The contract of compensating transactions: PATTERNS section 7, and what every pattern shares (section 0).

A key has several changes, in an order, because of two of the properties: in which order they are undone (CT11) shows only
where there are two, and that somebody else would pay for a compensation (CT7) only where money came to him by it.
Recovery is to ask again, so the port needs no method for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.models.compensation.service import CompensationModel, CompensationView
from acidtest.properties.compensation.port import CompensationPort
from acidtest.properties.compensation.properties import PROPERTIES
from acidtest.properties.compensation.scopes import SCOPES, SLOW_SCOPES
from acidtest.properties.compensation.stories import workloads
from acidtest.properties.compensation.view import request_of, state_of, view_of
from acidtest.properties.shared.ledger import LedgerContract
from acidtest.properties.shared.reading import Reading
from acidtest.properties.shared.requests import requests_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from acidtest.models.shared.ledger import Request
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Scope


class CompensationContract(LedgerContract):
    """Business transactions that can be taken back. Subclass it and give `implementation(env)`."""

    pattern: ClassVar[str] = "compensation"
    port = CompensationPort
    asks_again: ClassVar[bool] = True
    known_capabilities: ClassVar[dict[str, str]] = {
        "history": 'state() has a "history": changes and compensations are appended to it, and nothing is ever erased (CT8, CT10)',
    }
    properties = PROPERTIES
    scopes = SCOPES
    slow_scopes = SLOW_SCOPES

    def requests(self, scope: Scope) -> tuple[Request, ...]:
        """The changes and compensations of `scope`."""
        return requests_of(scope, ("do", "undo"), request_of)

    def model(self, scope: Scope) -> CompensationModel:
        """The changes and compensations of `scope`."""
        return CompensationModel(scope.accounts, self.requests(scope))

    def observe(self, implementation: Any) -> Hashable:
        """The balances, what is parked, and the history where it is declared."""
        return state_of(implementation.state(), history="history" in self.capabilities(implementation))

    def readings(self, scope: Scope, observed: Any, member: str = "") -> tuple[Reading, ...]:  # noqa: ANN401, ARG002
        """The balances; nothing is parked, and the history is empty."""
        balances, parked, history = observed
        opening = tuple(sorted(scope.accounts))
        return Reading("state()['balances']", balances, opening), Reading("state()['parked']", parked), Reading("state()['history']", history)

    def read(self, value: object) -> Hashable:
        """What `state` returned."""
        return state_of(value, history=False)

    def view(self, scope: Scope, seen: Seen, before: CompensationView | None) -> CompensationView:
        """Say of every change of balances what was done, or taken back."""
        return view_of(scope, self.calls(scope, seen), seen, before)

    def abstract(self, view: CompensationView) -> Hashable:
        """Without the history, which need not be shown, nor have the same lines."""
        return view._replace(history=())

    def shown(self, view: CompensationView) -> Mapping[str, Any]:
        """The history line by line."""
        return {**super().shown(view), "history": tuple(f"{key} {account} {amount}" for key, account, amount in view.history)}

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """Stories of changes and their compensations, alone and one after the other."""
        return workloads(cls.stateful_kinds)
