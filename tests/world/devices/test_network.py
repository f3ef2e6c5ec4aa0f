"""The network: what arrives, in which order, what a crash takes along, and who may be given up when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from acidtest.errors import ContractError, UsageError
from acidtest.port import Role
from acidtest.workload import BOUNDED_DELAY, NO_PARTITION, Client, Operation, Scope, Sites
from acidtest.world.core.effects import Decision
from acidtest.world.core.world import World
from acidtest.world.databases.table import open_cluster
from acidtest.world.devices.table import DEVICES

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = ("north", "east", "south")


class Site:
    """Sends what it is asked to, and keeps what it is told."""

    diaries: ClassVar[dict[str, list[Any]]] = {}

    def __init__(self, env: Any) -> None:
        self.network = env.network
        self.diary = self.diaries.setdefault(env.service, [])

    def begin(self, *messages: tuple[str, Any]) -> None:
        for site, message in messages:
            self.network.send(site, message)

    def on_message(self, sender: str, message: Any) -> None:
        self.diary.append((sender, message))

    def on_timeout(self, waiting_for: str) -> None:
        self.diary.append(waiting_for)


def scope_of(*messages: tuple[str, Any], lifted: tuple[str, ...] = ()) -> Scope:
    """North sends messages; everybody hears and misses everybody."""
    clients = [Client("client", "north-1", (Operation("b", "begin", messages),))]
    for site in NAMES:
        for other in NAMES:
            if site != other:
                hears, misses = f"{site} hears {other}", f"{site} misses {other}"
                clients.append(Client(hears, f"{site}-1", tuple(Operation(f"{hears} {i}", "on_message", (), 0, f"{other} packet") for i in range(3))))
                clients.append(Client(misses, f"{site}-1", tuple(Operation(f"{misses} {i}", "on_timeout", (), 0, f"{other} timeout") for i in range(3))))
    return Scope("s", "", (), tuple(clients), lifted=lifted)


@pytest.fixture
def start() -> Iterator[Any]:
    Site.diaries.clear()
    cluster = open_cluster("sqlite", NAMES)
    worlds: list[World] = []

    def started(*messages: tuple[str, Any], lifted: tuple[str, ...] = ()) -> World:
        equipment = {"network": Sites(NAMES)}
        world = World(cluster, Site, scope_of(*messages, lifted=lifted), DEVICES, roles=frozenset(Role), equipment=equipment)
        worlds.append(world)
        return world

    yield started
    for world in worlds:
        world.close()
    cluster.close()


def send(world: World, faults: tuple[str, ...] = ("", "")) -> None:
    """Let north send all that it is asked to."""
    world.advance("client")
    for fault in faults:
        world.advance("client", fault)


def test_messages_of_one_sender_arrive_in_their_order_or_overtake(start):
    world = start(("east", 1), ("east", 2))
    send(world)
    assert world.faults_of_start("east hears north") == ("reordered",)
    world.advance("east hears north", "reordered")
    world.advance("east hears north")
    assert Site.diaries["east"] == [("north", 2), ("north", 1)]


def test_a_message_may_be_dropped_or_come_twice(start):
    world = start(("east", 1), ("south", 2))
    send(world, ("dropped", "twice"))
    assert "east hears north" not in world.runnable()
    world.advance("south hears north")
    world.advance("south hears north")
    assert Site.diaries["south"] == [("north", 2)] * 2


def test_what_is_on_its_way_to_a_site_is_lost_when_it_crashes_and_what_it_has_sent_arrives(start):
    world = start(("east", 1), ("south", 2))
    send(world)
    world.crash("east-1")
    world.crash("north-1")
    world.restart("east-1")
    assert "east hears north" not in world.runnable()
    assert "south hears north" in world.runnable()


def test_nobody_times_out_on_a_crashed_site_before_all_that_it_sent_has_arrived(start):
    world = start(("east", 1), ("south", 2))
    send(world)
    world.crash("north-1")
    world.advance("east hears north")
    assert "east misses north" not in world.runnable()
    world.advance("south hears north")
    world.advance("east misses north")
    assert Site.diaries["east"] == [("north", 1), "north"]


def test_nobody_times_out_on_a_site_that_is_there(start):
    world = start(("east", 1), ("south", 2))
    assert not [name for name in world.runnable() if "misses" in name]


def test_a_crash_is_noticed_once_also_after_the_site_is_back(start):
    world = start(("east", 1), ("south", 2))
    world.crash("south-1")
    world.restart("south-1")
    world.advance("east misses south")
    assert "east misses south" not in world.runnable()
    assert world.devices["network"].seen().broken == frozenset()


def test_who_sends_something_in_vain_times_out_again_also_when_the_site_is_back(start):
    world = start(("south", 1), ("south", 2))
    world.crash("south-1")
    world.advance("north misses south")
    assert "north misses south" not in world.runnable()
    send(world)
    assert "north misses south" in world.runnable()
    world.restart("south-1")
    world.advance("north misses south")
    assert world.devices["network"].seen().broken == frozenset()


def test_who_has_taken_something_in_times_out_again_when_nothing_else_happens(start):
    world = start(("east", 1), ("east", 2))
    send(world)
    world.crash("south-1")
    world.advance("east misses south")
    world.advance("east hears north")
    assert "east misses south" not in world.runnable()
    world.advance("east hears north")
    world.advance("north misses south")
    assert "east misses south" in world.runnable()


def test_a_partition_loses_what_is_on_its_way_across_and_is_mended(start):
    world = start(("east", 1), ("south", 2), lifted=(NO_PARTITION,))
    send(world)
    world.change("partition", "north east | south")
    assert "south hears north" not in world.runnable()
    assert {"east hears north", "south misses north", "north misses south"} <= set(world.runnable())
    world.change("heal")
    assert not [name for name in world.runnable() if "misses" in name]
    assert world.devices["network"].seen().broken == {NO_PARTITION}


def test_where_delay_has_no_bound_a_site_that_is_there_may_be_given_up(start):
    world = start(("east", 1), ("south", 2), lifted=(BOUNDED_DELAY,))
    world.advance("east misses north")
    assert world.devices["network"].seen().broken == {BOUNDED_DELAY}


def test_a_site_does_one_thing_at_a_time(start):
    world = start(("east", 1), ("south", 2))
    world.crash("south-1")
    world.advance("client")
    assert "north misses south" not in world.runnable()
    world.advance("client")
    world.advance("client")
    assert "north misses south" in world.runnable()


def test_it_is_quiet_when_nothing_is_on_its_way_and_all_have_noticed(start):
    world = start(("east", 1), ("south", 2))
    assert world.devices["network"].seen().quiet
    world.crash("south-1")
    assert not world.devices["network"].seen().quiet
    world.advance("east misses south")
    world.advance("north misses south")
    assert world.devices["network"].seen().quiet


@pytest.mark.parametrize(("message", "error", "said"), [(("west", 1), UsageError, "Known: east, south"), (("east", [1]), ContractError, "hashable")])
def test_what_cannot_be_sent_is_refused_with_what_can(start, message, error, said):
    world = start(message, ("east", 1))
    with pytest.raises(error, match=said):
        world.advance("client")


def test_decisions_name_the_message_without_what_is_long_in_it(start):
    world = start(("east", ("VOTE", "x" * 40)), ("east", 1))
    world.advance("client")
    effect = world.pending("client")
    assert effect is not None
    assert str(Decision("advance", "client", "", effect.label)) == "advance client | network: VOTE … to east"
