"""XA: what a global transaction guarantees, what heuristic decisions take from it, and what no branch may do.

The machine is in `transaction` (a transaction manager and its branches) and `recovery` (with crashes and heuristic
decisions). Each rule has a switch that leaves it out.

Sources: X/Open, "Distributed Transaction Processing: The XA Specification" (C193, 1991); Mohan, Lindsay & Obermarck,
"Transaction Management in the R* Distributed Database Management System", 1986; JSR 907, "Java Transaction API", 2002.
"""

from __future__ import annotations

from dataclasses import replace

from acidtest.checker.machine import Kind, Property, implied
from acidtest.checker.theory import Refines, Size, Study, Switch, Theorem
from acidtest.models.shared.atomic_commitment import (
    ABORTED,
    AC1,
    AC2,
    AC3,
    AC4,
    AC5,
    COMMITTED,
    G6,
    HALF,
    PREPARED,
    READERS_LOCK,
    WORKING,
    TransactionCommit,
)
from acidtest.models.xa.recovery import XaRecovery
from acidtest.models.xa.transaction import (
    ABORTING,
    DELEGATED,
    DONE,
    DOWN,
    HEURCOM,
    HEURMIX,
    HEURRB,
    OK,
    READONLY,
    ROLLED_BACK,
    UNUSED,
    XaView,
    xa_to_commit,
)


def all_have_an_outcome(view: XaView) -> bool:
    """Every branch that was to have an outcome has one."""
    return not {WORKING, PREPARED} & set(view.participants)


def the_rest_agrees(view: XaView) -> bool:
    """Branches that did not decide alone have the same outcome."""
    outcomes = {status for status, alone in zip(view.participants, view.alone, strict=True) if not alone}
    return not {COMMITTED, ABORTED} <= outcomes


def answer_is_true(view: XaView) -> bool:
    """OK means that every branch is committed, and rolled back that none is."""
    missing = {ABORTED, PREPARED, WORKING} if view.reply == OK else {COMMITTED}
    return not missing & set(view.participants)


def answered(view: XaView) -> bool:
    """The caller was told an outcome."""
    return view.reply in {OK, ROLLED_BACK}


def knows_an_outcome(view: XaView) -> bool:
    """The transaction manager takes a branch to be committed or rolled back."""
    return COMMITTED in view.concluded or ABORTED in view.concluded


def knows_what_is_so(view: XaView) -> bool:
    """What the transaction manager takes to be committed is, and what it takes to be rolled back is not to be done yet."""
    unlike = {(COMMITTED, ABORTED), (COMMITTED, PREPARED), (ABORTED, COMMITTED), (ABORTED, PREPARED)}
    return not unlike & set(zip(view.concluded, view.participants, strict=True))


def read_only(before: XaView, _: XaView) -> bool:
    """A branch has voted that it only read."""
    return (READONLY, READONLY) in zip(before.branches, before.concluded, strict=True)


def is_left_alone(before: XaView, after: XaView) -> bool:
    """Nobody calls a branch that only read: what is known of it changes only by a crash."""
    seen = zip(before.branches, before.concluded, after.concluded, strict=True)
    return after.tm == DOWN or all(now == READONLY for status, was, now in seen if status == was == READONLY)


def is_delegated(view: XaView) -> bool:
    """A branch was told to commit in one phase."""
    return DELEGATED in view.branches


def is_the_only_one(view: XaView) -> bool:
    """No other branch is enlisted."""
    return view.branches.count(UNUSED) == len(view.branches) - 1


def undone(before: XaView, after: XaView) -> bool:
    """A prepared branch is rolled back."""
    return (PREPARED, ABORTED) in zip(before.branches, after.branches, strict=True)


def dropped(before: XaView, after: XaView) -> bool:
    """A record of a heuristic decision is gone."""
    return any(was in {HEURCOM, HEURRB} and was != now for was, now in zip(before.branches, after.branches, strict=True))


def is_blocked(view: XaView) -> bool:
    """Every branch has promised, and the transaction manager is down."""
    return view.tm == DOWN and set(view.participants) == {PREPARED}


