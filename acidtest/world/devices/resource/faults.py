"""What may befall the calls of a resource manager: whatever X/Open's answers tell of, and answers that do not come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.environment import Xa
from acidtest.world.core.effects import (
    FORGOTTEN,
    HEURISTIC_FAULTS,
    LATE,
    LOST,
    REFUSED,
    RESTART_RESOURCE,
    ROLLED_BACK,
    TIMED_OUT,
    UNACKNOWLEDGED,
)
from acidtest.world.devices.resource.manager import ACTIVE, IDLE, PREPARED, UNPREPARED

if TYPE_CHECKING:
    from acidtest.environment import Xid
    from acidtest.world.devices.resource.manager import Manager

_SILENT = (LOST, UNACKNOWLEDGED)
#: By call, what may befall it.
FAULTS: dict[str, tuple[str, ...]] = {
    "start": (REFUSED, LOST, RESTART_RESOURCE),
    "change": (REFUSED, LOST, RESTART_RESOURCE),
    "read": (REFUSED, LOST, RESTART_RESOURCE),
    "end": (LOST, TIMED_OUT, RESTART_RESOURCE),
    "prepare": (REFUSED, *_SILENT, LATE, TIMED_OUT, RESTART_RESOURCE),
    "commit": (REFUSED, *_SILENT, LATE, *HEURISTIC_FAULTS, ROLLED_BACK, FORGOTTEN),
    "commit one phase": (REFUSED, *_SILENT, LATE, TIMED_OUT, RESTART_RESOURCE),
    "rollback": (*_SILENT, LATE, *HEURISTIC_FAULTS),
    "recover": (REFUSED, LOST),
    "forget": (REFUSED, *_SILENT),
}
#: By call, what it is answered where it is refused. A vote of no is a rollback.
REFUSALS = {
    "start": Xa.RMERR, "change": Xa.INVAL, "read": Xa.INVAL, "prepare": Xa.RBROLLBACK, "commit": Xa.RETRY,
    "commit one phase": Xa.RBROLLBACK, "recover": Xa.RMERR, "forget": Xa.RMERR,
}  # fmt: skip
NO_ANSWER = (LOST, UNACKNOWLEDGED, LATE, RESTART_RESOURCE)


def possible(manager: Manager, call: str, xid: Xid | None) -> tuple[str, ...]:
    """The fault kinds that can befall a call now: no branch is decided alone that is not prepared, none times out that is."""
    branch = None if xid is None else manager.branches.get(xid)
    status = "" if branch is None else branch.status
    impossible: set[str] = set()
    if status != PREPARED:
        impossible |= {*HEURISTIC_FAULTS, ROLLED_BACK, FORGOTTEN}
    elif branch is not None and len(branch.changes) == 1:
        impossible.add("heurmix")
    if branch is not None and branch.listed:
        impossible.add(FORGOTTEN)  # to whoever comes second a branch is not known either
    if status not in (ACTIVE, IDLE):
        impossible.add(TIMED_OUT)
    if not any(other.status in UNPREPARED for other in manager.branches.values()):
        impossible.add(RESTART_RESOURCE)
    return tuple([fault for fault in FAULTS[call] if fault not in impossible])
