"""The overview shows no resource manager: it names the interface, and says that databases have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acidtest.impl.naive import Defect

DEFECTS: tuple[Defect, ...] = ()
NOT_EXHIBITED: dict[str, str] = {}
