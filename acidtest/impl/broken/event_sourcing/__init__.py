"""Mutants of event-sourced accounts: PATTERNS 8, and the cross-cutting ones of section 0."""

from __future__ import annotations

from acidtest.impl.broken import Mutant
from acidtest.impl.broken.event_sourcing.commands import (
    ConflictIsRejection,
    ErrorIsRejection,
    FloatAmounts,
    FundsUnchecked,
    IdPerAttempt,
    LastUnitKept,
    MissingIsEmpty,
    NoOcc,
    PayloadNotCompared,
    RejectionForgotten,
    RetriedAsIs,
    SwallowedError,
    UndoneAfterCommit,
    ZeroAccepted,
)
from acidtest.impl.broken.event_sourcing.folding import (
    AmountZero,
    ChainGap,
    FastForwardRace,
    MutateBeforeApply,
    NeverCaughtUp,
    OldSkipped,
    RebuiltFromThePast,
    SnapshotAhead,
    SnapshotFromCache,
    SnapshotNotUpcast,
    SnapshotOneBehind,
    UnknownSkipped,
)
from acidtest.impl.broken.event_sourcing.innodb import DecidesOnTheSnapshot
from acidtest.impl.broken.event_sourcing.telling import (
    CheckpointFirst,
    DeclinedTold,
    IdPerMessage,
    OldUntold,
    RebuildTellsAgain,
    ToldAfterCommit,
    ToldBeforeCommit,
    WedgedByOneError,
)

MUTANTS: tuple[Mutant, ...] = (
    Mutant("no-occ", NoOcc, ("ES10",)),
    Mutant("retried-as-is", RetriedAsIs, ("ES10",)),
    Mutant("funds-unchecked", FundsUnchecked, ("ES10",)),
    Mutant("zero-accepted", ZeroAccepted, ("G4", "G12")),
    Mutant("missing-is-empty", MissingIsEmpty, ("G1", "G4")),
    Mutant("last-unit-kept", LastUnitKept, ("G11",)),
    Mutant("rejection-forgotten (X3)", RejectionForgotten, ("G7",)),
    Mutant("payload-not-compared (X13)", PayloadNotCompared, ("G4", "G7")),
    Mutant("id-per-attempt", IdPerAttempt, ("G3", "G4", "G7"), scope="invalid commands"),
    Mutant("conflict-is-rejection", ConflictIsRejection, ("G4",)),
    Mutant("error-is-rejection", ErrorIsRejection, ("G4",)),
    Mutant("swallowed-error (X6)", SwallowedError, ("G4", "ES7")),
    Mutant("rollback-after-visible", UndoneAfterCommit, ("G5",)),
    Mutant("float-amounts", FloatAmounts, ("G12",)),
    Mutant("swallow-unknown-event", UnknownSkipped, ("ES5",)),
    Mutant("old-events-skipped", OldSkipped, ("ES7",)),
    Mutant("unmarshal-error-is-zero", AmountZero, ("ES7",)),
    Mutant("upcaster-chain-gap", ChainGap, ("ES7",)),
    Mutant("upcaster-not-applied-to-snapshot", SnapshotNotUpcast, ("ES7",)),
    Mutant("snapshot-from-stale-cache", SnapshotFromCache, ("ES6",)),
    Mutant("snapshot-one-behind", SnapshotOneBehind, ("ES6",)),
    Mutant("snapshot-ahead", SnapshotAhead, ("ES12",)),
    Mutant("rebuilt-from-the-past", RebuiltFromThePast, ("ES6", "G1")),
    Mutant("never-caught-up", NeverCaughtUp, ("ES5",)),
    Mutant("cached-aggregate-fastforward-race", FastForwardRace, ("ES5",)),
    Mutant("mutate-before-apply", MutateBeforeApply, ("ES5", "ES10", "G4")),
    Mutant("rebuild-tells-again", RebuildTellsAgain, ("ES11",)),
    Mutant("told-before-commit", ToldBeforeCommit, ("ES12",)),
    Mutant("told-after-commit", ToldAfterCommit, ("ES12",)),
    Mutant("checkpoint-first", CheckpointFirst, ("ES12",)),
    Mutant("declined-told", DeclinedTold, ("ES12",)),
    Mutant("id-per-message", IdPerMessage, ("ES12",)),
    Mutant("old-events-untold", OldUntold, ("ES12",)),
    Mutant("wedged-by-one-error", WedgedByOneError, ("G9",)),
    Mutant("decides-on-the-snapshot", DecidesOnTheSnapshot, ("ES10",), "mariadb", "two withdrawals"),
)
NOT_HERE: dict[str, str] = {
    "checkpoint=last-seen": "positions are the business of the store below: see event_store, also for gap-detector-blind-spots, "
    "gap-never-abandoned, position-paged-by-stream-ordinal and idempotent-append-depends-on-cache",
    "upcaster-cycle": "a chain of upcasters that turns in a circle comes to no effect any more: the process never answers, which is "
    "found by the clock of the interpreter alone; the gap is here",
    "events-of-two-aggregates-regrouped": "a command of the port concerns one account, so no order across accounts is promised",
    "recovery-noop": "nothing has to be reconciled after a crash: the log is the only thing that is written",
    "error-but-written": "asking again under the same key finds the event; a new id for it is id-per-attempt",
    "key-crosses-tenants (X11)": "at the port a key belongs to one account",
    "dedup-cleaned-in-two-steps (X4)": "keys are kept in the events themselves, which nobody cleans away",
    "naive-and-aware-datetimes (X9)": "nothing at the port has a time",
}
