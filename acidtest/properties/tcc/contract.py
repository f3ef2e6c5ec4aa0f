"""The contract of Try-Confirm/Cancel, of a service that takes part: PATTERNS section 13, and what is shared (section 0).

The harness is the coordinator, and not a good one: it confirms and cancels at once, asks twice, and comes late. So T7
and T11, which are rules for coordinators, are not here, but in the coordinator's own contract, and of T1 the share of a
service is left: it drops no hold on its own. T12 is G1 here, which is checked all the time.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from acidtest.checker.machine import Kind, Property, implied
from acidtest.checker.theory import Claim, Size, Study, Theorem, Theory
from acidtest.environment import Outcome
from acidtest.models.shared.ledger import Request
from acidtest.models.tcc.participant import CANCEL, CONFIRM, TRY, TccService, TccServiceView, request
from acidtest.models.tcc.protocol_study import STUDY as PROTOCOL
from acidtest.port import installation, operation, read
from acidtest.properties.shared.contract import accounts_of
from acidtest.properties.shared.ledger import LedgerContract
from acidtest.properties.shared.predicates import SOURCE, is_stuck
from acidtest.properties.shared.scopes import BEFORE, DAY, before, client, environment
from acidtest.properties.shared.seen import Seen
from acidtest.properties.tcc import predicates as service
from acidtest.properties.tcc.stories import workloads
from acidtest.properties.tcc_coordinator.contract import STUDY as COORDINATOR
from acidtest.workload import Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence


class TccPort(Protocol):
    """What a service that takes part in TCC offers. Calls may overlap, also within one process, as in threads."""

    @installation
    def install(self, accounts: dict[str, int]) -> None:
        """Create the schema and open the accounts (minor units); runs once, outside the schedule."""

    @operation
    def try_(self, gid: str, branch: str, account: str, amount: int) -> Outcome:
        """Hold `amount` of `account` for `branch` of the transaction `gid`, once.

        Rejected, without any effect and for good, where what may be spent does not suffice, where the branch was
        cancelled, also if the Cancel came before any Try, and, as invalid, where the account is unknown, `amount` is not
        positive, or the branch holds something else. A Try that is repeated is answered as before; if the branch was
        cancelled in between, rejected will do as well.
        """

    @operation
    def confirm(self, gid: str, branch: str) -> Outcome:
        """Take what is held off the balance, once; ok, too, if that was done before.

        Rejected, without any effect, where nothing is held: the branch was cancelled, or no Try has come yet.
        """

    @operation
    def cancel(self, gid: str, branch: str) -> Outcome:
        """Give back what is held, if anything is, and hold nothing for the branch ever after.

        Rejected, without any effect, only where the branch is confirmed.
        """

    @read
    def balance(self) -> dict[str, int]:
        """The committed balance of every account, holds included."""

    @read
    def available(self) -> dict[str, int]:
        """What may be spent of every account: the balance without what is held."""


# Properties; the predicates are in `tcc_service`.

_SEATA = "Seata, TCC fence; DTM, sub-transaction barrier; PATTERNS 13"
_PARDON = "Pardon & Pautasso 2011; PATTERNS 13"
ALWAYS, STEP, AT_REST, SOMETIMES = Kind.ALWAYS, Kind.STEP, Kind.AT_REST, Kind.SOMETIMES


def _told(method: str, outcome: str) -> Callable[[TccServiceView], bool]:
    return lambda view: any(
        call.request.valid and call.status == outcome for call in view.calls if call.request.key.startswith(method)
    )


# The order matters: money that does not add up breaks several of them, and what says most comes first.
PROPERTIES = (
    Property("G12", "money is whole minor units, and nothing invalid takes effect", ALWAYS, service.exact, SOURCE),
    Property("T3", "Try and Confirm take effect at most once", ALWAYS, service.once, _SEATA),
    Property("T6", "a branch is confirmed or cancelled, never both", ALWAYS, service.ends_one_way, _SEATA),
    Property("G2", "nothing is promised away twice", ALWAYS, service.not_promised_twice, SOURCE),
    Property("G1", "the balance is what it was, less whole amounts that were confirmed", ALWAYS, service.books_whole, SOURCE),
    Property("T9", "what may be spent is the balance less whole holds", ALWAYS, service.holds_whole, _PARDON),
    Property("T9", "what is held is not seen as spent", ALWAYS, service.not_seen_as_spent, _PARDON),
    Property("T4", "a Cancel is refused of what is confirmed, and of nothing else", ALWAYS, service.cancels_all_but_confirmed, _SEATA),
    Property("G7", "one call, one answer; another payload for the same branch is refused", ALWAYS, service.idempotent, SOURCE),
    Property("G9", "nobody waits for a lock that is never released", ALWAYS, lambda v: not v.stuck, SOURCE),
    implied("T5", "after its Cancel no Try takes effect", STEP, service.is_fenced, service.stays_fenced, _SEATA),
    implied("G5", "what is confirmed stays", STEP, service.is_booked, service.keeps_bookings, SOURCE),
    implied("T1", "a service drops no hold on its own: only a Cancel does", STEP, service.is_held, service.keeps_holds, _PARDON),
    Property("G4", "ok means done, rejected means never done", STEP, service.truthful, SOURCE),
    implied(
        "T8", "what is told cancelled or confirmed is not held any more", STEP, service.is_told_ended, service.has_released,
        _PARDON,
    ),
    implied(
        "T10", "a hold is booked in one step, the row and the money together", STEP, service.books, service.moves_whole, _SEATA,
    ),
    implied(
        "T2", "an undisturbed Confirm of what is held, or was confirmed before, never fails", STEP, service.is_confirmed,
        service.answers_confirm, _PARDON,
    ),
    implied(
        "T4", "an undisturbed Cancel is answered ok, also where there was no Try", STEP, service.is_cancelled,
        service.answers_cancel, _SEATA,
    ),
    implied("G11", "an undisturbed, funded Try is answered ok", STEP, service.is_deserved, service.serves, SOURCE),
    Property("T8", "of what was cancelled or confirmed no hold is left", AT_REST, service.releases, _PARDON),
    Property("SOME-CONFIRMED", "a Confirm is told ok", SOMETIMES, _told(CONFIRM, "ok"), SOURCE),
    Property("SOME-REFUSED", "a valid Try is told rejected", SOMETIMES, _told(TRY, "rejected"), SOURCE),
    Property("SOME-FENCED", "a Try comes after its Cancel and is refused", SOMETIMES, service.is_fenced_off, _SEATA),
)

#: What no service can tell apart: a Try that is late, and one that was never sent.
N2 = Property("N2", "a Cancel finds no Try, which is late or lost: nobody can tell", SOMETIMES, service.is_open_ended, _SEATA)


# Workloads.


def _try(name: str, branch: str, account: str, amount: int, retries: int = 1) -> Operation:
    return Operation(name, "try_", (*branch.split("/"), account, amount), retries)


def _confirm(name: str, branch: str, retries: int = 1) -> Operation:
    return Operation(name, "confirm", tuple(branch.split("/")), retries)


def _cancel(name: str, branch: str, retries: int = 1) -> Operation:
    return Operation(name, "cancel", tuple(branch.split("/")), retries)


_CRASH = frozenset({"crash"})
_REPLIES = frozenset({"refused", "lost", "unacknowledged", "late"})
_ONE = (("A", 100), ("B", 50))
#: Another transaction holds something of the same account, before all else and to the end.
_HELD = before("app-1", _try("t0", "g0/b1", "A", 7))

SCOPES = (
    Scope(
        "one branch", "a branch is tried and confirmed, beside another's hold; one crash, refusal, or lost or late reply anywhere",
        _ONE,
        (_HELD, client("app-1", _try("t1", "g1/b1", "A", 41), _confirm("c1", "g1/b1"))),
        faults=1, kinds=_CRASH | _REPLIES, idle=("app-2",), opening=(BEFORE,),
    ),
    Scope(
        "invalid requests", "an unknown account, nothing, less than nothing, what was never tried; and the last unit",
        (("A", 100), ("C", 7)),
        (
            client(
                "app-1",
                _try("t1", "g1/b1", "nobody", 5),
                _try("t2", "g2/b1", "A", 0),
                _try("t3", "g3/b1", "A", -7),
                _confirm("c4", "g5/b1"),
                _cancel("x1", "g1/b1"),
                _cancel("x2", "g2/b1"),
                _confirm("c3", "g3/b1"),
                _try("t4", "g4/b1", "C", 7),
                _confirm("c5", "g4/b1"),
            ),
        ),
        serial=True,
    ),
    Scope(
        "rejected requests", "unfunded ones, calls that come again or out of order, and with other amounts and accounts",
        (("A", 100), ("B", 100)),
        (
            client(
                "app-1",
                _try("t1", "g1/b1", "A", 61),
                _try("t2", "g2/b1", "A", 47),
                _try("t3", "g1/b1", "A", 61),
                _try("t4", "g1/b1", "A", 13),
                _try("t5", "g1/b1", "B", 61),
                _confirm("c2", "g2/b1"),
                _try("t6", "g3/b1", "A", 29),
                _confirm("c3", "g3/b1"),
                _try("t7", "g3/b1", "A", 29),
                _confirm("c4", "g3/b1"),
                _cancel("x1", "g1/b1"),
                _cancel("x2", "g1/b1"),
                _try("t8", "g2/b1", "A", 47),
                _confirm("c1", "g1/b1"),
                _cancel("x3", "g3/b1"),
                _cancel("x4", "g2/b1"),
                _confirm("c5", "g2/b1"),
                _try("t9", "g1/b1", "A", 61),
            ),
        ),
        serial=True,
    ),
    Scope(
        "two branches", "two branches of one transaction, by two clients of one process, beside another's hold",
        _ONE,
        (
            _HELD, client("app-1", _try("t1", "g1/b1", "A", 61), name="client-1"),
            client("app-1", _try("t2", "g1/b2", "A", 13), _confirm("c2", "g1/b2"), name="client-2"),
        ),
        opening=(BEFORE,),
    ),
    Scope(
        "other payload", "a branch is tried twice at once, then with another amount, beside another's hold; one crash or lost reply of COMMIT",
        _ONE,
        (
            _HELD, client("app-1", _try("t1", "g1/b1", "A", 41)),
            client("app-2", _try("t2", "g1/b1", "A", 41), _try("t3", "g1/b1", "A", 13)),
        ),
        faults=1, kinds=_CRASH | {"unacknowledged"}, opening=(BEFORE,),
    ),
    Scope(
        "long pause", "forty days pass between a Try and its Confirm, and between a Cancel and its Try",
        _ONE,
        (
            client("app-1", _try("t1", "g1/b1", "A", 61), _confirm("c1", "g1/b1")),
            client("app-2", _cancel("x2", "g2/b1"), _try("t2", "g2/b1", "B", 13)),
            environment(("jump", 40 * DAY)),
        ),
    ),
    Scope(
        "cancelled twice", "two Cancels of a branch at once, beside another's hold; one crash",
        _ONE,
        (
            client("app-1", _try("t0", "g0/b1", "A", 13), _try("t1", "g1/b1", "A", 41), _cancel("x1", "g1/b1")),
            client("app-2", _cancel("x2", "g1/b1")),
        ),
        faults=1, kinds=_CRASH,
    ),
    Scope(
        "confirm or cancel", "a branch is to be confirmed and cancelled at once, beside another's hold; one crash, refusal, or lost or late reply anywhere",
        _ONE,
        (
            _HELD, client("app-1", _try("t1", "g1/b1", "A", 61), _confirm("c1", "g1/b1")),
            client("app-2", _cancel("x1", "g1/b1")),
        ),
        faults=1, kinds=_CRASH | _REPLIES, opening=(BEFORE,),
    ),
    Scope(
        "late Try", "a Try and its Cancel at once, in either order, beside another's hold; two crashes, or unanswered or late COMMITs",
        _ONE,
        (_HELD, client("app-1", _try("t1", "g1/b1", "A", 61)), client("app-2", _cancel("x1", "g1/b1"))),
        faults=2, kinds=_CRASH | {"unacknowledged", "late"}, opening=(BEFORE,),
    ),
    Scope(
        "two transactions", "two that the account cannot both pay: one confirms, the other cancels; one crash",
        _ONE,
        (
            client("app-1", _try("t1", "g1/b1", "A", 61), _confirm("c1", "g1/b1")),
            client("app-2", _try("t2", "g2/b1", "A", 47), _cancel("x2", "g2/b1")),
        ),
        faults=1, kinds=_CRASH,
    ),
    Scope(
        "twice", "every call of a transaction comes twice, from two processes, while another holds the same account; one crash",
        _ONE,
        (
            client("app-1", _try("t0", "g0/b1", "A", 13), _try("t1", "g1/b1", "A", 41), _confirm("c1", "g1/b1")),
            client("app-2", _try("t2", "g1/b1", "A", 41), _confirm("c2", "g1/b1")),
        ),
        faults=1, kinds=_CRASH,
    ),
)  # fmt: skip

SLOW_SCOPES = (
    Scope(
        "server death", "a branch is confirmed, one cancelled, and tried again; the database server is killed once, between any two effects",
        _ONE,
        (
            client(
                "app-1",
                _try("t1", "g1/b1", "A", 41), _confirm("c1", "g1/b1"),
                _try("t2", "g2/b1", "B", 13), _cancel("x2", "g2/b1"), _try("t3", "g2/b1", "B", 13),
            ),
        ),
        faults=1, kinds=frozenset({"restart database"}),
    ),
)  # fmt: skip


def _service(asks: tuple[tuple[Any, ...], ...]) -> TccService:
    """The model of calls to a service where A has 100."""
    return TccService((("A", 100),), [request(f"r{i}", *ask) for i, ask in enumerate(asks, 1)])


SERVICE = Study(
    name="what a coordinator sees of a service",
    make=_service,
    sizes=(
        Size(
            "Try, Confirm and Cancel of one branch",
            {"asks": ((TRY, "g1/b1", "A", 61), (CONFIRM, "g1/b1"), (CANCEL, "g1/b1"))}, 642, 13,
        ),
        Size(
            "two transactions of which one can be paid",
            {"asks": ((TRY, "g1/b1", "A", 61), (CANCEL, "g1/b1"), (TRY, "g2/b1", "A", 47), (CONFIRM, "g2/b1"))}, 7_475, 18,
        ),
    ),
    properties=PROPERTIES,
    theorems=(Theorem(N2),),
)

THEORY = Theory(
    promise=(
        "A transaction over several services is confirmed at all of them, or cancelled at all of them. Each first holds "
        "what it will need, so that a Confirm cannot fail for want of it; the coordinator, once it has decided and "
        "written that down, calls every service again and again until it has answered. Nothing is locked meanwhile: "
        "others see the hold, and spend what is left."
    ),
    studies=(PROTOCOL, SERVICE, COORDINATOR),
    aspects={
        "atomicity": ("T1", "T1.rest"), "isolation": ("N1",), "durability": ("T6", "G5", "T7"), "idempotency": ("T3",),
        "conservation": ("G1", "T12"), "termination": ("G9",), "non-blocking": ("N4", "N4.live"), "order": ("T5",),
    },
    claims=(
        Claim("immediate consistency", "refuted", ("N1",), "a reader sees one service confirmed before the other"),
        Claim("no blocking, unlike 2PC", "refined", ("T9", "N4", "N4.live"), "no locks, but holds stay while the coordinator is down"),
        Claim("explicit reserve and confirm", "confirmed", ("T2", "T9"), "what is confirmed was held, and is there"),
        Claim("compensating transactions", "refined", ("T8", "T10"), "a Cancel drops a hold that nobody saw as spent"),
        Claim("complex to implement", "confirmed", ("T3", "T5", "T10", "N2"), "calls come late, twice and in the wrong order"),
        Claim("three endpoints per service", "confirmed", ("N5", "N5.fence"), "without a fenced Cancel, what a Try may have held stays held"),
        Claim("partial failures are hard", "refined", ("T1.rest", "G9"), "a Confirm that fails is called again: that takes a log, and no hand"),
    ),
)  # fmt: skip


class TccContract(LedgerContract):
    """A service that takes part in TCC. Subclass it and give `implementation(env)`."""

    pattern: ClassVar[str] = "tcc"
    port = TccPort
    asks_again: ClassVar[bool] = True
    properties = PROPERTIES
    scopes = SCOPES
    slow_scopes = SLOW_SCOPES

    def requests(self, scope: Scope) -> tuple[Request, ...]:
        """The calls of `scope`."""
        return _requests(scope)

    def model(self, scope: Scope) -> TccService:
        """The service under the calls of `scope`."""
        return TccService(scope.accounts, self.requests(scope), _predecessors(scope))

    def observe(self, implementation: Any) -> Hashable:  # noqa: ANN401
        """The committed balances, and what of them may be spent."""
        return accounts_of(implementation.balance()), accounts_of(implementation.available())

    def view(self, scope: Scope, seen: Seen, before: TccServiceView | None) -> TccServiceView:
        """Say of every amount that is held or gone which Try it is of."""
        opening = tuple(sorted(scope.accounts))
        calls = self.calls(scope, seen)
        durable: Any = seen.durable
        balances, available = durable
        if before is not None and (balances, available) == (before.balances, before.available):
            held, booked = before.held, before.booked
        else:
            held, booked = service.explain_holds(opening, calls, balances, available)
        stuck = is_stuck(seen.happened)
        return TccServiceView(opening, balances, available, calls, held, booked, seen.happened, stuck)

    def abstract(self, view: TccServiceView) -> Hashable:
        """Without what befell the run."""
        return view._replace(happened=frozenset(), stuck=False)

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """Stories of branches, alone and one after the other."""
        return workloads(cls.stateful_kinds)


@lru_cache(maxsize=64)
def _requests(scope: Scope) -> tuple[Request, ...]:
    known = {name for name, _ in scope.accounts}
    return tuple(_request(operation, known) for operation in scope.operations())


def _request(operation: Operation, known: set[str]) -> Request:
    gid, branch, *payload = operation.arguments
    method = operation.method.rstrip("_")
    if method != TRY:
        return request(operation.name, method, f"{gid}/{branch}")
    account, amount = payload
    valid = isinstance(amount, int) and amount > 0 and account in known
    return request(operation.name, TRY, f"{gid}/{branch}", str(account), amount, valid=valid)  # type: ignore[arg-type]


def _predecessors(scope: Scope) -> list[int | None]:
    """Per call, the number of the one that its client makes before."""
    numbers = {operation.name: i for i, operation in enumerate(scope.operations())}
    before = {
        later.name: numbers[earlier.name]
        for one in scope.clients
        for earlier, later in zip(one.operations, one.operations[1:], strict=False)
        if earlier.name in numbers
    }
    return [before.get(name) for name in numbers]
