"""What one operation is answered with can be handed to a later one, which waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from acidtest.workload import Client, Operation, Scope
from acidtest.world.core.effects import CRASH
from acidtest.world.core.world import World
from acidtest.world.devices.table import DEVICES

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster


class Code:
    """Answers with a position, or without one, and takes what is handed on."""

    def __init__(self, env: Any) -> None:
        self.env = env

    def with_position(self) -> Any:
        self.env.clock.sleep(0)
        return "done", 7

    def without(self) -> Any:
        return "done"

    def take(self, given: Any) -> Any:
        return given


def world_of(cluster: Cluster, method: str) -> World:
    clients = (
        Client("one", "app", (Operation("w1", method),)), Client("other", "app", (Operation("q1", "take", (), source="w1 answer"),)),
    )  # fmt: skip
    return World(cluster, Code, Scope("small", "", (), clients), DEVICES)


def run(world: World, name: str) -> None:
    while not world.clients[name].done and name in world.runnable():
        world.advance(name)


@pytest.mark.parametrize(("method", "given"), [("with_position", 7), ("without", None)])
def test_the_second_part_of_a_pair_is_handed_on(cluster: Cluster, method: str, given: Any) -> None:
    world = world_of(cluster, method)
    assert world.runnable() == ["one"]
    before = world.devices["answers"].key()
    run(world, "one")
    assert world.devices["answers"].key() != before
    run(world, "other")
    assert [event.value for event in world.events if (event.kind, event.subject) == ("reply", "q1")] == [given]
    world.close()


def test_who_was_told_nothing_hands_nothing_on(cluster: Cluster) -> None:
    world = world_of(cluster, "with_position")
    world.advance("one")
    world.advance("one", CRASH)
    assert world.clients["one"].done
    assert "other" not in world.runnable()
    world.close()
