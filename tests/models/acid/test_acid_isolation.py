"""Levels of isolation: each anomaly by its shortest run, and the graph that tells levels apart."""

from __future__ import annotations

import pytest
from runs import witness

from acidtest.checker.check import check
from acidtest.models.acid import serialization_graph as graph
from acidtest.models.acid.isolation import STUDY
from acidtest.models.acid.serialization_graph import ABORTED, COMMITTED, IsolationView, Program, Row, Tx

LOOK_AT_BOTH, OPPOSITE, WITH_READER = STUDY.sizes


def names(prop, size, **turned):
    return witness(STUDY.model(size, turned), prop)


def history(programs, rows, reads, status=COMMITTED):
    """A history: who wrote each row in which order, and whose writes each transaction saw of what it read."""
    txs = tuple(Tx(status, tuple(Row(0, seen) for seen in each)) for each in reads)
    return IsolationView(programs, (0, 0), tuple(Row(0, writers) for writers in rows), txs)


def test_n1_write_skew_is_two_withdrawals_that_both_saw_enough():
    assert names(graph.N1, LOOK_AT_BOTH, snapshot=True) == [
        "Read(0)", "Read(0)", "Read(1)", "Read(1)", "Write(0)", "Write(1)", "Commit(0)", "Commit(1)",
    ]  # fmt: skip


def test_the_read_only_anomaly_has_the_reader_between_the_two_commits():
    steps = names(graph.N1_READER, WITH_READER, snapshot=True)
    assert steps[-5:] == ["Commit(1)", "Read(2)", "Read(2)", "Commit(0)", "Commit(2)"]


def test_a_lost_update_ends_with_a_write_of_what_was_read_before_the_other_committed():
    steps = names(graph.N2, OPPOSITE, read_committed=True)
    assert steps.index("Read(1)") < steps.index("Commit(0)") < steps.index("Write(1)") < steps.index("Commit(1)")


@pytest.mark.parametrize("switch", ["snapshot", "read_committed"])
def test_weaker_levels_still_see_only_what_was_committed(switch):
    for size in STUDY.sizes:
        assert check(STUDY.model(size, {switch: True}), [graph.NO_G1, graph.ATOMIC]).findings[0].verdict == "holds"


def test_snapshot_isolation_rules_out_read_skew_and_lost_updates_at_every_size():
    for size in STUDY.sizes:
        found = check(STUDY.model(size, {"snapshot": True}), [graph.NO_SKEW, graph.P4])
        assert {finding.verdict for finding in found.findings} == {"holds"}


WRITES_X, WRITES_Y = ((0, 1),), ((1, 1),)


def test_the_graph_tells_write_skew_from_a_lost_update():
    skew = history((Program((0, 1), 0, WRITES_X), Program((0, 1), 0, WRITES_Y)), [(0,), (1,)], [((), ()), ((), ())])
    assert graph.no_read_skew(skew) and not graph.serializable(skew, [0, 1])
    lost = history((Program((0,), 0, WRITES_X), Program((0,), 0, WRITES_X)), [(0, 1), ()], [((),), ((),)])
    assert not graph.no_lost_update(lost) and not graph.no_read_skew(lost) and graph.reads_committed(lost)


def test_a_read_of_what_was_rolled_back_is_dirty():
    dirty = history((Program((0,), 0, WRITES_X), Program((0,))), [(), ()], [((),), ((0,),)])
    rolled_back = dirty._replace(txs=(Tx(ABORTED), dirty.txs[1]))
    assert not graph.reads_committed(rolled_back)
