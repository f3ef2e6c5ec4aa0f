"""What the search leaves out loses nothing: verdicts and final states are the same without its reductions and merging."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import pytest
import tiny_contract as tiny
from tiny_contract import Tiny, add, alone, scope

from acidtest.checker.machine import Kind, Property
from acidtest.environment import BrokerRefused, BrokerTimeout, Outcome
from acidtest.impl.outbox import Outbox
from acidtest.properties.outbox import contract as outbox
from acidtest.search.exhaustive import Explorer
from acidtest.search.harness import Harness
from acidtest.workload import ENVIRONMENT, Client, Operation, Scope

if TYPE_CHECKING:
    from acidtest.properties.shared.contract import Contract
    from acidtest.properties.shared.seen import Seen

MOST_RUNS = 2_000
WAYS = [dict(zip(("reduced", "merged"), way, strict=True)) for way in product((True, False), repeat=2)]
WAYS += [{"scripted": False}, {"by_memory": False}, {"by_answers": False}, {"scripted": False, "by_memory": False}]


class Ending(NamedTuple):
    """What a search found: the violated property, or every final state."""

    violated: str
    finals: frozenset[Any]


def ending(harness: Harness, small: Scope, **way: bool) -> Ending:
    """Explore `small` completely."""
    search = Explorer(harness, small, seconds=60, **way).explore()
    assert search.runs < MOST_RUNS
    if search.violation is not None:
        return Ending(search.violation.property, frozenset())
    assert search.complete
    databases = harness.cluster.databases()
    finals = {
        (view, tuple(d.value(number) for d, number in zip(databases, contents, strict=True)))
        for view, contents in search.finals
    }
    return Ending("", frozenset(finals))


def endings(contract: Contract, factory: Any, small: Scope, ways: list[dict[str, bool]]) -> list[Ending]:
    """The ending of each way to search."""
    harness = Harness(contract, factory)
    try:
        return [ending(harness, small, **way) for way in ways]
    finally:
        harness.close()


# A correct implementation and plausible mistakes:


class Autocommit(Tiny):
    """Two statements that each commit: a crash in between loses the request for ever."""

    def add(self, key: str, amount: int) -> Outcome:
        connection = self.connect()
        if connection.execute("INSERT INTO seen VALUES (?) ON CONFLICT DO NOTHING", (key,)).rowcount:
            connection.execute("UPDATE sums SET total = total + ?", (amount,))
        return Outcome.OK


class LostUpdate(Tiny):
    """Reads outside of the transaction that writes."""

    def add(self, key: str, amount: int) -> Outcome:
        connection = self.connect()
        (total,) = connection.execute("SELECT total FROM sums").fetchone()
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("INSERT INTO seen VALUES (?) ON CONFLICT DO NOTHING", (key,)).rowcount:
            connection.execute("UPDATE sums SET total = ?", (total + amount,))
        connection.execute("COMMIT")
        return Outcome.OK


class Memory(Tiny):
    """Remembers keys in memory, and only afterwards: two calls of one process may both find a key new."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.seen: set[str] = set()

    def add(self, key: str, amount: int) -> Outcome:
        if key not in self.seen:
            self.connect().execute("UPDATE sums SET total = total + ?", (amount,))
            self.seen.add(key)
        return Outcome.OK


class StaleTime(Tiny):
    """Asks for the time before it writes, and takes it for the present."""

    def add(self, key: str, amount: int) -> Outcome:
        now = self.env.clock.now()
        connection = self.connect()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE sums SET total = total + ?", (amount if now == self.env.clock.now() else 1,))
        connection.execute("COMMIT")
        return Outcome.OK


APART = (alone("app-1", add("w1", 5)), alone("app-2", add("w2", 7)))
RETRYING = alone("app-1", add("w1", 5, retries=1))
TOGETHER = (Client("client-1", "app", (add("w1", 5, "k"),)), Client("client-2", "app", (add("w2", 5, "k"),)))
TIME = Client(ENVIRONMENT, ENVIRONMENT, (Operation("jump", "jump", (60.0,)),))
CRASH = {"crash"}
CASES = {
    "two processes": (Tiny, scope(*APART), ""),
    "two processes, one crash": (Tiny, scope(*APART, faults=1, kinds=CRASH), ""),
    "two clients of one process": (Tiny, scope(*TOGETHER), ""),
    "two clients of one process, one crash": (Tiny, scope(*TOGETHER, faults=1, kinds=CRASH), ""),
    "one client, lost and late replies": (Tiny, scope(RETRYING, faults=1, kinds={"lost", "late", "unacknowledged"}), ""),
    "autocommit without faults": (Autocommit, scope(*APART), ""),
    "autocommit": (Autocommit, scope(RETRYING, faults=1, kinds=CRASH), "T1"),
    "a lost update": (LostUpdate, scope(*APART), "T1"),
    "memory that is checked too early": (Memory, scope(*TOGETHER), "T1"),
    "memory that is lost": (Memory, scope(RETRYING, faults=1, kinds=CRASH), "T1"),
    "time that is stale": (StaleTime, scope(APART[0], TIME), "T1"),
}


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_lost(name: str) -> None:
    factory, small, violated = CASES[name]
    found = endings(tiny.TinyContract(), factory, small, WAYS)
    assert {one.violated for one in found} == {violated}
    assert len(set(found)) == 1


# Outboxes:


