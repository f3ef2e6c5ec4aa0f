"""The run that the page on models explains: put in from the model, so that page and pattern show the same."""

from __future__ import annotations

import re

from acidtest.checker.proof import show
from acidtest.patterns import PATTERNS
from acidtest.report.trace import trace_lines
from generator.evidence import NotProvedError
from generator.markdown import block

_PATTERN, _ID = "two_phase_commit", "N1.live"


def with_example(page: str) -> str:
    """The page, with its one drawn run as it is now.

    Raises:
        NotProvedError: there is no such run any more.
    """
    study = PATTERNS[_PATTERN].theory().studies[0]
    theorem = next((t for t in study.theorems if t.property.id == _ID), None)
    witness = show(study, theorem).witness if theorem is not None else None
    if theorem is None or witness is None or witness.trace is None:
        message = f"{_PATTERN} has no witness {_ID}, which the page on models explains. Explain another one."
        raise NotProvedError(message)
    lines = trace_lines(study.model(study.size_of(theorem), theorem.exhibited), witness.trace, witness.cycle)
    return re.sub(r"^```text\n.*?^```$", lambda _: "\n".join(block(lines)), page, count=1, flags=re.MULTILINE | re.DOTALL)
