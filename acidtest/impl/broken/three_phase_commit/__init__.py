"""Mutants of three-phase commit: PATTERNS 3, and each rule of the protocol left out."""

from __future__ import annotations

from acidtest.impl.broken import Mutant
from acidtest.impl.broken.three_phase_commit.answers import (
    OtherPayloadAccepted,
    UnpayableForgotten,
    UnpayableRaises,
    UnpayableRejected,
    ZeroAccepted,
)
from acidtest.impl.broken.three_phase_commit.phases import (
    CommitMovesTwice,
    HoldsNotCounted,
    MajorityIsEnough,
    MoneyMovesEarly,
    OverdueVoteAccepted,
    RefusesAll,
    RepetitionRefused,
    SkipsAcks,
    TellsBeforeRecord,
    VotesBeforeRecord,
)
from acidtest.impl.broken.three_phase_commit.recovery import (
    AbortsWhenBack,
    CommitsWhenBack,
    DoesNotAsk,
    FirstBackDecides,
    PrecommitInMemory,
)
from acidtest.impl.broken.three_phase_commit.termination import (
    AnyDeathAborts,
    CommitsWithoutMoving,
    LatePrecommitAccepted,
    NaiveTimeouts,
    NoQuery,
    NoTermination,
    PrecommittedMeansAbort,
    ToldLeaderStaysSilent,
    UnreachableMeansNotCommitted,
    WaitingOutvotesPrecommitted,
)

_STAYS, _STAY, _BACK = "one site stays down", "two sites stay down", "two sites come back"

MUTANTS: tuple[Mutant, ...] = (
    Mutant("naive-timeouts", NaiveTimeouts, ("AC1", "PAIRS"), scope=_STAYS),
    Mutant("pc-means-abort", PrecommittedMeansAbort, ("AC1", "PAIRS"), scope=_STAYS),
    Mutant("abort-if-any-unreachable-in-PC", UnreachableMeansNotCommitted, ("AC1", "PAIRS"), scope=_STAYS),
    Mutant("waiting-outvotes-precommitted", WaitingOutvotesPrecommitted, ("AC1", "PAIRS"), scope="four sites"),
    Mutant("commit-without-moving", CommitsWithoutMoving, ("PAIRS", "AC1"), scope=_STAYS),
    Mutant("no-termination", NoTermination, ("NB", "AC5"), scope=_STAYS),
    Mutant("decided-leader-stays-silent", NoQuery, ("NB",), scope=_STAYS),
    Mutant("told-leader-stays-silent", ToldLeaderStaysSilent, ("NB",), scope="refusals twice"),
    Mutant("late-precommit-after-abort-accepted", LatePrecommitAccepted, ("AC2",), scope="delay"),
    Mutant("skip-precommit-acks", SkipsAcks, ("PAIRS", "AC1"), scope="three sites"),
    Mutant("precommit-on-majority-yes", MajorityIsEnough, ("AC3",), scope="three sites"),
    Mutant("late-vote-commits", OverdueVoteAccepted, ("AC3",), scope=_STAYS),
    Mutant("vote-before-record", VotesBeforeRecord, ("AC3", "AC2"), scope=_STAYS),
    Mutant("precommit-before-record", TellsBeforeRecord, ("AC1", "PAIRS"), scope=_STAYS),
    Mutant("money-moves-early", MoneyMovesEarly, ("G1",), scope="three sites"),
    Mutant("commit-moves-twice", CommitMovesTwice, ("G1",), scope="messages twice"),
    Mutant("holds-not-counted", HoldsNotCounted, ("G2",), scope="the last unit"),
    Mutant("refuses-all", RefusesAll, ("AC4",), scope="three sites"),
    Mutant("repetition-refused", RepetitionRefused, ("AC4",), scope="messages twice"),
    Mutant("any-death-aborts", AnyDeathAborts, ("AC4",), scope="a bystander dies"),
    Mutant("payload-not-compared", OtherPayloadAccepted, ("G7",), scope="keys"),
    Mutant("zero-accepted", ZeroAccepted, ("G12",), scope="keys"),
    Mutant("unpayable-forgotten", UnpayableForgotten, ("G4",), scope="keys"),
    Mutant("unpayable-rejected", UnpayableRejected, ("G4",), scope="keys"),
    Mutant("unpayable-raises", UnpayableRaises, ("G11",), scope="keys"),
    Mutant("recovered-site-aborts", AbortsWhenBack, ("AC1", "PAIRS"), scope=_STAYS),
    Mutant("recovered-site-commits", CommitsWhenBack, ("AC1", "PAIRS"), scope=_STAY),
    Mutant("recovery-does-not-ask", DoesNotAsk, ("AC5",), scope=_STAYS),
    Mutant("state-not-forced", PrecommitInMemory, ("PAIRS", "AC1"), scope=_BACK),
    Mutant("first-back-decides", FirstBackDecides, ("AC1",), scope=_BACK),
)

NOT_HERE: dict[str, str] = {
    "partition-as-crash": "no bug: what cannot hold under a partition (N1) is exhibited as a witness",
}
