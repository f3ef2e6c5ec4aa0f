"""Mutants."""
from __future__ import annotations
from acidtest.impl.broken import Mutant
MUTANTS: tuple[Mutant, ...] = ()
NOT_HERE: dict[str, str] = {}
