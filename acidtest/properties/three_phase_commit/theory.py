"""What is known of three-phase commit: whoever stays up decides, as long as failures are told from delays."""

from __future__ import annotations

from acidtest.checker.theory import Claim, Theory
from acidtest.models.three_phase_commit.crashes_study import STUDY as CRASHES
from acidtest.models.three_phase_commit.crashes_study import TOTAL_FAILURE
from acidtest.models.three_phase_commit.phases import STUDY as PHASES

THEORY = Theory(
    promise=(
        "All sites commit, or none does, and nobody who stays up has to wait for one that failed. Between the votes and the "
        "decision there is a phase in which everybody learns that all have voted yes; so whatever state the survivors of a "
        "crash find among themselves, a newly elected leader can tell from it what those who failed may have decided. This "
        "needs to know for certain who has failed: no partition, and no message that comes later than a timeout."
    ),
    studies=(CRASHES, TOTAL_FAILURE, PHASES),
    headline=("NB", "N1", "N2", "N3", "CASCADE"),
    aspects={
        "atomicity": ("AC1", "AC3", "N1", "N2"), "isolation": ("HALF",), "durability": ("AC2",),
        "termination": ("AC5", "AC5.live"), "non-blocking": ("NB", "PAIRS", "N5"),
    },
    remarks={"non-blocking": "where failures are known for certain: otherwise agreement is lost, N1 and N2"},
    choices=frozenset({"partition", "unbounded_delay", "last_stays_down"}),
    omitted={
        "G10": "recovery and termination may crash anywhere here, and all else holds of them; CASCADE is one such run",
        "G4": "nobody asks for the transaction here, so nobody is answered; see atomic commit as a service",
        "N1.general": "that no protocol at all is non-blocking under partitions: a model of one protocol shows only its own witness",
    },
    claims=(
        Claim("a protocol for several databases", "it refines the specification that two-phase commit does", by=("AC1", "AC2", "AC3")),
        Claim(
            "complex", "no matter for a model, but what is simpler is wrong: each rule that is left out loses agreement",
            see=("N3", "N4", "CASCADE"),
        ),
        Claim(
            "rarely supported", "no matter for a model, but one partition or one late message breaks it", see=("N1", "N2"),
        ),
    ),
)  # fmt: skip
