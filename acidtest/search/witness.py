"""Witnesses of what cannot hold: where a scope lifts an assumption, schedules in which what needs it is lost.

What such a schedule violates is no failure of the implementation, for no implementation can help it. So it is looked for beside
the verdict, and changes nothing about it; and one that shows no witness in a scope is none the worse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.search.check import check_scope
from acidtest.search.explain import told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acidtest.search.failure import Failure
    from acidtest.search.harness import Harness
    from acidtest.workload import Scope


def witnesses(harness: Harness, scope: Scope, implementation: str, seconds: float | None = None) -> Iterator[Failure]:
    """The shortest schedule for each thing that cannot hold in a scope, of those that there are.

    Arguments:
        harness: the implementation under its contract.
        scope: one that lifts an assumption.
        implementation: how to import the implementation.
        seconds: give up after this time, for each; None for never.
    """
    for claim in harness.contract.witnesses if scope.lifted else ():
        result = check_scope(harness, scope, only=frozenset({claim.id}), seconds=seconds)
        if result.violation is not None:
            yield told(harness, result, implementation)
