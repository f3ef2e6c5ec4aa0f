"""The contract of Try-Confirm/Cancel, of a service that takes part: PATTERNS section 13, and what is shared (section 0).

The harness is the coordinator, and not a good one: it confirms and cancels at once, asks twice, and comes late. So T7
and T11, which are rules for coordinators, are not here, but in the coordinator's own contract, and of T1 the share of a
service is left: it drops no hold on its own. T12 is G1 here, which is checked all the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.models.tcc.participant import TccService
from acidtest.properties.shared.ledger import LedgerContract
from acidtest.properties.shared.reading import Reading, amounts_of
from acidtest.properties.tcc.port import TccPort
from acidtest.properties.tcc.properties import PROPERTIES
from acidtest.properties.tcc.scopes import SCOPES, SLOW_SCOPES
from acidtest.properties.tcc.stories import workloads
from acidtest.properties.tcc.view import predecessors_of, requests_of, view_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from acidtest.models.shared.ledger import Request
    from acidtest.models.tcc.participant import TccServiceView
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Scope


class TccContract(LedgerContract):
    """A service that takes part in TCC. Subclass it and give `implementation(env)`."""

    pattern: ClassVar[str] = "tcc"
    port = TccPort
    asks_again: ClassVar[bool] = True
    properties = PROPERTIES
    scopes = SCOPES
    slow_scopes = SLOW_SCOPES

    def requests(self, scope: Scope) -> tuple[Request, ...]:
        """The calls of `scope`."""
        return requests_of(scope)

    def model(self, scope: Scope) -> TccService:
        """The service under the calls of `scope`."""
        return TccService(scope.accounts, self.requests(scope), predecessors_of(scope))

    def observe(self, implementation: Any) -> Hashable:  # noqa: ANN401
        """The committed balances, and what of them may be spent."""
        return amounts_of(implementation.balance(), "balance()"), amounts_of(implementation.available(), "available()")

    def readings(self, scope: Scope, observed: Any, member: str = "") -> tuple[Reading, ...]:  # noqa: ANN401, ARG002
        """The balances, and what may be spent: all of them."""
        opening = tuple(sorted(scope.accounts))
        return Reading("balance()", observed[0], opening), Reading("available()", observed[1], opening)

    def view(self, scope: Scope, seen: Seen, before: TccServiceView | None) -> TccServiceView:
        """Say of every amount that is held or gone which Try it is of."""
        return view_of(scope, self.calls(scope, seen), seen, before)

    def abstract(self, view: TccServiceView) -> Hashable:
        """Without what befell the run."""
        return view._replace(happened=frozenset(), stuck=False)

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """Stories of branches, alone and one after the other."""
        return workloads(cls.stateful_kinds)
