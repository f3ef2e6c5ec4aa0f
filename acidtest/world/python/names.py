"""Functions of the standard library that other modules have imported by their names, before they were replaced."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Whose names are left alone: they measure and draw for themselves.
_OWN = frozenset({
    *sys.stdlib_module_names, "acidtest", "execnet", "greenlet", "hypothesis", "_hypothesis_globals", "_pytest", "pluggy", "psycopg",
    "pytest", "sqlalchemy", "time_machine", "_time_machine", "xdist",
})  # fmt: skip


def replace(replacements: Mapping[Callable[..., Any], Callable[..., Any]]) -> None:
    """Let every module of the user's that has a name for a function have it for what stands in its place.

    Arguments:
        replacements: what stands in the place of which function.
    """
    by_id = {id(function): replacement for function, replacement in replacements.items()}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in _OWN and name != "__main__":
            continue
        names = getattr(module, "__dict__", None)
        if type(names) is dict:
            for key in [key for key, value in names.items() if id(value) in by_id]:
                names[key] = by_id[id(names[key])]
