"""The contract of two-phase commit: PATTERNS section 2, and what every pattern shares (section 0)."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from acidtest.checker.machine import Kind, Property
from acidtest.checker.theory import Claim, Size, Study, Theory
from acidtest.environment import Outcome
from acidtest.errors import ContractError
from acidtest.models.shared.atomic_commitment import STUDY as COMMITMENT
from acidtest.models.shared.ledger import Call, Request
from acidtest.models.two_phase_commit.backup_coordinator import STUDY as BACKUP
from acidtest.models.two_phase_commit.crashes import STUDY as CRASHES
from acidtest.models.two_phase_commit.phases import STUDY as TWO_PHASE
from acidtest.models.two_phase_commit.service import AtomicCommit, AtomicCommitView
from acidtest.port import installation, operation, read, recovery
from acidtest.properties.shared.contract import accounts_of
from acidtest.properties.shared.ledger import LedgerContract
from acidtest.properties.shared.predicates import G3, G7, G12, SOURCE, is_stuck, whole
from acidtest.properties.shared.scopes import DAY, client, environment
from acidtest.properties.shared.seen import Seen
from acidtest.properties.two_phase_commit.predicates import (
    accepted_of,
    agreed,
    all_or_none,
    as_if_uninterrupted,
    ever_in_doubt,
    explain_branches,
    kept,
    not_overtaken,
    not_promised_twice,
    nothing_in_doubt,
    promised,
    served,
    truthful,
    unanimous_committed,
    voted,
)
from acidtest.properties.two_phase_commit.stories import workloads
from acidtest.workload import Client, Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Sequence

#: The databases that take part, always these.
DATABASES = ("left", "right", "third")


class TwoPhaseCommitPort(Protocol):
    """What two-phase commit offers. The databases are "left", "right" and "third"; any others are its own."""

    @installation
    def install(self, accounts: dict[str, dict[str, int]]) -> None:
        """Create the schemas and open the accounts of each database (minor units); runs once, outside the schedule."""

    @operation
    def run(self, key: str, operations: Sequence[tuple[str, str, int]]) -> Outcome:
        """Carry out (database, account, change) operations, all or none, once per `key`.

        Rejected, with no effect: a database that cannot pay, an unknown database or account, no operations, a change
        of zero, a key that was used for other operations. OK may be answered as soon as the decision to commit is
        durable.
        """

    @recovery
    def recover(self) -> None:
        """Resolve what is in doubt. Runs at every start, and at any time beside runs of this and other processes."""

    @read
    def balances(self, database: str) -> dict[str, int]:
        """The committed balance of every account of `database`."""

    @read
    def in_doubt(self, database: str) -> Collection[str]:
        """The keys, as given to `run`, whose branch in `database` is prepared, not yet committed or rolled back there.

        It does not matter whether it has been decided elsewhere what will become of it.
        """


# Properties. Each is a predicate over views.


def _some_ok(view: AtomicCommitView) -> bool:
    return any(call.status == "ok" for call in view.calls)


def _some_rejected(view: AtomicCommitView) -> bool:
    """Not because of a disturbance, after which some implementations reject and others do not answer."""
    return any(call.status == "rejected" and call.alone and call.request.valid for call in view.calls)


_BERNSTEIN = "Bernstein, Hadzilacos & Goodman 1987, ch. 7; PATTERNS 2"
_MOHAN = "Mohan, Lindsay & Obermarck 1986 (presumed abort); PATTERNS 2"

PROPERTIES = (
    G12,
    Property("G1", "in each database, balances change by whole branches", Kind.ALWAYS, whole, SOURCE),
    Property("G2", "no account is overdrawn, nor promised away twice", Kind.ALWAYS, not_promised_twice, SOURCE),
    G3,
    Property("AC3", "a run commits only if all of its databases have voted yes", Kind.ALWAYS, voted, _BERNSTEIN),
    Property("AC1", "what one database commits, every other commits or still can", Kind.ALWAYS, agreed, _BERNSTEIN),
    G7,
    Property("G4", "ok means decided to commit, rejected means never done", Kind.ALWAYS, truthful, SOURCE),
    Property("G9", "nobody waits for a lock that is never released", Kind.ALWAYS, lambda v: not v.stuck, SOURCE),
    Property("AC2", "no decision is reversed", Kind.STEP, kept, _BERNSTEIN),
    Property("PP", "a prepared branch is aborted only if the run is", Kind.STEP, promised, "X/Open XA C193; PATTERNS 2"),
    Property("PA", "recovery aborts nothing that then commits", Kind.STEP, not_overtaken, _MOHAN),
    Property("G11", "an undisturbed, funded run commits", Kind.STEP, served, SOURCE),
    Property("AC5", "in the end every run is decided in all of its databases", Kind.AT_REST, all_or_none, _BERNSTEIN),
    Property("G6", "in the end no branch is in doubt", Kind.AT_REST, nothing_in_doubt, SOURCE),
    Property(
        "G10", "recovery that was cut short ends as one that was not", Kind.AT_REST,
        lambda v: "crash" not in v.happened or as_if_uninterrupted(v), SOURCE,
    ),
    Property("AC4", "without failures, what all voted for commits", Kind.AT_REST, unanimous_committed, _BERNSTEIN),
    Property("G9", "recovery works without a restart", Kind.AT_REST, lambda v: not v.wedged, SOURCE),
    Property("SOME-OK", "a run is told ok", Kind.SOMETIMES, _some_ok, SOURCE),
    Property("SOME-REJECTED", "a run that nobody can pay is told rejected", Kind.SOMETIMES, _some_rejected, SOURCE),
)  # fmt: skip


# Workloads.


def _run(name: str, key: str, *operations: tuple[str, str, int], retries: int = 1) -> Operation:
    return Operation(name, "run", (key, operations), retries)


def _client(process: int, *operations: Operation) -> Client:
    # Not named like its process: a process that starts goes on as a client does, under the name of the process.
    return client(f"app-{process}", *operations, name=f"client-{process}")


def _recovery(process: int, times: int) -> Client:
    name = f"recovery-{process}"
    return Client(name, f"app-{process}", tuple(Operation(f"{name} {i + 1}", "recover") for i in range(times)))


_ACCOUNTS = (("left/A", 100), ("left/D", 20), ("right/B", 60), ("third/C", 40))
_REPLIES = frozenset({"refused", "lost", "unacknowledged", "late"})
_CRASH = frozenset({"crash"})
_FOUR = _run("t1", "k1", ("left", "A", -61), ("left", "D", 9), ("right", "B", 59), ("third", "C", -7), retries=0)
_TRANSFER = _run("t1", "k1", ("left", "A", -13), ("right", "B", 13))

SCOPES = (
    Scope(
        "lost replies", "one run over two databases, asked for again; one crash, refused, lost or late reply anywhere",
        _ACCOUNTS,
        (_client(1, _TRANSFER),),
        faults=1, kinds=_REPLIES | _CRASH,
    ),
    Scope(
        "the last cannot pay", "one run over three databases, the last without funds; one crash or bad reply anywhere",
        _ACCOUNTS,
        (_client(1, _run("t1", "k1", ("left", "A", -61), ("right", "B", 61), ("third", "C", -52), retries=0)),),
        faults=1, kinds=_REPLIES | _CRASH,
    ),
    Scope(
        "refused for good", "runs that are invalid or that nobody can pay, and again elsewhere after the funds have come",
        _ACCOUNTS,
        (
            _client(
                1,
                _run("t1", "k1"),
                _run("t2", "k2", ("left", "A", 0), ("right", "B", 11)),
                _run("t3", "k3", ("left", "nobody", -5), ("right", "B", 5)),
                _run("t4", "k4", ("right", "B", 17), ("nowhere", "A", -17)),
                _run("t5", "k5", ("right", "B", 80), ("third", "C", -80)),
                _run("t6", "k6", ("left", "A", -41), ("third", "C", 41)),
            ),
            _client(
                2,
                _run("t7", "k5", ("right", "B", 80), ("third", "C", -80)),
                _run("t8", "k6", ("left", "A", -41), ("third", "C", 41)),
                _run("t9", "k6", ("left", "A", -19), ("third", "C", 19)),
                _run("t10", "k10", ("left", "A", -30), ("left", "A", -31), ("right", "B", 61)),
                _run("t11", "k5", ("right", "B", 3), ("third", "C", -3)),
                _run("t12", "k12", ("left", "A", -58), ("third", "C", -200)),
                _run("t13", "k13", ("left", "A", -47), ("right", "B", 47)),
                _run("t14", "k14", ("right", "B", -9)),
            ),
        ),
        serial=True,
    ),
    Scope(
        "crash in recovery", "one run over three databases and four accounts; one crash anywhere, one more in recovery",
        _ACCOUNTS,
        (_client(1, _FOUR),),
        faults=1, kinds=_CRASH, recovery_crashes=1,
    ),
    Scope(
        "recovery beside a run", "one run while another process recovers, and time jumps past every timeout",
        _ACCOUNTS,
        (_client(1, _TRANSFER), _recovery(2, 1), environment(("jump", DAY))),
    ),
    Scope(
        "opposite runs", "two runs that one account cannot both pay, over two databases in opposite order",
        _ACCOUNTS,
        (
            _client(1, _run("t1", "k1", ("left", "A", -61), ("right", "B", 61))),
            _client(2, _run("t2", "k2", ("right", "B", -7), ("left", "A", -52))),
        ),
    ),
    Scope(
        "one key", "one run asked for through two processes, then its key for another run",
        _ACCOUNTS,
        (
            _client(
                1,
                _run("t1", "k1", ("left", "A", -13), ("right", "B", 13)),
                _run("t3", "k1", ("left", "A", -7), ("third", "C", 7)),
            ),
            _client(2, _run("t2", "k1", ("left", "A", -13), ("right", "B", 13))),
        ),
    ),
    Scope(
        "two failures", "one run, asked for again, and recovery; two crashes, refused or lost replies anywhere",
        _ACCOUNTS,
        (_client(1, _TRANSFER, Operation("recovery", "recover")),),
        faults=2, kinds=frozenset({"refused", "unacknowledged", "crash"}),
    ),
    Scope(
        "recovery beside a retry", "one run, asked for again, while another process recovers; one lost reply anywhere",
        _ACCOUNTS,
        (_client(1, _TRANSFER), _recovery(2, 1)),
        faults=1, kinds=frozenset({"lost"}),
    ),
)  # fmt: skip


#: The server of PostgreSQL needs longer to die and start again than any other effect takes.
SLOW_SCOPES = (
    Scope(
        "server death", "a run over two databases and a recovery by one process; the database server is killed once, between any two effects",
        _ACCOUNTS,
        (_client(1, _TRANSFER, Operation("recovery 1", "recover")),),
        faults=1, kinds=frozenset({"restart database"}),
    ),
)  # fmt: skip


def _service(scope: str) -> AtomicCommit:
    found = next(each for each in SCOPES if each.name == scope)
    return AtomicCommit(found.accounts, _requests(found))


SERVICE = Study(
    name="what a client of atomic commit sees",
    make=_service,
    sizes=(
        Size("one run", {"scope": "lost replies"}, 79, 8),
        Size("two runs in opposite directions", {"scope": "opposite runs"}, 3_283, 16),
    ),
    properties=tuple(p for p in PROPERTIES if p.id != "SOME-REJECTED"),  # a single run can always be paid
)

THEORY = Theory(
    promise=(
        "All databases commit a run, or none does, whoever crashes and whenever. Each votes only after it can commit "
        "whatever happens to it; the coordinator decides once all have voted, and its log says what was decided."
    ),
    studies=(CRASHES, TWO_PHASE, BACKUP, COMMITMENT, SERVICE),
    aspects={
        "atomicity": ("AC1", "AC3"), "isolation": ("N2",), "durability": ("AC2",), "idempotency": ("G3", "G7"),
        "conservation": ("G1",), "termination": ("AC5.live",), "non-blocking": ("N1.live",),
    },
    omitted={
        "WAL-order": "a rule about the order of writes, not a view: switches off its two halves, and AC1 and AC3 fall",
        "N4": "follows from N3: no rule can decide alone; that holds of all protocols, which no model of one can show",
        "N5": "sequential commits are no two-phase commit: the naive version exhibits it on real databases",
        "N6": "a statement about Paxos Commit, which is not one of the patterns",
    },
    claims=(
        Claim("strong consistency", "refined", ("AC1", "N2"), "the outcome is atomic, but a reader sees half of a commit"),
        Claim("blocks while the coordinator is down", "confirmed", ("N1", "N1.live"), "for ever, if it never comes back"),
    ),
)  # fmt: skip


class TwoPhaseCommitContract(LedgerContract):
    """Runs over several databases. Subclass it and give `implementation(env)`."""

    pattern: ClassVar[str] = "two_phase_commit"
    port = TwoPhaseCommitPort
    asks_again: ClassVar[bool] = True
    properties = PROPERTIES
    scopes = SCOPES
    slow_scopes = SLOW_SCOPES

    def install(self, implementation: Any, scope: Scope, member: str = "") -> None:  # noqa: ANN401, ARG002
        """Open the accounts, called database/account in a scope, in their databases."""
        opening: dict[str, dict[str, int]] = {database: {} for database in DATABASES}
        for name, balance in scope.accounts:
            database, _, account = name.partition("/")
            opening[database][account] = balance
        implementation.install(opening)

    def requests(self, scope: Scope) -> tuple[Request, ...]:
        """The runs of `scope`."""
        return _requests(scope)

    def model(self, scope: Scope) -> AtomicCommit:
        """Atomic commit of the runs of `scope`."""
        return AtomicCommit(scope.accounts, self.requests(scope))

    def observe(self, implementation: Any) -> Hashable:  # noqa: ANN401
        """Per database, the committed balances and the keys in doubt."""
        return tuple(
            (database, accounts_of(implementation.balances(database)), _keys(implementation.in_doubt(database)))
            for database in DATABASES
        )

    def view(self, scope: Scope, seen: Seen, before: AtomicCommitView | None) -> AtomicCommitView:
        """Say of every database which runs took effect there."""
        opening = tuple(sorted(scope.accounts))
        calls = self.calls(scope, seen)
        observed: Any = seen.durable
        balances = tuple((f"{d}/{account}", sum_) for d, accounts, _ in observed for account, sum_ in accounts)
        known = dict.fromkeys(DATABASES, ()) if before is None else dict(before.took)
        if before is None or balances != before.balances:
            known = {d: explain_branches(d, opening, calls, accounts, known[d]) for d, accounts, _ in observed}
        took = tuple(known.items())
        accepted = accepted_of(took, () if before is None else before.accepted)
        in_doubt = tuple((d, _of_workload(keys, calls)) for d, _, keys in observed)
        ever = ever_in_doubt(took, in_doubt, calls, () if before is None else before.voted)
        return AtomicCommitView(
            opening, balances, calls, accepted, took, in_doubt, ever,
            seen.happened, is_stuck(seen.happened), seen.wedged,
        )  # fmt: skip

    def abstract(self, view: AtomicCommitView) -> Hashable:
        """Without what befell the run."""
        return view._replace(happened=frozenset(), stuck=False, wedged=False)

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """Stories of runs, alone and one after the other."""
        return workloads(cls.stateful_kinds)


@lru_cache(maxsize=64)
def _requests(scope: Scope) -> tuple[Request, ...]:
    known = {name for name, _ in scope.accounts}
    return tuple(_request(op, known) for op in scope.operations() if op.method == "run")


def _request(operation: Operation, known: set[str]) -> Request:
    key, operations = operation.arguments
    changes: Counter[str] = Counter()
    for database, account, change in operations:  # type: ignore[attr-defined]
        changes[f"{database}/{account}"] += change
    valid = bool(changes) and all(name in known and change != 0 for name, change in changes.items())
    return Request(operation.name, str(key), operations, tuple(changes.items()), valid)  # type: ignore[arg-type]


def _keys(value: object) -> tuple[str, ...]:
    """What `in_doubt` returned, in order."""
    try:
        return tuple(sorted({str(key) for key in value}))  # type: ignore[attr-defined]
    except TypeError:
        message = f"in_doubt() returned {value!r}; it must return the keys of branches in doubt, for example {{'k1'}}."
        raise ContractError(message) from None


def _of_workload(keys: tuple[str, ...], calls: Sequence[Call]) -> tuple[str, ...]:
    """The keys, all of which must have been given to `run`."""
    given = {call.request.key for call in calls}
    for key in keys:
        if key not in given:
            message = (
                f"in_doubt() names {key!r}, which is not a key that was given to run() ({', '.join(sorted(given))}). "
                "Without it a branch cannot be told from another; return the keys, not internal identifiers."
            )
            raise ContractError(message)
    return keys
