"""What is measured beside others is what it is said to be; that the page is made of it, test_generated says."""

import json
from itertools import product

import pytest

from acidtest.patterns import coded, pattern
from acidtest.search.check import find_scope
from acidtest.search.exhaustive import Explorer
from acidtest.search.harness import Harness
from benchmarks import cost, servers
from benchmarks.environments import Absent, interpreter
from benchmarks.peers.by_acidtest import explore
from benchmarks.peers.programs import PROGRAMS
from benchmarks.peers.side_by_side import MEASURED, PEERS
from generator.benchmarks import OURS, page
from generator.evidence import NotProvedError
from generator.servers import page as page_of_databases

KEPT = json.loads(MEASURED.read_text(encoding="utf-8"))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_a_program_comes_out_as_it_is_said_to(program):
    _, found = explore(program, "sqlite", 30.0, first=True)
    assert (found.violation is None) == ("sqlite" in program.holds)


def test_each_tool_has_a_row_for_each_program():
    tools = [(OURS, ("sqlite", "postgresql")), *((peer.name, peer.backends) for peer in PEERS)]
    wanted = {(tool, program.name, backend) for (tool, backends), program in product(tools, PROGRAMS) for backend in backends}
    assert {(row["tool"], row["program"], row["backend"]) for row in KEPT["rows"]} == wanted
    assert KEPT["programs"] == {program.name: program.what for program in PROGRAMS}


def test_a_tool_that_finishes_agrees_with_what_a_program_is_said_to_do():
    holds = {(program.name, backend) for program in PROGRAMS for backend in program.holds}
    judged = [row for row in KEPT["rows"] if row["complete"]]
    assert [row for row in judged if (row["first"] is None) != ((row["program"], row["backend"]) in holds)] == []


def test_what_was_not_measured_is_told():
    rows = [{**row, "runs": 0, "complete": False, "note": "needs another Python"} if row["tool"] != OURS else row for row in KEPT["rows"]]
    assert "Frontrun: not measured: needs another Python." in page({**KEPT, "rows": rows})


def test_a_peer_for_a_python_that_nobody_has_is_absent():
    with pytest.raises(Absent, match=r"needs Python 9\.1 or newer"):
        interpreter((9, 1))


@pytest.mark.parametrize("entry", coded(), ids=lambda entry: entry.stem)
def test_what_the_cost_is_measured_by_is_work_of_its_pattern(entry):
    contract = entry.contract_class()()
    if entry.stem in ("inbox", "xa_resource"):  # messages come to a consumer; a resource manager is asked for one call after the other
        with pytest.raises(LookupError, match=f"{entry.stem}: not measured"):
            cost.request_of(contract)
        return
    harness = Harness(contract, entry.reference_factory())
    try:
        found = Explorer(harness, cost.scope_of(contract, 2, 1, 0)).explore()
    finally:
        harness.close()
    assert found.complete
    assert found.outcomes & {"ok", "pending", "done"} or contract.pattern in cost.OWN
    assert "rejected" not in found.outcomes


def test_a_scope_that_ends_otherwise_on_one_database_needs_a_reason():
    kept = json.loads(servers.MEASURED.read_text(encoding="utf-8"))
    first = next(row for row in kept["rows"] if "common" in row)
    differs = {**first, "scope": "unheard of", "alone": {"mariadb": 1}}
    with pytest.raises(NotProvedError, match="does not say why"):
        page_of_databases({**kept, "rows": [differs]})


def test_every_scope_of_every_contract_was_tried_on_the_databases():
    kept = json.loads(servers.MEASURED.read_text(encoding="utf-8"))
    assert {(row["pattern"], row["scope"]) for row in kept["rows"]} == {
        (entry.stem, scope.name) for entry in coded() for scope in entry.contract_class().scopes
    }


def test_what_ends_otherwise_on_one_database_is_counted_and_named():
    contract = pattern("acid").contract_class()()
    harness = Harness(contract, pattern("acid").reference_factory())
    try:
        found = Explorer(harness, find_scope(contract, "one process")).explore()
    finally:
        harness.close()
    views = {contract.abstract(view): view for view, _ in found.finals}
    fewer = dict(list(views.items())[:1])
    same = servers.compared(contract, {"sqlite": views, "postgresql": views, "mariadb": views})
    other = servers.compared(contract, {"sqlite": views, "postgresql": fewer, "mariadb": views})
    assert same == {"common": 2, "alone": {"sqlite": 0, "postgresql": 0, "mariadb": 0}, "differing": []}
    assert (other["common"], other["alone"]) == (1, {"sqlite": 1, "postgresql": 0, "mariadb": 1})
    assert other["differing"]
