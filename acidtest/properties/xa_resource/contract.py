"""The contract of a resource manager of XA: PATTERNS section 4, XA1, XA5 and XA7 to XA10."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.checker.machine import Action
from acidtest.models.xa.resource import ResourceService, RmView
from acidtest.properties.shared.contract import Contract
from acidtest.properties.shared.reading import Reading, amounts_of
from acidtest.properties.xa_resource.calls import called
from acidtest.properties.xa_resource.port import XaResourcePort
from acidtest.properties.xa_resource.properties import PROPERTIES
from acidtest.properties.xa_resource.scopes import SCOPES, SLOW_SCOPES
from acidtest.properties.xa_resource.stories import workloads
from acidtest.properties.xa_resource.view import accounts_of, doubt_of, told_of, view_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Operation, Scope


#: After these some calls are never answered.
DEATHS = frozenset({"crash", "restart database"})


class XaResourceContract(Contract):
    """A resource manager, of which the harness is the transaction manager. Subclass it and give `implementation(env)`."""

    pattern: ClassVar[str] = "xa_resource"
    port = XaResourcePort
    properties = PROPERTIES
    scopes = SCOPES
    slow_scopes = SLOW_SCOPES
    stateful_kinds: ClassVar[tuple[str, ...]] = ("crash",)
    stateful_changes: ClassVar[tuple[tuple[str, float], ...]] = ()

    def called(self, factory: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """The resource manager, whose answers are plain values."""
        return called(factory)

    def fitted(self, scope: Scope, offered: Mapping[str, frozenset[str]]) -> Scope:
        """Nobody has a branch decided alone, or looked after, where a resource manager does not do that."""
        missing = {"decide", "tick"} - offered.get("", frozenset())
        clients = [c._replace(operations=tuple(op for op in c.operations if op.method not in missing)) for c in scope.clients]
        return replace(scope, clients=tuple(client for client in clients if client.operations))

    def model(self, scope: Scope) -> ResourceService:
        """The calls of `scope`, by the state table."""
        deaths = scope.faults + scope.recovery_crashes if scope.kinds & DEATHS else 0
        return ResourceService(accounts_of(scope), told_of(scope), deaths)

    def observe(self, implementation: Any) -> Hashable:  # noqa: ANN401
        """What a session that is new sees: the balances, and what is in doubt."""
        return amounts_of(implementation.balances(), "balances()"), doubt_of(implementation.recover())

    def readings(self, scope: Scope, observed: Any, member: str = "") -> list[Reading]:  # noqa: ANN401, ARG002
        """The balances; nothing is in doubt."""
        balances, doubt = observed
        return [Reading("balances()", balances, tuple(sorted(scope.accounts))), Reading("recover()", doubt)]

    def view(self, scope: Scope, seen: Seen, before: RmView | None) -> RmView:
        """What the answers so far say of every branch, and what is seen."""
        return view_of(scope, seen, before)

    def abstract(self, view: RmView) -> Hashable:
        """What is seen."""
        return RmView(view.opening, view.balances, view.in_doubt)

    def shown(self, view: RmView) -> Mapping[str, Any]:
        """What is seen, what the answers say, and what the last of them should have been."""
        told = tuple(f"b{i + 1}: {held.status}" for i, held in enumerate(view.branches))
        fields = {"balances": view.balances, "in doubt": view.in_doubt, "by its answers": told, "last call": view.last}
        return {**fields, "expected": view.wrong} if view.wrong else fields

    def actions(self, scope: Scope, kind: str, subject: str, value: object) -> Sequence[Action]:
        """The calls, by number."""
        numbers = {told.name: number for number, told in enumerate(told_of(scope))}
        if subject not in numbers or kind not in ("invoke", "reply", "unknown"):
            return ()
        return (Action(kind, (numbers[subject], str(value)) if kind == "reply" else (numbers[subject],)),)

    def answer(self, operation: Operation, value: object) -> Hashable:
        """The code of X/Open's."""
        return value if isinstance(value, str) else super().answer(operation, value)

    def read(self, value: object) -> Hashable:
        """Balances, or what is in doubt."""
        return amounts_of(value, "balances()") if isinstance(value, dict) else doubt_of(value)

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """Stories of one or two transaction managers."""
        return workloads(cls.stateful_kinds)
