"""What every port owes to whoever implements it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from acidtest.patterns import coded
from acidtest.port import Role

if TYPE_CHECKING:
    from acidtest.patterns import Pattern


@pytest.mark.parametrize("entry", coded(), ids=lambda entry: entry.stem)
def test_who_recovers_at_a_start_is_called_now_and_then_as_well(entry: Pattern) -> None:
    port = entry.contract_class().interface()
    assert not port.names(Role.RECOVERY) or port.looking_after
