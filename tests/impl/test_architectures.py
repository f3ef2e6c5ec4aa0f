"""The architectures keep their contracts from end to end, and each of their mutants is found by the invariant that it breaks."""

from importlib import import_module

import pytest

from acidtest.search.check import check_scope
from acidtest.search.harness import Harness
from acidtest.search.verdict import Verdict, never_happened

#: By the name of the module: the contract, and the reference.
ARCHITECTURES = {
    "monolith": ("MonolithContract", "Monolith"),
    "microservices": ("MicroservicesContract", "microservices"),
    "finance": ("FinanceContract", "finance"),
    "ecommerce": ("EcommerceContract", "ecommerce"),
}


def contract_of(name):
    return getattr(import_module(f"acidtest.properties.architectures.{name}"), ARCHITECTURES[name][0])()


def mutants_of(name):
    return import_module(f"acidtest.impl.broken.architectures.{name}").MUTANTS


MUTANTS = [(name, mutant) for name in ARCHITECTURES for mutant in mutants_of(name)]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_an_architecture_passes_all_its_scopes_and_everything_happens_that_must(name):
    contract = contract_of(name)
    reference = getattr(import_module(f"acidtest.impl.architectures.{name}"), ARCHITECTURES[name][1])
    harness = Harness(contract, reference)
    results = [check_scope(harness, scope) for scope in contract.scopes]
    harness.close()
    assert [(result.scope.name, result.verdict, result.reasons) for result in results if result.verdict != Verdict.PASS] == []
    assert never_happened(contract.somewhere, results) == []


@pytest.mark.parametrize(("name", "mutant"), MUTANTS, ids=[f"{name}: {mutant.name}" for name, mutant in MUTANTS])
def test_a_broken_seam_is_found(name, mutant):
    """Whatever else it breaks: the search looks for that one invariant alone."""
    assert len(mutant.violates) == 1
    contract = contract_of(name)
    harness = Harness(contract, mutant.factory)
    scope = next(scope for scope in contract.scopes if scope.name == mutant.scope)
    result = check_scope(harness, scope, only=frozenset(mutant.violates))
    harness.close()
    assert result.violation is not None
    assert result.violation.property in mutant.violates


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_each_invariant_of_an_architecture_is_broken_by_a_mutant_of_a_seam(name):
    broken = {violated for mutant in mutants_of(name) for violated in mutant.violates}
    assert {p.id for p in contract_of(name).properties} - broken == set()
