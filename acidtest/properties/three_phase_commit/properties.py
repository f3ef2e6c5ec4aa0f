"""What must hold of three-phase commit: PATTERNS section 3, and what every pattern shares (section 0)."""

from __future__ import annotations

from acidtest.checker.machine import Kind, Property, implied
from acidtest.models.three_phase_commit.service import SitesView
from acidtest.properties.shared.predicates import G7, SOURCE
from acidtest.properties.three_phase_commit.predicates import (
    agreed,
    all_have_come_to_rest,
    all_voted,
    answered,
    close_together,
    committed_without_faults,
    exact,
    first_abort,
    has_reason,
    keeps_assumptions,
    moved_by_commits,
    never_back,
    nobody_in_doubt,
    not_promised_twice,
    on_record,
    refuses,
    some_end,
    survivors_have_decided,
)
from acidtest.workload import BOUNDED_DELAY, NO_PARTITION

ALWAYS, STEP, AT_REST = Kind.ALWAYS, Kind.STEP, Kind.AT_REST
_BERNSTEIN = "Bernstein, Hadzilacos & Goodman 1987, ch. 7; PATTERNS 3"
_SKEEN = "Skeen, Nonblocking commit protocols, SIGMOD 1981; PATTERNS 3"
_STONEBRAKER = "Skeen & Stonebraker, A formal model of crash recovery, 1983; PATTERNS 3"


def _ended(view: SitesView) -> bool:
    return keeps_assumptions(view) and some_end(view)


# The order matters: what breaks several of them is reported by the one that says most, which comes first.
PROPERTIES = (
    Property("G12", "money is whole minor units, and nothing invalid is begun", ALWAYS, exact, SOURCE),
    Property("G1", "at every site, balances change by whole transactions that it has committed", ALWAYS, moved_by_commits, SOURCE),
    Property("G2", "no account is overdrawn, nor promised away twice", ALWAYS, not_promised_twice, SOURCE),
    Property("AC3", "a site precommits or commits only what all sites have voted for", ALWAYS, all_voted, _BERNSTEIN),
    implied("AC1", "no site commits what another aborts", ALWAYS, _ended, agreed, _BERNSTEIN),
    Property("AC2", "no site goes back on what it knows or has decided", STEP, never_back, _BERNSTEIN),
    implied("PAIRS", "no two sites that are up are too far apart", ALWAYS, keeps_assumptions, close_together, _SKEEN),
    implied("AC4", "among sites of which none has died, only who cannot pay makes a transaction abort", STEP, first_abort, refuses, _BERNSTEIN),
    G7,
    Property("G4", "ok means begun and on record, rejected means never", ALWAYS, on_record, SOURCE),
    Property("G4", "only what is invalid, or comes under a key of something else, is rejected", ALWAYS, has_reason, SOURCE),
    Property("G11", "who begins something undisturbed is answered", ALWAYS, answered, SOURCE),
    implied("NB", "whoever stays up decides, although others stay down", ALWAYS, all_have_come_to_rest, survivors_have_decided, _SKEEN),
    Property("AC5", "once all are back nobody is in doubt", AT_REST, nobody_in_doubt, _BERNSTEIN),
    Property("SOME-COMMITTED", "all sites commit without faults", Kind.SOMETIMES, committed_without_faults, SOURCE),
)  # fmt: skip

#: What cannot hold: each is violated in a scope that lifts an assumption, and that is a witness and no fault of the implementation.
N1 = Property(
    "N1", "both sides of a partition agree", ALWAYS, lambda v: NO_PARTITION not in v.broken or agreed(v), _STONEBRAKER,
)  # fmt: skip
N2 = Property(
    "N2", "sites agree although messages may be late", ALWAYS, lambda v: BOUNDED_DELAY not in v.broken or agreed(v), _BERNSTEIN,
)  # fmt: skip
WITNESSES = (N1, N2)
