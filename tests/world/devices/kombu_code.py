"""Code that speaks to the broker by kombu, which tests have in common."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import kombu
from small_world import Small

from acidtest.world.core.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from acidtest.world.core.cluster import Cluster


CONFIRMS = {"confirm_publish": True}


def connected(env: Any, **options: Any) -> kombu.Connection:
    return kombu.Connection(env.broker_url, transport_options={**CONFIRMS, **options})


def publish(env: Any, body: Any = 1, id: str = "m1", **options: Any) -> Any:  # noqa: A002
    with connected(env) as connection:
        connection.Producer().publish(body, routing_key="jobs", message_id=id, **options)
    return "told nothing else"


def tried(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - it is what is asked for
        return type(error)


def told(cluster: Cluster, code: Callable[[Any], object]) -> Any:
    world = Small(cluster, code)
    answer = world.finish(code.__name__)
    world.close()
    return answer


def befallen(world: Small, name: str, effect: str, fault: str) -> Any:
    """What a client is told when a fault befalls one of its effects, and the schedule goes on without any other."""
    world.until(name, effect)
    world.step(name, fault)
    return world.finish(name)


def bodies(world: World) -> list[Any]:
    return [json.loads(message.payload) for message in world.devices.seen()["broker"]]
