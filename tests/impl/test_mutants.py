"""The gallery of known bugs: each is killed by the exhaustive search, through a property that it is listed with."""

import pytest

from acidtest.checker.machine import Kind
from acidtest.patterns import coded
from acidtest.search.check import beginning_with, check_exhaustively

CASES = [(entry, mutant) for entry in coded() for mutant in entry.mutants()]


@pytest.mark.parametrize(("entry", "mutant"), CASES, ids=[f"{entry.stem}-{mutant.name}" for entry, mutant in CASES])
def test_a_mutant_is_killed_by_a_property_that_it_is_listed_with(entry, mutant, request):
    if mutant.backend != "sqlite":
        request.getfixturevalue(mutant.backend)
    contract = entry.contract_class()()
    checked = check_exhaustively(contract, mutant.factory, scopes=beginning_with(contract, mutant.scope), backend=mutant.backend)
    results = [result for _, result in checked]
    assert results[-1].violation is not None
    assert results[-1].violation.property in mutant.violates
    assert not mutant.scope or len(results) == 1, f"it shows in {results[-1].scope.name!r}: let the mutant name that scope"


@pytest.mark.parametrize(("entry", "mutant"), CASES, ids=[f"{entry.stem}-{mutant.name}" for entry, mutant in CASES])
def test_the_docstring_of_a_mutant_names_the_bug_and_the_properties(entry, mutant):
    assert all(name in mutant.bug for name in mutant.violates)


def test_no_mutant_is_known_by_the_model_alone():
    assert [mutant.name for _, mutant in CASES if "MODEL" in mutant.violates] == []


@pytest.mark.parametrize("entry", coded(), ids=lambda entry: entry.stem)
def test_every_property_of_a_contract_kills_a_mutant_or_is_shown_by_a_naive_version(entry):
    kills = {name for mutant in entry.mutants() for name in mutant.violates}
    kills |= {name for defect in entry.defects() for name in defect.violates}
    required = {p.id for p in entry.contract_class().properties if p.kind is not Kind.SOMETIMES}
    assert required - kills == set()


@pytest.mark.parametrize("entry", coded(), ids=lambda entry: entry.stem)
def test_bugs_that_cannot_exist_here_are_listed_with_a_reason(entry):
    assert all(len(reason) > 20 for reason in entry.impossible_mutants().values())
    assert not set(entry.impossible_mutants()) & {mutant.name for mutant in entry.mutants()}
