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


#: What breaks another invariant on the way, which is then told: a correction makes a lie of what the first buyer was told, and a letter
#: that comes too early is there when the order has not ended.
TOLD_FIRST = {"corrects-the-order": "done", "writes-when-paid": "every_order_ends"}


def violated_by(name, mutant, only=frozenset()):
    """The invariant that a search of the mutant's scope tells, of these alone or of all."""
    contract = contract_of(name)
    harness = Harness(contract, mutant.factory)
    result = check_scope(harness, next(scope for scope in contract.scopes if scope.name == mutant.scope), only=only)
    harness.close()
    return result.violation and result.violation.property


@pytest.mark.parametrize(("name", "mutant"), MUTANTS, ids=[f"{name}: {mutant.name}" for name, mutant in MUTANTS])
def test_a_broken_seam_is_found_by_what_it_breaks(name, mutant):
    (broken,) = mutant.violates
    assert violated_by(name, mutant) == TOLD_FIRST.get(mutant.name, broken)


@pytest.mark.parametrize("told_first", TOLD_FIRST)
def test_what_breaks_another_invariant_on_the_way_breaks_its_own_as_well(told_first):
    ((name, mutant),) = [(name, mutant) for name, mutant in MUTANTS if mutant.name == told_first]
    assert violated_by(name, mutant, frozenset(mutant.violates)) == mutant.violates[0]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_each_invariant_of_an_architecture_is_broken_by_a_mutant_of_a_seam(name):
    broken = {violated for mutant in mutants_of(name) for violated in mutant.violates}
    assert {p.id for p in contract_of(name).properties} - broken == set()
