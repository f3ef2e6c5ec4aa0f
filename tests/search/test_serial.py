"""Serial scopes: one order of the clients, in which faults alone are chosen; and every one of them is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tiny_contract import Tiny, add, alone, explore, scope

from acidtest.environment import Outcome

if TYPE_CHECKING:
    from acidtest.workload import Scope

KINDS = ("crash", "late", "lost", "refused", "unacknowledged")


def two_clients(*kinds: str) -> Scope:
    """Two requests of two clients, one after the other; one fault of these kinds."""
    clients = (alone("app-1", add("w1", 5, retries=1)), alone("app-2", add("w2", 3, retries=1)))
    return replace(scope(*clients, faults=int(bool(kinds)), kinds=kinds), serial=True)


class AddsAgain(Tiny):
    """Does not know a request that comes again."""

    def add(self, key: str, amount: int) -> Outcome:  # noqa: ARG002 - the bug
        self.connect().execute("UPDATE sums SET total = total + ?", (amount,))
        return Outcome.OK


class LosesUpdates(Tiny):
    """Reads the sum and writes it in two transactions."""

    def add(self, key: str, amount: int) -> Outcome:
        connection = self.connect()
        ((total,),) = connection.execute("SELECT total FROM sums").fetchall()
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("INSERT INTO seen VALUES (?) ON CONFLICT DO NOTHING", (key,)).rowcount:
            connection.execute("UPDATE sums SET total = ?", (total + amount,))
        connection.execute("COMMIT")
        return Outcome.OK


def test_without_faults_there_is_one_schedule() -> None:
    search = explore(two_clients())
    assert search.complete
    assert (search.schedules, search.runs) == (1, 1)


def test_every_fault_kind_in_the_budget_fires() -> None:
    search = explore(two_clients(*KINDS))
    assert search.complete
    assert {kind for kind, count in search.fired.items() if count} == set(KINDS)


@pytest.mark.parametrize("kinds", [(kind,) for kind in KINDS], ids=KINDS)
def test_it_ends_in_nothing_in_which_the_same_clients_at_once_do_not(kinds: tuple[str, ...]) -> None:
    serial = two_clients(*kinds)
    one, any_order = explore(serial), explore(replace(serial, serial=False))
    assert set(one.finals) <= set(any_order.finals)
    assert one.runs < any_order.runs


def test_a_late_effect_may_land_at_any_moment() -> None:
    late, lost = explore(two_clients("late")), explore(two_clients("lost"))
    assert late.runs > lost.runs


def test_a_bug_that_takes_a_fault_is_found() -> None:
    search = explore(two_clients("unacknowledged"), AddsAgain)
    assert search.violation is not None
    assert search.faults == 1


def test_a_bug_that_takes_another_order_is_not_found() -> None:
    serial = two_clients()
    assert explore(serial, LosesUpdates).violation is None
    assert explore(replace(serial, serial=False), LosesUpdates).violation is not None
