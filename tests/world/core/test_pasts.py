"""A service goes back to what its databases held at an earlier moment, on every kind of database; runs after that start as ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from small_world import Small, install, read
from test_reset import CHANGES, KINDS, dump

from acidtest.world.core.backups import Backups
from acidtest.world.core.effects import BACKUP, Decision

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster

BACKENDS = {"sqlite": "cluster", "postgresql": "pg", "mariadb": "maria"}


def spend(env: Any) -> None:
    with env.connect("bank") as connection:
        connection.cursor().execute("UPDATE accounts SET balance = balance - 10 WHERE id = 'A'")
        connection.commit()


def spend_more(env: Any) -> None:
    spend(env)


def with_backups(cluster: Cluster, *functions: Any) -> Small:
    world = Small(cluster, *functions)
    world.backups = Backups(cluster, wanted=True)
    return world


def balances(cluster: Cluster) -> Any:
    return cluster.values()["bank"][0][1]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_backup_brings_back_what_was_there_and_its_processes_die(backend: str, request: Any) -> None:
    cluster = request.getfixturevalue(BACKENDS[backend])
    world = with_backups(cluster, spend, spend_more)
    held = [balances(cluster)]
    for name in ("spend", "spend_more"):
        world.finish(name)
        world.backups.look()
        held.append(balances(cluster))
    assert len(set(held)) == 3
    for number in (1, 0, 2):
        assert Decision(BACKUP, f"database {number}") in [*world.backups.decisions()]
        world.perform(Decision(BACKUP, f"database {number}"))
        assert balances(cluster) == held[number]
        assert Decision(BACKUP, f"database {number}") not in [*world.backups.decisions()]
    assert not any(process.alive for process in world.processes.values())
    world.close()
    again = Small(cluster, spend)
    assert balances(cluster) == held[0]
    again.finish("spend")
    assert balances(cluster) == held[1]
    again.close()


def test_what_was_to_be_committed_late_never_is(cluster: Cluster) -> None:
    world = with_backups(cluster, spend, spend_more)
    world.finish("spend")
    world.backups.look()
    world.until("spend_more", "COMMIT")
    world.step("spend_more", "late")
    assert len(world.late) == 1
    world.perform(Decision(BACKUP, "database 0"))
    assert not world.late
    assert read(cluster, "SELECT balance FROM accounts WHERE id = 'A'") == [(100,)]
    world.close()


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", ["a plain table", "a counted table", "a trigger", "foreign keys", "a generated column"])
def test_contents_of_any_kind_come_back_there_and_back(cluster: Cluster, kind: str, change: str) -> None:
    install(cluster, KINDS[kind])

    def work(env: Any) -> None:
        env.connect("bank").executescript(CHANGES[change])

    world = with_backups(cluster, work)
    states = [dump(cluster)]
    world.finish("work")
    world.backups.look()
    states.append(dump(cluster))
    for number in (0, 1, 0):
        world.perform(Decision(BACKUP, f"database {number}"))
        assert dump(cluster) == states[number]
    world.close()
