"""Which of a contract's properties say something of a model as well: a model has no locks, no wedged processes, no restarts.

A property that reads only what a model never shows holds of it whatever the model does, so to list it as proved would be
to claim nothing. That each of those that are listed can fall is tested by mutated models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from acidtest.checker.machine import Property

#: Names of properties that are about running code, in every contract that has them.
OF_CODE = frozenset({
    "nobody waits for a lock that is never released",
    "recovery works without a restart",
    "what an error has left works without a restart",
    "recovery that was cut short ends as one that was not",
})  # fmt: skip


def of_models(properties: Iterable[Property], *names: str, ids: Iterable[str] = ()) -> tuple[Property, ...]:
    """The properties without those of running code.

    Arguments:
        properties: of a contract.
        names: beginnings of the names of others that say nothing of the model at hand.
        ids: of such.
    """
    left_out = frozenset(ids)
    return tuple(p for p in properties if p.name not in OF_CODE and p.id not in left_out and not (names and p.name.startswith(names)))