def committed_without_reading_phase(view: XaView) -> bool:
    """Committed, told so, and one branch only read."""
    return view.reply == OK and READONLY in view.branches and COMMITTED in view.participants


_XA, _JTA = "X/Open C193, 1991", "JSR 907, 2002"
COMPLETE = replace(AC5, predicate=all_have_an_outcome)
LIVE = Property("AC5.live", "every branch comes to its end", Kind.EVENTUALLY, all_have_an_outcome, AC5.source)
G4 = implied("G4", "ok means committed everywhere, rolled back nowhere", Kind.ALWAYS, answered, answer_is_true, _JTA)
XA2 = Property("XA2", "branches that did not decide alone agree", Kind.ALWAYS, the_rest_agrees, _XA)
XA3 = implied("XA3", "a branch that only read gets no second phase", Kind.STEP, read_only, is_left_alone, _XA)
XA4 = implied("XA4", "one phase is for an only branch", Kind.ALWAYS, is_delegated, is_the_only_one, _XA)
XA5 = Property("XA5", "a transaction manager completes only its own branches", Kind.ALWAYS, lambda view: view.other != ABORTED, "JBTM-2885")
XA6 = implied("XA6", "the transaction manager knows only what is so", Kind.ALWAYS, knows_an_outcome, knows_what_is_so, _XA)
XA7 = implied(
    "XA7", "heuristic decisions are remembered until the caller knows", Kind.STEP, dropped,
    lambda before, _: before.tm == DONE, _XA,
)  # fmt: skip
XA10 = implied(
    "XA10", "what is prepared rolls back only as told", Kind.STEP, undone, lambda before, _: before.tm == ABORTING, _XA,
)  # fmt: skip
TOLD = Property("G4.live", "the caller is told how it ended, or that nobody knows", Kind.EVENTUALLY, lambda view: bool(view.reply), _JTA)
GIVEN_UP = Property(
    "SOME-GIVEN-UP", "a run is rolled back, and nothing failed", Kind.SOMETIMES,
    lambda view: view.reply == ROLLED_BACK and not view.crashes and ABORTED in view.participants, _XA,
)  # fmt: skip
MIXED = Property("MIXED", "a caller learns of a mixed outcome", Kind.SOMETIMES, lambda view: view.reply == HEURMIX, _XA)
SKIPPED = Property("RDONLY", "a run commits where one branch only read", Kind.SOMETIMES, committed_without_reading_phase, _XA)
N1 = Property("N1", "all branches are blocked", Kind.SOMETIMES, is_blocked, "Skeen 1981")
N1_LIVE = replace(
    LIVE, id="N1.live", name="every branch comes to its end, also without its transaction manager, where none was rolled back",
    predicate=lambda view: all_have_an_outcome(view) or ABORTED in view.participants, source="Skeen 1981",
)  # fmt: skip
N2 = Property(
    "N2", "the log says commit, and a resource manager has rolled back alone", Kind.SOMETIMES,
    lambda view: view.logged and HEURRB in view.branches and COMMITTED in view.participants, _XA,
)  # fmt: skip
N3 = replace(
    AC1, id="N3", name="a last resource agrees with branches that were prepared",
    source="last resources of WebLogic Server and Narayana; JTA defines none",
)  # fmt: skip
N4 = replace(HALF, id="N4")
N5 = replace(G6, id="N5", name="no lock is held for ever", source="PostgreSQL, PREPARE TRANSACTION, Notes")

RULES = (
    Switch("tm_returns", "a transaction manager that crashed comes back", default=True),
    Switch("last_resource", "the last branch cannot prepare, and commits in one phase after the others have voted"),
    Switch("timeout_after_prepare", "a resource manager rolls a prepared branch back when its timer is over"),
    Switch("commit_after_giving_up", "the timer has begun to roll back, and the decision to commit is still logged"),
    Switch("prepared_not_durable", "a prepared branch is lost with its resource manager"),
    Switch("commit_not_forced", "a restarted resource manager finds the vote of a branch, not that it committed"),
    Switch("decide_before_log", "COMMIT is sent without a log record"),
    Switch("failed_vote_counts", "a call to prepare that fails counts as a yes"),
    Switch("rdonly_still_committed", "a branch that only read is told to commit"),
    Switch("rmfail_means_rmerr", "a call for the outcome that fails counts as rolled back"),
    Switch("failed_scan_means_none", "a recovery scan that fails counts as one that found nothing"),
    Switch("finishes_foreign", "recovery rolls back branches of other transaction managers"),
    READERS_LOCK,
)

