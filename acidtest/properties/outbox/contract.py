"""The contract of the transactional outbox: PATTERNS section 10, and what every pattern shares (section 0)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.checker.machine import Action
from acidtest.models.outbox.service import Copy, OutboxModel, OutboxView
from acidtest.properties.outbox.port import OutboxPort
from acidtest.properties.outbox.properties import PROPERTIES
from acidtest.properties.outbox.scopes import SCOPES, SLOW_SCOPES
from acidtest.properties.outbox.stories import workloads
from acidtest.properties.outbox.view import excusable, request_of, view_of
from acidtest.properties.shared.ledger import LedgerContract
from acidtest.properties.shared.policies import OF_KEYS
from acidtest.properties.shared.reading import Reading, amounts_of
from acidtest.properties.shared.requests import requests_of
from acidtest.properties.shared.scopes import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from acidtest.models.shared.ledger import Request
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Scope


class OutboxContract(LedgerContract):
    """Withdrawals with messages. Subclass it and give `implementation(env)`."""

    pattern: ClassVar[str] = "outbox"
    port = OutboxPort
    asks_again = True
    known_capabilities: ClassVar[dict[str, str]] = {
        **OF_KEYS,
        "ordered": "first copies follow commit order per account, also with several relays (OB4)",
        "fenced": "a relay whose lease ran out can change nothing any more (OB10)",
    }
    properties = PROPERTIES
    scopes = SCOPES
    slow_scopes = SLOW_SCOPES
    stateful_kinds: ClassVar[tuple[str, ...]] = ("crash", "unacknowledged", "lost", "refused", "late", "twice")
    stateful_changes: ClassVar[tuple[tuple[str, float], ...]] = (("jump", 2 * HOUR), ("jump", 40 * DAY), ("outage", 0.0), ("restore", 0.0))

    def requests(self, scope: Scope) -> tuple[Request, ...]:
        """The withdrawals of `scope`."""
        return requests_of(scope, ("execute",), request_of)

    def model(self, scope: Scope) -> OutboxModel:
        """The outbox over the withdrawals of `scope`."""
        return OutboxModel(scope.accounts, self.requests(scope), poison=scope.poison, disturbances=excusable(scope), policies=self.promises)

    def observe(self, implementation: Any) -> Hashable:  # noqa: ANN401
        """The committed balances."""
        return amounts_of(implementation.balances(), "balances()")

    def readings(self, scope: Scope, observed: Any, member: str = "") -> tuple[Reading, ...]:  # noqa: ANN401, ARG002
        """The balances."""
        return (Reading("balances()", observed, tuple(sorted(scope.accounts))),)

    def view(self, scope: Scope, seen: Seen, before: OutboxView | None) -> OutboxView:
        """Say of every balance and message which withdrawal it is about."""
        return view_of(scope, self.calls(scope, seen), seen, before)

    def abstract(self, view: OutboxView) -> Hashable:
        """Without ids and payloads, and without what befell the run."""
        copies = tuple([Copy(copy.about) for copy in view.copies])
        return view._replace(copies=copies, happened=frozenset(), wedged=False)

    def shown(self, view: OutboxView) -> Mapping[str, Any]:
        """Each message by the withdrawal that it is about; with what it carries where copies of one differ in that."""
        differ = len({copy.about for copy in view.copies}) < len(set(view.copies))
        carried = tuple(f"{copy.about} as {copy.id}: {copy.payload.replace(chr(0), ' ')}" for copy in view.copies)
        return {**super().shown(view), "copies": carried if differ else view.copies}

    def actions(self, scope: Scope, kind: str, subject: str, value: object) -> Sequence[Action]:
        """Clients' events; and a disturbance, which excuses a further copy."""
        return (Action("disturb"),) if kind == "disturb" else super().actions(scope, kind, subject, value)

    def excuses(self, change: str, capabilities: frozenset[str], notes: frozenset[str]) -> bool:
        """A pause, in which a lease runs out; where relays are fenced, only after a publish.

        A token fences the database, not the broker: what was published but is not marked yet will be published again.
        """
        return super().excuses(change, capabilities, notes) and ("fenced" not in capabilities or "published" in notes)

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """Stories of withdrawals and relays, alone and one after the other."""
        return workloads(cls.stateful_kinds)
