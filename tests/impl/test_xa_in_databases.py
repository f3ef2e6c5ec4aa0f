"""A transaction manager over databases that prepare transactions by themselves: PostgreSQL's prepared transactions, MariaDB's XA."""

from types import SimpleNamespace

import pytest

from acidtest.environment import Xa, XaError, Xid
from acidtest.errors import UsageError
from acidtest.impl.broken.xa import MUTANTS
from acidtest.impl.xa import TransactionManager
from acidtest.properties.xa.contract import XaContract
from acidtest.search.check import check_scope, find_scope
from acidtest.search.harness import Harness
from acidtest.search.verdict import Verdict

SERVERS = ("postgresql", "mariadb")
#: Those that take seconds.
CHEAP = ("two databases", "one database", "databases cannot pay")
KILLED = (
    "decide-before-log", "rmerr-for-rmfail", "no-prepare", "last-resource", "failed-vote-counts", "commit-not-retried",
    "committed-rolled-back", "answers-at-decision", "swallowed-error (X6)",
)  # fmt: skip


def explored(factory, scope, backend):
    contract = XaContract()
    harness = Harness(contract, factory, backend)
    try:
        return check_scope(harness, find_scope(contract, scope))
    finally:
        harness.close()


@pytest.mark.parametrize("backend", SERVERS)
@pytest.mark.parametrize("scope", CHEAP)
def test_the_reference_passes_over_real_databases(backend, scope, request):
    request.getfixturevalue(backend)
    result = explored(TransactionManager, scope, backend)
    assert (result.violation, result.reasons, result.verdict) == (None, (), Verdict.PASS)


@pytest.mark.parametrize("backend", SERVERS)
def test_the_reference_survives_the_death_of_the_databases(backend, request):
    if not request.getfixturevalue(backend).private:
        pytest.skip("the server is not ours to kill")
    result = explored(TransactionManager, "death of the databases", backend)
    assert (result.violation, result.reasons, result.verdict) == (None, (), Verdict.PASS)
    assert dict(result.coverage.faults)["restart database"] > 5


@pytest.mark.parametrize("backend", SERVERS)
@pytest.mark.parametrize("name", KILLED)
def test_a_mutant_is_killed_over_real_databases_by_a_property_that_it_is_listed_with(backend, name, request):
    request.getfixturevalue(backend)
    mutant = next(one for one in MUTANTS if one.name == name)
    result = explored(mutant.factory, "two databases", backend)
    assert result.violation is not None
    assert result.violation.property in mutant.violates


def test_a_kind_of_database_that_cannot_prepare_is_refused():
    with pytest.raises(UsageError, match="sqlite cannot prepare transactions"):
        explored(TransactionManager, "two databases", "sqlite")


class Talks(TransactionManager):
    """Asks the resource manager for what must be refused, and keeps what it was told."""

    told = SimpleNamespace(answers=[])  # of all processes: an object of Python's own belongs to none

    def run(self, key, operations):
        """Ask for each thing once."""
        left, xid = self.resources["left"], Xid(1, f"g'%,|{self.new_id()}", "b")
        self.told.answers.clear()
        for call in (
            lambda: left.prepare(xid), lambda: left.commit(xid), lambda: left.rollback(xid), lambda: left.forget(xid), lambda: left.end(xid),
            lambda: left.start(xid), lambda: left.start(xid), lambda: left.prepare(xid), lambda: left.rollback(xid),
            lambda: left.change("nobody", 1), lambda: left.change("A", -1000), lambda: left.read("A"), lambda: left.end(xid),
            lambda: left.change("A", 1), lambda: left.prepare(xid), lambda: left.recover() == (xid,), lambda: left.prepare(xid),
            lambda: left.rollback(xid), lambda: left.rollback(xid), left.recover,
        ):  # fmt: skip
            try:
                self.told.answers.append(call())
            except XaError as error:
                self.told.answers.append(error.code)
        return super().run(key, operations)


@pytest.mark.parametrize("backend", SERVERS)
def test_calls_are_answered_as_x_open_has_it(backend, request):
    request.getfixturevalue(backend)
    explored(Talks, "databases cannot pay", backend)
    again = Xa.PROTO if backend == "mariadb" else Xa.NOTA  # PostgreSQL's session has let go of the branch
    assert Talks.told.answers == [
        Xa.NOTA, Xa.NOTA, Xa.NOTA, Xa.NOTA, Xa.NOTA, None, Xa.PROTO, Xa.PROTO, Xa.PROTO, Xa.INVAL, Xa.INVAL, 100, None,
        Xa.PROTO, Xa.OK, True, again, None, Xa.NOTA, (),
    ]  # fmt: skip