STUDY = Study(
    name="XA without heuristic decisions",
    make=XaRecovery,
    switches=RULES,
    sizes=(
        Size("2 branches, 1 fault", {"n": 2, "faults": 1}, 1_772, 15),
        Size("2 branches, 2 faults", {"n": 2, "faults": 2}, 3_418, 16),
        Size("3 branches, 1 fault", {"n": 3, "faults": 1}, 16_602, 19),
    ),
    properties=(AC1, AC2, AC3, AC4, COMPLETE, G6, G4, XA3, XA4, XA5, XA6, XA10, LIVE, TOLD, SKIPPED, GIVEN_UP),
    theorems=(
        Theorem(N1),
        Theorem(N1_LIVE, {"tm_returns": False}, {}),
        Theorem(N3, {"last_resource": True}, {}),
        Theorem(N4, {}, {"readers_lock": True}),
        Theorem(N5, {"tm_returns": False}, {}),
        Theorem(AC1, {"commit_after_giving_up": True}, {}),
        Theorem(AC1, {"prepared_not_durable": True}, {}),
        Theorem(AC1, {"decide_before_log": True}, {}),
        Theorem(AC2, {"commit_not_forced": True}, {}),
        Theorem(AC3, {"failed_vote_counts": True}, {}),
        Theorem(XA3, {"rdonly_still_committed": True}, {}),
        Theorem(XA4, {"last_resource": True}, {}),
        Theorem(XA5, {"finishes_foreign": True}, {}),
        Theorem(XA6, {"rmfail_means_rmerr": True}, {}),
        Theorem(G4, {"rmfail_means_rmerr": True}, {}),
        Theorem(COMPLETE, {"failed_scan_means_none": True}, {}, size=1),
        Theorem(G6, {"failed_scan_means_none": True}, {}, size=1),
        Theorem(XA10, {"timeout_after_prepare": True}, {}),
    ),
    refines=Refines("TCommit", lambda n, **_: TransactionCommit(n), xa_to_commit),
    about="""A transaction manager drives the branches of one global transaction, and anybody may crash; no resource manager
decides alone. What is prepared or committed is durable, and so is the log, which holds only decisions to commit (presumed
abort: Mohan, Lindsay & Obermarck, 1986); what the transaction manager knows of the branches is memory. A branch that is at
work is rolled back when its connection goes. Beside it another transaction manager has a branch of its own prepared in
resource manager 0, which is none of its business.""",
)

HEURISTICS = Study(
    name="XA with heuristic decisions",
    make=XaRecovery,
    switches=(
        Switch("heuristics", "a resource manager may decide a prepared branch alone", default=True),
        Switch("timeout_after_prepare", "it does so without a record, when a timer is over"),
        Switch("swallow_heurmix", "the caller is not told that the outcome is mixed"),
        Switch("forget_untold", "the record of a heuristic decision is dropped as soon as it was read"),
    ),
    sizes=(
        Size("2 branches, 1 fault", {"n": 2, "faults": 1}, 4_556, 21),
        Size("2 branches, 2 faults", {"n": 2, "faults": 2}, 9_146, 22),
    ),
    properties=(XA2, COMPLETE, G6, G4, XA7, LIVE, TOLD, MIXED),
    theorems=(
        Theorem(N2, {}, {"heuristics": False}),
        Theorem(XA2, {"timeout_after_prepare": True}, {}),
        Theorem(G4, {"swallow_heurmix": True}, {}),
        Theorem(XA7, {"forget_untold": True}, {}),
    ),
    about="""The same machine, where a resource manager that has prepared may in the end decide alone, without being told. It
remembers that, and tells whoever asks, until the transaction manager has it forgotten; so a mixed outcome is found out.""",
)
