"""A failure is named by what says most about the bug: which property, and what it says."""

import pytest

from acidtest.impl.broken.event_store.ids import FirstIdIsEnough
from acidtest.impl.naive.acid import TransferMoney
from acidtest.patterns import pattern
from acidtest.properties.event_store.scopes import append
from acidtest.properties.shared.scopes import client
from acidtest.search.check import check_exhaustively, check_scope, find_scope
from acidtest.search.explain import explain_failure
from acidtest.search.harness import Harness
from acidtest.workload import Scope

#: Pattern, mutant, scope (empty for all), and how the name of what it violates begins.
NAMED = [
    ("acid", "stale-debit", "", "P4: no committed transfer is overwritten by another"),
    ("acid", "error-is-rejection", "", "G4: only what is invalid or cannot be paid is rejected"),
    ("outbox", "error-is-rejection", "", "G4: only what is invalid or cannot be paid is rejected"),
    ("outbox", "stale-is-not-sent", "", "OB9: what is owed is published however old it is"),
    ("compensation", "undone-from-stale-balance", "", "CT2: changes commute: none overwrites another"),
    ("compensation", "takes-back-what-it-can", "", "G1: balances change by whole changes"),
    ("compensation", "non-idempotent-credit", "", "CT3: a compensation takes effect once"),
    ("tcc", "error-is-rejection", "", "G4: only a Try that is invalid, cancelled or cannot be paid is rejected"),
    ("reserve_confirm", "error-is-rejection", "", "G4: only what is invalid, declined or cannot be paid is rejected"),
    ("reserve_confirm", "error-is-pending", "", "G4: pending is told only of what is known"),
    ("reserve_confirm", "held-before-row", "", "G1: no more is withdrawn and held than was asked for"),
    ("saga_orchestration", "cleared-before-placed", "", "S7: what is done, or told to be undone, is of an order that is known"),
    ("saga_orchestration", "silence-parks", "", "S5: no order is parked once the pivot is done"),
    ("saga_orchestration", "tail-parks", "", "S5: no order is parked once the pivot is done"),
    ("saga_orchestration", "overdue-is-deleted", "", "S7: an order that is known stays known"),
    ("saga_orchestration", "parked-goes-on", "", "S8: nothing is done of an order that is parked"),
    ("three_phase_commit", "no-termination", "one site stays down", "NB: whoever stays up decides, although others stay down"),
    ("outbox_inbox", "finite-window", "", "EO7: however late a copy comes, or a relay tries again"),
    ("outbox_inbox", "inbox-and-outbox-separate-tx", "", "EO2: the effect and what is owed next are one"),
    ("outbox_inbox", "consumer-acks-when-latched", "", "EO2: the record and the effect are one"),
    ("saga_choreography", "delete-instead-of-reverse", "", "S3: what was done is reversed, not erased"),
]


@pytest.mark.parametrize(("stem", "name", "scope", "named"), NAMED, ids=[f"{stem}-{name}" for stem, name, *_ in NAMED])
def test_a_bug_is_named_by_the_property_that_says_most(stem: str, name: str, scope: str, named: str) -> None:
    contract = pattern(stem).contract_class()()
    mutant = next(mutant for mutant in pattern(stem).mutants() if mutant.name == name)
    scopes = (find_scope(contract, scope),) if scope else ()
    *_, (_, last) = check_exhaustively(contract, mutant.factory, scopes=scopes)
    assert last.violation is not None
    assert f"{last.violation.property}: {last.violation.name}".startswith(named)


def test_an_append_that_ends_in_an_error_although_nothing_disturbs_it_is_named_and_not_left_to_the_model() -> None:
    contract = pattern("event_store").contract_class()()
    scope = Scope("known behind new", "", (), (client("app-1", append("a1", "a", 0, "e1"), append("a2", "a", 1, "e2", "e1")),))
    harness = Harness(contract, FirstIdIsEnough)
    try:
        result = check_scope(harness, scope)
    finally:
        harness.close()
    assert result.violation is not None
    assert f"{result.violation.property}: {result.violation.name}".startswith("G11: an undisturbed append is stored or refused")


def test_an_id_that_several_properties_share_is_listed_once_and_no_return_is_told_of_where_there_is_one_order() -> None:
    contract = pattern("compensation").contract_class()()
    mutant = next(mutant for mutant in pattern("compensation").mutants() if mutant.name == "takes-back-what-it-can")
    for harness, result in check_exhaustively(contract, mutant.factory, scopes=(find_scope(contract, "parked"),)):
        failure = explain_failure(harness, result, "my:Code")
    assert result.scope.serial
    assert sorted(set(failure.holds)) == sorted(failure.holds)
    assert {"G7", "G11"} <= set(failure.holds)
    assert (failure.too_late, failure.unexplained) == (None, "")


def test_what_does_not_hold_from_the_start_is_told_of_install() -> None:
    contract = pattern("acid").contract_class()()
    for harness, result in check_exhaustively(contract, TransferMoney):
        failure = explain_failure(harness, result, "my:Code")
    assert (failure.property_id, failure.schedule, failure.at_rest) == ("G12", (), False)
    assert failure.cause.endswith("does not hold right after install without any fault.")
