"""What must hold of local ACID transfers, as predicates over views: PATTERNS section 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.checker.machine import Kind, Property
from acidtest.models.acid.service import AcidView, Balances
from acidtest.models.shared.ledger import FORGETS_REJECTIONS, IGNORES_PAYLOAD, REJECTS_ON_ERROR
from acidtest.properties.shared.balances import folded, is_overwriting, label
from acidtest.properties.shared.policies import with_policies
from acidtest.properties.shared.predicates import (
    G2,
    G3,
    G7,
    G11,
    G12,
    REASONED,
    REMEMBERED,
    SOURCE,
    conserved,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def _deltas(view: AcidView) -> dict[str, Balances]:
    """What the transfers change, by name."""
    return {call.request.name: call.request.deltas for call in view.calls}


def _fold(view: AcidView, names: tuple[str, ...]) -> Balances:
    """The balances that these requests make of the opening ones."""
    deltas = _deltas(view)
    return folded(view.opening, [deltas.get(name, ()) for name in names])


def _atomic(view: AcidView) -> bool:
    return _fold(view, view.accepted) == view.balances


def _committed(view: AcidView) -> frozenset[Balances]:
    """Everything that was committed at some time, up to the end of the read that was just answered."""
    past = [_fold(view, view.accepted[:n]) for n in range(len(view.accepted) + 1)]
    return view.window.union(past)


def _read_committed(view: AcidView) -> bool:
    if view.read is None:
        return True
    values = {pair for balances in _committed(view) for pair in balances}
    return len(view.read) == len(view.opening) and values.issuperset(view.read)


def _not_overwritten(before: AcidView, after: AcidView) -> bool:
    """Nothing that was committed is gone while something else is committed, from all accounts or from one of them."""
    whole = _lost(before, after) and set(after.accepted) - set(before.accepted)
    return not whole and not is_overwriting(before.accepted, after.accepted, _deltas(after), after.opening, after.balances)


def _durable(before: AcidView, after: AcidView) -> bool:
    return not _lost(before, after) and _told(before, "ok") <= set(after.accepted)


def _kept(before: AcidView, after: AcidView) -> bool:
    return not _lost(before, after)


def _told_is_done(view: AcidView) -> bool:
    return _told(view, "ok") <= set(view.accepted)


def _truthful(before: AcidView, after: AcidView) -> bool:
    """What was told ok and is taken back later is another matter: P4, ACID-D."""
    fresh = _told(after, "ok") - _told(before, "ok")
    return fresh <= set(after.accepted) and not _told(after, "rejected") & set(after.accepted)


def _told(view: AcidView, status: str) -> set[str]:
    """The requests of which some client was told `status`."""
    return {label(view.calls, call.request) for call in view.calls if call.status == status}


def _lost(before: AcidView, after: AcidView) -> set[str]:
    return set(before.accepted) - set(after.accepted)


def _some(status: str) -> Callable[[AcidView], bool]:
    return lambda view: any(call.request.valid and call.status == status for call in view.calls)


_ADYA = "Adya 1999; Berenson et al. 1995; PATTERNS 1"
_HAERDER = "Haerder & Reuter 1983; PATTERNS 1"

# The order matters: what breaks several of them is reported by the one that says most, which comes first.
PROPERTIES = with_policies((
    Property("P4", "no committed transfer is overwritten by another (no lost update)", Kind.STEP, _not_overwritten, _ADYA),
    Property("ACID-A", "what is visible is a whole number of transfers", Kind.ALWAYS, _atomic, _HAERDER),
    Property("ACID-C", "the sum of all balances never changes", Kind.ALWAYS, conserved, _HAERDER),
    G12,
    G3,
    G2,
    G7,
    Property("ACID-I.RC", "a read sees only what was committed (no G1a, G1b)", Kind.ALWAYS, _read_committed, _ADYA),
    Property(
        "ACID-I.SI", "a read sees one committed state, not parts of several (no G-single)", Kind.ALWAYS,
        lambda v: v.read is None or v.read in _committed(v), _ADYA, waived=("read_committed",),
    ),
    Property(
        "ACID-I", "a read sees a state that was committed at some instant while it ran", Kind.ALWAYS,
        lambda v: v.read is None or v.read in v.window, _ADYA, waived=("snapshot", "read_committed"),
    ),
    Property("G9", "nobody waits for a lock that is never released", Kind.ALWAYS, lambda v: not v.stuck, SOURCE),
    Property("ACID-D", "what was committed, or told ok, stays", Kind.STEP, _durable, _HAERDER, waived=(IGNORES_PAYLOAD,)),
    Property("ACID-D", "what was committed stays", Kind.STEP, _kept, _HAERDER, IGNORES_PAYLOAD),
    Property("ACID-D", "what was told ok is there in the end", Kind.AT_REST, _told_is_done, _HAERDER, waived=(IGNORES_PAYLOAD,)),
    Property(
        "G4", "ok is told of what is done, rejected of what never is", Kind.STEP, _truthful, SOURCE, waived=(FORGETS_REJECTIONS, IGNORES_PAYLOAD),
    ),
    REMEMBERED,
    G11,
    REASONED,
    Property("SOME-OK", "a transfer is told ok", Kind.SOMETIMES, _some("ok"), SOURCE),
    Property(
        "SOME-REJECTED", "a valid transfer is told rejected", Kind.SOMETIMES, _some("rejected"), SOURCE,
        waived=(IGNORES_PAYLOAD, REJECTS_ON_ERROR),
    ),
))  # fmt: skip

_COMMIT_UNKNOWN = "CockroachDB, SQLSTATE 40003 (statement completion unknown); FoundationDB, commit_unknown_result; PATTERNS 1"
#: No policy of asking again without a key is right: to its client the two look the same.
N3 = Property(
    "N3", "a client whose answer was lost cannot tell whether its transfer is done, so it is wrong to ask again and wrong not to",
    Kind.SOMETIMES,
    lambda v: any(call.status == "unknown" and call.request.name in v.accepted for call in v.calls), _COMMIT_UNKNOWN,
)  # fmt: skip
N3_OTHERWISE = Property(
    "N3", "it is not done", Kind.SOMETIMES,
    lambda v: any(call.status == "unknown" and call.request.name not in v.accepted for call in v.calls), _COMMIT_UNKNOWN,
)  # fmt: skip
