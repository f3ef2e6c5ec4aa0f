"""The contract of the transactional outbox: PATTERNS section 10, and what every pattern shares (section 0)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.checker.machine import Action
from acidtest.environment import Outcome
from acidtest.models.outbox.service import Copy, OutboxModel, OutboxView
from acidtest.properties.outbox.policies import (
    AT_LEAST_ONCE,
    BLOCKS_ON_POISON,
    GIVES_UP,
    OF_RELAYS,
    check,
    fitted,
    parked,
)
from acidtest.properties.outbox.port import OutboxPort
from acidtest.properties.outbox.properties import PROPERTIES
from acidtest.properties.outbox.scopes import SCOPES, SLOW_SCOPES
from acidtest.properties.outbox.stories import workloads
from acidtest.properties.outbox.view import excusable, request_of, view_of
from acidtest.properties.shared.ledger import LedgerContract
from acidtest.properties.shared.policies import OF_KEYS
from acidtest.properties.shared.reading import Reading, amounts_of, names_of
from acidtest.properties.shared.requests import requests_of
from acidtest.properties.shared.scopes import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from acidtest.models.shared.ledger import Request
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Operation, Scope


class OutboxContract(LedgerContract):
    """Withdrawals with messages. Subclass it and give `implementation(env)`."""

    pattern: ClassVar[str] = "outbox"
    port = OutboxPort
    asks_again = True
    known_capabilities: ClassVar[dict[str, str]] = {
        **OF_KEYS,
        **OF_RELAYS,
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

    def capabilities(self, implementation: object) -> frozenset[str]:
        """What the implementation declares.

        Raises:
            ContractError: it declares what there is not, or that it gives up, and has no way to see or to mend that.
        """
        declared = super().capabilities(implementation)
        check(implementation, declared)
        return declared

    def fitted(self, scope: Scope, offered: Mapping[str, frozenset[str]]) -> Scope:  # noqa: ARG002
        """The scope with what people do in the end about what policies leave to them."""
        return fitted(scope, self.promises)

    def model(self, scope: Scope) -> OutboxModel:
        """The outbox over the withdrawals of `scope`; where copies do not count, of first copies alone."""
        return OutboxModel(
            scope.accounts, self.requests(scope), poison=self._poison(scope), parks=GIVES_UP in self.promises,
            disturbances=0 if AT_LEAST_ONCE in self.promises else excusable(scope), policies=self.promises,
        )  # fmt: skip

    def _poison(self, scope: Scope) -> tuple[str, ...]:
        """Accounts whose messages are refused for ever; none where others wait for them, and the broker relents."""
        return () if BLOCKS_ON_POISON in self.promises else scope.poison

    def observe(self, implementation: Any) -> Hashable:  # noqa: ANN401
        """The committed balances, and what was given up."""
        return amounts_of(implementation.balances(), "balances()"), parked(implementation, self.promises)

    def readings(self, scope: Scope, observed: Any, member: str = "") -> tuple[Reading, ...]:  # noqa: ANN401, ARG002
        """The balances; nothing was given up."""
        balances, given_up = observed
        return Reading("balances()", balances, tuple(sorted(scope.accounts))), Reading("parked()", given_up)

    def answer(self, operation: Operation, value: object) -> Hashable:
        """Outcomes; what is sent again has none."""
        return Outcome.OK.value if operation.method == "send_again" and value is None else super().answer(operation, value)

    def read(self, value: object) -> Hashable:
        """What a client that reads is given: balances, or the keys of what was given up."""
        return super().read(value) if isinstance(value, Mapping) else names_of(value, "parked()", "the keys of what was given up")

    def view(self, scope: Scope, seen: Seen, before: OutboxView | None) -> OutboxView:
        """Say of every balance and message which withdrawal it is about."""
        return view_of(scope, self.calls(scope, seen), seen, before)._replace(poison=frozenset(self._poison(scope)))

    def abstract(self, view: OutboxView) -> Hashable:
        """Without ids and payloads, what was given up, and what befell the run."""
        copies = tuple([Copy(copy.about) for copy in view.copies])
        if AT_LEAST_ONCE in self.promises:
            copies, view = tuple(dict.fromkeys(copies)), view._replace(excused=0)
        return view._replace(copies=copies, happened=frozenset(), wedged=False, parked=())

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
