"""A transaction manager over a database of PostgreSQL and one of MariaDB, in one transaction; its log is on a third, or on one of these."""

from dataclasses import replace

import pytest

from acidtest.errors import BackendUnavailable
from acidtest.impl.broken.xa import MUTANTS
from acidtest.impl.xa import TransactionManager
from acidtest.properties.xa.contract import XaContract
from acidtest.search.check import check_exhaustively, check_scope, find_scope
from acidtest.search.exhaustive import Explorer
from acidtest.search.harness import Harness
from acidtest.search.replay import replay
from acidtest.search.verdict import Verdict
from acidtest.world.databases import table

BOTH, DEATH = "PostgreSQL and MariaDB", "death of PostgreSQL or MariaDB"
BACKENDS = ("sqlite", "postgresql", "mariadb")
KILLED = (
    "no-prepare", "last-resource", "failed-vote-counts", "last-vote-taken-for-granted", "decide-before-log", "rmerr-for-rmfail",
    "retry-means-refused", "failed-scan-stops-recovery", "answers-at-decision", "end-forgotten", "commit-not-retried",
    "committed-rolled-back", "swallowed-error (X6)",
)  # fmt: skip


@pytest.fixture
def servers(postgresql, mariadb):
    """Both servers of this test run."""
    return postgresql, mariadb


def explored(factory, scope, backend="sqlite"):
    """What a search of a scope finds, and what becomes of the schedule where it fails when it is replayed."""
    contract = XaContract()
    harness = Harness(contract, factory, backend)
    try:
        result = check_scope(harness, find_scope(contract, scope))
        again = replay(harness, result.scope, result.schedule) if result.violation is not None else None
        return result, again
    finally:
        harness.close()


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_reference_passes_over_both_whatever_its_log_is_on(backend):
    result, _ = explored(TransactionManager, BOTH, backend)
    assert (result.violation, result.reasons, result.verdict) == (None, (), Verdict.PASS)
    assert {"crash", "refused", "lost", "unacknowledged", "late"} <= dict(result.coverage.faults).keys()


@pytest.mark.usefixtures("servers")
def test_the_reference_passes_where_recovery_dies_as_well():
    result, _ = explored(TransactionManager, f"{BOTH}, crash in recovery")
    assert (result.violation, result.reasons, result.verdict) == (None, (), Verdict.PASS)


@pytest.mark.parametrize("backend", ["postgresql", "mariadb"])
def test_the_reference_survives_the_death_of_either_server(servers, backend):
    if not all(server.private for server in servers):
        pytest.skip("a server is not ours to kill")
    result, _ = explored(TransactionManager, DEATH, backend)
    assert (result.violation, result.reasons, result.verdict) == (None, (), Verdict.PASS)
    assert dict(result.coverage.faults)["restart database"] > 10


def test_the_servers_die_one_at_a_time_and_each_can(servers):
    if not all(server.private for server in servers):
        pytest.skip("a server is not ours to kill")
    mutant = next(one for one in MUTANTS if one.name == "committed-rolled-back")
    result, again = explored(mutant.factory, DEATH, "postgresql")
    deaths = [decision.server for decision in result.schedule if decision.restarts_database]
    assert len(deaths) == 1
    assert deaths[0] in ("postgresql", "mariadb")
    assert result.violation.property in mutant.violates
    assert again.violation.property == result.violation.property


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize("name", KILLED)
def test_a_mutant_is_killed_over_both_by_a_property_that_it_is_listed_with(name):
    mutant = next(one for one in MUTANTS if one.name == name)
    result, again = explored(mutant.factory, BOTH, "mariadb")
    assert result.violation.property in mutant.violates
    assert again.violation.property == result.violation.property


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize("factory", [TransactionManager, next(one for one in MUTANTS if one.name == "no-prepare").factory])
def test_what_the_search_leaves_out_loses_nothing_over_both(factory):
    found = []
    for reduced in (False, True):
        contract = XaContract()
        harness = Harness(contract, factory)
        scope = replace(find_scope(contract, BOTH), kinds=frozenset({"crash"}))
        found.append(Explorer(harness, scope, reduced=reduced, merged=reduced).explore())
        harness.close()
    whole, short = found
    assert (whole.violation is None, whole.complete) == (short.violation is None, short.complete)
    assert short.schedules <= whole.schedules
    if whole.violation is None:
        assert {view for view, _ in short.finals} == {view for view, _ in whole.finals}


@pytest.mark.usefixtures("servers")
def test_one_harness_goes_from_one_choice_of_databases_to_another():
    contract = XaContract()
    harness = Harness(contract, TransactionManager, "postgresql")
    found = []
    try:
        for name in (BOTH, "one database", BOTH):
            harness.prepare(find_scope(contract, name))
            found.append(harness.cluster.host("observer").url("resource right").partition(":")[0])
    finally:
        harness.close()
    assert found == ["mysql+pymysql", "postgresql+psycopg", "mysql+pymysql"]


@pytest.mark.parametrize("seconds", [None, 60])
def test_without_a_server_a_scope_is_not_run_and_says_so_and_others_are(monkeypatch, seconds):
    def away():
        message = "MariaDB was not found: there is no mariadbd on the PATH."
        raise BackendUnavailable(message)

    monkeypatch.setitem(table._TABLE, "mariadb", away)
    contract = XaContract()
    scopes = tuple(find_scope(contract, name) for name in (BOTH, "refused for good"))
    found = {r.scope.name: r for _, r in check_exhaustively(contract, TransactionManager, scopes=scopes, seconds=seconds)}
    assert found["refused for good"].verdict == Verdict.PASS
    assert (found[BOTH].verdict, found[BOTH].schedules) == (Verdict.INCONCLUSIVE, 0)
    assert found[BOTH].reasons == ("it was not run, for it takes mariadb: MariaDB was not found: there is no mariadbd on the PATH.",)
