"""Mutants of two-phase commit: PATTERNS 2, the cross-cutting ones of section 0, and fixes that are half a fix."""

from __future__ import annotations

from acidtest.impl.broken import Mutant
from acidtest.impl.broken.two_phase_commit.decisions import (
    AttemptNotCompared,
    DecideBeforeLog,
    DecisionLookedUpThenWritten,
    KeyWithoutAttempt,
    LoserGoesOn,
    PayloadNotCompared,
    RejectionForgotten,
    SwallowedError,
)
from acidtest.impl.broken.two_phase_commit.phase_two import (
    BranchAppliedByRow,
    CommitErrorCompensated,
    CommitErrorMeansAbort,
    CommitErrorRolledBack,
    CommitNotIdempotent,
)
from acidtest.impl.broken.two_phase_commit.recovery import (
    AbortForgotten,
    CommitNotRetried,
    ForeignBranchStopsRecovery,
    PrepareErrorSkipsRollback,
    PresumedAbortNotRecorded,
    ResolvedOnce,
    RollbackOvertakesPrepare,
    TimeoutAbortsAfterYes,
)
from acidtest.impl.broken.two_phase_commit.voting import (
    DuplicateVoteCounted,
    EveryDatabaseAsked,
    HoldsNotCounted,
    NoPrepare,
    PreparedNotDurable,
    SilentPrepareFailure,
    UnanimousAborted,
    VoteBeforeLog,
)

MUTANTS: tuple[Mutant, ...] = (
    Mutant("no-prepare", NoPrepare, ("AC1", "AC3")),
    Mutant("vote-before-log", VoteBeforeLog, ("AC1", "AC3")),
    Mutant("prepared-not-durable", PreparedNotDurable, ("AC1", "AC3")),
    Mutant("silent-prepare-failure", SilentPrepareFailure, ("AC1", "AC3", "G12"), scope="the last cannot pay"),
    Mutant("holds-not-counted", HoldsNotCounted, ("G2",), scope="opposite runs"),
    Mutant("dup-vote-counted", DuplicateVoteCounted, ("AC3",)),
    Mutant("waits-for-bystanders", EveryDatabaseAsked, ("G11",)),
    Mutant("unanimous-aborted", UnanimousAborted, ("AC4", "G11")),
    Mutant("decide-before-log", DecideBeforeLog, ("AC1",)),
    Mutant("loser-goes-on", LoserGoesOn, ("AC1", "G3", "PA")),
    Mutant("decision-looked-up-then-written", DecisionLookedUpThenWritten, ("AC1", "G4", "PA"), scope="recovery beside a run"),
    Mutant("key-without-attempt", KeyWithoutAttempt, ("G3",), scope="one key"),
    Mutant("attempt-not-compared", AttemptNotCompared, ("G3",)),
    Mutant("commit-error-reported-as-abort", CommitErrorMeansAbort, ("G4",)),
    Mutant("commit-error-rolled-back", CommitErrorRolledBack, ("AC1", "G4", "PP")),
    Mutant("commit-error-compensated", CommitErrorCompensated, ("AC2",)),
    Mutant("branch-applied-by-row", BranchAppliedByRow, ("G1",), scope="crash in recovery"),
    Mutant("commit-not-idempotent", CommitNotIdempotent, ("G3", "G10")),
    Mutant("prepare-exception-skips-rollback", PrepareErrorSkipsRollback, ("G6",)),
    Mutant("rollback-overtakes-prepare", RollbackOvertakesPrepare, ("G6",)),
    Mutant("commit-not-retried", CommitNotRetried, ("AC5", "G6", "G10")),
    Mutant("timeout-abort-after-yes", TimeoutAbortsAfterYes, ("AC1", "PP"), scope="recovery beside a run"),
    Mutant("foreign-db-recovery", ForeignBranchStopsRecovery, ("G9",)),
    Mutant("presumed-abort-not-recorded", PresumedAbortNotRecorded, ("AC1", "PA"), scope="recovery beside a run"),
    Mutant("abort-forgotten", AbortForgotten, ("AC1", "PA"), scope="recovery beside a run"),
    Mutant("resolved-once", ResolvedOnce, ("G9",), scope="two failures"),
    Mutant("rejection-forgotten (X3)", RejectionForgotten, ("G4", "G7"), scope="refused for good"),
    Mutant("swallowed-error (X6)", SwallowedError, ("G4",)),
    Mutant("payload-not-compared (X13)", PayloadNotCompared, ("G4", "G7"), scope="refused for good"),
)

NOT_HERE: dict[str, str] = {
    "cancel-leaves-prepared": "the port is not asynchronous: nobody cancels a run while its connection is busy",
}
