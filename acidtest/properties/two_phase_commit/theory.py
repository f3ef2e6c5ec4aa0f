"""What is proved of the models of two-phase commit, and what it says of common claims."""

from __future__ import annotations

from acidtest.checker.theory import Claim, Size, Study, Theory
from acidtest.models.shared.atomic_commitment import STUDY as COMMITMENT
from acidtest.models.two_phase_commit.backup_coordinator import STUDY as BACKUP
from acidtest.models.two_phase_commit.crashes import STUDY as CRASHES
from acidtest.models.two_phase_commit.phases import STUDY as TWO_PHASE
from acidtest.models.two_phase_commit.service import AtomicCommit
from acidtest.properties.shared.of_models import CLIENTS, of_models
from acidtest.properties.shared.requests import requests_of
from acidtest.properties.two_phase_commit.properties import PROPERTIES
from acidtest.properties.two_phase_commit.scopes import SCOPES
from acidtest.properties.two_phase_commit.view import request_of


def _service(scope: str) -> AtomicCommit:
    found = next(each for each in SCOPES if each.name == scope)
    return AtomicCommit(found.accounts, requests_of(found, ("run",), request_of))


#: No mutant of this model violates it: it knows whole amounts only, and no run of the workload is invalid.
_BY_CONSTRUCTION = ("money is whole",)

SERVICE = Study(
    name="what a client of atomic commit sees",
    make=_service,
    sizes=(
        Size("one run", {"scope": "lost replies"}, 79, 8),
        Size("two runs in opposite directions", {"scope": "opposite runs"}, 3_283, 16),
    ),
    properties=(*of_models(PROPERTIES, *_BY_CONSTRUCTION, ids={"SOME-REJECTED"}), CLIENTS[0]),  # a single run can always be paid
    specification=True,
)

THEORY = Theory(
    promise=(
        "All databases commit a run, or none does, whoever crashes and whenever. Each votes yes only once it can commit no "
        "matter what happens to it; the coordinator decides once all have voted, and its log says what was decided."
    ),
    studies=(CRASHES, TWO_PHASE, BACKUP, COMMITMENT, SERVICE),
    headline=("AC1", "N1", "N2", "N3"),
    aspects={
        "atomicity": ("AC1", "AC3"), "isolation": ("N2",), "durability": ("AC2",), "idempotency": ("G3", "G7"),
        "conservation": ("G1",), "termination": ("AC5.live",), "non-blocking": ("N1", "N1.live"),
    },
    remarks={"idempotency": "by a unique key that is written in the transaction"},
    choices=frozenset({"recovery"}),
    omitted={
        "G10": "recovery may crash anywhere in the first model, and all else holds of it; of code the contract checks it",
        "WAL-order": "a rule about the order of writes, not a view: switches off its two halves, and AC1 and AC3 fall",
        "N4": "follows from N3: no rule can decide alone; that holds of all protocols, which no model of one can show",
        "N5": "sequential commits are no two-phase commit: the naive version exhibits it on real databases",
        "N6": "a statement about Paxos Commit, which is not one of the patterns",
    },
    claims=(
        Claim(
            "strong consistency", "the outcome is atomic, but a reader that takes no locks sees half of a commit",
            by=("AC1",), against=("N2",),
        ),
        Claim(
            "ACID guarantees",
            "all databases end alike, and for good; isolation across them takes readers that lock in each, which `readers_lock` shows",
            by=("AC1", "AC2"), against=("N2",),
        ),
        Claim("all or nothing", "of the outcome", by=("AC1", "AC3")),
        Claim(
            "blocks while the coordinator is down", "once all have voted yes, for ever, if it never comes back",
            by=("N1", "N1.live"),
        ),
        Claim(
            "single point of failure", "a backup decides in its place, where it knows for certain who has failed",
            by=("N1",), against=("NB",),
        ),
        Claim(
            "its code: phase 1 prepares",
            "it begins transactions and works in them, and nothing durable is promised: once the first has committed, the second may fail",
            against=("AC1/vote_before_log",),
        ),
        Claim("deadlocks are possible", "the models have no locks; the contract looks for deadlocks in running code"),
        Claim("performance overhead", "models know no cost"),
        Claim(
            "rarely in modern systems, for legacy databases",
            "no matter for a model; transactions of Spanner, CockroachDB, Kafka and MongoDB are built on it",
        ),
    ),
)  # fmt: skip
