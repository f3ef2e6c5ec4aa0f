"""The contract of reserve/confirm with an external system: PATTERNS section 14, and what every pattern shares (section 0)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from acidtest.checker.machine import Action
from acidtest.checker.theory import Claim, Size, Study, Theorem, Theory
from acidtest.environment import Outcome
from acidtest.errors import ContractError
from acidtest.models.reserve_confirm.protocol_study import STUDY
from acidtest.models.reserve_confirm.service import PENDING, VOIDED, Deal, Provider, ReserveModel, ReserveView
from acidtest.models.shared.ledger import Request
from acidtest.port import background, callback, installation, operation, read, recovery, statement
from acidtest.properties.reserve_confirm.predicates import HELD_STILL, PROPERTIES, REACHED, SOME_PART
from acidtest.properties.reserve_confirm.scopes import ACCOUNTS, KEYS, SCOPES, SLOW_SCOPES
from acidtest.properties.reserve_confirm.stories import workloads
from acidtest.properties.shared.balances import label
from acidtest.properties.shared.ledger import LedgerContract
from acidtest.properties.shared.scopes import DAY
from acidtest.workload import Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from acidtest.environment import Receipt
    from acidtest.models.shared.ledger import Call
    from acidtest.properties.shared.seen import Order, Seen

Answer = Outcome | Literal["pending"]


class ReserveConfirmPort(Protocol):
    """What a bank offers that pays out through the external system "atm"."""

    @installation
    def install(self, accounts: dict[str, int]) -> None:
        """Create the schema and open the accounts (minor units); runs once, outside the schedule."""

    @operation
    def withdraw(self, client_key: str, user: str, amount: int) -> Answer:
        """Hold `amount` of `user`, have `env.external("atm")` pay it, and book what was paid, once per `client_key`.

        "pending" says that nobody knows yet; a later call with the same key tells how it ended.
        """

    @callback
    def on_callback(self, event: Receipt) -> None:
        """The external system calls back. It may do so late, again, and out of order."""

    @background
    def tick(self) -> None:
        """Look after what is pending; called every now and then, by any process."""

    @recovery
    def recover(self) -> None:
        """What a process does first that starts again after a crash."""

    @statement
    def reconcile(self, statement: tuple[Receipt, ...]) -> None:
        """Set the books right by a statement of what was paid so far; what it does not show may be under way."""

    @read
    def account(self, user: str) -> dict[str, int]:
        """`balance` (what was not withdrawn), `held` of it, and what is `available`, as committed."""

    @read
    def status(self, client_key: str) -> Answer | None:
        """How a withdrawal stands, as committed; None for one that is not known."""


#: The model has no statuses and no faults: these would demand nothing of it.
_OF_CODE = {"RC7", "RC8", "RC9"}


def _service(asks: tuple[tuple[str, int], ...], **can: Any) -> ReserveModel:  # noqa: ANN401 - fields of Provider
    """The model of withdrawals from one account of 100."""
    asked = [Request(f"w{i}", key, ("A", n), (("A", -n),)) for i, (key, n) in enumerate(asks, 1)]
    return ReserveModel((("A", 100),), asked, Provider(**can))


_VOIDS = dict.fromkeys(("idempotent", "queryable"), False)

SERVICE = Study(
    name="what a client and a provider see of reserve/confirm",
    make=_service,
    sizes=(
        Size("one key twice, paid in part", {"asks": (("k1", 61), ("k1", 61)), "parts": ((61, 40),), "statements": True}, 2_902, 14),
        Size("one withdrawal, and one beyond all funds", {"asks": (("k1", 61), ("k2", 161)), **_VOIDS}, 13_150, 17),
    ),
    properties=tuple(p for p in PROPERTIES if p.id not in _OF_CODE and p is not HELD_STILL),
    theorems=(Theorem(SOME_PART),),
)

THEORY = Theory(
    promise=(
        "Money is held, something outside of all transactions is asked to act, and the hold is then posted or released as "
        "that says. Between asking and hearing nobody knows what happened; the hold is pending, and stays so until the "
        "provider says what it did, or has agreed never to do it. In the end the books say what the provider did, once."
    ),
    studies=(STUDY, SERVICE),
    aspects={
        "atomicity": ("RC1", "RC2"), "durability": ("RC7", "RC9"), "idempotency": ("RC4", "RC8", "RC11", "N1.retry"),
        "conservation": ("RC6", "G1"), "termination": ("G9",), "non-blocking": ("N3",), "order": ("RC8",),
    },
    omitted={},
    claims=(
        Claim("eventual consistency", "refined", ("RC1", "G9", "N3"), "in the end, if the provider answers; no time bounds it"),
        Claim("safe for external systems", "refined", ("N1.retry", "N1.wait", "N1.guess", "N1.ask"), "if orders can be repeated, or asked after and voided"),
        Claim("no money is lost", "refined", ("G1", "RC2", "RC6", "N2"), "while nothing is released by the clock or for silence"),
        Claim("reconciliation is possible", "refined", ("RC10.rest", "RC10", "RC6"), "it mends books, not what was promised away twice meanwhile"),
        Claim("a failure is refunded", "refined", ("RC5", "RC12", "N4"), "a definite one, by a release, which is no credit and no refund"),
    ),
)  # fmt: skip


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
        return _requests(scope)

    def model(self, scope: Scope) -> ReserveModel:
        """The service over the withdrawals of `scope` and its provider."""
        return ReserveModel(scope.accounts, self.requests(scope), _provider(scope))

    def observe(self, implementation: Any) -> Hashable:  # noqa: ANN401
        """The accounts, and how withdrawals stand."""
        accounts = tuple((name, *_account(implementation.account(name), name)) for name, _ in ACCOUNTS)
        statuses = [(key, _answer(f"status({key!r})", implementation.status(key), "None")) for key in KEYS]
        return accounts, tuple((key, status) for key, status in statuses if status is not None)

    def answer(self, operation: Operation, value: object) -> Hashable:
        """Outcomes, and pending."""
        if operation.method == "withdraw" and value is not None:
            return _answer(str(operation), value, "an exception")
        return super().answer(operation, value)

    def read(self, value: object) -> Hashable:
        """No client reads."""
        return str(value)

    def view(self, scope: Scope, seen: Seen, before: ReserveView | None) -> ReserveView:  # noqa: ARG002
        """Say of every order which withdrawal it is for."""
        durable: Any = seen.durable
        accounts, statuses = durable
        calls = self.calls(scope, seen)
        balances, held, available = (tuple((row[0], row[i]) for row in accounts) for i in (1, 2, 3))
        return ReserveView(
            tuple(sorted(scope.accounts)), balances, held, available, calls, deals(calls, seen.orders), _provider(scope), statuses, seen.happened,
        )  # fmt: skip

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


@lru_cache(maxsize=64)
def _requests(scope: Scope) -> tuple[Request, ...]:
    known = {name for name, _ in scope.accounts}
    return tuple(_request(op, known) for op in scope.operations() if op.method == "withdraw")


def _request(operation: Operation, known: set[str]) -> Request:
    key, user, amount = operation.arguments
    valid = isinstance(amount, int) and amount > 0 and user in known
    return Request(operation.name, str(key), (user, amount), ((str(user), -amount),), valid)  # type: ignore[operator]


@lru_cache(maxsize=64)
def _provider(scope: Scope) -> Provider:
    return Provider(**{name: value for name, value in scope.systems[0]._asdict().items() if name != "name"})


def _account(value: Any, name: str) -> tuple[Any, Any, Any]:  # noqa: ANN401 - whatever the adapter returns
    """Balance, held and available.

    Raises:
        ContractError: one of them is missing.
    """
    try:
        return value["balance"], value["held"], value["available"]
    except (TypeError, KeyError) as error:
        message = f"account({name!r}) returned {value!r}; it must return a dict with balance, held and available, in minor units."
        raise ContractError(message) from error


def _answer(what: str, value: object, unknown: str) -> str | None:
    """An outcome, or pending; None for what is not known.

    Raises:
        ContractError: it is something else.
    """
    if value is None or value == PENDING:
        return None if value is None else PENDING
    try:
        return Outcome(value).value  # type: ignore[arg-type]
    except ValueError:
        message = f'{what} returned {value!r}; it must be Outcome.OK, Outcome.REJECTED or "pending" ({unknown} means: unknown).'
        raise ContractError(message) from None


def deals(calls: Sequence[Call], orders: Sequence[Order]) -> tuple[Deal, ...]:
    """The orders that were really given, each with the withdrawal that it is for."""
    return tuple([
        Deal(_about(order, calls), str(order.status), order.paid, order.coming)
        for order in orders if order.amount or order.status != VOIDED
    ])  # fmt: skip


def _about(order: Order, calls: Sequence[Call]) -> str:
    """By amount and by the client's key in the order's key; by either where both do not lead to one."""
    words = set("".join(c if c.isalnum() or c in "_-" else " " for c in order.key).split())
    asked = [call.request for call in calls if call.status != "new"]
    by_amount = [r for r in asked if r.payload[1] == order.amount]
    by_both = [r for r in by_amount if r.key in words] or by_amount or [r for r in asked if r.key in words]
    return label(calls, by_both[0]) if by_both else "?"
