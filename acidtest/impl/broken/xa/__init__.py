"""Mutants of XA transactions: PATTERNS 4, the cross-cutting ones of section 0, and fixes that are half a fix."""

from __future__ import annotations

from acidtest.impl.broken import Mutant
from acidtest.impl.broken.xa.decisions import (
    AnswersAtDecision,
    CommitAfterTimeoutAbort,
    DecideBeforeLog,
    EndForgotten,
    EnlistedCountedEarly,
    FailedScanMeansNone,
    FailedVoteCounts,
    LastResource,
    NoPrepare,
    OnlyBranchNotRecorded,
    OnlyBranchPresumedAborted,
    PayloadNotCompared,
    RejectionForgotten,
    ReuseXid,
    SwallowedError,
    UndoStopsAtError,
)
from acidtest.impl.broken.xa.phase_two import (
    ForgetUntold,
    HeuristicCommitIgnored,
    HeuristicsInMemory,
    MixedCalledRejected,
    NeverForgotten,
    NotaMeansDone,
    NotaMeansHazard,
    ReadOnlyStillCommitted,
    RetryMeansRefused,
    RmerrForRmfail,
    RmerrMeansDone,
    SwallowHeurmix,
)
from acidtest.impl.broken.xa.recovery import (
    AttemptNotCompared,
    CommitNotRetried,
    CommittedRolledBack,
    FailedScanStopsRecovery,
    ForeignBranchStopsRecovery,
    ForeignNodeRolledBack,
    PresumedAbortNotRecorded,
)

_BESIDE, _ALONE = "recovery beside a run", "decided alone"

MUTANTS: tuple[Mutant, ...] = (
    Mutant("no-prepare", NoPrepare, ("XA4",)),
    Mutant("last-resource", LastResource, ("XA4",)),
    Mutant("enlisted-counted-early", EnlistedCountedEarly, ("XA4",), scope="late enlistment"),
    Mutant("failed-vote-counts", FailedVoteCounts, ("AC3", "XA2")),
    Mutant("decide-before-log", DecideBeforeLog, ("XA2",)),
    Mutant("commit-after-timeout-abort", CommitAfterTimeoutAbort, ("XA2", "PA", "G4"), scope=_BESIDE),
    Mutant("rmerr-for-rmfail", RmerrForRmfail, ("XA6",)),
    Mutant("rmerr-means-done", RmerrMeansDone, ("XA7",), scope=_ALONE),
    Mutant("retry-means-refused", RetryMeansRefused, ("XA2", "PP")),
    Mutant("nota-means-done", NotaMeansDone, ("XA7",), scope=_ALONE),
    Mutant("nota-means-hazard", NotaMeansHazard, ("XA6",), scope=_BESIDE),
    Mutant("rdonly-still-committed", ReadOnlyStillCommitted, ("XA3",), scope="readers"),
    Mutant("swallow-heurmix", SwallowHeurmix, ("XA7",), scope=_ALONE),
    Mutant("mixed-called-rejected", MixedCalledRejected, ("XA7",), scope=_ALONE),
    Mutant("heuristic-commit-ignored", HeuristicCommitIgnored, ("XA7",), scope="alone after a crash"),
    Mutant("forget-untold", ForgetUntold, ("XA7",), scope=_ALONE),
    Mutant("never-forgotten", NeverForgotten, ("G6",), scope=_ALONE),
    Mutant("heuristics-in-memory", HeuristicsInMemory, ("XA7",), scope=_ALONE),
    Mutant("orphan-rollback-of-foreign-node", ForeignNodeRolledBack, ("XA5",)),
    Mutant("foreign-branch-stops-recovery", ForeignBranchStopsRecovery, ("G6", "G9", "G10", "AC5")),
    Mutant("failed-scan-stops-recovery", FailedScanStopsRecovery, ("G6", "G9", "G10", "AC5")),
    Mutant("recover-exception=empty", FailedScanMeansNone, ("G4", "XA7"), scope="two failures"),
    Mutant("answers-at-decision", AnswersAtDecision, ("G4", "XA7")),
    Mutant("reuse-xid", ReuseXid, ("XA9",)),
    Mutant("abort-in-wrong-phase-raises", UndoStopsAtError, ("G9", "G11"), scope="late enlistment"),
    Mutant("end-forgotten", EndForgotten, ("G11",)),
    Mutant("only-branch-not-recorded", OnlyBranchNotRecorded, ("G3",), scope="one phase"),
    Mutant("only-branch-presumed-aborted", OnlyBranchPresumedAborted, ("G4",), scope="one phase"),
    Mutant("presumed-abort-not-recorded", PresumedAbortNotRecorded, ("XA2", "PA"), scope=_BESIDE),
    Mutant("attempt-not-compared", AttemptNotCompared, ("G3",)),
    Mutant("commit-not-retried", CommitNotRetried, ("AC5", "G6", "G10")),
    Mutant("committed-rolled-back", CommittedRolledBack, ("XA2", "PP")),
    Mutant("rejection-forgotten (X3)", RejectionForgotten, ("G4", "G7"), scope="refused for good"),
    Mutant("swallowed-error (X6)", SwallowedError, ("G4", "XA7")),
    Mutant("payload-not-compared (X13)", PayloadNotCompared, ("G4", "G7"), scope="refused for good"),
)

NOT_HERE: dict[str, str] = {
    "recover-whole-cluster": "a bug of a resource manager: see xa_resource",
    "nota-kills-active": "a bug of a resource manager: see xa_resource",
    "xa-not-in-binlog": "the world has no replicas of a database",
    "send-external-effect-in-finish": "a run changes accounts of resource managers, and nothing else outside",
}
