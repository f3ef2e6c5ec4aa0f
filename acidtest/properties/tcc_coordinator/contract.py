"""The contract of Try-Confirm/Cancel, of its coordinator: PATTERNS section 13, and what is shared (section 0).

The harness plays the services, which are perfect: what takes part does what it is told, once, and never forgets. So T3
to T6, T9 and T10, which are rules for services, are theirs; of T2 and T3 the coordinator's share is left. The services'
own contract is `acidtest.properties.tcc.contract`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from acidtest.checker.theory import Size, Study
from acidtest.environment import Outcome
from acidtest.errors import ContractError
from acidtest.models.tcc.coordinator import PENDING, REFUSED, Coordination, CoordinationView, request
from acidtest.models.tcc.protocol import NONE, TOMBSTONE
from acidtest.port import background, installation, operation, recovery
from acidtest.properties.shared.ledger import LedgerContract
from acidtest.properties.shared.predicates import is_stuck
from acidtest.properties.tcc_coordinator.predicates import PROPERTIES, accepted_of
from acidtest.properties.tcc_coordinator.scopes import SCOPES, SLOW_SCOPES
from acidtest.properties.tcc_coordinator.services import (
    AccountService,
    available_of,
    balances_of,
    branches_of,
)
from acidtest.properties.tcc_coordinator.stories import workloads

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from acidtest.checker.machine import Action
    from acidtest.models.shared.ledger import Request
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Operation, Scope

Answer = Outcome | Literal["pending"]


class TccCoordinatorPort(Protocol):
    """What a coordinator of TCC offers. It calls services by `env.call(service, method, *arguments)`.

    Each service has `try_(gid, branch, account, amount)`, `confirm(gid, branch)` and `cancel(gid, branch)`, which answer
    `Outcome.OK` or `Outcome.REJECTED` and mean what they mean in the port of `tcc`; a call may raise `CallRefused` (it had no
    effect) or `CallTimeout` (it may have had, or may yet have). `gid` is the one that `run` was given; `branch` is any name
    of the coordinator's, the same in every call about a branch, and another for every other branch of the transaction.
    """

    @installation
    def install(self) -> None:
        """Create the schema of the coordinator's own database; runs once, outside the schedule."""

    @operation
    def run(self, gid: str, branches: Sequence[tuple[str, str, int]]) -> Answer:
        """Carry out (service, account, amount in minor units) branches, all or none, once per `gid`.

        Rejected, without effect in the end: a service that refuses or cannot be reached, no branches, an amount that
        is not positive, a `gid` that was used for other branches. OK may be answered as soon as the decision is durable;
        "pending" says that there will be one, and that a later call with the same `gid` will be told it.
        """

    @background
    def tick(self) -> None:
        """Look after what is overdue; called every now and then, by any process."""

    @recovery
    def recover(self) -> None:
        """What a process does first that starts again; also runs at any time beside runs of this and other processes."""


#: The model has no faults: these would demand nothing of it.
_OF_CODE = {
    "after a crash, too, every branch is known that may have been tried", "recovery that was cut short ends as one that was not",
    "what nothing ever disturbed is confirmed in the end", "recovery works without a restart",
}  # fmt: skip


def _service(asks: tuple[tuple[Any, ...], ...]) -> Coordination:
    """The model of transactions over three services."""
    opening = (("bank/A", 100), ("hotel/C", 40), ("shop/D", 60))
    return Coordination(opening, [request(f"t{i}", gid, *branches) for i, (gid, *branches) in enumerate(asks, 1)])


STUDY = Study(
    name="what clients and services see of a coordinator",
    make=_service,
    sizes=(
        Size(
            "one that can be paid, and its id for one that cannot",
            {"asks": (("g1", ("bank", "A", 41), ("shop", "D", 17)), ("g1", ("hotel", "C", 41)))}, 620, 10,
        ),
        Size(
            "two that one account cannot both pay",
            {"asks": (("g1", ("bank", "A", 41), ("shop", "D", 17)), ("g2", ("hotel", "C", 11), ("bank", "A", 67)))}, 4_207, 14,
        ),
    ),
    properties=tuple(p for p in PROPERTIES if p.name not in _OF_CODE),
)  # fmt: skip


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

    def played(self, scope: Scope) -> Mapping[str, AccountService]:
        """The services that have the accounts of `scope`."""
        return _services(scope.accounts)

    def requests(self, scope: Scope) -> tuple[Request, ...]:
        """The transactions of `scope`."""
        return _requests(scope)

    def model(self, scope: Scope) -> Coordination:
        """A coordinator of the transactions of `scope`."""
        return Coordination(scope.accounts, self.requests(scope))

    def answer(self, operation: Operation, value: object) -> Hashable:
        """Outcomes, and pending."""
        if operation.method != "run" or value == PENDING:
            return PENDING if value == PENDING else super().answer(operation, value)
        try:
            return Outcome(value).value  # type: ignore[arg-type]
        except ValueError:
            message = (
                f'{operation} returned {value!r}; it must return Outcome.OK, Outcome.REJECTED or "pending" (an exception that '
                "escapes means: unknown). Import Outcome from acidtest."
            )
            raise ContractError(message) from None

    def view(self, scope: Scope, seen: Seen, before: CoordinationView | None) -> CoordinationView:  # noqa: ARG002
        """What the services keep, and what is on its way to them."""
        view = CoordinationView(
            tuple(sorted(scope.accounts)), balances_of(seen.services), available_of(seen.services), self.calls(scope, seen), (),
            branches_of(seen.services, seen.coming), seen.happened, is_stuck(seen.happened), seen.wedged,
        )  # fmt: skip
        return view._replace(accepted=accepted_of(view))

    def abstract(self, view: CoordinationView) -> Hashable:
        """Without what befell the run, names of branches, and branches that never held anything."""
        held = [
            branch._replace(id="", told=()) for branch in view.branches if branch.status not in (NONE, REFUSED, TOMBSTONE)
        ]
        ordered = tuple(sorted(held, key=lambda branch: tuple(map(str, branch))))
        return view._replace(branches=ordered, happened=frozenset(), stuck=False, wedged=False)

    def actions(self, scope: Scope, kind: str, subject: str, value: object) -> Sequence[Action]:
        """Clients' events."""
        return () if kind == "disturb" else super().actions(scope, kind, subject, value)

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """Transactions that go wrong in one way or two."""
        return workloads(cls.stateful_kinds)


@lru_cache(maxsize=8)
def _services(accounts: tuple[tuple[str, int], ...]) -> dict[str, AccountService]:
    found: dict[str, list[tuple[str, int]]] = {}
    for name, balance in accounts:
        service, _, account = name.partition("/")
        found.setdefault(service, []).append((account, balance))
    return {service: AccountService(service, own) for service, own in found.items()}


@lru_cache(maxsize=64)
def _requests(scope: Scope) -> tuple[Request, ...]:
    known = {name for name, _ in scope.accounts}
    return tuple(_request(operation, known) for operation in scope.operations() if operation.method == "run")


def _request(operation: Operation, known: set[str]) -> Request:
    gid, branches = operation.arguments
    split: list[tuple[str, str, int]] = list(branches)  # type: ignore[call-overload]
    valid = bool(split) and all(f"{service}/{account}" in known and amount > 0 for service, account, amount in split)
    return request(operation.name, str(gid), *split, valid=valid)
