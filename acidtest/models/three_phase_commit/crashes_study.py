"""Three-phase commit: what it guarantees under its assumptions, and what is lost with each of them or of its rules.

The machine is in `phases` (the three phases) and `crashes` (termination and recovery, with the assumptions). Each
rule and each assumption has a switch, so that the checker shows why it is there.

Sources: Skeen, "Nonblocking Commit Protocols", SIGMOD 1981; Skeen & Stonebraker, "A Formal Model of Crash Recovery in a
Distributed System", IEEE TSE 9(3), 1983; Skeen, "Determining the Last Process to Fail", ACM TOCS 3(1), 1985; Bernstein,
Hadzilacos & Goodman, "Concurrency Control and Recovery in Database Systems", 1987, section 7.5.
"""

from __future__ import annotations

from dataclasses import replace

from acidtest.checker.machine import Kind, Property
from acidtest.checker.theory import Refines, Size, Study, Switch, Theorem
from acidtest.models.shared.atomic_commitment import (
    AC1,
    AC2,
    AC3,
    AC5,
    G6,
    READERS_LOCK,
    TransactionCommit,
    have_all_decided,
)
from acidtest.models.shared.atomic_commitment import HALF as HALF_READ
from acidtest.models.shared.atomic_commitment import properties as commitment_properties
from acidtest.models.three_phase_commit.crashes import ThreePhaseCrash
from acidtest.models.three_phase_commit.phases import (
    ONLY_REFUSED,
    OUTCOME,
    PAIRS,
    PC,
    A,
    C,
    SitesView,
    three_phase_to_commit,
)


def survivors_have_decided(view: SitesView) -> bool:
    """Nobody who is in the protocol is left without an outcome."""
    return all(status in OUTCOME for status, up in zip(view.sites, view.operational, strict=True) if up)


def somebody_has_decided(view: SitesView) -> bool:
    """At least one site knows the outcome."""
    return any(status in OUTCOME for status in view.sites)


def committed_by_the_last(view: SitesView) -> bool:
    """All sites before the last have failed, none knowing the outcome, and it commits."""
    return view.sites[-1] == C and C not in view.sites[:-1] and not any(view.operational[:-1])


def failed_behind(view: SitesView) -> bool:
    """A site is in PC though others have aborted; it is not operational."""
    return {PC, A} <= set(view.sites)


_SKEEN = "Skeen, Nonblocking commit protocols, SIGMOD 1981"
_STONEBRAKER = "Skeen & Stonebraker, A formal model of crash recovery, 1983"
NB = Property("NB", "whoever stays up decides", Kind.EVENTUALLY, survivors_have_decided, _SKEEN)
LIVE = Property("AC5.live", "once all are back everybody decides", Kind.EVENTUALLY, have_all_decided, "Skeen 1985")
HALF = replace(HALF_READ, id="HALF")
STALE = Property("STALE", "a site failed in PC, and the others abort", Kind.SOMETIMES, failed_behind, _SKEEN)
CASCADE = Property("CASCADE", "the coordinator crashes, so does the leader that was elected in its place, and the last site commits", Kind.SOMETIMES, committed_by_the_last, _SKEEN)
N1 = replace(AC1, id="N1", name="both sides of a partition agree", source=_STONEBRAKER)
N2 = replace(
    AC1, id="N2", name="sites agree though messages may be late",
    source="Bernstein, Hadzilacos & Goodman 1987, section 7.5, which assumes that a timeout tells a failure",
)  # fmt: skip
N3 = replace(AC1, id="N3", name="timeouts alone agree: in W abort, in PC commit", source="first seen at snormore.dev/lab/three-phase-commit")
N4 = replace(AC1, id="N4", name="survivors that are all in PC may abort", source="first seen at e-learn.cn/qa/q-1021027")
N5 = Property("N5", "after a total failure somebody decides before the last is back", Kind.EVENTUALLY, somebody_has_decided, _SKEEN)

