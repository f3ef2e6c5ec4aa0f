"""Two clusters on one server: when it dies by the doing of one, that is the death of the other as well, which comes back with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from small_world import Small, install

from acidtest.world.core.effects import Decision
from acidtest.world.databases.table import open_cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acidtest.world.core.cluster import Cluster

#: The clusters of other tests, and what says that their server may be killed.
SERVERS = {"postgresql": ("pg", "private"), "mariadb": ("maria", "private_mariadb")}


def one_row(env: Any) -> None:
    with env.engine("shop").begin() as connection:
        connection.execute(sa.text("CREATE TABLE stock (n INTEGER PRIMARY KEY)"))
        connection.execute(sa.text("INSERT INTO stock VALUES (7)"))


def take(env: Any) -> int:
    with env.engine("shop").begin() as connection:
        taken = connection.scalar(sa.text("SELECT n FROM stock"))
        connection.execute(sa.text("DELETE FROM stock"))
        return int(taken)


def nothing(env: Any) -> None:
    del env


@pytest.fixture(params=SERVERS)
def both(request: Any) -> Iterator[tuple[Cluster, Cluster]]:
    """Two clusters on one server, of which the second has been used."""
    fixture, private = SERVERS[request.param]
    request.getfixturevalue(private)
    first, second = request.getfixturevalue(fixture), open_cluster(request.param)
    install(second, one_row)
    run(second)
    yield first, second
    second.close()


def run(cluster: Cluster) -> object:
    world = Small(cluster, take)
    found = world.finish("take")
    world.close()
    cluster.reset()
    return found


def die(cluster: Cluster) -> None:
    world = Small(cluster, nothing)
    assert world.perform(Decision.parse("restart database"))
    world.close()
    cluster.reset()


def test_a_cluster_goes_on_after_the_server_has_died_by_the_doing_of_another(both: tuple[Cluster, Cluster]) -> None:
    first, second = both
    before = second.contents()
    die(first)
    assert second.contents() == before
    assert [run(second), run(second)] == [7, 7]


def test_what_is_open_on_another_cluster_is_lost_when_the_server_dies(both: tuple[Cluster, Cluster]) -> None:
    first, second = both
    before = second.contents()
    world = Small(second, take)
    world.until("take", "COMMIT")
    die(first)
    assert second.contents() == before
    world.finish("take")
    assert [event.kind for event in world.events if event.kind in ("reply", "unknown")] == ["unknown"]
    world.close()
    second.reset()
    assert run(second) == 7


def test_a_cluster_that_is_closed_is_left_alone(both: tuple[Cluster, Cluster]) -> None:
    first, second = both
    third = open_cluster(second.backend.name)
    third.close()
    die(first)
    assert run(second) == 7
