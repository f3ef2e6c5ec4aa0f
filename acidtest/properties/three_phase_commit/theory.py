"""What is known of three-phase commit: whoever stays up decides, as long as failures are told from delays."""

from __future__ import annotations

from acidtest.checker.theory import Claim, Size, Study, Theory
from acidtest.models.three_phase_commit.crashes_study import STUDY as CRASHES
from acidtest.models.three_phase_commit.crashes_study import TOTAL_FAILURE
from acidtest.models.three_phase_commit.phases import STUDY as PHASES
from acidtest.models.three_phase_commit.service import SitesModel
from acidtest.properties.shared.of_models import CLIENTS, of_models
from acidtest.properties.three_phase_commit.properties import PROPERTIES
from acidtest.properties.three_phase_commit.scopes import SCOPES
from acidtest.properties.three_phase_commit.view import requests_in, sites_in


def _service(scope: str) -> SitesModel:
    found = next(each for each in SCOPES if each.name == scope)
    return SitesModel(found.accounts, requests_in(found), sites_in(found))


#: These speak of who is up, of faults, or of what the model cannot do otherwise; the machine with crashes shows those of the protocol.
_OF_CODE = {"NB", "PAIRS", "AC4", "AC5", "G11", "G12"}

SERVICE = Study(
    name="what an outsider sees of the sites",
    make=_service,
    sizes=(
        Size("two sites", {"scope": "delay"}, 123, 8),
        Size("two transactions of two accounts", {"scope": "the last unit"}, 7_515, 16),
    ),
    properties=(*of_models(PROPERTIES, ids=_OF_CODE), CLIENTS[0]),
    specification=True,
)

THEORY = Theory(
    promise=(
        "All sites commit, or none does, and nobody who stays up has to wait for one that failed. Between the votes and the "
        "decision there is a phase in which everybody learns that all have voted yes; so whatever state the survivors of a "
        "crash find among themselves, a newly elected leader can tell from it what those who failed may have decided. This "
        "needs to know for certain who has failed: no partition, and no message that comes later than a timeout."
    ),
    studies=(CRASHES, TOTAL_FAILURE, PHASES, SERVICE),
    headline=("NB", "N1", "N2", "N3", "CASCADE"),
    aspects={
        "atomicity": ("AC1", "AC3", "N1", "N2"), "isolation": ("HALF",), "durability": ("AC2",),
        "termination": ("AC5", "AC5.live"), "non-blocking": ("NB", "PAIRS", "N5"),
    },
    remarks={"non-blocking": "where failures are known for certain: otherwise agreement is lost, N1 and N2"},
    choices=frozenset({"partition", "unbounded_delay", "last_stays_down"}),
    omitted={
        "G10": "recovery and termination may crash anywhere here, and all else holds of them; CASCADE is one such run",
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
