"""Resource managers are awaited, played or as databases: what coroutines do with them is searched as what functions do."""

from dataclasses import replace

import pytest

from acidtest.environment import Outcome, Xa, XaError, Xid
from acidtest.properties.xa.contract import XaContract
from acidtest.search.check import check_scope, find_scope
from acidtest.search.harness import Harness
from acidtest.search.verdict import Verdict


class Forgetful:
    """Has branches prepared and committed, and writes nothing down."""

    def __init__(self, env):
        self.resources = {name: env.aio.resource(name) for name in ("left", "right", "third")}
        self.new_id = env.new_id

    def install(self, accounts):
        pass

    async def run(self, key, operations):
        xids = {name: Xid(1, f"acidtest:{key}#{self.new_id()}", name) for name, _, _ in operations}
        try:
            for name, xid in xids.items():
                await self.resources[name].start(xid)
            for name, account, change in operations:
                await (self.resources[name].change(account, change) if change else self.resources[name].read(account))
            for name, xid in xids.items():
                await self.resources[name].end(xid)
            votes = [await self.resources[name].prepare(xid) for name, xid in xids.items()]
        except XaError:
            return Outcome.REJECTED
        for (name, xid), vote in zip(xids.items(), votes, strict=True):
            if vote == Xa.OK:
                await self.resources[name].commit(xid)
        return Outcome.OK

    async def recover(self):
        for name, resource in self.resources.items():
            for xid in await resource.recover():
                if xid.gtrid.startswith("acidtest:") and xid.bqual == name:
                    await resource.rollback(xid)

    def heuristics(self):
        return ()

    def balances(self, resource):
        return self.resources[resource].balances()


def explored(scope, backend="sqlite"):
    harness = Harness(XaContract(), Forgetful, backend)
    try:
        return check_scope(harness, scope)
    finally:
        harness.close()


def scope_of(name, **changes):
    return replace(find_scope(XaContract(), name), **changes)


WHERE = [("lost replies", "sqlite"), ("two databases", "postgresql"), ("two databases", "mariadb")]


@pytest.mark.parametrize(("name", "backend"), WHERE)
def test_without_faults_it_is_right(name, backend, request):
    if backend != "sqlite":
        request.getfixturevalue(backend)
    result = explored(scope_of(name, faults=0, kinds=frozenset()), backend)
    assert (result.violation, result.reasons, result.verdict) == (None, (), Verdict.PASS)


@pytest.mark.parametrize(("name", "backend"), WHERE)
@pytest.mark.parametrize("kind", ["crash", "unacknowledged"])
def test_with_a_fault_it_is_not_for_it_leaves_branches_at_work_and_knows_no_decision(name, backend, kind, request):
    if backend != "sqlite":
        request.getfixturevalue(backend)
    result = explored(scope_of(name, kinds=frozenset({kind})), backend)
    assert result.violation.property in ("XA2", "G4", "G9")
