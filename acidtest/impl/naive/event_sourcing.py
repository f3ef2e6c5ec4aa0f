"""The overview's accounts."""
from acidtest.impl.naive import Defect
DEFECTS: tuple[Defect, ...] = ()
NOT_EXHIBITED: dict[str, str] = {}
