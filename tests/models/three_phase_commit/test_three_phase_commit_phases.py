"""Three-phase commit without failures: a run by hand."""

from __future__ import annotations

from runs import walk

from acidtest.models.shared.atomic_commitment import COMMITTED, PREPARED
from acidtest.models.three_phase_commit.phases import ThreePhase, three_phase_to_commit


def test_two_sites_commit_in_three_phases():
    states = walk(
        ThreePhase(2), ("VoteYes", 0), ("VoteYes", 1), ("RcvYes", 0, 1), ("PreCommit",), ("RcvPreCommit", 1, 0),
        ("RcvAck", 0, 1), ("Commit", 0), ("RcvCommit", 1, 0),
    )  # fmt: skip
    seen = ["".join(f"{site.status:3}" for site in state.sites).strip() for state in states]
    assert seen == ["I  I", "W  I", "W  W", "W  W", "PC W", "PC PC", "PC PC", "C  PC", "C  C"]
    assert three_phase_to_commit(states[-2]) == (COMMITTED, PREPARED)
