"""Mutants of a resource manager: PATTERNS 4."""

from __future__ import annotations

from acidtest.impl.broken import Mutant

MUTANTS: tuple[Mutant, ...] = ()
NOT_HERE: dict[str, str] = {}
