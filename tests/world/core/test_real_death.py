"""The simulated crash leaves what a real one leaves: a process that is killed with SIGKILL at the same effect.

Over every crash point of one scope per pattern.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from small_world import ask, query
from small_world import prepared as prepared_there

from acidtest.patterns import pattern
from acidtest.search.check import find_scope
from acidtest.search.harness import Harness
from acidtest.world.core.effects import CRASH
from acidtest.world.databases.mariadb import server as mariadb
from acidtest.world.databases.postgresql import server as postgresql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acidtest.world.core.cluster import Cluster

SCOPE = "server death"  # one client of one process
MORTAL = Path(__file__).parents[1] / "mortal.py"
State = tuple[dict[str, Any], list[Any], list[Any]]


BACKENDS, STEMS = ("sqlite", "postgresql", "mariadb"), ("acid", "outbox", "two_phase_commit")
CASES = [(stem, backend) for backend in BACKENDS for stem in STEMS if (stem, backend) != ("outbox", "mariadb")]


class Mortals:
    """The process that forks those who die."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        environment = {**os.environ, "PGAPPNAME": "mortal"}
        if harness.cluster.backend.name == "postgresql":
            environment[postgresql.VARIABLE] = postgresql.server().conninfo
        elif harness.cluster.backend.name == "mariadb":
            where = mariadb.server().where
            environment[mariadb.VARIABLE] = f"mariadb://{where['user']}@localhost/?unix_socket={where['unix_socket']}"
        self.process = subprocess.Popen(
            [sys.executable, str(MORTAL)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def die_after(self, steps: int) -> State:
        """What a process leaves that is killed after so many steps."""
        cluster = self.harness.cluster
        places = {d.name: str(getattr(d, "schema", None) or d.path) for d in cluster.databases()}  # type: ignore[attr-defined]
        order = {"stem": self.harness.contract.pattern, "backend": cluster.backend.name, "scope": SCOPE, "places": places, "steps": steps}
        known = sessions(cluster)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        log = json.loads(self.process.stdout.readline())
        assert int(self.process.stdout.readline()) == signal.SIGKILL
        for database in cluster.databases():
            if cluster.backend.name == "postgresql":
                while ask(cluster, "SELECT 1 FROM pg_stat_activity WHERE application_name = 'mortal'", database.name):
                    pass  # the server has yet to notice
                database.touch()  # type: ignore[attr-defined]
            elif cluster.backend.name == "mariadb":
                while sessions(cluster) - known:
                    pass  # likewise
                database.touch()  # type: ignore[attr-defined]
        return left(self.harness, log)

    def close(self) -> None:
        self.process.communicate()


def sessions(cluster: Cluster) -> set[Any]:
    """The sessions of a MariaDB server in which somebody is at our databases; those of the world stay open, to be used again."""
    if cluster.backend.name != "mariadb":
        return set()
    ours = "SELECT id FROM information_schema.processlist WHERE db LIKE 'acidtest%' AND id <> connection_id()"
    return {number for (number,) in query(cluster, ours, cluster.databases()[0].name)}


def left(harness: Harness, log: list[Any]) -> State:
    """What is there after a death: rows, prepared transactions, messages."""
    rows, prepared = {}, []
    for database in harness.cluster.databases():
        database.touch()  # type: ignore[attr-defined]
        rows[database.name] = [pair for pair in database.value(database.content()) if pair[0] != "prepared transactions"]
        prepared += prepared_in(harness, database)
    return rows, sorted(prepared), [list(message) for message in log]


def prepared_in(harness: Harness, database: Any) -> list[str]:
    """The names of the transactions that are prepared in a database."""
    if harness.cluster.backend.name == "postgresql":
        return [name for (name,) in prepared_there(harness.cluster, database.name)]
    return sorted(database._recovered()) if harness.cluster.backend.name == "mariadb" else []


def clean_up(harness: Harness) -> None:
    """Say what others have done, so that the next run starts as the first."""
    for database in harness.cluster.databases():
        if harness.cluster.backend.name != "sqlite":
            database.disturbed = True  # type: ignore[attr-defined]
            database.prepared.update(dict.fromkeys(prepared_in(harness, database), 0))  # type: ignore[attr-defined]


def simulated(harness: Harness) -> Iterator[tuple[int, State]]:
    """For every effect of the scope's default schedule, what the crash after it leaves."""
    client = harness.prepared().clients[0].name
    steps = 0
    while True:
        steps += 1
        world = harness.world()
        for _ in range(steps - 1):
            world.advance(client)
        if world.clients[client].done:
            world.close()
            return
        if world.pending(client) is not None:
            world.advance(client, CRASH)
            found = left(harness, world.devices["broker"].log)
            world.close()
            harness.cluster.reset()
            yield steps, found
        else:
            world.close()


@pytest.mark.parametrize(("stem", "backend"), CASES)
def test_a_simulated_crash_leaves_what_a_killed_process_leaves(stem: str, backend: str, request: Any) -> None:
    if backend != "sqlite":
        request.getfixturevalue(backend)
    entry = pattern(stem)
    harness = Harness(entry.contract_class()(), entry.reference_factory(), backend)
    harness.prepare(find_scope(harness.contract, SCOPE))
    mortals = Mortals(harness)
    points, prepared = 0, 0
    try:
        for steps, expected in simulated(harness):
            found = mortals.die_after(steps)
            assert found == expected, steps
            clean_up(harness)
            harness.cluster.reset()
            points += 1
            prepared += len(found[1])
    finally:
        mortals.close()
        harness.close()
    assert points >= 5
    assert (prepared > 0) == (stem == "two_phase_commit" and backend != "sqlite")
