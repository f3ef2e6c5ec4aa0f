"""What must hold of two-phase commit: PATTERNS section 2."""

from __future__ import annotations

from acidtest.checker.machine import Kind, Property
from acidtest.models.two_phase_commit.service import AtomicCommitView
from acidtest.properties.shared.predicates import G3, G7, G12, SOURCE, whole
from acidtest.properties.two_phase_commit.predicates import (
    agreed,
    all_or_none,
    as_if_uninterrupted,
    kept,
    not_overtaken,
    not_promised_twice,
    nothing_in_doubt,
    promised,
    served,
    truthful,
    unanimous_committed,
    voted,
)


def _some_ok(view: AtomicCommitView) -> bool:
    return any(call.status == "ok" for call in view.calls)


def _some_rejected(view: AtomicCommitView) -> bool:
    """Not because of a disturbance, after which some implementations reject and others do not answer."""
    return any(call.status == "rejected" and call.alone and call.request.valid for call in view.calls)


_BERNSTEIN = "Bernstein, Hadzilacos & Goodman 1987, ch. 7; PATTERNS 2"
_MOHAN = "Mohan, Lindsay & Obermarck 1986 (presumed abort); PATTERNS 2"

PROPERTIES = (
    G12,
    Property("G1", "in each database, balances change by whole branches", Kind.ALWAYS, whole, SOURCE),
    Property("G2", "no account is overdrawn, nor promised away twice", Kind.ALWAYS, not_promised_twice, SOURCE),
    G3,
    Property("AC3", "a run commits only if all of its databases have voted yes", Kind.ALWAYS, voted, _BERNSTEIN),
    Property("AC1", "what one database commits, every other commits or still can", Kind.ALWAYS, agreed, _BERNSTEIN),
    G7,
    Property("G4", "ok means decided to commit, rejected means never done", Kind.ALWAYS, truthful, SOURCE),
    Property("G9", "nobody waits for a lock that is never released", Kind.ALWAYS, lambda v: not v.stuck, SOURCE),
    Property("AC2", "no decision is reversed", Kind.STEP, kept, _BERNSTEIN),
    Property("PP", "a prepared branch is aborted only if the run is", Kind.STEP, promised, "X/Open XA C193; PATTERNS 2"),
    Property("PA", "recovery aborts nothing that then commits", Kind.STEP, not_overtaken, _MOHAN),
    Property("G11", "an undisturbed, funded run commits", Kind.STEP, served, SOURCE),
    Property("AC5", "in the end every run is decided in all of its databases", Kind.AT_REST, all_or_none, _BERNSTEIN),
    Property("G6", "in the end no branch is in doubt", Kind.AT_REST, nothing_in_doubt, SOURCE),
    Property(
        "G10", "recovery that was cut short ends as one that was not", Kind.AT_REST,
        lambda v: "crash" not in v.happened or as_if_uninterrupted(v), SOURCE,
    ),
    Property("AC4", "without failures, what all voted for commits", Kind.AT_REST, unanimous_committed, _BERNSTEIN),
    Property("G9", "recovery works without a restart", Kind.AT_REST, lambda v: not v.wedged, SOURCE),
    Property("SOME-OK", "a run is told ok", Kind.SOMETIMES, _some_ok, SOURCE),
    Property("SOME-REJECTED", "a run that nobody can pay is told rejected", Kind.SOMETIMES, _some_rejected, SOURCE),
)  # fmt: skip
