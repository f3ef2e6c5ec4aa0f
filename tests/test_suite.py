"""In which order several processes are given the tests of contracts."""

import math
import subprocess
import sys
import textwrap

import pytest

from acidtest.suite import dealt


def given(order, processes, how):
    """What each process is given at first, as pytest-xdist deals out."""
    chunk = len(order) // processes if how == "worksteal" else max(len(order) // processes // 4, 2)
    return [order[p * chunk : (p + 1) * chunk] for p in range(processes)]


@pytest.mark.parametrize("how", ["load", "worksteal"])
def test_the_dearest_tests_are_dealt_out_to_the_processes_in_turn(how):
    costs = [*map(float, range(1, 17)), math.inf]
    order = dealt(costs, costs, 2, how)
    first, second = given(order, 2, how)
    assert sorted(order) == sorted(costs)
    assert first[0] == math.inf
    assert second[0] == 16.0
    assert first == sorted(first, reverse=True)
    assert second == sorted(second, reverse=True)


def test_what_is_left_after_the_first_chunks_comes_in_the_order_of_its_cost():
    costs = [float(n) for n in range(16)]
    assert dealt(costs, costs, 2, "load")[4:] == [float(n) for n in range(11, -1, -1)]


def test_other_tests_keep_their_order_and_come_after_those_of_contracts():
    items = [f"other {n}" for n in range(30)]
    items[7], items[20] = "cheap", "dear"
    costs = [{"cheap": 1.0, "dear": 2.0}.get(item) for item in items]
    order = dealt(items, costs, 2, "load")
    assert [chunk[0] for chunk in given(order, 2, "load")] == ["dear", "cheap"]
    assert [item for item in order if item in items and item.startswith("other")] == [item for item in items if item.startswith("other")]


CONTRACTS = textwrap.dedent("""
    from acidtest import AcidContract, CompensationContract, OutboxContract


    class TestAcid(AcidContract):
        pass


    class TestCompensation(CompensationContract):
        pass


    class TestOutbox(OutboxContract):
        pass
""")


def test_each_process_begins_with_a_dear_test_where_a_project_has_several_contracts(tmp_path):
    (tmp_path / "test_contracts.py").write_text(CONTRACTS, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "2", "-v", "-x"]  # nothing is implemented: all fail at once
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    begun = [line for line in told.splitlines() if line.startswith("test_contracts.py::")]
    assert len(begun) > 1, told
    assert all("test_stateful" in line for line in begun[:2]), told
