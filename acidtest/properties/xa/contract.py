"""The contract of XA transactions: PATTERNS section 4, XA2 to XA7 and XA9, and what every pattern shares (section 0)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.models.xa.service import MIXED, GlobalTransactions, GlobalView
from acidtest.properties.shared.ledger import LedgerContract
from acidtest.properties.shared.reading import Reading, amounts_of
from acidtest.properties.shared.requests import requests_of
from acidtest.properties.xa.calls import called
from acidtest.properties.xa.port import RESOURCES, XaPort
from acidtest.properties.xa.properties import PROPERTIES
from acidtest.properties.xa.scopes import (
    DATABASE_SCOPES,
    FOREIGN,
    SCOPES,
    SLOW_SCOPES,
)
from acidtest.properties.xa.stories import workloads
from acidtest.properties.xa.view import folded_balances, reported_of, request_of, view_of
from acidtest.workload import Managers

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from acidtest.models.shared.ledger import Request
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Operation, Scope

#: What a resource manager may do alone, as fault kinds.
ALONE = frozenset({"heurcom", "heurrb", "heurmix", "heurhaz", "rolled back", "forgotten"})


class XaContract(LedgerContract):
    """A transaction manager over resource managers that the harness plays. Subclass it and give `implementation(env)`."""

    pattern: ClassVar[str] = "xa"
    port = XaPort
    asks_again: ClassVar[bool] = True
    properties = PROPERTIES
    scopes = SCOPES
    slow_scopes = (*SLOW_SCOPES, *DATABASE_SCOPES)
    stateful_kinds: ClassVar[tuple[str, ...]] = (
        "crash", "unacknowledged", "lost", "refused", "late", "heurcom", "heurrb", "heurmix", "heurhaz", "rolled back", "forgotten",
        "timed out", "restart resource",
    )  # fmt: skip

    def called(self, factory: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """The transaction manager, whose HeuristicOutcome is an answer."""
        return called(factory)

    def install(self, implementation: Any, scope: Scope, member: str = "") -> None:  # noqa: ANN401, ARG002
        """Tell of the accounts, called resource/account in a scope."""
        opening: dict[str, dict[str, int]] = {resource: {} for resource in RESOURCES}
        for name, balance in scope.accounts:
            resource, _, account = name.partition("/")
            opening[resource][account] = balance
        implementation.install(opening)

    def equipment(self, scope: Scope) -> Mapping[str, Any]:  # noqa: ARG002 - all have the same
        """Another transaction manager has branches in the resource managers that are played."""
        return {"resources": Managers(FOREIGN)}

    def requests(self, scope: Scope) -> tuple[Request, ...]:
        """The runs of `scope`."""
        return requests_of(scope, ("run",), request_of)

    def model(self, scope: Scope) -> GlobalTransactions:
        """The runs of `scope`, where what may befall them are also decisions that are made alone."""
        return GlobalTransactions(scope.accounts, self.requests(scope), heuristics=bool(ALONE & scope.kinds))

    def observe(self, implementation: Any) -> Hashable:  # noqa: ANN401
        """What is reported; all else is seen of the resource managers themselves."""
        return reported_of(implementation.heuristics())

    def readings(self, scope: Scope, observed: Any, member: str = "") -> list[Reading]:  # noqa: ANN401, ARG002
        """Nothing is reported at the start."""
        return [Reading("heuristics()", observed)]

    def view(self, scope: Scope, seen: Seen, before: GlobalView | None) -> GlobalView:
        """Say of every resource which runs took effect there."""
        return view_of(scope, self.calls(scope, seen), seen, before)

    def abstract(self, view: GlobalView) -> Hashable:
        """Without what befell the run, records and names; balances as what took effect makes them."""
        return GlobalView(view.opening, folded_balances(view), *view[2:8])

    def shown(self, view: GlobalView) -> Mapping[str, Any]:
        """What is said per resource, without those of which nothing is said."""
        fields = dict(super().shown(view))
        for name in ("took", "in_doubt", "voted", "alone", "kept"):
            fields[name] = tuple(f"{resource}: {' '.join(names)}" for resource, names in fields[name] if names)
        fields["reported"] = tuple(f"{key}: {kind}" for key, kind in view.reported)
        return fields

    def answer(self, operation: Operation, value: object) -> Hashable:
        """An outcome, or that it is mixed."""
        return value if operation.method == "run" and value == MIXED else super().answer(operation, value)

    def read(self, value: object) -> Hashable:
        """Balances, or what is reported."""
        return amounts_of(value, "balances()") if isinstance(value, dict) else reported_of(value)

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """Stories of runs, alone and one after the other."""
        return workloads(cls.stateful_kinds)
