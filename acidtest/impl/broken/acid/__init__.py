"""Mutants of local ACID transfers: PATTERNS 1, the cross-cutting ones of section 0, and fixes that are half a fix."""

from __future__ import annotations

from acidtest.impl.broken import Mutant
from acidtest.impl.broken.acid.innodb import (
    DefinesInside,
    LocksWhatIsNotThere,
    LostUpdateAtRepeatableRead,
    TimeoutTakenForRollback,
    UpsertDeadlocks,
)
from acidtest.impl.broken.acid.isolation import (
    CacheLeaksUncommitted,
    CacheOfOneProcess,
    CheckOutsideTx,
    ChildEditSkipsRootVersion,
    ReadsAccountByAccount,
    RetryKeepsStaleRead,
    RmwLostUpdate,
    StaleDebit,
    VersionCheckThenWrite,
    WritesBackAll,
    WriteSkew,
)
from acidtest.impl.broken.acid.keys import (
    FundsCheckedAgain,
    InProgressForEver,
    KeptForADay,
    LeaseWithoutFencing,
    NoRequestHash,
    NullInUniqueKey,
    ReadsInDoomedTransaction,
    RejectionNotRemembered,
    SweeperUndoesCommitted,
)
from acidtest.impl.broken.acid.levels import LostUpdateInside, ReadSkewInside, WriteSkewInside
from acidtest.impl.broken.acid.transactions import (
    AckBeforeCommit,
    BlindRetryOnUnknown,
    CommitOfDoomedTransaction,
    ErrorIsRejection,
    ErrorLeavesTransactionOpen,
    InquiryTooEarly,
    PartialBatch,
    RowcountUnchecked,
    StrictComparison,
    SwallowedError,
    SwallowStmtError,
    ZeroRowsOk,
)

MUTANTS: tuple[Mutant, ...] = (
    Mutant("rmw-lost-update", RmwLostUpdate, ("P4",)),
    Mutant("stale-debit", StaleDebit, ("P4",)),
    Mutant("check-outside-tx", CheckOutsideTx, ("G2",), scope="competing transfers"),
    Mutant("zero-rows-ok", ZeroRowsOk, ("ACID-C",), scope="rejected requests"),
    Mutant("strict-comparison", StrictComparison, ("G11",), scope="rejected requests"),
    Mutant("error-leaves-transaction-open", ErrorLeavesTransactionOpen, ("G9",), scope="competing transfers"),
    Mutant("swallow-stmt-error", SwallowStmtError, ("ACID-A",), scope="read and read again"),
    Mutant("blind-retry-on-unknown", BlindRetryOnUnknown, ("G3",), scope="read and read again"),
    Mutant("version-check-then-write", VersionCheckThenWrite, ("P4",)),
    Mutant("child-edit-skips-root-version", ChildEditSkipsRootVersion, ("G2",), scope="competing transfers"),
    Mutant("write-skew", WriteSkew, ("G2",), scope="competing transfers"),
    Mutant("partial-batch", PartialBatch, ("ACID-A",)),
    Mutant("ack-before-commit", AckBeforeCommit, ("ACID-D", "G4")),
    Mutant("cache-leaks-uncommitted", CacheLeaksUncommitted, ("ACID-I.RC",), scope="one process"),
    Mutant("reads-account-by-account", ReadsAccountByAccount, ("ACID-I.SI",), scope="one process"),
    Mutant("cache-of-one-process", CacheOfOneProcess, ("ACID-I",), scope="one transfer"),
    Mutant("retry-keeps-stale-read", RetryKeepsStaleRead, ("P4",)),
    Mutant("inquiry-too-early", InquiryTooEarly, ("G3",), scope="read and read again"),
    Mutant("lease-without-fencing", LeaseWithoutFencing, ("G3",), scope="long pause"),
    Mutant("sweeper-undoes-committed", SweeperUndoesCommitted, ("ACID-D",)),
    Mutant("X3", RejectionNotRemembered, ("G4", "G7"), scope="rejected requests"),
    Mutant("X6", SwallowedError, ("G4",), scope="read and read again"),
    Mutant("error-is-rejection", ErrorIsRejection, ("G4",), scope="read and read again"),
    Mutant("X7", NullInUniqueKey, ("G3",), scope="long pause"),
    Mutant("X8", RowcountUnchecked, ("G4", "ACID-A"), scope="rejected requests"),
    Mutant("X13", NoRequestHash, ("G7",), scope="rejected requests"),
    Mutant("X14", InProgressForEver, ("G9",), scope="read and read again"),
    Mutant("commit-of-doomed-tx", CommitOfDoomedTransaction, ("G4",), "postgresql", "read and read again"),
    Mutant("reads-in-doomed-tx", ReadsInDoomedTransaction, ("G9",), "postgresql", "read and read again"),
    Mutant("lost-update-inside-tx", LostUpdateInside, ("P4",), "postgresql", "competing transfers"),
    Mutant("write-skew-inside-tx", WriteSkewInside, ("G2",), "postgresql", "competing transfers"),
    Mutant("read-skew-inside-tx", ReadSkewInside, ("ACID-I.SI",), "postgresql", "one process"),
    Mutant("lost-update-at-repeatable-read", LostUpdateAtRepeatableRead, ("P4",), "mariadb", "competing transfers"),
    Mutant("timeout-taken-for-rollback", TimeoutTakenForRollback, ("ACID-A", "G4"), "mariadb", "read and read again"),
    Mutant("upsert-deadlocks", UpsertDeadlocks, ("ACID-A",), "mariadb", "competing transfers"),
    Mutant("locks-what-is-not-there", LocksWhatIsNotThere, ("G3",), "mariadb", "long pause"),
    Mutant("ddl-in-the-middle", DefinesInside, ("ACID-A",), "mariadb", "opposite transfers"),
    Mutant("kept-for-a-day", KeptForADay, ("G3", "G4", "G7"), scope="long after"),
    Mutant("writes-back-all", WritesBackAll, ("P4", "G5"), scope="bystanders"),
    Mutant("funds-checked-again", FundsCheckedAgain, ("G7", "G4"), scope="rejected requests"),
)

NOT_HERE: dict[str, str] = {
    "lock-order-deadlock": "an SQLite file has one write lock, so there is no order of locks; accounts in two files would "
    "be another pattern (two-phase commit), and a crash between the two COMMITs would show first",
    "insert-select-max": "nothing is numbered at this port; see event_store",
    "X4": "the port has no clean-up of keys",
    "X5": "the reference is not asynchronous; adapters that are get cancelled in every scope where processes may crash",
    "X9": "there is no poller at this port",
    "X11": "there is one tenant at this port",
    "X15": "a transfer calls nobody outside the database",
}
