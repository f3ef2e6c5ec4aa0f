"""What opens a scope comes before all else, in one order and without faults, and what it left is there afterwards."""

from __future__ import annotations

from dataclasses import replace

from tiny_contract import Tiny, add, alone, explore, scope

from acidtest.environment import Outcome
from acidtest.patterns import coded
from acidtest.properties.shared.contract import Contract
from acidtest.workload import ENVIRONMENT, Client, Operation, Scope, scope_from_json, scope_to_json

KINDS = ("crash", "unacknowledged")


def opened(*kinds: str) -> Scope:
    """A request that opens, and two that come at once after it."""
    clients = (alone("app-1", add("w1", 5)), alone("app-2", add("w2", 3, retries=1)), alone("app-3", add("w3", 2)))
    return replace(scope(*clients, faults=int(bool(kinds)), kinds=kinds), opening=("app-1",))


class ForgetsOthers(Tiny):
    """Sets the sum to what it read at its own first request."""

    def add(self, key: str, amount: int) -> Outcome:
        connection = self.connect()
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("INSERT INTO seen VALUES (?) ON CONFLICT DO NOTHING", (key,)).rowcount:
            self.total_so_far = getattr(self, "total_so_far", 0) + amount
            connection.execute("UPDATE sums SET total = ?", (self.total_so_far,))
        connection.execute("COMMIT")
        return Outcome.OK


def test_it_multiplies_no_schedules() -> None:
    with_opening = explore(opened())
    without = explore(replace(opened(), clients=opened().clients[1:], opening=()))
    at_once = explore(replace(opened(), opening=()))
    assert with_opening.complete
    assert with_opening.schedules == without.schedules < at_once.schedules


def test_no_fault_befalls_it() -> None:
    search = explore(opened(*KINDS))
    assert all(search.fired[kind] for kind in KINDS)
    assert {process for process, _ in search.crashed} == {"app-2", "app-3"}


def test_what_it_left_is_there() -> None:
    alone_there = replace(opened(), clients=opened().clients[1:2], opening=())
    beside_another = replace(opened(), clients=opened().clients[:2])
    assert explore(alone_there, ForgetsOthers).violation is None
    assert explore(beside_another, ForgetsOthers).violation is not None


def test_an_outage_is_over_when_it_has_opened() -> None:
    down, up = (Client(name, ENVIRONMENT, (Operation(name, what),)) for name, what in (("down", "outage"), ("up", "restore")))
    chosen = replace(opened(), clients=(down, *opened().clients, up), opening=("down", "app-1", "up"))
    search = explore(chosen)
    assert search.complete
    assert search.schedules == explore(opened()).schedules


def test_it_is_kept_with_a_failure() -> None:
    assert scope_from_json(scope_to_json(opened(*KINDS))) == opened(*KINDS)


def test_lanes_that_open_exist_and_come_first() -> None:
    for entry in coded():
        contract: type[Contract] = entry.contract_class()
        for chosen in (*contract.scopes, *contract.slow_scopes):
            assert tuple(client.name for client in chosen.clients[: len(chosen.opening)]) == chosen.opening, chosen.name
