"""Mutants: deliberately broken implementations, named after their bug.

Each overrides as little as possible of a reference implementation. They are real code with one plausible mistake, and
each must be killed by the exhaustive search, through one of the properties that it is listed with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Mutant(NamedTuple):
    """A broken implementation and what must find it.

    Arguments:
        name: the bug's name, as in the catalogue.
        factory: makes the implementation from an environment.
        violates: ids of the properties, any of which may be the one that is reported.
        backend: the kind of databases on which it is one.
        scope: the scope in which it shows, where it is looked for first; empty to look in all, in their order.
    """

    name: str
    factory: Callable[[Any], Any]
    violates: tuple[str, ...]
    backend: str = "sqlite"
    scope: str = ""

    @property
    def bug(self) -> str:
        """The bug in one line: the first line of the docstring."""
        return (self.factory.__doc__ or "").strip().split("\n", 1)[0]
