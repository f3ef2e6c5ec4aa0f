"""The workloads of the stateful search of the saga with an orchestrator."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from acidtest.properties.saga.stories import ACCOUNTS, workloads_of
from acidtest.properties.saga_orchestration.scopes import SCOPES
from acidtest.properties.shared.stories import opened
from acidtest.workload import Operation

if TYPE_CHECKING:
    from acidtest.workload import Scope


def _answers(*sources: str) -> tuple[Operation, ...]:
    """Answers of services that come once more."""
    return tuple(Operation("", "on_reply", (), 1, source) for source in sources)


#: The stories in which answers come once more: to what was done, and to what was taken back since.
_ANSWERED = {
    "filled": _answers("payment reply 0", "booking reply 0"),
    "one more than there are places": _answers("stock reply 2", "payment reply 2"),
}


@cache
def workloads(kinds: tuple[str, ...]) -> tuple[tuple[Scope, ...], ...]:
    """Two clients, beside a process that looks after what is pending, and answers that come once more; and, of the scopes, those
    in which time passes, at any moment or over and over.
    """
    tick = Operation("", "tick")
    rows = workloads_of(
        kinds, {name: name for name in ("app-1", "app-2", "hook-1", "desk-1")},
        lambda one: {"app-1": one[1], "app-2": one[2], "hook-1": _ANSWERED.get(one[0], ()), "desk-1": (tick,)},
    )  # fmt: skip
    return (*rows, *opened(SCOPES, ("two executors", "crash in recovery", "outage"), kinds, ACCOUNTS))
