"""What is known of XA: one transaction over many resource managers, atomic unless one of them decides alone."""

from __future__ import annotations

from acidtest.checker.theory import Claim, Theory
from acidtest.models.xa.branch import STUDY as BRANCH
from acidtest.models.xa.recovery_study import HEURISTICS
from acidtest.models.xa.recovery_study import STUDY as RECOVERY

THEORY = Theory(
    promise=(
        "A transaction over several databases takes effect in all of them or in none, driven through one interface that "
        "databases and queues of different makers share. The transaction manager asks each branch to prepare, logs the decision "
        "to commit, and then tells every branch; after a crash it asks each resource manager which branches are in doubt "
        "and finishes them as its log says. A resource manager that cannot wait may decide alone; then the outcome may be "
        "mixed, which is remembered and told to the caller."
    ),
    studies=(RECOVERY, HEURISTICS, BRANCH),
    headline=("AC1", "N1", "N2", "N4"),
    aspects={
        "atomicity": ("AC1", "AC3", "XA2", "N2", "N3"), "isolation": ("N4",), "durability": ("AC2", "XA8"),
        "idempotency": ("XA1", "XA9"), "termination": ("AC5", "AC5.live"), "non-blocking": ("N1", "N1.live"),
    },
    remarks={"idempotency": "of calls about a branch; a global transaction has no key of its own"},
    choices=frozenset({"last_resource", "tm_returns"}),
    omitted={
        "G10": "recovery may crash anywhere here, and all else holds of it",
        "G7": "a global transaction has no key of its own: it is the caller's business not to ask twice",
        "N5.vacuum": "that dead rows pile up behind a prepared transaction is a matter of one database's storage",
    },
    claims=(
        Claim("distributed transactions over several databases", "it refines the specification that two-phase commit does", by=("AC1", "AC3", "XA2")),
        Claim(
            "immediate consistency, as two-phase commit",
            "the outcome is atomic without heuristic decisions, and even then a reader that takes no locks sees half of a commit",
            by=("AC1",), against=("N4", "N2"),
        ),
        Claim(
            "all or nothing", "not with heuristic decisions, nor with a resource that cannot prepare",
            by=("AC1",), against=("N2", "N3"),
        ),
        Claim("blocks if the coordinator fails", "prepared branches keep their locks until it is back", by=("N1", "N1.live", "N5")),
    ),
)  # fmt: skip
