"""Whatever befalls a run over several databases, it leaves no session behind: neither in a pool that never gets it back, nor on the server."""

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import ClassVar

import pytest
from sqlalchemy.exc import SQLAlchemyError

from acidtest.impl.two_phase_commit import Coordinator, XaParticipant
from acidtest.impl.xa import TransactionManager
from acidtest.properties.two_phase_commit.contract import TwoPhaseCommitContract
from acidtest.properties.xa.contract import XaContract
from acidtest.search.check import check_scope, find_scope
from acidtest.search.harness import Harness
from acidtest.search.verdict import Verdict

SERVERS = ("postgresql", "mariadb")
SCOPES = ("lost replies", "the last cannot pay")
told = SimpleNamespace(left=Counter())  # of all processes: an object of Python's own belongs to none


class CountedRuns(Coordinator):
    """Counts the sessions that a call has checked out and not given back when it ends, by how it ends.

    A process that dies gives nothing back: so what was checked out before a call is none of its own, and of a death nothing is counted.
    """

    def run(self, key, operations):
        """As ever."""
        before = self._checked_out()
        try:
            answer = super().run(key, operations)
        except SQLAlchemyError:
            told.left["failed"] += max(0, self._checked_out() - before)
            raise
        told.left[str(answer)] += max(0, self._checked_out() - before)
        return answer

    def recover(self):
        """As ever."""
        before = self._checked_out()
        super().recover()
        told.left["recovered"] += max(0, self._checked_out() - before)

    def _checked_out(self):
        engines = [self.log.engine, *(participant.engine for participant in self.participants.values())]
        return sum(engine.pool.checkedout() for engine in engines)


class KeepsSessions(CountedRuns):
    """A coordinator on MariaDB that forgets to let its sessions go."""

    class Keeps(XaParticipant):
        """Takes note of a decision, and of nothing else."""

        def _decide(self, verb, xid):
            self._xa(self._promised.get(xid) or self._session(), verb, xid)

        def let_go(self, xid):
            """Nothing."""

    native: ClassVar = {"mysql": Keeps, "mariadb": Keeps}


class CountedBranches(TransactionManager):
    """The same of branches in databases, whose sessions are in no pool."""

    def __init__(self, env):
        """Know the host that has them all."""
        super().__init__(env)
        self.connections = env._host.connections  # as no implementation could

    def run(self, key, operations):
        """As ever; an error of the log leaves it open whether branches are prepared."""
        answer = super().run(key, operations)
        told.left["run"] += sum(not one.lost and one.spares is None for one in self.connections())
        return answer


def explored(contract, factory, scope, backend, **changes):
    told.left.clear()
    harness = Harness(contract, factory, backend)
    try:
        return check_scope(harness, replace(find_scope(contract, scope), **changes))
    finally:
        harness.close()


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("backend", SERVERS)
def test_a_coordinator_gives_back_every_session_whatever_befalls_it(backend, scope, request):
    request.getfixturevalue(backend)
    result = explored(TwoPhaseCommitContract(), CountedRuns, scope, backend)
    assert result.verdict == Verdict.PASS
    assert {"failed", "recovered"} < told.left.keys()
    assert not +told.left


def test_one_that_keeps_its_sessions_is_noticed(mariadb):
    del mariadb
    explored(TwoPhaseCommitContract(), KeepsSessions, "lost replies", "mariadb", faults=0, kinds=frozenset())
    assert told.left["ok"] > 0


@pytest.mark.parametrize("backend", SERVERS)
def test_a_run_over_databases_leaves_no_session_of_a_branch(backend, request):
    request.getfixturevalue(backend)
    result = explored(XaContract(), CountedBranches, "two databases", backend)
    assert result.verdict == Verdict.PASS
    assert "run" in told.left
    assert not +told.left
