"""The database server dies between any two effects: on SQLite connections are dropped, on PostgreSQL it is really killed."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from acidtest.impl.broken.acid import AckBeforeCommit
from acidtest.impl.broken.two_phase_commit import PreparedNotDurable
from acidtest.impl.broken.xa_resource import CommitForgetsAfterwards
from acidtest.patterns import coded, pattern
from acidtest.properties.acid.contract import AcidContract
from acidtest.search.check import check_scope, find_scope
from acidtest.search.harness import Harness
from acidtest.search.replay import replay
from acidtest.search.stateful import check_statefully
from acidtest.search.verdict import Verdict
from acidtest.world.core.effects import RESTART_DATABASE, Decision

BACKENDS = ("sqlite", "postgresql", "mariadb")
#: To start again takes MariaDB longer: there, one pattern of each kind.
FEW = ("acid", "inbox", "outbox", "event_store", "two_phase_commit", "saga_orchestration")
#: Where only processes die: a site whose database fails is one that has crashed.
SPARED = ("three_phase_commit",)
#: The references, on the kinds of servers that they are right on.
CASES = [
    (entry.stem, backend) for entry in coded() for backend in BACKENDS
    if entry.stem not in SPARED and backend in entry.backends and (backend != "mariadb" or entry.stem in FEW)
]  # fmt: skip


def _private(request: Any, backend: str) -> None:
    if backend != "sqlite" and not request.getfixturevalue(backend).private:
        pytest.skip(f"ACIDTEST_{backend.upper()}_URL names a server that is not ours to kill")


def killed(stem: str, factory: Any, backend: str) -> tuple[Any, Any]:
    harness = Harness(pattern(stem).contract_class()(), factory, backend)
    try:
        result = check_scope(harness, find_scope(harness.contract, "server death"))
        again = replay(harness, result.scope, result.schedule) if result.violation is not None else None
    finally:
        harness.close()
    return result, again


@pytest.mark.parametrize(("stem", "backend"), CASES)
def test_the_references_survive_the_death_of_the_server_at_every_point(stem: str, backend: str, request: Any) -> None:
    _private(request, backend)
    result, _ = killed(stem, pattern(stem).reference_factory(), backend)
    assert (result.violation, result.reasons, result.verdict) == (None, (), Verdict.PASS)
    assert dict(result.coverage.faults)[RESTART_DATABASE] > 5


#: PostgreSQL prepares durably by itself, so that two-phase commit takes a database that does not.
EARLY = [("acid", AckBeforeCommit, "sqlite"), ("acid", AckBeforeCommit, "postgresql"), ("acid", AckBeforeCommit, "mariadb"), ("two_phase_commit", PreparedNotDurable, "sqlite"), ("xa_resource", CommitForgetsAfterwards, "sqlite")]


@pytest.mark.parametrize(("stem", "factory", "where"), EARLY)
def test_what_was_acknowledged_too_early_is_lost_and_the_schedule_replays(stem: str, factory: Any, where: str, request: Any) -> None:
    _private(request, where)
    result, again = killed(stem, factory, where)
    assert result.violation is not None
    assert again.violation.property == result.violation.property
    assert all(Decision.parse(str(decision)) == decision for decision in result.schedule)


class _Mortal(AcidContract):
    """Whose stateful search kills the server as well."""

    stateful_kinds: ClassVar[tuple[str, ...]] = ("crash", RESTART_DATABASE)


@pytest.mark.parametrize("backend", BACKENDS[:2])
def test_the_stateful_search_kills_the_server_as_well(backend: str, request: Any) -> None:
    _private(request, backend)
    harness, result = check_statefully(_Mortal(), pattern("acid").reference_factory(), examples=20, seed=5, backend=backend)
    harness.close()
    assert result.violation is None
    assert dict(result.coverage.faults).get(RESTART_DATABASE, 0) > 0
