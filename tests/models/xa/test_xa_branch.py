"""XA, one branch: that the whole state table is used."""

from __future__ import annotations

from acidtest.checker.check import reachable
from acidtest.models.xa.branch import REFUSALS, TABLE, ResourceManager


def test_every_row_of_the_state_table_is_taken():
    edges = reachable(ResourceManager(2)).edges
    taken = {(now.last[0], was.statuses[now.last[1]], now.last[2]) for was, _, now in edges if now.last[2] not in REFUSALS}
    rows = {(call, status, reply) for (call, status), row in TABLE.items() for reply in row if reply not in REFUSALS}
    assert rows <= taken