class PublishesBeforeItCommits(Outbox):
    """A message may be told of what is never committed (OB2)."""

    def _enqueue(self, connection: Any, key: str, account: str, amount: int) -> None:
        super()._enqueue(connection, key, account, amount)
        self.broker.publish(key, account, "early")


class ForgetsTheKey(Outbox):
    """The same request takes effect twice (G3)."""

    def _answered(self, *arguments: Any) -> None:
        return None


CUT = (
    Scope(
        "a withdrawal and a poll", "", (("A", 100),),
        (
            Client("app-1", "app-1", (Operation("w1", "execute", ("k1", "A", 61), 1),)),
            Client("relay-1", "relay-1", (Operation("poll", "relay"),)),
        ),
        faults=1, kinds=frozenset(CRASH),
    ),
    Scope(
        "a key asked for twice", "", (("A", 100),),
        tuple(Client(name, name, (Operation(f"w {name}", "execute", ("k1", "A", 41)),)) for name in ("app-1", "app-2")),
    ),
)  # fmt: skip


@pytest.mark.parametrize("factory", [Outbox, PublishesBeforeItCommits, ForgetsTheKey])
@pytest.mark.parametrize("small", CUT, ids=lambda small: small.name)
def test_nothing_is_lost_of_an_outbox(factory: Any, small: Scope) -> None:
    merging = [way for way in WAYS if way.get("merged", True)]
    without_faults = endings(outbox.OutboxContract(), factory, replace(small, faults=0), WAYS)
    assert len(set(without_faults)) == 1
    assert len(set(endings(outbox.OutboxContract(), factory, small, merging))) == 1


# Random programs:


class _Anyhow(tiny.TinyContract):
    """Allows everything: what counts are the endings."""

    properties: ClassVar[tuple[Property, ...]] = (Property("T0", "anything goes", Kind.ALWAYS, lambda _: True),)

    def view(self, scope: Scope, seen: Seen, before: Any) -> Any:
        messages = tuple(message.payload for message in seen.of("broker"))
        return seen.durable, messages, tuple(map(str, seen.status)), seen.at_rest


INSTRUCTIONS = (
    "begin x", "begin x", "lock x", "commit x", "rollback x", "begin y", "commit y", "read x", "read x", "read y",
    "add x 1", "add x 10", "add y 100", "set x 1000", "set y 3", "recall", "keep 1", "keep 5", "publish", "now",
)  # fmt: skip


class Program:
    """Runs random instructions: a register, memory shared by the calls of a process, two databases, broker, clock."""

    def __init__(self, programs: dict[str, list[str]], env: Any) -> None:
        self.programs, self.env, self.memory = programs, env, 0

    def install(self, accounts: dict[str, int]) -> None:
        for name in ("x", "y"):
            self.env.connect(name).executescript("CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, 0)")

    def total(self) -> dict[str, int]:
        return {name: self.env.connect(name).execute("SELECT v FROM t").fetchone()[0] for name in ("x", "y")}

    def add(self, key: str, amount: int) -> Outcome:
        connections = {name: self.env.connect(name, isolation_level=None) for name in ("x", "y")}
        register = 0
        for instruction in self.programs[key]:
            register = self.run(connections, register, *instruction.split())
        for connection in connections.values():
            if connection.in_transaction:
                connection.execute("COMMIT")
            connection.close()
        return Outcome.OK

    def run(self, connections: dict[str, Any], register: int, verb: str, name: str = "", number: str = "0") -> int:
        connection = connections.get(name)
        sql = {"begin": "BEGIN", "lock": "BEGIN IMMEDIATE", "commit": "COMMIT", "rollback": "ROLLBACK"}.get(verb)
        if sql is not None and connection is not None:
            if connection.in_transaction != sql.startswith("BEGIN"):
                connection.execute(sql)
        elif connection is not None and verb == "read":
            return int(connection.execute("SELECT v FROM t").fetchone()[0])
        elif connection is not None:
            value = int(number) + (register if verb == "set" else 0)
            connection.execute("UPDATE t SET v = ?" if verb == "set" else "UPDATE t SET v = v + ?", (value,))
        elif verb == "keep":
            self.memory = register + int(name)
        elif verb == "publish":
            try:
                self.env.broker.publish("m", "k", str(register))
            except (BrokerRefused, BrokerTimeout):
                return -1
        return {"recall": self.memory, "now": int(self.env.clock.now()) % 1000}.get(verb, register)


def drawn(seed: int) -> tuple[dict[str, list[str]], Scope]:
    """Two random programs of two to four instructions, and where they run."""
    rng = random.Random(seed)
    programs = {key: rng.choices(INSTRUCTIONS, k=rng.randint(2, 3)) for key in ("w1", "w2")}
    one, other = add("w1", 1), add("w2", 1)
    clients = rng.choice([
        (alone("app-1", one), alone("app-2", other)),
        (Client("client-1", "app", (one,)), Client("client-2", "app", (other,))),
        (alone("app-1", one), TIME),
    ])  # fmt: skip
    kinds = rng.choice([(), ("crash",), ("crash", "late"), ("unacknowledged", "refused", "lost", "twice")])
    return programs, scope(*clients, faults=bool(kinds), kinds=kinds)


@pytest.mark.parametrize("seed", range(12))
def test_nothing_is_lost_of_random_programs(seed: int) -> None:
    programs, small = drawn(seed)
    found = endings(_Anyhow(), partial(Program, programs), small, [way for way in WAYS if way.get("reduced", True) or way.get("merged", True)])
    assert len(set(found)) == 1
