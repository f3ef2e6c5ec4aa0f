"""There is no naive version: the overview names compensating transactions, but shows no code of them alone.

What it has of them is part of its saga (a credit that is repeated when the failure is announced twice) and of its TCC
services; the bug of the former is the mutant "non-idempotent-credit" here.
"""

from __future__ import annotations

from acidtest.impl.naive import Defect

DEFECTS: tuple[Defect, ...] = ()
NOT_EXHIBITED: dict[str, str] = {}
