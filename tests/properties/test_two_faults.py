"""Some bugs need a bad reply and a crash: what recovers has a scope with both, anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from acidtest.patterns import coded
from acidtest.port import Role
from acidtest.world.core.effects import CRASH

if TYPE_CHECKING:
    from acidtest.patterns import Pattern

#: What may befall a reply, of a call or of a COMMIT.
BAD_REPLIES = {"refused", "lost", "unacknowledged", "late"}
#: What ends what was left unfinished: at a start, every now and then, or when a message comes again.
RECOVERS = (Role.RECOVERY, Role.BACKGROUND, Role.HANDLER)
#: Sites of three-phase commit lose no replies: that messages arrive, or are known not to, is its assumption.
#: A resource manager is told everything by one session.
ELSEWHERE = {"three_phase_commit", "xa_resource"}


@pytest.mark.parametrize("entry", coded(), ids=lambda entry: entry.stem)
def test_what_recovers_meets_a_bad_reply_and_a_crash(entry: Pattern) -> None:
    contract = entry.contract_class()
    recovers = contract.interface().names(*RECOVERS)
    both = [scope.name for scope in contract.scopes if scope.faults > 1 and CRASH in scope.kinds and scope.kinds & BAD_REPLIES]
    assert both or not recovers or entry.stem in ELSEWHERE
