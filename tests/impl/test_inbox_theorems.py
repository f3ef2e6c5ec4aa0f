"""What no inbox can do, shown on code: each way out of a theorem has its own price, and the one that pays none gives up the claim.

PATTERNS 11, N1 to N4. The models prove them; here each is done by an implementation.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import sqlalchemy as sa

from acidtest.impl.broken.inbox.handling import AnsweredBeforeCommit, DuplicateNotAnswered
from acidtest.impl.broken.inbox.records import ClaimNeverExpires, ClaimNotFenced, KnownByContent, OldAccepted
from acidtest.impl.inbox import Early, Inbox, inbox, recorded, this_record
from acidtest.patterns import pattern
from acidtest.properties.inbox.scopes import deposit
from acidtest.search.check import check_scope, find_scope
from acidtest.search.harness import Harness
from acidtest.search.verdict import Verdict
from acidtest.workload import Client, Operation, Queueing, Scope
from acidtest.world.core.effects import CRASH
from acidtest.world.core.host import building
from acidtest.world.core.world import World
from acidtest.world.databases.sqlite.store import connect_sqlite
from acidtest.world.databases.table import open_cluster
from acidtest.world.devices.table import DEVICES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acidtest.environment import Delivery, Environment, Outcome


def checked(factory: Any, name: str) -> Any:
    contract = pattern("inbox").contract_class()()
    harness = Harness(contract, factory)
    try:
        return check_scope(harness, find_scope(contract, name))
    finally:
        harness.close()


def balances_of(result: Any) -> dict[str, int]:
    return dict(result.violation.after.balances)


# N1: a finite window and unbounded redelivery.


class NeverForgets(Inbox):
    """Keeps every record for ever, and takes messages of any age."""

    capabilities: ClassVar[frozenset[str]] = frozenset({"replies", "parks"})
    window = float("inf")

    def purge(self) -> None:
        """Nothing goes."""


def test_n1_records_that_go_and_messages_that_always_come_make_two_effects() -> None:
    result = checked(OldAccepted, "forty days")
    assert (result.violation.property, balances_of(result)) == ("IB5", {"A": 100 + 2 * 61})


@pytest.mark.parametrize("gives_up", [NeverForgets, Inbox])
def test_n1_who_keeps_all_records_or_refuses_old_messages_has_one_effect(gives_up: Any) -> None:
    assert checked(gives_up, "forty days").verdict == Verdict.PASS


# N2: exactly once for what is in no transaction. An answer is such a thing: it is sent, as a mail would be.


@pytest.fixture
def consumer() -> Iterator[World]:
    """A process with the reference, which handles one deposit as often as is asked."""
    cluster = open_cluster("sqlite", ())
    scope = Scope(
        "n2", "", (), (Client("app", "app", tuple(Operation(f"h{i}", "handle", (), 0, "message") for i in range(3))),),
        messages=(deposit("d1", "m1", "A", 61),),
    )  # fmt: skip
    outside = World(cluster, lambda _: None, Scope("empty", "", (), ()), DEVICES)
    host = cluster.host("installer")
    with building(host):
        Inbox(outside.environment(host)).install({"A": 100})
    cluster.capture()
    world = World(cluster, Inbox, scope, DEVICES, equipment={"broker": Queueing(("deposits",), "dead")})
    yield world
    world.close()
    cluster.close()


def handle(world: World, crash_at: str = "nothing") -> None:
    """Let the process handle the message, to its end or to the crash after an effect."""
    world.advance("app")
    while (effect := world.pending("app")) is not None:
        world.advance("app", CRASH if crash_at in effect.what else "")
    if not world.processes["app"].alive:
        world.restart("app")


def answers(world: World) -> list[str]:
    return [message.id for message in world.devices.seen()["broker"] if message.topic == "replies"]


def balance(world: World) -> int:
    with closing(connect_sqlite(world.cluster.database("bank").path)) as connection:
        return int(connection.execute("SELECT balance FROM accounts").fetchone()[0])


def test_n2_what_is_done_after_the_commit_may_not_have_been_done_when_all_is_committed(consumer: World) -> None:
    handle(consumer, crash_at="COMMIT")
    assert (answers(consumer), balance(consumer)) == ([], 161)
    handle(consumer)
    assert answers(consumer) == ["deposits/m1"]


def test_n2_and_it_is_done_twice_although_the_effect_is_there_once_under_one_id_by_which_that_is_seen(consumer: World) -> None:
    handle(consumer, crash_at="publish")
    handle(consumer)
    assert (answers(consumer), balance(consumer)) == (["deposits/m1", "deposits/m1"], 161)


@pytest.mark.parametrize(("once", "property"), [(AnsweredBeforeCommit, "G4"), (DuplicateNotAnswered, "IB7")])
def test_n2_who_does_it_once_does_it_for_nothing_or_not_at_all(once: Any, property: str) -> None:  # noqa: A002
    assert checked(once, "one message").violation.property == property


# N3: to know messages by what is in them.


def test_n3_of_two_equal_payments_one_is_swallowed_by_whoever_knows_them_by_content() -> None:
    result = checked(KnownByContent, "equal payments")
    assert balances_of(result) == {"A": 100 + 5}
    assert {copy.about: copy.status for copy in result.violation.after.copies}["d2"] == "acked"


def test_n3_their_ids_tell_them_apart() -> None:
    assert checked(Inbox, "equal payments").verdict == Verdict.PASS


# N4: claim first, work later.


class FencedClaim(Inbox):
    """Claims a message for an hour, and completes it only where the claim is still its own, together with the effect."""

    def __init__(self, env: Environment) -> None:
        """Make names for claims, too."""
        super().__init__(env)
        self.new_id = env.new_id

    def handle(self, message: Delivery) -> None:
        """What somebody else has claimed waits, and is not counted as an attempt."""
        try:
            super().handle(message)
        except Early:
            self.broker.nack(message, failed=False)

    def take(self, message: Delivery) -> Outcome:
        """Claim, then work."""
        order, mine = self._read(message), f"claimed {self.new_id()}"
        with self.engine.begin() as connection:
            known = self._claimed(connection, message, mine)
        if known is not None:
            return known
        with self.engine.begin() as connection:
            complete = sa.update(inbox).where(this_record, inbox.c.outcome == mine).values(outcome="ok")
            if connection.execute(complete, {"of": message.topic, "it": message.id}).rowcount == 0:
                raise Early(message.id)
            return self._decide(connection, message, order)

    def _claimed(self, connection: sa.Connection, message: Delivery, mine: str) -> Outcome | None:
        mark = {"of": message.topic, "it": message.id}
        stale = sa.delete(inbox).where(this_record, inbox.c.outcome.startswith("claimed"), inbox.c.recorded < self.clock.now() - 3_600.0)
        connection.execute(stale, mark)
        found = connection.execute(recorded, mark).first()
        if found is not None and found.outcome.startswith("claimed"):
            raise Early(message.id)
        known = self._known(connection, message)
        if known is None:
            connection.execute(sa.update(inbox).where(this_record).values(outcome=mine), mark)
        return known


def test_n4_a_claim_that_never_runs_out_loses_what_a_crash_has_interrupted() -> None:
    result = checked(ClaimNeverExpires, "one message")
    assert (result.violation.property, balances_of(result)) == ("IB11", {"A": 100})


def test_n4_one_that_runs_out_under_who_is_alive_is_done_twice() -> None:
    result = checked(ClaimNotFenced, "slow handler")
    assert (result.violation.property, balances_of(result)) == ("IB11", {"A": 100 + 2 * 61})


@pytest.mark.parametrize("scope", ["one message", "redelivery in flight", "slow handler"])
def test_n4_who_looks_whether_the_claim_is_still_its_own_pays_neither(scope: str) -> None:
    result = checked(FencedClaim, scope)
    assert (result.violation, result.verdict) == (None, Verdict.PASS)
