"""The references on MariaDB, where rows and gaps are locked, reads are of a snapshot, and writes are of what is there now."""

import pytest

from acidtest.impl.acid import Transfers
from acidtest.patterns import pattern
from acidtest.search.check import check_scope, find_scope
from acidtest.search.harness import Harness
from acidtest.search.stateful import check_statefully
from acidtest.search.verdict import Verdict

#: The scopes that take seconds; `acidtest verify --backend mariadb` runs all of them.
CASES = [
    *(("acid", scope) for scope in ("opposite transfers", "one process", "long pause", "read and read again")),
    *(("outbox", scope) for scope in ("invalid requests", "late relay")),
    *(("inbox", scope) for scope in ("one message", "equal ids", "no funds", "out of order", "poison", "no id", "dead letters again")),
    *(("compensation", scope) for scope in ("invalid requests", "long pause", "parked")),
    *(("tcc", scope) for scope in ("one branch", "rejected requests")),
    *(("reserve_confirm", scope) for scope in ("invalid requests", "in part or not at all")),
    ("three_phase_commit", "keys"),
    *(("two_phase_commit", scope) for scope in ("lost replies", "refused for good", "opposite runs")),
    *(("tcc_coordinator", scope) for scope in ("invalid requests", "one id for several", "crash in recovery")),
    *(("saga_orchestration", scope) for scope in ("invalid requests",)),
    *(("saga_choreography", scope) for scope in ("invalid requests", "late relay")),
    *(("outbox_inbox", scope) for scope in ("invalid requests", "out of order", "late relays")),
    *(("event_store", scope) for scope in ("one append", "expected versions", "known events")),
    *(("event_sourcing", scope) for scope in ("invalid commands", "snapshots", "old release")),
    *(("cqrs", scope) for scope in ("invalid requests",)),
    *(("xa", scope) for scope in ("decided alone", "refused for good")),
    *(("three_phase_commit", scope) for scope in ("three sites", "keys")),
]  # fmt: skip

pytestmark = pytest.mark.usefixtures("mariadb")


class AtReadCommitted(Transfers):
    """The reference, with a snapshot for every statement, and without locks of gaps."""

    level = "READ COMMITTED"


class AtSerializable(Transfers):
    """The reference, with locks on what it reads."""

    level = "SERIALIZABLE"


def explored(stem, factory, scope, seconds=None, backend="mariadb"):
    contract = pattern(stem).contract_class()()
    harness = Harness(contract, factory, backend)
    try:
        return check_scope(harness, find_scope(contract, scope), seconds=seconds)
    finally:
        harness.close()


@pytest.mark.parametrize(("stem", "scope"), CASES, ids=[f"{stem}-{scope}" for stem, scope in CASES])
def test_the_reference_passes_a_scope_completely(stem, scope):
    result = explored(stem, pattern(stem).reference_factory(), scope)
    assert (result.violation, result.reasons, result.verdict) == (None, (), Verdict.PASS)


@pytest.mark.parametrize("factory", [AtReadCommitted, AtSerializable])
def test_the_reference_of_acid_is_right_at_every_level(factory):
    result = explored("acid", factory, "one process")
    assert (result.violation, result.reasons, result.verdict) == (None, (), Verdict.PASS)


LARGER = [
    ("outbox", "two relays"), ("acid", "competing transfers"), ("compensation", "third party"), ("tcc", "twice"),
    ("reserve_confirm", "two funded withdrawals"), ("saga_orchestration", "side by side"), ("cqrs", "rebuild"),
]  # fmt: skip


@pytest.mark.parametrize(("stem", "scope"), LARGER)
def test_nothing_is_found_in_a_larger_scope_in_a_second(stem, scope):
    assert explored(stem, pattern(stem).reference_factory(), scope, seconds=1.0).violation is None


ELSEWHERE_RIGHT = [
    ("acid", "timeout-taken-for-rollback"), ("acid", "ddl-in-the-middle"), ("event_store", "version-of-the-snapshot"),
    ("cqrs", "checkpoint-of-the-snapshot"), ("inbox", "record-of-the-snapshot"), ("event_sourcing", "decides-on-the-snapshot"),
    ("outbox_inbox", "record-of-the-snapshot"),
]  # fmt: skip


@pytest.mark.parametrize(("stem", "name"), ELSEWHERE_RIGHT)
def test_what_is_wrong_here_is_right_on_sqlite(stem, name):
    (mutant,) = [mutant for mutant in pattern(stem).mutants() if mutant.name == name]
    result = explored(stem, mutant.factory, mutant.scope, backend="sqlite")
    assert (result.violation, result.verdict) == (None, Verdict.PASS)


def test_the_stateful_search_runs_there_as_well():
    harness, result = check_statefully(
        pattern("acid").contract_class()(), pattern("acid").reference_factory(), examples=5, seed=1, backend="mariadb"
    )
    harness.close()
    assert result.violation is None
