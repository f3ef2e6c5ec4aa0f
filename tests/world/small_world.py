"""A world for throw-away code: each function given to `Small` is the one operation of a process of its own."""

from __future__ import annotations

import random
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg

from acidtest.workload import Client, Operation, Scope
from acidtest.world.core.effects import CRASH, Decision
from acidtest.world.core.host import building
from acidtest.world.core.world import World
from acidtest.world.databases.mariadb.session import open_session
from acidtest.world.databases.mariadb.session import run as run_there
from acidtest.world.databases.sqlite.store import connect_sqlite
from acidtest.world.devices.table import DEVICES
from acidtest.world.python.coroutines import Driven, coroutine_methods

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from acidtest.world.core.cluster import Cluster

ACCOUNTS = (
    "CREATE TABLE accounts (id TEXT PRIMARY KEY, balance INTEGER); INSERT INTO accounts VALUES ('A', 100), ('B', 100)"
)


def install(cluster: Cluster, code: Callable[[Any], object] | str = ACCOUNTS, name: str = "bank") -> None:
    """Run `code`, or a script on the database `name`, outside of any schedule; every run starts from there."""
    host = cluster.host("installer")
    world = World(cluster, lambda _: None, Scope("empty", "", (), ()), DEVICES)
    with building(host):
        env = world.environment(host)
        if isinstance(code, str):
            env.connect(name).executescript(code)
        else:
            code(env)
    cluster.capture()


class Code:
    """An implementation whose methods are functions that take the environment."""

    def __init__(self, functions: dict[str, Callable[[Any], object]], env: Any) -> None:
        for name, function in functions.items():
            setattr(self, name, partial(function, env))


class Small(World):
    """A world with one client per function. `answers` is what they were told, by the function's name."""

    def __init__(self, cluster: Cluster, *functions: Callable[[Any], object], together: bool = False, retries: int = 0) -> None:
        named = {function.__name__: function for function in functions}
        clients = [n for n in named if n != "recover"]
        clients = tuple(Client(n, "app" if together else n, (Operation(n, n, (), retries),)) for n in clients)
        factory: Any = partial(Code, named)
        if coroutine_methods(factory(None), named):
            factory = Driven(factory)
        super().__init__(cluster, factory, Scope("small", "", (), clients), DEVICES, recover="recover" * ("recover" in named))
        self.answers: dict[str, Hashable] = {}
        self.done: list[str] = []

    def step(self, name: str, fault: str = "") -> str:
        """Let a client go on; returns the effect at which it is now, empty when it has ended, or "blocked"."""
        effect = self.pending(name)
        went_on = self.advance(name, fault)
        if went_on and effect is not None:
            self.done.append(effect.label)
        for event in self.events:
            if event.kind in ("reply", "unknown"):
                self.answers[event.subject] = event.value
        if not went_on:
            return "blocked"
        effect = self.pending(name)
        return "" if effect is None else effect.label

    def begin(self, name: str) -> str:
        """Call the operation of a client up to its first effect."""
        return self.step(name)

    def until(self, name: str, effect: str) -> None:
        """Let a client go on until it is at an effect whose name contains `effect`."""
        at = self.begin(name) if self.pending(name) is None else str(self.pending(name))
        while effect not in at:
            at = self.step(name)
            assert at not in ("", "blocked"), f"{name} came to no {effect!r}; it did {self.done}"

    def finish(self, name: str) -> Any:
        """Let a client go on to its end; returns what it was told, None if it waits for a lock."""
        client = self.clients[name]
        while name in self.runnable() and not client.done:
            if self.step(name) == "blocked":
                return None
        return self.answers.get(name)


def read(cluster: Cluster, sql: str, name: str = "bank") -> list[tuple[Any, ...]]:
    """What is committed in the database `name`, read beside the world."""
    connection = connect_sqlite(cluster.database(name).path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def balance(cluster: Cluster, account: str = "A", name: str = "bank") -> int:
    """The committed balance of an account."""
    ((found,),) = read(cluster, f"SELECT balance FROM accounts WHERE id = '{account}'", name)
    return int(found)


def prepared(cluster: Cluster, name: str = "bank") -> list[tuple[Any, ...]]:
    """The identifiers of the transactions that are prepared in the database `name` on PostgreSQL."""
    database: Any = cluster.database(name)
    return ask(cluster, f"SELECT gid FROM {database.own.view}", name)


def ask(cluster: Cluster, sql: str, name: str = "bank") -> list[tuple[Any, ...]]:
    """The same on PostgreSQL: what is committed in the database `name`, read beside the world."""
    with psycopg.connect(cluster.database(name).conninfo) as connection:
        return connection.execute(sql).fetchall()


def query(cluster: Cluster, sql: str, name: str = "bank") -> list[tuple[Any, ...]]:
    """The same on MariaDB."""
    with closing(open_session(cluster.database(name).watch.server.where)) as session:  # type: ignore[attr-defined]
        run_there(session, f"USE {cluster.database(name).schema}")  # type: ignore[attr-defined]
        return list(run_there(session, sql))


# Random schedules:


def choices(world: Small) -> list[Decision]:
    """Everything that may happen next."""
    found = []
    for name in world.runnable():
        effect = world.pending(name)
        faults = ("",) if effect is None else ("", *effect.faults, CRASH)
        found += [Decision("advance", name, fault, effect.label if effect else "begin") for fault in faults]
    for process in world.processes.values():
        if process.alive and process.incarnation < 3:
            found.append(Decision("crash", process.name))
        elif not process.alive:
            found.append(Decision("restart", process.name))
    found += [Decision("land", label) for label in world.late]
    if not world.runnable():
        found += [Decision("victim", name, fault) for name, fault in world.actors.victims()]
    return found


def draw(world: Small, seed: int) -> list[Decision]:
    """A random schedule, mostly without faults; performed in `world`."""
    rng = random.Random(seed)
    schedule = []
    while options := choices(world):
        calm = [d for d in options if not d.fault and d.kind != "crash"]
        decision = rng.choice(calm if calm and rng.random() < 0.8 else options)
        schedule.append((decision, world.perform(decision), *fingerprint(world)))
    return schedule


def fingerprint(world: Small) -> tuple[Any, ...]:
    """All that can be compared of a world."""
    pending = [effect for name in world.clients if (effect := world.pending(name)) is not None]
    return world.key(), len(world.events), tuple(pending)


def run(cluster: Cluster, code: Any) -> Small:
    """Run `code` alone to its end."""
    world = Small(cluster, code)
    world.finish(code.__name__)
    return world


def effects(cluster: Cluster, code: Any) -> list[str]:
    """The effects that `code` has when nothing disturbs it."""
    world = run(cluster, code)
    done = world.done
    world.close()
    return done
