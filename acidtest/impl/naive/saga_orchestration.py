"""There is no naive version: the overview shows choreography only, and names the orchestrator without code of it.

Its saga, with `Withdraw` and `HandlePaymentFailed`, is a version of the choreography.
"""

from __future__ import annotations

from acidtest.impl.naive import Defect

DEFECTS: tuple[Defect, ...] = ()
NOT_EXHIBITED: dict[str, str] = {}
