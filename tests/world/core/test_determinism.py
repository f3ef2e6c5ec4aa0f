"""A run is a pure function of its schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from small_world import ACCOUNTS, Small, draw, fingerprint, install

from acidtest.environment import BrokerRefused, BrokerTimeout
from acidtest.world.core.effects import Decision
from acidtest.world.core.time import START

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster

SCHEDULES, PARTS = 100, 4


def transfer(env: Any) -> str:
    """A bit of everything: two databases, both ways to them, ids, chance, time, the broker."""
    with env.engine("bank").begin() as connection:
        left = connection.scalar(sa.text("SELECT balance FROM accounts WHERE id = 'A'"))
        connection.execute(sa.text("UPDATE accounts SET balance = :left WHERE id = 'A'"), {"left": left - 10})
    raw = env.connect("shop")
    raw.execute("INSERT INTO orders (id, at, share) VALUES (?, ?, ?)", (env.new_id(), env.clock.now(), env.random.random()))
    raw.commit()
    raw.close()
    try:
        env.broker.publish(env.new_id(), "A", {"left": left})
    except (BrokerRefused, BrokerTimeout):
        return "untold"
    return "ok"


def transfer_too(env: Any) -> str:
    return transfer(env)


def sweep(env: Any) -> int:
    shop = env.connect("shop", isolation_level=None)
    rows = shop.execute("UPDATE orders SET share = 0 WHERE share > ? RETURNING id", (env.random.random(),)).fetchall()
    return len(rows)


def recover(env: Any) -> None:
    env.connect("shop", isolation_level=None).execute("INSERT INTO orders (id) VALUES (?)", (env.new_id(),))


CODES = (transfer, transfer_too, sweep, recover)


@pytest.fixture
def shop(cluster: Cluster) -> Cluster:
    install(cluster, f"{ACCOUNTS}; CREATE TABLE orders (n INTEGER PRIMARY KEY AUTOINCREMENT, id UNIQUE, at, share)", "shop")
    return cluster


@pytest.mark.parametrize("part", range(PARTS))
def test_the_same_schedule_gives_the_same_effects_events_and_keys(shop: Cluster, part: int) -> None:
    seen = set()
    for seed in range(part, SCHEDULES, PARTS):
        first = Small(shop, *CODES, retries=1)
        schedule = draw(first, seed)
        first.close()
        second = Small(shop, *CODES, retries=1)
        for decision, went_on, *before in schedule:
            assert second.perform(decision) == went_on, (seed, decision)
            assert list(fingerprint(second)) == before, (seed, decision)
        assert second.events == first.events
        second.close()
        seen |= {(decision.kind, decision.fault) for decision, *_ in schedule}
    assert {kind for kind, _ in seen} >= {"advance", "crash", "restart", "land"}
    assert {fault for _, fault in seen} >= {"", "refused", "lost", "unacknowledged", "late", "crash"}


def test_a_run_after_any_other_run_is_as_if_it_were_the_first(shop: Cluster) -> None:
    """What one run leaves, in connections or files, does not show in the next."""
    reference = None
    for seed in range(20):
        disturbing = Small(shop, *CODES)
        draw(disturbing, seed)
        disturbing.close()
        world = Small(shop, *CODES)
        found = draw(world, 1_000)
        world.close()
        assert reference in (None, found)
        reference = found


# What the environment gives:


def test_identifiers_are_never_given_twice_and_always_the_same(cluster: Cluster) -> None:
    def ask(env: Any) -> list[str]:
        return [env.new_id() for _ in range(3)]

    def ask_too(env: Any) -> list[str]:
        return ask(env)

    for _ in range(2):
        world = Small(cluster, ask, ask_too)
        found = [*world.finish("ask"), *world.finish("ask_too")]
        world.crash("ask")
        world.restart("ask")
        again = world.call("ask", "ask")
        found += again.value  # type: ignore[misc]
        assert found == [f"{name}.{n}" for name in ("ask.1", "ask_too.1", "ask.2") for n in (1, 2, 3)]
        world.close()


def test_chance_is_the_same_in_every_run_and_another_in_every_incarnation(cluster: Cluster) -> None:
    def roll(env: Any) -> float:
        return float(env.random.random())

    runs = []
    for _ in range(2):
        world = Small(cluster, roll)
        rolls = [world.finish("roll")]
        world.crash("roll")
        world.restart("roll")
        rolls.append(world.call("roll", "roll").value)
        runs.append(rolls)
        world.close()
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == 2


def test_the_clock_stands_still_until_the_schedule_moves_it(cluster: Cluster) -> None:
    def tell(env: Any) -> list[float]:
        times = [env.clock.now()]
        env.broker.publish("1", "A", "")
        return [*times, env.clock.now()]

    world = Small(cluster, tell)
    world.begin("tell")
    assert world.perform(Decision("jump", "3600.0"))
    assert world.finish("tell") == [START, START + 3600]
    world.close()


def test_what_the_clock_said_is_part_of_the_key(cluster: Cluster) -> None:
    def tell(env: Any) -> None:
        env.clock.now()

    keys = []
    for jump_first in (True, False):
        world = Small(cluster, tell)
        if jump_first:
            world.perform(Decision("jump", "1.0"))
        world.finish("tell")
        if not jump_first:
            world.perform(Decision("jump", "1.0"))
        keys.append(world.key())
        world.close()
    assert keys[0] != keys[1]


def test_code_that_only_waits_for_time_to_pass_is_parked_rather_than_hangs(cluster: Cluster) -> None:
    def wait(env: Any) -> None:
        while env.clock.now() < START + 60:
            pass

    def poll(env: Any) -> None:
        connection = env.connect("bank")
        while True:
            connection.execute("PRAGMA data_version").fetchone()

    world = Small(cluster, wait, poll)
    assert world.begin("wait") == "clock: now"
    assert world.step("wait") == "clock: now"
    world.perform(Decision("jump", "60.0"))
    assert world.step("wait") == ""
    assert world.begin("poll") == "bank: PRAGMA"
    assert world.step("poll") == "bank: PRAGMA"
    world.crash("poll")
    world.close()
