"""The contract of Try-Confirm/Cancel, of its coordinator: PATTERNS section 13, and what is shared (section 0).

The harness plays the services, which are perfect: what takes part does what it is told, once, and never forgets. So T3
to T6, T9 and T10, which are rules for services, are theirs; of T2 and T3 the coordinator's share is left. The services'
own contract is `acidtest.properties.tcc.contract`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.models.tcc.coordinator import PENDING, REFUSED, Coordination
from acidtest.models.tcc.protocol import NONE, TOMBSTONE
from acidtest.properties.shared.ledger import LedgerContract
from acidtest.properties.tcc_coordinator.port import TccCoordinatorPort
from acidtest.properties.tcc_coordinator.properties import PROPERTIES
from acidtest.properties.tcc_coordinator.scopes import SCOPES, SLOW_SCOPES
from acidtest.properties.tcc_coordinator.services import services_of
from acidtest.properties.tcc_coordinator.stories import workloads
from acidtest.properties.tcc_coordinator.view import answer_of, branches_shown, requests_of, view_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from acidtest.checker.machine import Action
    from acidtest.models.shared.ledger import Request
    from acidtest.models.tcc.coordinator import CoordinationView
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Operation, Scope


class TccCoordinatorContract(LedgerContract):
    """A coordinator of TCC. Subclass it and give `implementation(env)`."""

    pattern: ClassVar[str] = "tcc_coordinator"
    port = TccCoordinatorPort
    asks_again: ClassVar[bool] = True
    provisional: ClassVar[tuple[str, ...]] = (PENDING,)
    known_capabilities: ClassVar[dict[str, str]] = {
        "deferred": 'run() may answer "pending" to everything, and leave all decisions to tick() and recover()',
    }
    properties = PROPERTIES
    scopes = SCOPES
    slow_scopes = SLOW_SCOPES
    stateful_kinds: ClassVar[tuple[str, ...]] = ("crash", "unacknowledged", "lost", "refused", "late", "twice")

    def install(self, implementation: Any, scope: Scope, member: str = "") -> None:  # noqa: ANN401, ARG002
        """Create the coordinator's schema; the accounts are the services'."""
        implementation.install()

    def equipment(self, scope: Scope) -> Mapping[str, Any]:
        """The services that have the accounts of `scope`."""
        return {"services": services_of(scope.accounts)}

    def requests(self, scope: Scope) -> tuple[Request, ...]:
        """The transactions of `scope`."""
        return requests_of(scope)

    def model(self, scope: Scope) -> Coordination:
        """A coordinator of the transactions of `scope`."""
        return Coordination(scope.accounts, self.requests(scope))

    def answer(self, operation: Operation, value: object) -> Hashable:
        """Outcomes, and pending."""
        return answer_of(operation, value) if operation.method == "run" else super().answer(operation, value)

    def view(self, scope: Scope, seen: Seen, before: CoordinationView | None) -> CoordinationView:  # noqa: ARG002
        """What the services keep, and what is on its way to them."""
        return view_of(scope, self.calls(scope, seen), seen)

    def abstract(self, view: CoordinationView) -> Hashable:
        """Without what befell the run, names of branches, and branches that never held anything."""
        held = [
            branch._replace(id="", told=()) for branch in view.branches if branch.status not in (NONE, REFUSED, TOMBSTONE)
        ]
        ordered = tuple(sorted(held, key=lambda branch: tuple(map(str, branch))))
        return view._replace(branches=ordered, happened=frozenset(), stuck=False, wedged=False)

    def shown(self, view: CoordinationView) -> Mapping[str, Any]:
        """Each branch by its transaction, account and amount: how it stands, and what it was told."""
        fields = ("balances", "available", "calls", "accepted")
        return {name: getattr(view, name) for name in fields} | branches_shown(view.branches) | {"stuck": view.stuck, "wedged": view.wedged}

    def actions(self, scope: Scope, kind: str, subject: str, value: object) -> Sequence[Action]:
        """Clients' events."""
        return () if kind == "disturb" else super().actions(scope, kind, subject, value)

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """Transactions that go wrong in one way or two."""
        return workloads(cls.stateful_kinds)
