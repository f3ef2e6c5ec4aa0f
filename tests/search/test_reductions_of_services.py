"""What the search leaves out loses nothing where services have databases of their own and are given messages."""

from __future__ import annotations

from typing import Any

import chain_contract as chain
import pytest
from test_reductions import endings

from acidtest.workload import ENVIRONMENT, Lane, Operation, Scope


def lanes(*more: Lane, times: int = 2) -> tuple[Lane, ...]:
    left = [(Operation(f"a{i}", "add", (f"k{i}", 2 + i), 1), Operation(f"relay {i}", "relay")) for i in range(1, times + 1)]
    handle = [Operation(f"handle {i}", "handle", (), 1, "message") for i in range(times)]
    return Lane("left-1", "left-1", tuple(op for pair in left for op in pair)), Lane("right-1", "right-1", tuple(handle)), *more


JUMP = Lane(ENVIRONMENT, ENVIRONMENT, (Operation("jump", "jump", (86_400.0,)),))
TWO = Lane("right-2", "right-2", (Operation("handle 3", "handle", (), 1, "message"),))
SCOPES = {
    "calm": Scope("calm", "", (), lanes()),
    "crash": Scope("crash", "", (), lanes(times=1), faults=1, kinds=frozenset({"crash"})),
    "again": Scope("again", "", (), lanes(), faults=1, kinds=frozenset({"duplicated", "reordered"})),
    "jump": Scope("jump", "", (), lanes(JUMP)),
    "two": Scope("two", "", (), lanes(TWO)),
}


@pytest.mark.parametrize(
    ("factory", "name", "violated"),
    [
        (chain.Chain, "calm", ""), (chain.Chain, "crash", ""), (chain.Chain, "again", ""), (chain.Chain, "jump", ""), (chain.Chain, "two", ""),
        (chain.CountsAgain, "two", ""), (chain.MarksFirst, "crash", "T2"), (chain.CountsAgain, "again", "T1"), (chain.SendsWhatIsOld, "jump", "T2"),
    ],
)  # fmt: skip
def test_nothing_is_lost_of_services(factory: Any, name: str, violated: str) -> None:
    reduced, whole = endings(chain.ChainContract(), factory, SCOPES[name], [{"reduced": True}, {"reduced": False}])
    assert reduced == whole
    assert reduced.violated == violated
