"""The contract of event-sourced accounts: PATTERNS section 8, and what every pattern shares (section 0)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.checker.machine import Action
from acidtest.models.event_sourcing.service import AccountsModel, AccountsView
from acidtest.models.outbox.service import Copy
from acidtest.properties.event_sourcing.calls import UNREADABLE, called
from acidtest.properties.event_sourcing.port import EventSourcingPort
from acidtest.properties.event_sourcing.properties import PROPERTIES
from acidtest.properties.event_sourcing.scopes import SCOPES, SLOW_SCOPES
from acidtest.properties.event_sourcing.stories import workloads
from acidtest.properties.event_sourcing.view import REQUESTS, request_of, view_of
from acidtest.properties.outbox.view import excusable
from acidtest.properties.shared.ledger import LedgerContract
from acidtest.properties.shared.policies import OF_KEYS
from acidtest.properties.shared.reading import Reading, amounts_of
from acidtest.properties.shared.requests import requests_of
from acidtest.properties.shared.scopes import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from acidtest.models.shared.ledger import Request
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Operation, Scope


class EventSourcingContract(LedgerContract):
    """Accounts that are kept as events. Subclass it and give `implementation(env)`."""

    pattern: ClassVar[str] = "event_sourcing"
    port = EventSourcingPort
    asks_again: ClassVar[bool] = True
    known_capabilities: ClassVar[dict[str, str]] = OF_KEYS
    properties = PROPERTIES
    scopes = SCOPES
    slow_scopes = SLOW_SCOPES
    stateful_changes: ClassVar[tuple[tuple[str, float], ...]] = (("jump", 40 * DAY), ("outage", 0.0), ("restore", 0.0))

    def called(self, factory: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """The accounts, with refusals as plain values; what may be left out does nothing."""
        return called(factory)

    def requests(self, scope: Scope) -> tuple[Request, ...]:
        """The commands of `scope`."""
        return requests_of(scope, REQUESTS, request_of)

    def model(self, scope: Scope) -> AccountsModel:
        """Accounts over the commands of `scope`."""
        return AccountsModel(scope.accounts, self.requests(scope), disturbances=excusable(scope), policies=self.promises)

    def observe(self, implementation: Any) -> Hashable:  # noqa: ANN401
        """The balances that a fresh process folds; or that it says that it cannot."""
        return self.read(implementation.balances())

    def readings(self, scope: Scope, observed: Any, member: str = "") -> tuple[Reading, ...]:  # noqa: ANN401, ARG002
        """The balances."""
        return () if observed == UNREADABLE else (Reading("balances()", observed, tuple(sorted(scope.accounts))),)

    def read(self, value: object) -> Hashable:
        """Balances; or that they cannot be known."""
        return UNREADABLE if value == UNREADABLE else amounts_of(value, "balances()")

    def answer(self, operation: Operation, value: object) -> Hashable:
        """Outcomes; and what the other methods of the port end with."""
        if value == UNREADABLE or operation.method in ("newer", "snapshot", "rebuild"):
            return str(value)
        return super().answer(operation, value)

    def view(self, scope: Scope, seen: Seen, before: AccountsView | None) -> AccountsView:
        """Say of every balance and message which command it is about."""
        return view_of(scope, self.calls(scope, seen), seen, before)

    def abstract(self, view: AccountsView) -> Hashable:
        """Without ids and payloads, reads, and what befell the run; what cannot be answered is still open to the model."""
        calls = tuple([call._replace(status="open") if call.status == UNREADABLE else call for call in view.calls])
        copies = tuple([Copy(copy.about) for copy in view.copies])
        return AccountsView(view.opening, view.balances, calls, view.accepted, copies, view.excused)

    def shown(self, view: AccountsView) -> Mapping[str, Any]:
        """Each message by the command that it is about; and what was read."""
        read = {} if view.read is None else {"read": view.read or "an event is not known"}
        unknown = {"an event is not known": True} if view.unreadable else {}
        fields = ("balances", "calls", "accepted")
        return {name: getattr(view, name) for name in fields} | {"told": tuple(c.about for c in view.copies)} | read | unknown

    def actions(self, scope: Scope, kind: str, subject: str, value: object) -> Sequence[Action]:
        """Clients' events; and a disturbance, which excuses a further copy. Nothing where nobody can say."""
        if kind == "disturb":
            return (Action("disturb"),)
        return () if value == UNREADABLE else super().actions(scope, kind, subject, value)

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """Stories of commands, snapshots and releases, alone and one after the other."""
        return workloads(cls.stateful_kinds)
