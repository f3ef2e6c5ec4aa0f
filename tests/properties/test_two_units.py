"""Several bugs cannot be seen with one unit: a scope of many services holds two orders, holds or transactions at least."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from acidtest.patterns import pattern

if TYPE_CHECKING:
    from acidtest.workload import Scope

#: What begins a unit, and how many of its arguments name it.
UNITS = {
    "compensation": ("do", 1), "tcc": ("try_", 2), "tcc_coordinator": ("run", 1), "reserve_confirm": ("withdraw", 1),
    "saga_orchestration": ("start", 1), "saga_choreography": ("start", 1),
}  # fmt: skip
SCOPES = [
    pytest.param(stem, scope, id=f"{stem}, {scope.name}")
    for stem in UNITS
    for scope in (*pattern(stem).contract_class().scopes, *pattern(stem).contract_class().slow_scopes)
]


@pytest.mark.parametrize(("stem", "scope"), SCOPES)
def test_a_scope_has_two_units(stem: str, scope: Scope) -> None:
    method, names = UNITS[stem]
    units = {operation.arguments[:names] for operation in scope.operations() if operation.method == method}
    assert len(units) > 1
