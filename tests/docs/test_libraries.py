"""What is told of published libraries is of the adapters that are there; that the page is made of it, test_generated says."""

import json
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from acidtest.errors import UsageError
from acidtest.properties.two_phase_commit.contract import TwoPhaseCommitContract
from acidtest.search.check import check_scope, find_scope
from acidtest.search.harness import Harness
from benchmarks.libraries.table import ADAPTERS, LIBRARIES, Library
from benchmarks.libraries.tried import MEASURED, Row, checked, chosen, lines_of, read
from generator.libraries import page

KEPT = json.loads(MEASURED.read_text(encoding="utf-8"))
#: A library that is installed here: acidtest's own store, by an adapter that adds nothing.
OWN = Library("acidtest", ("acidtest==0",), "event_store", "acidtest.impl.event_store:EventStore", ("sqlite",), "", {})


def test_each_library_has_a_row_for_each_kind_of_databases_and_its_adapter_is_as_long_as_is_told():
    wanted = [(one.name, one.version, one.pattern, backend, lines_of(one.file)) for one in LIBRARIES for backend in one.backends]
    assert [tuple(row.values())[:5] for row in KEPT["rows"]] == wanted
    assert KEPT["libraries"] == {one.name: {"what": one.what, "found": one.found} for one in LIBRARIES}


def test_lines_are_those_with_code(tmp_path):
    file = tmp_path / "adapter.py"
    file.write_text('"""What it is.\n\nMore."""\n\n# why\nimport os\n\n\nclass A:\n    """An A."""\n\n    x = (\n        1,\n    )\n')
    assert lines_of(file) == 5


def test_a_library_is_checked_as_a_user_would(monkeypatch):
    monkeypatch.setattr(Library, "file", Path(__file__))
    row = checked(Path(sys.executable), OWN, "sqlite", 60.0, scopes=("expected versions",))
    assert (row.verdict, row.property, row.note) == ("pass", "", "")


def test_what_cannot_be_run_is_told_with_the_reason(monkeypatch):
    monkeypatch.setattr(Library, "file", Path(__file__))
    row = checked(Path(sys.executable), OWN._replace(adapter="no_such_module:Store"), "sqlite", 60.0)
    assert row.verdict == ""
    assert row.note.startswith("exit code 2: ")


@pytest.mark.parametrize("backend", ["postgresql", "mariadb"])
@pytest.mark.parametrize("kind", ["", "refused", "lost", "unacknowledged", "late", "crash"])
def test_transactions_of_two_phases_of_sqlalchemy_are_right_without_faults_alone(backend, kind, request, monkeypatch):
    request.getfixturevalue(backend)
    monkeypatch.syspath_prepend(str(ADAPTERS))
    contract = TwoPhaseCommitContract()
    scope = replace(find_scope(contract, "lost replies"), kinds=frozenset({kind} - {""}), faults=int(bool(kind)))
    harness = Harness(contract, import_module("with_sqlalchemy").Desk, backend)
    try:
        result = check_scope(harness, scope)
    finally:
        harness.close()
    assert (result.violation and result.violation.property) == ("AC1" if kind else None)


def test_a_failure_is_told_by_its_property_and_its_scope():
    failure = {"property": "ES8", "name": "nothing is passed over", "scope": {"name": "two streams"}, "schedule": ["a", "b"]}
    row = read(Row("a", "1", "event_store", "sqlite", 9), {"verdict": "fail", "failure": failure, "results": []})
    assert (row.verdict, row.property, row.scope, row.steps) == ("fail", "ES8", "two streams", 2)
    library = {"a": {"what": "A store.", "found": {"sqlite": "It skips one."}}}
    text = page({"about": KEPT["about"], "libraries": library, "rows": [row._asdict()]})
    assert "**fail**, ES8: nothing is passed over; in the scope two streams, in 2 steps. It skips one." in text


def test_an_unknown_library_is_refused_with_those_that_there_are():
    with pytest.raises(UsageError, match=LIBRARIES[0].name):
        chosen(["no-such-library"])
