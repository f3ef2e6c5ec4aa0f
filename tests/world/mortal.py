"""Runs the one client of a scope for so many steps, and is killed: not in a simulation, by SIGKILL.

Reads a line of JSON per run: the pattern, the kind of databases, where they are, and the number of steps. Every run is a
process of its own, forked before anything is connected; it prints what is on its broker, and dies.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from acidtest.patterns import pattern
from acidtest.port import Role
from acidtest.search.check import find_scope
from acidtest.world import interpose
from acidtest.world.core.cluster import Cluster
from acidtest.world.core.world import World
from acidtest.world.databases.table import open_cluster
from acidtest.world.devices.table import DEVICES


def attach(cluster: Cluster, places: dict[str, str]) -> None:
    """Use databases that are there already."""
    for name, place in places.items():
        if cluster.backend.name == "sqlite":
            from acidtest.world.databases.sqlite.store import Database as File

            cluster._databases[name] = File(name, Path(place), cluster._postpone)
        elif cluster.backend.name == "postgresql":
            from acidtest.world.databases.postgresql.store import Database

            cluster._databases[name] = Database(name, place, cluster.backend.watch, cluster._postpone, cluster.backend.moment)  # type: ignore[attr-defined]
        else:
            from acidtest.world.databases.mariadb.store import Database as Mine

            cluster._databases[name] = Mine(name, place, cluster.backend.watch, cluster._postpone)  # type: ignore[attr-defined]


def live_and_die(order: dict[str, Any]) -> None:
    """Perform the steps, and be killed."""
    interpose.install()
    cluster = open_cluster(order["backend"])
    attach(cluster, order["places"])
    entry = pattern(order["stem"])
    contract = entry.contract_class()()
    scope = find_scope(contract, order["scope"])
    world = World(cluster, entry.reference_factory(), scope, DEVICES, recover=contract.interface().name(Role.RECOVERY))
    for _ in range(order["steps"]):
        assert world.advance(scope.clients[0].name)
    sys.stdout.write(json.dumps(world.devices["broker"].log) + "\n")
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    for line in sys.stdin:
        child = os.fork()
        if not child:
            live_and_die(json.loads(line))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.WTERMSIG(status) if os.WIFSIGNALED(status) else -1}\n")
        sys.stdout.flush()
