"""The contract of compensating transactions: PATTERNS section 7, and what every pattern shares (section 0).

A key has several changes, in an order, because of two of the properties: in which order they are undone (CT11) shows only
where there are two, and that somebody else would pay for a compensation (CT7) only where money came to him by it.
Recovery is to ask again, so the port needs no method for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from acidtest.checker.theory import Claim, Size, Study, Theorem, Theory
from acidtest.environment import Outcome
from acidtest.errors import ContractError
from acidtest.models.compensation.service import (
    UNDO,
    CompensationModel,
    CompensationView,
    Entry,
    backwards,
    is_undo,
    undo_request,
)
from acidtest.models.compensation.undo_log_study import STUDY as UNDO_LOG
from acidtest.models.shared.ledger import Call, Request
from acidtest.port import installation, operation, read
from acidtest.properties.compensation.predicates import N3_PARKED, N3_UNDONE, PROPERTIES
from acidtest.properties.compensation.scopes import SCOPES, SLOW_SCOPES
from acidtest.properties.compensation.stories import workloads
from acidtest.properties.shared.balances import explain
from acidtest.properties.shared.contract import accounts_of
from acidtest.properties.shared.ledger import LedgerContract

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Operation, Scope


class CompensationPort(Protocol):
    """What business transactions offer that can be taken back by others."""

    @installation
    def install(self, accounts: dict[str, int]) -> None:
        """Create the schema and open the accounts (minor units); runs once, outside the schedule."""

    @operation
    def do(self, key: str, changes: Sequence[tuple[str, int]]) -> Outcome:
        """Make `changes`, (account, signed amount) pairs, in their order; all of them or none, once per `key` for ever.

        Rejected, without any effect and for good, where an account would be overdrawn on the way, where a compensation
        of `key` came first, and, as invalid, where there is no change, an account is unknown, an amount is zero, or `key`
        was used for something else. Of changes that were taken back meanwhile, either answer will do.
        """

    @operation
    def undo(self, key: str) -> Outcome:
        """Take back what was done under `key`, as it was recorded, the last change first; ok also if nothing was done.

        Ok: nothing of `key` is in effect, and nothing will be. Rejected: an account would be overdrawn by it, for others
        have spent what was given; it is parked for people to look at. Where that is over, asking again may be answered ok.
        """

    @read
    def state(self) -> dict[str, Any]:
        """What is committed, by one consistent read.

        "balances": a dict from account to minor units. "parked": the keys whose compensation is parked. "history", only
        for those that declare it: a list of (key, account, amount), each change and each compensation when it took effect.
        """


def _service(asks: tuple[tuple[str, tuple[tuple[str, int], ...]], ...], undos: tuple[str, ...]) -> CompensationModel:
    """The model of changes of A with 100 and B with 10, and of compensations."""
    asked = [Request(f"d{i}", key, (changes,), changes) for i, (key, changes) in enumerate(asks, 1)]
    return CompensationModel((("A", 100), ("B", 10)), [*asked, *(undo_request(f"u{i}", k) for i, k in enumerate(undos, 1))])


_PAYMENT = ("k1", (("A", -61), ("B", 61)))

SERVICE = Study(
    name="what a client sees of business transactions and their compensations",
    make=_service,
    sizes=(
        Size("one payment, undone by two clients", {"asks": (_PAYMENT,), "undos": ("k1", "k1")}, 796, 14),
        Size(
            "a payment, a third party that spends it, and a refund",
            {"asks": (_PAYMENT, ("k2", (("B", -23),))), "undos": ("k1",)}, 1_050, 14,
        ),
    ),
    properties=PROPERTIES,
    theorems=(Theorem(N3_PARKED, size=1), Theorem(N3_UNDONE, size=1)),
)

THEORY = Theory(
    promise=(
        "What a committed change did to the business is taken back by another change, not by a rollback: a refund for a "
        "payment. Others may have read and written in between, and their work stays. Each change leaves a record of what "
        "it did, in the same database transaction; its compensation takes back what was recorded, once, also when asked "
        "for twice, and bars a change that it has overtaken. Where undoing commutes with what others do, the outcome is as "
        "if the change had never been; where it does not, or where others have used up what was given, no undo can be right."
    ),
    studies=(UNDO_LOG, SERVICE),
    aspects={
        "atomicity": ("G1",),
        "isolation": ("CT1", "N1"),
        "durability": ("CT10", "CT8"),
        "idempotency": ("CT3", "G3"),
        "conservation": ("CT2", "G2", "N3"),
        "termination": ("CT6",),
        "non-blocking": ("CT6", "N1.lock"),
        "order": ("CT11", "CT5"),
    },
    omitted={
        "G5": "what became of a key stays, but for its compensation: that is what CT1, CT2 and CT5 speak of",
        "G10": "recovery is to ask again, which is what CT3 and CT5 speak of",
    },
    claims=(
        Claim(
            "compensating transactions undo what was committed, in place of a rollback", "refined", ("CT1", "CT2", "N1"),
            "the outcome is as if it had never been, if undoing takes back a difference and commutes with what others do; "
            "restoring the row as it was destroys their writes",
        ),
        Claim(
            "a refund is the inverse of a debit", "refined", ("CT3", "CT4", "CT5", "CT9"),
            "once only, only of what was done, never before it, and by the amount that was recorded",
        ),
        Claim(
            "compensating transactions belong to external systems", "refined", ("N2", "N3"),
            "they suit what can be undone: cash that is out, or credit that is spent, has no compensation and is parked",
        ),
        Claim(
            "no blocking", "refined", ("N1.lock", "CT6"),
            "of deltas it is so; before-images need a lock until the business transaction has ended, and all writers wait",
        ),
        Claim(
            "everything is undone in reverse order", "refined", ("CT11", "CT1"),
            "that matters where undoing restores before-images; differences may be taken back in any order",
        ),
    ),
)  # fmt: skip


class CompensationContract(LedgerContract):
    """Business transactions that can be taken back. Subclass it and give `implementation(env)`."""

    pattern: ClassVar[str] = "compensation"
    port = CompensationPort
    asks_again: ClassVar[bool] = True
    known_capabilities: ClassVar[dict[str, str]] = {
        "history": 'state() has a "history": changes and compensations are appended to it, and nothing is ever erased (CT8, CT10)',
    }
    properties = PROPERTIES
    scopes = SCOPES
    slow_scopes = SLOW_SCOPES

    def requests(self, scope: Scope) -> tuple[Request, ...]:
        """The changes and compensations of `scope`."""
        return _requests(scope)

    def model(self, scope: Scope) -> CompensationModel:
        """The changes and compensations of `scope`."""
        return CompensationModel(scope.accounts, self.requests(scope))

    def observe(self, implementation: Any) -> Hashable:
        """The balances, what is parked, and the history where it is declared."""
        return state_of(implementation.state(), history="history" in self.capabilities(implementation))

    def read(self, value: object) -> Hashable:
        """What `state` returned."""
        return state_of(value, history=False)

    def view(self, scope: Scope, seen: Seen, before: CompensationView | None) -> CompensationView:
        """Say of every change of balances what was done, or taken back."""
        opening = tuple(sorted(scope.accounts))
        calls = self.calls(scope, seen)
        done, undos = (tuple([call for call in calls if is_undo(call.request) == back]) for back in (False, True))
        durable: Any = seen.durable
        balances, parked, history = durable
        accepted = before.accepted if before is not None else ()
        if before is None or balances != before.balances:
            accepted = explain(opening, (*done, *_compensations(done, undos)), balances, accepted)
        return CompensationView(opening, balances, done, undos, accepted, parked, history)

    def abstract(self, view: CompensationView) -> Hashable:
        """Without the history, which need not be shown, nor have the same lines."""
        return view._replace(history=())

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """Stories of changes and their compensations, alone and one after the other."""
        return workloads(cls.stateful_kinds)


def _compensations(done: Sequence[Call], undos: Sequence[Call]) -> list[Call]:
    """What may have been taken back: whatever was asked for under a key of which a compensation was asked for.

    Of equal requests it goes by the name of the first, as they do themselves, whoever of them was the first to ask.
    """
    asked = {call.request.payload[1] for call in undos if call.status != "new"}
    invoked = {call.request.ask for call in done if call.status != "new" and call.request.valid}
    firsts = {call.request.ask: call.request for call in reversed(done)}
    return [
        Call(_reversed(request), "open", alone=False)
        for request in reversed(firsts.values())
        if request.ask in invoked and request.key in asked
    ]


def _reversed(request: Request) -> Request:
    return Request(f"{UNDO} {request.name}", request.key, (UNDO, *request.payload), backwards(request.deltas))


@lru_cache(maxsize=64)
def _requests(scope: Scope) -> tuple[Request, ...]:
    known = {name for name, _ in scope.accounts}
    return tuple(_request(op, known) for op in scope.operations() if op.method in ("do", "undo"))


def _request(operation: Operation, known: set[str]) -> Request:
    if operation.method == "undo":
        return undo_request(operation.name, str(operation.arguments[0]))
    key, changes = operation.arguments
    deltas: tuple[tuple[str, int], ...] = tuple(changes)  # type: ignore[arg-type]
    valid = bool(deltas) and all(account in known and amount != 0 for account, amount in deltas)
    return Request(operation.name, str(key), (deltas,), deltas, valid)


def state_of(value: object, *, history: bool) -> Hashable:
    """What `state` returned, as a hashable value: balances, parked keys, and the history if it is asked for.

    Raises:
        ContractError: it is not what the port promises.
    """
    if not isinstance(value, Mapping) or "balances" not in value or "parked" not in value:
        message = f'state() returned {value!r}; it must return a dict with "balances" and "parked".'
        raise ContractError(message)
    if history and "history" not in value:
        message = 'state() has no "history", although the capability "history" is declared. Add it, or declare less.'
        raise ContractError(message)
    entries = [Entry(*entry) for entry in value["history"]] if history else []
    return accounts_of(value["balances"]), tuple(sorted(map(str, value["parked"]))), tuple(entries)
