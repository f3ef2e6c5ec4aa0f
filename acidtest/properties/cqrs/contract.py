"""The contract of CQRS: PATTERNS section 9, and what every pattern shares (section 0)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.environment import Outcome
from acidtest.errors import ContractError
from acidtest.models.cqrs.service import CqrsModel, CqrsView
from acidtest.properties.cqrs.port import CqrsPort
from acidtest.properties.cqrs.predicates import shown_reads, shown_rows
from acidtest.properties.cqrs.properties import PROPERTIES
from acidtest.properties.cqrs.scopes import SCOPES, SLOW_SCOPES
from acidtest.properties.cqrs.stories import workloads
from acidtest.properties.cqrs.view import request_of, view_of
from acidtest.properties.shared.ledger import LedgerContract
from acidtest.properties.shared.policies import OF_KEYS
from acidtest.properties.shared.reading import Reading, amount_of, amounts_of
from acidtest.properties.shared.requests import requests_of
from acidtest.properties.shared.scopes import DAY

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from acidtest.models.shared.ledger import Request
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Operation, Scope

_PAIR = 2


class CqrsContract(LedgerContract):
    """Accounts whose commands and queries are two sides. Subclass it and give `implementation(env)`."""

    pattern: ClassVar[str] = "cqrs"
    port = CqrsPort
    asks_again = True
    #: What is served with the cache as it is, and what the view behind it shows.
    observers: ClassVar[tuple[str, ...]] = ("", "cache")
    known_capabilities: ClassVar[dict[str, str]] = {
        **OF_KEYS,
        "read_your_writes": "a query that is given the position of a command shows what that did, or raises (CQ6)",
        "monotonic_reads": "a query that is given the position of another shows nothing older, or raises (CQ6)",
    }
    properties = PROPERTIES
    scopes = SCOPES
    slow_scopes = SLOW_SCOPES
    stateful_kinds: ClassVar[tuple[str, ...]] = ("crash", "unacknowledged", "lost", "refused", "late", "evict", "restart cache")
    stateful_changes: ClassVar[tuple[tuple[str, float], ...]] = (("jump", 40 * DAY), ("outage", 0.0), ("restore", 0.0))

    def requests(self, scope: Scope) -> tuple[Request, ...]:
        """The commands of `scope`."""
        return requests_of(scope, ("handle", "close"), request_of)

    def model(self, scope: Scope) -> CqrsModel:
        """Commands and a view over the commands of `scope`."""
        return CqrsModel(scope.accounts, self.requests(scope), self.promises)

    def observe(self, implementation: Any) -> Hashable:  # noqa: ANN401
        """The committed balances, and what a query is answered for each account."""
        balances = amounts_of(implementation.balances(), "balances()")
        return balances, tuple([(account, self.read(implementation.query(account, None))) for account, _ in balances])

    def readings(self, scope: Scope, observed: Any, member: str = "") -> tuple[Reading, ...]:  # noqa: ANN401, ARG002
        """The balances, and what queries are answered."""
        (balances, _), (_, shown) = observed
        asked = tuple(sorted(scope.accounts))
        return Reading("balances()", balances, asked), Reading("query() of each account", shown, asked)

    def view(self, scope: Scope, seen: Seen, before: CqrsView | None) -> CqrsView:
        """Say of every balance and row which commands it is made of."""
        return view_of(scope, self.calls(scope, seen), seen, before)

    def abstract(self, view: CqrsView) -> Hashable:
        """Without what is cached and what was read, and without what befell the run."""
        return CqrsView(view.opening, view.balances, view.closed, view.calls, view.accepted, view.shown)

    def shown(self, view: CqrsView) -> Mapping[str, Any]:
        """The rows as balances."""
        kept = {name: value for name, value in super().shown(view).items() if name not in ("calm", "earlier", "rebuilt")}
        return {**kept, "shown": shown_rows(view.shown), "served": shown_rows(view.served), "reads": shown_reads(view.reads)}

    def answer(self, operation: Operation, value: object) -> Hashable:
        """A position that comes with an answer is for whoever asks next."""
        if operation.method == "rebuild" and value is None:
            return Outcome.OK.value
        is_pair = operation.method == "handle" and isinstance(value, (tuple, list)) and len(value) == _PAIR
        return super().answer(operation, value[0] if is_pair else value)  # type: ignore[index]

    def read(self, value: object) -> Hashable:
        """What a query is answered: a balance or None, a position that comes with it left out."""
        if isinstance(value, (tuple, list)):
            if len(value) != _PAIR:
                message = f"query() returned {value!r}; it must return a balance, or a balance and a position, for example 100 or (100, 3)."
                raise ContractError(message)
            value = value[0]
        found: Hashable = amount_of(value, "query() returned")
        return found

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """Stories of commands, projectors and queries, alone and one after the other."""
        return workloads(cls.stateful_kinds)
