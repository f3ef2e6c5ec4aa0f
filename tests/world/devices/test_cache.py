"""The cache: the library's own client over a simulated server, with every ambiguous reply, and whose contents may vanish."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from small_world import Code, Small

from acidtest.errors import UsageError
from acidtest.outside import Entry
from acidtest.workload import ENVIRONMENT, Client, Operation, Scope
from acidtest.world.core.effects import (
    CANCELLED,
    CANCELLED_AFTER,
    CRASH,
    FETCH_FAULTS,
    LATE,
    LOST,
    REFUSED,
    STORE_FAULTS,
    UNACKNOWLEDGED,
    Decision,
)
from acidtest.world.core.world import World
from acidtest.world.devices.table import DEVICES

if TYPE_CHECKING:
    from collections.abc import Callable

    from acidtest.world.core.cluster import Cluster

RESTART = Decision("restart", "cache")


def tried(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except redis.RedisError as error:
        return type(error)


def store(env: Any) -> Any:
    return tried(lambda: env.redis("cache").incrby("n", 5))


def fetch(env: Any) -> Any:
    return tried(lambda: env.redis("cache").get("n"))


def held(world: World) -> dict[str, str]:
    return {entry.key: entry.value for entry in world.devices["cache"].seen()}


def call(world: Small, name: str, fault: str = "") -> Any:
    """Let a client make its one call, with a fault."""
    world.begin(name)
    world.step(name, fault)
    return world.answers.get(name)


def told(cluster: Cluster, code: Callable[[Any], object]) -> Any:
    world = Small(cluster, code)
    answer = world.finish(code.__name__)
    world.close()
    return answer


# What the library does stays as it is:


def test_what_is_stored_is_fetched_by_every_process(cluster: Cluster) -> None:
    world = Small(cluster, store, fetch)
    assert (world.finish("store"), world.finish("fetch")) == (5, b"5")
    assert world.devices["cache"].seen() == (Entry("cache", "n", "5"),)
    world.close()


def test_answers_are_what_the_library_makes_of_them(cluster: Cluster) -> None:
    def uses(env: Any) -> Any:
        cache = env.redis("cache", decode_responses=True)
        cache.hset("h", mapping={"a": 1, "b": 2})
        cache.rpush("l", "x", "y")
        cache.sadd("s", "m")
        cache.zadd("z", {"m": 1.5})
        return cache.hgetall("h"), cache.lrange("l", 0, -1), cache.smembers("s"), cache.zrange("z", 0, -1, withscores=True), cache.get("nothing")

    assert told(cluster, uses) == ({"a": "1", "b": "2"}, ["x", "y"], {"m"}, [("m", 1.5)], None)


@pytest.mark.parametrize("protocol", [2, 3])
def test_both_versions_of_the_protocol_are_spoken(cluster: Cluster, protocol: int) -> None:
    def uses(env: Any) -> Any:
        cache = env.redis("cache", protocol=protocol)
        cache.hset("h", "a", "1")
        return cache.hgetall("h")

    assert told(cluster, uses) == {b"a": b"1"}


def test_an_error_of_the_server_is_the_librarys(cluster: Cluster) -> None:
    def uses(env: Any) -> Any:
        env.redis("cache").rpush("l", "x")
        return tried(lambda: env.redis("cache").incr("l"))

    assert told(cluster, uses) == redis.ResponseError


def test_a_pipeline_is_one_effect(cluster: Cluster) -> None:
    def uses(env: Any) -> Any:
        with env.redis("cache").pipeline() as pipeline:
            return pipeline.set("a", "1").incr("a").execute()

    world = Small(cluster, uses)
    assert world.finish("uses") == [True, 2]
    assert world.done == ["cache: SET a, INCRBY a"]
    world.close()


def test_a_script_runs_as_a_whole_and_the_server_knows_it_from_then_on(cluster: Cluster) -> None:
    def uses(env: Any) -> Any:
        add = env.redis("cache").register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
        return add(keys=["n"], args=[5]), add(keys=["n"], args=[2])

    world = Small(cluster, uses)
    assert world.finish("uses") == (5, 7)
    assert world.done == ["cache: EVAL n", "cache: SCRIPT LOAD", "cache: EVAL n", "cache: EVAL n"]
    world.close()


def test_a_lock_is_taken_once_and_released_by_its_owner(cluster: Cluster) -> None:
    def uses(env: Any) -> Any:
        mine, others = (env.redis("cache").lock("l", timeout=10) for _ in range(2))
        taken = mine.acquire(blocking=False), others.acquire(blocking=False)
        mine.release()
        return *taken, others.acquire(blocking=False)

    assert told(cluster, uses) == (True, False, True)


def test_a_client_does_not_retry_unless_it_is_told_to(cluster: Cluster) -> None:
    def retries(env: Any) -> Any:
        return tried(lambda: env.redis("cache", retry=Retry(NoBackoff(), 1)).incr("n"))

    world = Small(cluster, store, retries)
    assert call(world, "store", LOST) == redis.TimeoutError
    world.begin("retries")
    world.step("retries", UNACKNOWLEDGED)
    assert world.finish("retries") == 2
    world.close()


def test_two_names_are_two_servers(cluster: Cluster) -> None:
    def uses(env: Any) -> Any:
        env.redis("one").set("k", "v")
        return env.redis("one").get("k"), env.redis("other").get("k")

    assert told(cluster, uses) == (b"v", None)


# Faults:


@pytest.mark.parametrize(
    ("fault", "answer", "there"),
    [
        (REFUSED, redis.ConnectionError, {}), (LOST, redis.TimeoutError, {}), (UNACKNOWLEDGED, redis.TimeoutError, {"n": "5"}),
        (LATE, redis.TimeoutError, {}),
    ],
)  # fmt: skip
def test_each_fault_of_what_is_stored_has_its_effect_and_its_error(cluster: Cluster, fault: str, answer: Any, there: Any) -> None:
    world = Small(cluster, store)
    assert call(world, "store", fault) == answer
    assert held(world) == there
    assert list(world.late) == ["cache: INCRBY n (late 1)"] * (fault == LATE)
    world.close()


@pytest.mark.parametrize(("fault", "answer"), [(REFUSED, redis.ConnectionError), (LOST, redis.TimeoutError)])
def test_each_fault_of_what_is_fetched_has_its_error(cluster: Cluster, fault: str, answer: Any) -> None:
    world = Small(cluster, fetch)
    assert call(world, "fetch", fault) == answer
    world.close()


def test_the_faults_are_those_that_the_search_may_choose_and_only_what_is_stored_lasts(cluster: Cluster) -> None:
    world = Small(cluster, store, fetch)
    found = []
    for name in ("store", "fetch"):
        world.begin(name)
        pending = world.pending(name)
        assert pending is not None
        found.append((pending.faults, pending.lasts))
    assert found == [(STORE_FAULTS, True), (FETCH_FAULTS, False)]
    world.close()


def test_a_crash_after_a_command_leaves_what_was_stored(cluster: Cluster) -> None:
    world = Small(cluster, store)
    assert call(world, "store", CRASH) == "its process crashed"
    assert held(world) == {"n": "5"}
    world.close()


def test_what_is_late_takes_effect_when_it_comes(cluster: Cluster) -> None:
    world = Small(cluster, store, fetch)
    call(world, "store", LATE)
    before = world.key()
    world.perform(Decision("land", "cache: INCRBY n (late 1)"))
    assert world.key() != before
    assert world.finish("fetch") == b"5"
    world.close()


def test_an_outage_refuses_everything(cluster: Cluster) -> None:
    world = Small(cluster, store, fetch)
    world.change("outage")
    assert call(world, "store") == redis.ConnectionError
    world.change("restore")
    assert world.finish("fetch") is None
    world.close()


@pytest.mark.parametrize(("fault", "there"), [(CANCELLED, {}), (CANCELLED_AFTER, {"n": "1"})])
def test_a_coroutine_can_be_cancelled_while_it_awaits_a_command(cluster: Cluster, fault: str, there: Any) -> None:
    async def awaits(env: Any) -> Any:
        return await env.aio.redis("cache").incr("n")

    world = Small(cluster, awaits)
    call(world, "awaits", fault)
    assert held(world) == there
    world.close()


# Time, evictions and restarts:


def expires(env: Any) -> Any:
    cache = env.redis("cache")
    cache.set("k", "v", px=10_000)
    env.clock.sleep(9)
    there = cache.get("k"), cache.ttl("k")
    env.clock.sleep(2)
    return *there, cache.get("k"), cache.exists("k")


def test_what_expires_does_so_by_virtual_time(cluster: Cluster) -> None:
    assert told(cluster, expires) == (b"v", 1, None, 0)


def key_after(cluster: Cluster, *commands: tuple[Any, ...]) -> Any:
    """What distinguishes the cache after these commands."""

    def sends(env: Any) -> None:
        for command in commands:
            env.redis("cache").execute_command(*command)

    world = Small(cluster, sends)
    world.finish("sends")
    found = world.devices["cache"].key()
    world.close()
    return found


def test_a_state_is_what_is_held_and_until_when_in_whatever_order_it_came(cluster: Cluster) -> None:
    a, b = ("SET", "a", "1"), ("SET", "b", "1")
    assert key_after(cluster, a, b) == key_after(cluster, b, a) == key_after(cluster, b, ("SET", "a", "2"), a)
    assert len({key_after(cluster, ("SET", "a", "1", "EX", n)) for n in (10, 20)} | {key_after(cluster, a), key_after(cluster)}) == 4
    assert key_after(cluster, a, ("DEL", "a")) == key_after(cluster, ("GET", "a")) == key_after(cluster)


def test_a_restart_takes_everything_and_a_key_can_be_evicted_by_itself(cluster: Cluster) -> None:
    def stores(env: Any) -> None:
        env.redis("cache").mset({"a": "1", "b": "2"})

    world = Small(cluster, stores)
    world.finish("stores")
    evictions = [Decision("evict", "cache: a"), Decision("evict", "cache: b")]
    assert [decision for _, decision in world.devices.mishaps()] == [RESTART, *evictions]
    world.perform(evictions[0])
    assert held(world) == {"b": "2"}
    world.perform(RESTART)
    assert held(world) == {}
    assert world.devices["cache"].key() == key_after(cluster)
    assert list(world.devices.mishaps()) == []
    world.close()


@pytest.mark.parametrize("decision", [RESTART, Decision("evict", "cache: account:A b")])
def test_what_befalls_it_can_be_written_down(decision: Decision) -> None:
    assert Decision.parse(str(decision)) == decision


def test_what_was_late_when_the_server_restarts_never_comes(cluster: Cluster) -> None:
    world = Small(cluster, store)
    call(world, "store", LATE)
    world.perform(RESTART)
    world.perform(Decision("land", "cache: INCRBY n (late 1)"))
    assert held(world) == {}
    world.close()


# Watching:


def watches(env: Any) -> Any:
    cache = env.redis("cache")
    with cache.pipeline() as pipeline:
        pipeline.watch("n")
        found = int(pipeline.get("n") or 0)
        pipeline.multi()
        pipeline.set("n", found + 1)
        return tried(pipeline.execute)


def test_what_is_watched_and_was_touched_stops_the_transaction(cluster: Cluster) -> None:
    world = Small(cluster, watches, store)
    world.until("watches", "SET n")
    untouched = world.key()
    world.finish("store")
    assert world.key() != untouched
    assert world.finish("watches") == redis.WatchError
    assert held(world) == {"n": "5"}
    world.close()


def test_what_is_watched_and_was_not_touched_does_not(cluster: Cluster) -> None:
    world = Small(cluster, watches, fetch)
    assert (world.finish("watches"), world.finish("fetch")) == ([True], b"1")
    world.close()


def test_what_is_watched_and_is_evicted_or_lost_with_the_server_was_touched(cluster: Cluster) -> None:
    for decision in (Decision("evict", "cache: n"), RESTART):
        world = Small(cluster, store, watches)
        world.finish("store")
        world.until("watches", "SET n")
        world.perform(decision)
        assert world.finish("watches") == redis.WatchError
        assert held(world) == {}
        world.close()


def test_what_is_watched_and_expires_was_touched(cluster: Cluster) -> None:
    def expiring(env: Any) -> Any:
        env.redis("cache").set("n", "1", ex=10)
        with env.redis("cache").pipeline() as pipeline:
            pipeline.watch("n")
            env.clock.sleep(11)
            pipeline.multi()
            pipeline.set("n", "2")
            return tried(pipeline.execute)

    assert told(cluster, expiring) == redis.WatchError


def test_two_transactions_of_one_call_watch_each_for_itself(cluster: Cluster) -> None:
    def both(env: Any) -> Any:
        first, second = (env.redis("cache").pipeline() for _ in range(2))
        first.watch("a")
        second.watch("b")
        env.redis("cache").set("a", "1")
        for pipeline in (first, second):
            pipeline.multi()
            pipeline.set("c", "1")
        return tried(first.execute), tried(second.execute)

    assert told(cluster, both) == (redis.WatchError, [True])


def test_who_has_died_watches_nothing(cluster: Cluster) -> None:
    world = Small(cluster, watches, fetch)
    world.until("watches", "SET n")
    assert world.devices["cache"].key() != key_after(cluster)
    world.crash("watches")
    assert world.devices["cache"].key() == key_after(cluster)
    world.close()


# What is not simulated is refused by name:


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("BLPOP", "l", "0"), "waits in the server"), (("SPOP", "s"), "chance"), (("PUBLISH", "c", "m"), "env.broker"),
        (("XADD", "x", "*", "a", "b"), "nobody has compared it"), (("MULTI",), "pipeline"), (("SCAN", "7"), "second page"),
        (("SCRIPT", "FLUSH"), "LOAD and EXISTS"),
    ],
)  # fmt: skip
def test_commands_that_no_schedule_controls_are_refused_with_a_reason(cluster: Cluster, command: Any, why: str) -> None:
    def sends(env: Any) -> Any:
        return tried(lambda: env.redis("cache").execute_command(*command))

    world = Small(cluster, sends)
    with pytest.raises(UsageError, match=why):
        world.finish("sends")
    world.close()


def test_pub_sub_is_refused_even_where_every_error_is_caught(cluster: Cluster) -> None:
    def subscribes(env: Any) -> Any:
        try:
            return env.redis("cache").pubsub()
        except Exception:  # noqa: BLE001 - what such code would do
            return None

    world = Small(cluster, subscribes)
    with pytest.raises(UsageError, match="pub/sub"):
        world.finish("subscribes")
    world.close()


def test_where_the_library_is_missing_it_is_said_what_to_install(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acidtest.world.devices.cache.device.find_spec", lambda name: None if name == "fakeredis" else name)
    world = Small(cluster, fetch)
    with pytest.raises(UsageError, match=r"fakeredis cannot be imported.*acidtest\[redis\]"):
        world.finish("fetch")
    world.close()


# Observers:


def test_an_observer_finds_what_is_there_and_leaves_no_trace(cluster: Cluster) -> None:
    world = Small(cluster, store)
    world.finish("store")
    cache, key = world.environment(cluster.host("observer")).redis("cache"), world.key()
    assert (cache.get("n"), cache.incr("n"), cache.get("n")) == (b"5", 6, b"6")
    assert world.key() == key
    world.close()


def test_to_an_observer_from_whom_it_is_hidden_it_is_empty(cluster: Cluster) -> None:
    world = Small(cluster, store)
    world.finish("store")
    world.devices["cache"].hidden = True
    assert world.environment(cluster.host("observer")).redis("cache").get("n") is None
    assert world.devices.readable()[0] is None
    world.close()


# Workloads:


def test_a_client_of_the_environment_can_restart_it(cluster: Cluster) -> None:
    clients = Client("fetch", "fetch", (Operation("f", "fetch"),)), Client(ENVIRONMENT, ENVIRONMENT, (Operation("r", "restart cache"),))
    world = World(cluster, partial(Code, {"fetch": fetch}), Scope("small", "", (), clients), DEVICES)
    world.change("evict", "cache: n")
    assert world.advance(ENVIRONMENT)
    assert [event.subject for event in world.events if event.kind == ENVIRONMENT] == ["evict", "restart cache"]
    world.close()
