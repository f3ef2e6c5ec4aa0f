"""Examples as they stand in an often-read overview, translated from Go statement for statement, bugs included.

Every defect that can be exhibited is listed with the properties that exhibit it and the scope in which it shows; the
others are listed with the reason why they cannot be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Defect(NamedTuple):
    """One defect of a naive implementation.

    Arguments:
        id: as in the catalogue, for example "S6.9".
        what: the defect in one line.
        factory: the implementation that shows it.
        violates: ids of the properties that exhibit it; the search looks for these alone.
        scope: the name of the contract's scope in which it shows.
    """

    id: str
    what: str
    factory: Callable[[Any], Any]
    violates: tuple[str, ...]
    scope: str
