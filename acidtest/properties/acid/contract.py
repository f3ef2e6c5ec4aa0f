"""The contract of local ACID transfers: PATTERNS section 1, and what every pattern shares (section 0).

Of the ids used there, ACID-Ack is G4, and G1 is ACID-C: nothing is ever in flight. A lost update (P4) and a loss of
durability (ACID-D) both take back what was committed; it is P4 where the same step commits something else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from acidtest.checker.machine import Kind, Property
from acidtest.checker.theory import Claim, Size, Study, Theorem, Theory
from acidtest.environment import Outcome
from acidtest.models.acid.isolation import STUDY as ISOLATION
from acidtest.models.acid.service import AcidModel, AcidView, Balances
from acidtest.models.shared.ledger import Request
from acidtest.port import installation, operation, read
from acidtest.properties.acid.stories import workloads
from acidtest.properties.shared.balances import explain, label
from acidtest.properties.shared.contract import accounts_of
from acidtest.properties.shared.ledger import LedgerContract
from acidtest.properties.shared.predicates import (
    G2,
    G3,
    G7,
    G11,
    G12,
    REMEMBERED,
    SOURCE,
    conserved,
    is_stuck,
)
from acidtest.properties.shared.scopes import DAY, client, environment, repeated
from acidtest.properties.shared.seen import Seen
from acidtest.workload import Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence


class AcidPort(Protocol):
    """What local ACID transfers offer. Calls may overlap, also within one process, as in threads."""

    @installation
    def install(self, accounts: dict[str, int]) -> None:
        """Create the schema and open the accounts (minor units); runs once, outside the schedule."""

    @operation
    def transfer(self, key: str, source: str, target: str, amount: int) -> Outcome:
        """Move `amount` from `source` to `target`, once per `key` for ever, in one transaction.

        Rejected, without any effect and for good, where the funds of `source` do not suffice; and, as invalid, where an
        account is unknown, `source` is `target`, `amount` is not positive, or `key` was used for something else. What
        else keeps it from being done, or leaves that open, is an exception: the client may ask again.
        """

    @read
    def balances(self) -> dict[str, int]:
        """The committed balance of every account, by one consistent read."""


# Properties. Each is a predicate over views.


def _fold(view: AcidView, names: tuple[str, ...]) -> Balances:
    """The balances that these requests make of the opening ones."""
    deltas = {call.request.name: call.request.deltas for call in view.calls}
    after = dict(view.opening)
    for account, change in [delta for name in names for delta in deltas.get(name, ())]:
        if account in after:
            after[account] += change
    return tuple(sorted(after.items()))


def _atomic(view: AcidView) -> bool:
    return _fold(view, view.accepted) == view.balances


def _committed(view: AcidView) -> frozenset[Balances]:
    """Everything that was committed at some time, up to the end of the read that was just answered."""
    past = [_fold(view, view.accepted[:n]) for n in range(len(view.accepted) + 1)]
    return view.window.union(past)


def _read_committed(view: AcidView) -> bool:
    if view.read is None:
        return True
    values = {pair for balances in _committed(view) for pair in balances}
    return len(view.read) == len(view.opening) and values.issuperset(view.read)


def _not_overwritten(before: AcidView, after: AcidView) -> bool:
    return not _lost(before, after) or not set(after.accepted) - set(before.accepted)


def _durable(before: AcidView, after: AcidView) -> bool:
    return not _lost(before, after) and _told(before, "ok") <= set(after.accepted)


def _told_is_done(view: AcidView) -> bool:
    return _told(view, "ok") <= set(view.accepted)


def _truthful(before: AcidView, after: AcidView) -> bool:
    """What was told ok and is taken back later is another matter: P4, ACID-D."""
    fresh = _told(after, "ok") - _told(before, "ok")
    return fresh <= set(after.accepted) and not _told(after, "rejected") & set(after.accepted)


def _told(view: AcidView, status: str) -> set[str]:
    """The requests of which some client was told `status`."""
    return {label(view.calls, call.request) for call in view.calls if call.status == status}


def _lost(before: AcidView, after: AcidView) -> set[str]:
    return set(before.accepted) - set(after.accepted)


def _some(status: str) -> Callable[[AcidView], bool]:
    return lambda view: any(call.request.valid and call.status == status for call in view.calls)


_ADYA = "Adya 1999; Berenson et al. 1995; PATTERNS 1"
_HAERDER = "Haerder & Reuter 1983; PATTERNS 1"

PROPERTIES = (
    Property("ACID-A", "what is visible is a whole number of transfers", Kind.ALWAYS, _atomic, _HAERDER),
    Property("ACID-C", "the sum of all balances never changes", Kind.ALWAYS, conserved, _HAERDER),
    G12,
    G3,
    G2,
    G7,
    Property("ACID-I.RC", "a read sees only what was committed (no G1a, G1b)", Kind.ALWAYS, _read_committed, _ADYA),
    Property(
        "ACID-I.SI", "a read sees one committed state, not parts of several (no G-single)", Kind.ALWAYS,
        lambda v: v.read is None or v.read in _committed(v), _ADYA, waived=("read_committed",),
    ),
    Property(
        "ACID-I", "a read sees a state that was committed at some instant while it ran", Kind.ALWAYS,
        lambda v: v.read is None or v.read in v.window, _ADYA, waived=("snapshot", "read_committed"),
    ),
    Property("G9", "nobody waits for a lock that is never released", Kind.ALWAYS, lambda v: not v.stuck, SOURCE),
    Property("P4", "no committed transfer is overwritten by another (no lost update)", Kind.STEP, _not_overwritten, _ADYA),
    Property("ACID-D", "what was committed, or told ok, stays", Kind.STEP, _durable, _HAERDER),
    Property("ACID-D", "what was told ok is there in the end", Kind.AT_REST, _told_is_done, _HAERDER),
    Property("G4", "ok is told of what is done, rejected of what never is", Kind.STEP, _truthful, SOURCE),
    REMEMBERED,
    G11,
    Property("SOME-OK", "a transfer is told ok", Kind.SOMETIMES, _some("ok"), SOURCE),
    Property("SOME-REJECTED", "a valid transfer is told rejected", Kind.SOMETIMES, _some("rejected"), SOURCE),
)  # fmt: skip

#: No policy of asking again without a key is right: to its client the two look the same.
N3 = Property(
    "N3", "a client that learned nothing, and it is done …", Kind.SOMETIMES,
    lambda v: any(call.status == "unknown" and call.request.name in v.accepted for call in v.calls), "PATTERNS 1, N3",
)  # fmt: skip
N3_OTHERWISE = Property(
    "N3", "… or it is not", Kind.SOMETIMES,
    lambda v: any(call.status == "unknown" and call.request.name not in v.accepted for call in v.calls), "PATTERNS 1, N3",
)  # fmt: skip


# Workloads.


def _transfer(name: str, key: str, source: str, target: str, amount: int, retries: int = 1) -> Operation:
    return Operation(name, "transfer", (key, source, target, amount), retries)


_CRASH = frozenset({"crash"})
_REPLIES = frozenset({"refused", "lost", "unacknowledged", "late"})

SCOPES = (
    Scope(
        "opposite transfers", "two transfers in opposite directions at once in one process",
        (("A", 100), ("B", 50)),
        (
            client("app-1", _transfer("t1", "k1", "A", "B", 61), name="client-1"),
            client("app-1", _transfer("t2", "k2", "B", "A", 13), name="client-2"),
        ),
    ),
    Scope(
        "one process", "a transfer beside a read in one process",
        (("A", 150), ("B", 50)),
        (
            client("app-1", _transfer("t1", "k1", "A", "B", 61, retries=0), name="payer"),
            client("app-1", Operation("r1", "balances"), name="reader"),
        ),
    ),
    Scope(
        "long pause", "time jumps past every lease while two processes are asked for one key",
        (("A", 150), ("B", 50)),
        (
            client("app-1", _transfer("t1", "k1", "A", "B", 41, retries=0)),
            client("app-2", _transfer("t2", "k1", "A", "B", 41, retries=0)),
            environment(("jump", DAY)),
        ),
    ),
    Scope(
        "rejected requests", "to oneself, nothing, less than nothing, unknown accounts, too much; some again later; and the last unit",
        (("A", 100), ("B", 50), ("C", 10)),
        (
            client(
                "app-1",
                _transfer("t1", "k1", "A", "A", 3),
                _transfer("t2", "k2", "A", "B", 0),
                _transfer("t3", "k3", "A", "B", -7),
                _transfer("t4", "k4", "A", "nobody", 5),
                _transfer("t5", "k5", "nobody", "A", 11),
                _transfer("t6", "k6", "B", "A", 61),
                _transfer("t7", "k7", "A", "B", 23),
                _transfer("t8", "k6", "B", "A", 61),
                _transfer("t9", "k6", "B", "A", 17),
                _transfer("t10", "k7", "A", "B", 23),
                _transfer("t11", "k7", "B", "A", 23),
                _transfer("t12", "k7", "A", "C", 23),
                _transfer("t13", "k4", "A", "nobody", 5),
                _transfer("t14", "k8", "A", "C", 78),
                _transfer("t15", "k9", "A", "C", 77),
            ),
            repeated("reader-1", "balances", 1),
        ),
        serial=True,
    ),
    Scope(
        "read and read again", "a process reads before and after it transfers; one refusal, or lost reply of COMMIT",
        (("A", 150), ("B", 50)),
        (
            client(
                "app-1",
                Operation("r1", "balances"), _transfer("t1", "k1", "A", "B", 61, retries=0), Operation("r2", "balances"),
            ),
        ),
        faults=1, kinds=_REPLIES,
    ),
    Scope(
        "competing transfers", "two transfers that the payer cannot both fund; one crash or refusal",
        (("A", 100), ("B", 50)),
        (client("app-1", _transfer("t1", "k1", "A", "B", 61)), client("app-2", _transfer("t2", "k2", "A", "B", 52))),
        faults=1, kinds=_CRASH | {"refused"},
    ),
    Scope(
        "one transfer", "one transfer and two reads beside it; one crash, refused statement or lost reply anywhere",
        (("A", 150), ("B", 50)),
        (client("app-1", _transfer("t1", "k1", "A", "B", 61)), repeated("reader-1", "balances", 2)),
        faults=1, kinds=_CRASH | _REPLIES,
    ),
    Scope(
        "same key", "one key asked for twice at once, then reused with another amount; one crash or lost reply of COMMIT",
        (("A", 150), ("B", 50)),
        (
            client("app-1", _transfer("t1", "k1", "A", "B", 41)),
            client("app-2", _transfer("t2", "k1", "A", "B", 41), _transfer("t3", "k1", "A", "B", 23)),
        ),
        faults=1, kinds=_CRASH | {"unacknowledged"},
    ),
)  # fmt: skip


#: The server of PostgreSQL needs longer to die and start again than any other effect takes.
SLOW_SCOPES = (
    Scope(
        "server death", "a transfer and a read by one process; the database server is killed once, between any two effects",
        (("A", 150), ("B", 50)),
        (client("app-1", _transfer("t1", "k1", "A", "B", 61), Operation("r1", "balances")),),
        faults=1, kinds=frozenset({"restart database"}),
    ),
)  # fmt: skip


def _service(asks: tuple[tuple[str, str, str, int], ...]) -> AcidModel:
    """The model of transfers between A with 100 and B with 50, and of one read."""
    asked = [Request(f"t{i}", k, (a, b, n), ((a, -n), (b, n))) for i, (k, a, b, n) in enumerate(asks, 1)]
    return AcidModel((("A", 100), ("B", 50)), asked, reads=1)


SERVICE = Study(
    name="what a client of transfers sees",
    make=_service,
    sizes=(
        Size("two competing transfers and a read", {"asks": (("k1", "A", "B", 61), ("k2", "A", "B", 52))}, 879, 13),
        Size(
            "one key three times and a read",
            {"asks": (("k1", "A", "B", 61), ("k1", "A", "B", 61), ("k1", "A", "B", 23))}, 3_981, 14,
        ),
    ),
    properties=PROPERTIES,
    theorems=(Theorem(N3), Theorem(N3_OTHERWISE)),
)

THEORY = Theory(
    promise=(
        "A transfer happens as a whole or not at all, once per key, beside others as if it were alone, and stays once it "
        "was acknowledged."
    ),
    studies=(ISOLATION, SERVICE),
    aspects={
        "atomicity": ("ACID-A", "N4"), "isolation": ("ACID-I.SER", "ACID-I", "N1", "N2"), "durability": ("ACID-D",),
        "idempotency": ("G3", "G7", "N3"), "conservation": ("ACID-C",), "termination": ("G9",),
    },
    omitted={
        "N5": "about what products call serializable; the model shows what is missing where they are not: N1 and N1'",
        "ACID-Ack": "is G4, which is proved under that id",
    },
    claims=(
        Claim("atomicity: all or nothing", "refined", ("ACID-A", "N4"), "true of the rows, not of a mail sent from within"),
        Claim("consistency: the data are valid", "refined", ("ACID-C", "G2", "N1"),
              "a rule over two rows falls to write skew below serializable"),
        Claim("isolation: transactions do not disturb each other", "refined", ("ACID-I.SER", "P4", "N1", "N1'", "N2"),
              "serializable ones do not; at the levels that databases give by default updates get lost, or rules broken"),
        Claim("durability: for ever", "refined", ("ACID-D", "N3"),
              "what was acknowledged stays, if the log is forced first; who got no answer cannot tell"),
        Claim("immediate consistency", "confirmed", ("ACID-I",), "a read sees what was committed while it ran"),
        Claim("does not work with external systems", "confirmed", ("N4",), "what leaves the database is not rolled back"),
    ),
)  # fmt: skip


class AcidContract(LedgerContract):
    """Transfers between accounts. Subclass it and give `implementation(env)`."""

    pattern: ClassVar[str] = "acid"
    port = AcidPort
    asks_again: ClassVar[bool] = True
    known_capabilities: ClassVar[dict[str, str]] = {
        "snapshot": "reads may be late: they see one state that was committed at some time (a replica, a cache)",
        "read_committed": "reads may also see each account at a time of its own, so that the sum need not be right",
    }
    properties = PROPERTIES
    scopes = SCOPES
    slow_scopes = SLOW_SCOPES

    def requests(self, scope: Scope) -> tuple[Request, ...]:
        """The transfers of `scope`."""
        known = {name for name, _ in scope.accounts}
        return tuple(_request(op, known) for op in scope.operations() if op.method == "transfer")

    def model(self, scope: Scope) -> AcidModel:
        """The transfers of `scope`; its reads are judged by what was committed while they ran."""
        return AcidModel(scope.accounts, self.requests(scope))

    def observe(self, implementation: Any) -> Hashable:  # noqa: ANN401
        """The committed balances."""
        return accounts_of(implementation.balances())

    def view(self, scope: Scope, seen: Seen, before: AcidView | None) -> AcidView:
        """Say of every change of balances which transfer it is."""
        opening = tuple(sorted(scope.accounts))
        calls = self.calls(scope, seen)
        balances: Any = seen.durable
        read: Any = seen.read
        window: Any = seen.window or frozenset()
        accepted = before.accepted if before is not None else ()
        if before is None or balances != before.balances:
            accepted = explain(opening, calls, balances, accepted)
        return AcidView(opening, balances, calls, accepted, read, window, is_stuck(seen.happened))

    def abstract(self, view: AcidView) -> Hashable:
        """Without reads, and without what befell the run."""
        return view._replace(read=None, window=frozenset(), stuck=False)

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """Stories of transfers and reads, alone and one after the other."""
        return workloads(cls.stateful_kinds)


def _request(operation: Operation, known: set[str]) -> Request:
    key, source, target, amount = operation.arguments
    valid = isinstance(amount, int) and amount > 0 and source != target and {source, target} <= known
    deltas = (str(source), -amount), (str(target), amount)  # type: ignore[operator]
    return Request(operation.name, str(key), (source, target, amount), deltas, valid)  # type: ignore[arg-type]
