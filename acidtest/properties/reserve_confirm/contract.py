"""The contract of reserve/confirm with an external system: PATTERNS section 14, and what every pattern shares (section 0)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.models.reserve_confirm.service import ReserveModel
from acidtest.properties.reserve_confirm.port import ReserveConfirmPort
from acidtest.properties.reserve_confirm.properties import PROPERTIES, REACHED
from acidtest.properties.reserve_confirm.scopes import ACCOUNTS, KEYS, SCOPES, SLOW_SCOPES
from acidtest.properties.reserve_confirm.stories import workloads
from acidtest.properties.reserve_confirm.view import account_of, answer_of, provider_of, requests_of, view_of
from acidtest.properties.shared.ledger import LedgerContract
from acidtest.properties.shared.reading import Reading
from acidtest.properties.shared.scopes import DAY

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from acidtest.checker.machine import Action
    from acidtest.models.reserve_confirm.service import ReserveView
    from acidtest.models.shared.ledger import Request
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Operation, Scope


class ReserveConfirmContract(LedgerContract):
    """Withdrawals through an external system. Subclass it and give `implementation(env)`."""

    pattern: ClassVar[str] = "reserve_confirm"
    port = ReserveConfirmPort
    asks_again = True
    properties = (*PROPERTIES, *REACHED)
    scopes = SCOPES
    slow_scopes = SLOW_SCOPES
    stateful_kinds: ClassVar[tuple[str, ...]] = ("crash", "unacknowledged", "lost", "refused", "late", "delayed")
    stateful_changes: ClassVar[tuple[tuple[str, float], ...]] = (("jump", 7_200.0), ("jump", 40 * DAY), ("outage", 0.0), ("restore", 0.0))

    def requests(self, scope: Scope) -> tuple[Request, ...]:
        """The withdrawals of `scope`."""
        return requests_of(scope)

    def model(self, scope: Scope) -> ReserveModel:
        """The service over the withdrawals of `scope` and its provider."""
        return ReserveModel(scope.accounts, self.requests(scope), provider_of(scope))

    def observe(self, implementation: Any) -> Hashable:  # noqa: ANN401
        """The accounts, and how withdrawals stand."""
        accounts = tuple((name, *account_of(implementation.account(name), name)) for name, _ in ACCOUNTS)
        statuses = [(key, answer_of(f"status({key!r})", implementation.status(key), "None")) for key in KEYS]
        return accounts, tuple((key, status) for key, status in statuses if status is not None)

    def readings(self, scope: Scope, observed: Any, member: str = "") -> list[Reading]:  # noqa: ANN401, ARG002
        """The accounts, of which nothing is held; and no withdrawal is known."""
        accounts, statuses = observed
        opening, none = tuple(sorted(scope.accounts)), tuple((name, 0) for name, _ in sorted(scope.accounts))
        parts = (("balance", opening), ("held", none), ("available", opening))
        found = [
            Reading(f"account(user)[{part!r}]", tuple(sorted((row[0], row[i]) for row in accounts)), asked)
            for i, (part, asked) in enumerate(parts, 1)
        ]
        return [*found, Reading("status(client_key)", statuses)]

    def answer(self, operation: Operation, value: object) -> Hashable:
        """Outcomes, and pending."""
        if operation.method == "withdraw" and value is not None:
            return answer_of(str(operation), value, "an exception")
        return super().answer(operation, value)

    def read(self, value: object) -> Hashable:
        """No client reads."""
        return str(value)

    def view(self, scope: Scope, seen: Seen, before: ReserveView | None) -> ReserveView:  # noqa: ARG002
        """Say of every order which withdrawal it is for."""
        return view_of(scope, self.calls(scope, seen), seen)

    def abstract(self, view: ReserveView) -> Hashable:
        """Without statuses, which the model leaves to the implementation, and without what befell the run."""
        return view._replace(statuses=(), happened=frozenset())

    def actions(self, scope: Scope, kind: str, subject: str, value: object) -> Sequence[Action]:
        """Clients' events."""
        return () if kind == "disturb" else super().actions(scope, kind, subject, value)

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """Stories of withdrawals, alone with each provider, and one after the other."""
        return workloads(cls.stateful_kinds)
