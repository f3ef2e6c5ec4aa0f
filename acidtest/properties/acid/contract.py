"""The contract of local ACID transfers: PATTERNS section 1, and what every pattern shares (section 0).

Of the ids used there, ACID-Ack is G4, and G1 is ACID-C: nothing is ever in flight. A lost update (P4) and a loss of
durability (ACID-D) both take back what was committed; it is P4 where the same step commits something else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.models.acid.service import AcidModel, AcidView
from acidtest.properties.acid.port import AcidPort
from acidtest.properties.acid.properties import PROPERTIES
from acidtest.properties.acid.scopes import SCOPES, SLOW_SCOPES
from acidtest.properties.acid.stories import workloads
from acidtest.properties.acid.view import request_of, view_of
from acidtest.properties.shared.ledger import LedgerContract
from acidtest.properties.shared.policies import OF_KEYS
from acidtest.properties.shared.reading import Reading, amounts_of
from acidtest.properties.shared.requests import requests_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from acidtest.models.shared.ledger import Request
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Scope


class AcidContract(LedgerContract):
    """Transfers between accounts. Subclass it and give `implementation(env)`."""

    pattern: ClassVar[str] = "acid"
    port = AcidPort
    asks_again: ClassVar[bool] = True
    known_capabilities: ClassVar[dict[str, str]] = {
        **OF_KEYS,
        "snapshot": "reads may be late: they see one state that was committed at some time (a replica, a cache)",
        "read_committed": "reads may also see each account at a time of its own, so that the sum need not be right",
    }
    properties = PROPERTIES
    scopes = SCOPES
    slow_scopes = SLOW_SCOPES

    def requests(self, scope: Scope) -> tuple[Request, ...]:
        """The transfers of `scope`."""
        return requests_of(scope, ("transfer",), request_of)

    def model(self, scope: Scope) -> AcidModel:
        """The transfers of `scope`; its reads are judged by what was committed while they ran."""
        return AcidModel(scope.accounts, self.requests(scope), policies=self.promises)

    def observe(self, implementation: Any) -> Hashable:  # noqa: ANN401
        """The committed balances."""
        return amounts_of(implementation.balances(), "balances()")

    def readings(self, scope: Scope, observed: Any, member: str = "") -> tuple[Reading, ...]:  # noqa: ANN401, ARG002
        """The balances."""
        return (Reading("balances()", observed, tuple(sorted(scope.accounts))),)

    def view(self, scope: Scope, seen: Seen, before: AcidView | None) -> AcidView:
        """Say of every change of balances which transfer it is."""
        return view_of(scope, self.calls(scope, seen), seen, before)

    def abstract(self, view: AcidView) -> Hashable:
        """Without reads, and without what befell the run."""
        return view._replace(read=None, window=frozenset(), stuck=False)

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """Stories of transfers and reads, alone and one after the other."""
        return workloads(cls.stateful_kinds)
