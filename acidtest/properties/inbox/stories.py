"""The workloads of the stateful search of the inbox."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acidtest.workload import Scope


@cache
def workloads(kinds: tuple[str, ...]) -> tuple[tuple[Scope, ...], ...]:
    return ()
