"""What no implementation can escape, shown on code: who demands it all the same is given the shortest schedule that breaks it."""

import pytest

from acidtest.checker.machine import Kind, Property
from acidtest.environment import Conflict
from acidtest.impl.broken.event_store.reads import GapGivenUp, GapNeverAbandoned
from acidtest.impl.cqrs import AccountViews
from acidtest.impl.event_store import EventStore
from acidtest.properties.cqrs.contract import CqrsContract
from acidtest.properties.cqrs.predicates import reads_what_was_written
from acidtest.properties.event_store.contract import EventStoreContract
from acidtest.properties.event_store.scopes import append
from acidtest.properties.shared.scopes import client
from acidtest.search.check import check_scope, find_scope
from acidtest.search.harness import Harness
from acidtest.search.verdict import Verdict
from acidtest.workload import Scope


def explored(contract, factory, scope, only=None):
    harness = Harness(contract, factory)
    try:
        return check_scope(harness, scope, only=only)
    finally:
        harness.close()


def demanding(contract, demand):
    """The contract, with a property that goes beyond it."""
    return type("Demanding", (contract,), {"properties": (*contract.properties, demand)})()


# A query after a command may show what was before it.


class WithoutSessions(AccountViews):
    """The reference, for clients that have no positions to ask after."""

    capabilities = frozenset()

    def query(self, account, after):
        return super().query(account, None)


SEES_ALL = Property("N1", "a query shows every command that was answered before it", Kind.ALWAYS, reads_what_was_written, "PATTERNS 9")


def test_reads_are_not_linearizable():
    scope = find_scope(CqrsContract(), "own command")
    promised = explored(CqrsContract(), WithoutSessions, scope)
    demanded = explored(demanding(CqrsContract, SEES_ALL), WithoutSessions, scope, only=frozenset({"N1"}))
    assert promised.verdict == Verdict.PASS
    assert demanded.violation.property == "N1"
    assert not any(decision.fault or decision.mishap for decision in demanded.schedule)


# Each of two streams has its expected version, and together they break a rule.


class OneOwner(EventStore):
    """Looks in all streams whether a name is taken before it is given away."""

    def append(self, stream, expected_version, new):
        taken = {event[2] for _, where, _, event in self.read_all(0, 100) if where != stream}
        if taken & {event[2] for event in new}:
            raise Conflict(stream)
        return super().append(stream, expected_version, new)


class InOneStream(OneOwner):
    """Gives names away in a stream of their own, at the version that was looked at."""

    def append(self, stream, expected_version, new):
        taken = self.read("names")
        if any(event[2] == new[0][2] for _, event in taken):
            raise Conflict(stream)
        return EventStore.append(self, "names", len(taken), new)


def _owners(view):
    return [row.data for _, rows in view.streams for row in rows]


UNIQUE = Property("N1", "a name is given away once", Kind.ALWAYS, lambda view: len(_owners(view)) == len(set(_owners(view))), "PATTERNS 8")
TWO_OF_ONE_NAME = Scope(
    "one name", "two streams, each of which wants the same name", (),
    (
        client("app-1", append("a1", "a", 0, "e1", retries=0, data="ada@example.org")),
        client("app-2", append("b1", "b", 0, "f1", retries=0, data="ada@example.org")),
    ),
)  # fmt: skip


@pytest.mark.parametrize(("factory", "found"), [(OneOwner, "N1"), (InOneStream, None)])
def test_a_rule_about_two_streams_is_broken_though_each_has_its_expected_version(factory, found):
    result = explored(demanding(EventStoreContract, UNIQUE), factory, TWO_OF_ONE_NAME, only=frozenset({"N1"}))
    assert (result.violation and result.violation.property) == found


# A number that is missing was refused, or is still to come.


@pytest.mark.parametrize(
    ("factory", "scope", "found"),
    [
        (GapGivenUp, "expected versions", None), (GapGivenUp, "two streams", "ES8"),
        (GapNeverAbandoned, "two streams", None), (GapNeverAbandoned, "expected versions", "ES8"),
    ],
)  # fmt: skip
def test_a_gap_cannot_be_told_from_work_in_flight(factory, scope, found):
    """Who gives it up is right where the append was refused, and skips one that is late; who waits for it is right there alone."""
    result = explored(EventStoreContract(), factory, find_scope(EventStoreContract(), scope))
    assert (result.violation and result.violation.property) == found
