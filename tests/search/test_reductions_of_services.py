"""What the search leaves out loses nothing where services have databases of their own and are given messages."""

from __future__ import annotations

from typing import Any

import chain_contract as chain
import pytest
from test_reductions import endings

from acidtest.workload import ENVIRONMENT, Client, Operation, Scope


def clients(*more: Client, times: int = 2) -> tuple[Client, ...]:
    left = [(Operation(f"a{i}", "add", (f"k{i}", 2 + i), 1), Operation(f"relay {i}", "relay")) for i in range(1, times + 1)]
    handle = [Operation(f"handle {i}", "handle", (), 1, "message") for i in range(times)]
    return Client("left-1", "left-1", tuple(op for pair in left for op in pair)), Client("right-1", "right-1", tuple(handle)), *more


JUMP = Client(ENVIRONMENT, ENVIRONMENT, (Operation("jump", "jump", (86_400.0,)),))
TWO = Client("right-2", "right-2", (Operation("handle 3", "handle", (), 1, "message"),))
SCOPES = {
    "calm": Scope("calm", "", (), clients()),
    "crash": Scope("crash", "", (), clients(times=1), faults=1, kinds=frozenset({"crash"})),
    "again": Scope("again", "", (), clients(), faults=1, kinds=frozenset({"duplicated", "reordered"})),
    "jump": Scope("jump", "", (), clients(JUMP)),
    "two": Scope("two", "", (), clients(TWO)),
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
