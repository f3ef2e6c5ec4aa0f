"""Sleeping on the virtual clock: nobody waits, and time moves only as far as somebody slept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from small_world import Small, install

from acidtest.world.core.effects import Decision
from acidtest.world.core.time import START

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster


def nap(env: Any) -> float:
    env.clock.sleep(60)
    return float(env.clock.now() - START)


def long_nap(env: Any) -> float:
    env.clock.sleep(90)
    return float(env.clock.now() - START)


def test_sleeping_is_an_effect_that_moves_the_time_on(cluster: Cluster) -> None:
    world = Small(cluster, nap)
    assert world.begin("nap") == "clock: sleep 60 s"
    assert world.time.time == START
    assert world.finish("nap") == 60
    assert [event.subject for event in world.events if event.kind == "environment"] == ["jump"]
    world.close()


def test_time_that_others_have_slept_through_has_passed_for_all(cluster: Cluster) -> None:
    world = Small(cluster, nap, long_nap)
    world.begin("nap")
    world.begin("long_nap")
    assert world.finish("long_nap") == 90
    assert world.finish("nap") == 90
    world.close()


def test_waking_in_the_other_order_moves_the_time_in_two_steps(cluster: Cluster) -> None:
    world = Small(cluster, nap, long_nap)
    world.begin("nap")
    world.begin("long_nap")
    assert world.finish("nap") == 60
    assert world.finish("long_nap") == 90
    world.close()


def test_time_that_has_jumped_meanwhile_is_not_slept_again(cluster: Cluster) -> None:
    world = Small(cluster, nap)
    world.begin("nap")
    world.perform(Decision("jump", "3600.0"))
    assert world.finish("nap") == 3600
    world.close()


def test_a_crash_upon_waking_leaves_the_time_where_it_is(cluster: Cluster) -> None:
    world = Small(cluster, nap)
    world.begin("nap")
    world.step("nap", "crash")
    assert world.time.time == START + 60
    world.close()


def test_the_dead_do_not_sleep(cluster: Cluster) -> None:
    def clean_up(env: Any) -> None:
        try:
            env.broker.publish("1", "A", "")
        finally:
            env.clock.sleep(60)

    world = Small(cluster, clean_up)
    world.begin("clean_up")
    world.crash("clean_up")
    assert world.time.time == START
    world.close()


def test_outside_of_a_run_sleeping_takes_no_time_at_all(cluster: Cluster) -> None:
    install(cluster, lambda env: env.clock.sleep(1e9))


def test_while_someone_sleeps_time_may_jump(cluster: Cluster) -> None:
    world = Small(cluster, nap)
    assert not world.may_jump()
    world.begin("nap")
    assert world.may_jump()
    world.close()
