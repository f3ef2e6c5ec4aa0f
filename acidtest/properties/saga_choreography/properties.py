"""What must hold of a saga without an orchestrator: PATTERNS section 5A, beside what must hold of every saga."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.checker.machine import Kind, Property
from acidtest.models.saga.choreography_study import S11
from acidtest.models.saga.specification import all_or_nothing
from acidtest.models.shared.steps import SagaSeen, of_sagas
from acidtest.properties.saga.properties import PROPERTIES as OF_EVERY_SAGA
from acidtest.properties.shared.predicates import SOURCE

if TYPE_CHECKING:
    from acidtest.models.saga.service import OrdersView

_HERE = "PATTERNS 5A"
ALWAYS, STEP, AT_REST = Kind.ALWAYS, Kind.STEP, Kind.AT_REST


def _unordered(view: OrdersView) -> bool:
    """Whether a message came out of order, or again."""
    return any(what.endswith("delivery") for what in view.happened)


def _whole(saga: SagaSeen) -> bool:
    """Every step is in effect, or none."""
    return all_or_nothing(saga) if saga.outcome else not any(saga.did)


def _is_less(before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    """Something is gone."""
    return any(now < was for was, now in zip(before, after, strict=True))


def _not_again(saga: SagaSeen) -> bool:
    """What was undone was done once."""
    return all(did <= 1 for did, undid in zip(saga.did, saga.undid, strict=True) if undid)


_OWN = (
    Property("G1", "what a service has is what it had, less what it did and has not undone", ALWAYS, lambda v: not v.unbalanced, SOURCE),
    Property("G2", "no service gives away more than it has", ALWAYS, lambda v: not v.overdrawn, SOURCE),
    of_sagas(
        "S3", "what was done is reversed, not erased: the ledger only grows", STEP,
        lambda *_: True, lambda before, after: not _is_less(before.did, after.did) and not _is_less(before.undid, after.undid), _HERE,
    ),
    of_sagas(
        "S12", "no step is done again because it was compensated", ALWAYS, lambda saga: any(saga.undid), _not_again, _HERE,
    ),
)
_AT_REST = (
    Property(
        "S14", "messages in any order, and again, end in all or nothing", AT_REST,
        lambda v: not _unordered(v) or all(map(_whole, v.sagas)), _HERE, when=_unordered,
    ),
    S11,
)  # fmt: skip

# What must hold all the time comes first, then what must hold at rest.
PROPERTIES = (
    *_OWN,
    *(p for p in OF_EVERY_SAGA if p.kind in (ALWAYS, STEP)),
    *_AT_REST,
    *(p for p in OF_EVERY_SAGA if p.kind not in (ALWAYS, STEP)),
)