STUDY = Study(
    name="three-phase commit with crashes",
    make=ThreePhaseCrash,
    switches=(
        Switch("partition", "the sites may be cut in two, and each side takes the other to have failed"),
        Switch("unbounded_delay", "a site may time out on another that is up, or whose messages are on their way"),
        Switch("termination", "the survivors elect a leader that asks for their states", default=True),
        Switch("textbook_timeouts", "instead, whoever times out on the coordinator aborts in W and commits in PC"),
        Switch("pc_means_abort", "the leader aborts where all survivors are in PC"),
        Switch("abort_if_unreachable", "the leader takes a site that failed not to have committed"),
        Switch("skip_precommit_acks", "the decision is taken before everybody is known to have moved up"),
        Switch("commit_without_moving", "a new leader that finds a site in PC commits before all have moved up"),
        Switch("precommit_on_majority", "PRECOMMIT is sent when most votes are in"),
        Switch("late_precommit_accepted", "a site that has aborted still moves up"),
        Switch("recovered_site_decides", "a restarted site aborts in W and commits in PC, without asking"),
        Switch("recovery_asks", "a restarted site in doubt asks for the outcome", default=True),
        READERS_LOCK,
    ),
    sizes=(
        Size("2 sites, 1 crash", {"n": 2, "crashes": 1}, 151, 14),
        Size("3 sites, no crash", {"n": 3, "crashes": 0}, 109, 14),
        Size("3 sites, 1 crash", {"n": 3, "crashes": 1}, 1_334, 24),
        Size("3 sites, 2 crashes", {"n": 3, "crashes": 2}, 6_794, 27),
    ),
    properties=(*commitment_properties(), ONLY_REFUSED, PAIRS, NB),
    theorems=(
        Theorem(N1, {"partition": True}, {}, size=1),
        Theorem(N2, {"unbounded_delay": True}, {}),
        Theorem(N3, {"textbook_timeouts": True}, {}, size=2),
        Theorem(N4, {"pc_means_abort": True}, {}, size=2),
        Theorem(AC1, {"abort_if_unreachable": True}, {}, size=2),
        Theorem(AC1, {"skip_precommit_acks": True}, {}, size=2),
        Theorem(AC1, {"commit_without_moving": True}, {}, size=3),
        Theorem(AC1, {"recovered_site_decides": True}, {}, size=2),
        Theorem(AC2, {"unbounded_delay": True, "late_precommit_accepted": True}, {"unbounded_delay": True}),
        Theorem(AC3, {"precommit_on_majority": True}, {}, size=2),
        Theorem(PAIRS, {"precommit_on_majority": True}, {}, size=2),
        Theorem(AC5, {"recovery_asks": False}, {}),
        Theorem(G6, {"recovery_asks": False}, {}),
        Theorem(NB, {"termination": False}, {}, size=2),
        Theorem(HALF, {}, {"readers_lock": True}),
        Theorem(STALE),
        Theorem(CASCADE, size=3, along=("Elect(1)", "Crash(1)")),
    ),
    refines=Refines("TCommit", lambda n, **_: TransactionCommit(n), three_phase_to_commit),
)

TOTAL_FAILURE = Study(
    name="three-phase commit after a total failure",
    make=ThreePhaseCrash,
    switches=(
        Switch("repair", "crashed sites come back for certain", default=True),
        Switch("last_stays_down", "the last site never comes back"),
        Switch("state_not_forced", "PC is kept in memory only, so that a site restarts in W"),
        Switch("first_back_decides", "whoever is back goes on without those who are not"),
        Switch("mourning_is_enough", "whoever is back goes on once each absent site is known to have failed before one of them"),
        Switch("recovery_asks", "a restarted site in doubt asks for the outcome", default=True),
    ),
    sizes=(
        Size("2 sites, 2 crashes", {"n": 2, "crashes": 2}, 393, 18),
        Size("3 sites, 3 crashes", {"n": 3, "crashes": 3}, 16_151, 29),
    ),
    properties=(*commitment_properties(), LIVE),
    theorems=(
        Theorem(N5, {"last_stays_down": True}, {}),
        Theorem(AC1, {"first_back_decides": True}, {}),
        Theorem(AC1, {"state_not_forced": True}, {}),
        Theorem(AC1, {"mourning_is_enough": True}, {}, size=1),
        Theorem(LIVE, {"recovery_asks": False}, {}),
    ),
    about="""The same machine, where every site may fail, so that nobody is left who knows what was decided. Those that are back
wait for all others, or for one that had found itself alone, and so was the last to fail (Skeen, "Determining the Last Process
to Fail", ACM TOCS 3(1), 1985).""",
)
