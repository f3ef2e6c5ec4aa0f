"""The smallest contract that a search can explore: requests add to a sum, once per key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from acidtest.checker.machine import Action, Kind, Model, Property, Transition
from acidtest.environment import Outcome
from acidtest.port import installation, operation, read
from acidtest.properties.shared.contract import Contract
from acidtest.properties.shared.seen import Seen
from acidtest.search.exhaustive import Explorer, Search
from acidtest.search.harness import Harness
from acidtest.workload import Client, Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence


class TinyPort(Protocol):
    @installation
    def install(self, accounts: dict[str, int]) -> None: ...

    @operation
    def add(self, key: str, amount: int) -> Outcome: ...

    @read
    def total(self) -> dict[str, int]: ...


class View(NamedTuple):
    """The sum, what clients know of each request (key, amount, status), and whether all is at rest."""

    total: int
    calls: tuple[tuple[str, int, str], ...]
    messages: int
    at_rest: bool


def possible(view: View) -> bool:
    """The sum is made of whole requests: of every key that was told ok, of others that were asked for, each once."""
    sums = {0}
    for key, amount in dict.fromkeys((key, amount) for key, amount, _ in view.calls):
        told = {status for k, _, status in view.calls if k == key}
        added = {s + amount for s in sums}
        sums = added if "ok" in told else sums | added if told & {"open", "unknown"} else sums
    return view.total in sums


class Anything(Model[int]):
    """A model that allows everything; the properties alone judge."""

    def initial_states(self) -> Iterable[int]:
        yield 0

    def transitions(self) -> Sequence[Transition]:
        return ()

    def view(self, state: int) -> Hashable:
        return ()


class TinyContract(Contract):
    pattern: ClassVar[str] = "tiny"
    port = TinyPort
    properties: ClassVar[tuple[Property, ...]] = (
        Property("T1", "the sum is made of whole requests", Kind.AT_REST, possible),
    )

    def model(self, scope: Scope) -> Model[Any]:
        return Anything()

    def observe(self, implementation: Any) -> Hashable:
        return tuple(implementation.total().items())

    def view(self, scope: Scope, seen: Seen, before: Any) -> View:
        ((_, total),) = seen.durable  # type: ignore[misc,attr-defined]
        adds = zip(scope.operations(), seen.status, strict=True)
        calls = tuple((*o.arguments, str(status)) for o, status in adds if o.method == "add")
        return View(total, calls, len(seen.of("broker") or ()), seen.at_rest)  # type: ignore[arg-type]

    def abstract(self, view: Any) -> Hashable:
        return ()

    def actions(self, scope: Scope, kind: str, subject: str, value: object) -> Sequence[Action]:
        return ()

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        return ()


class Tiny:
    """A correct implementation, by sqlite3."""

    def __init__(self, env: Any) -> None:
        self.env = env

    def connect(self) -> Any:
        return self.env.connect("bank", isolation_level=None)

    def install(self, accounts: dict[str, int]) -> None:
        script = "CREATE TABLE sums (id TEXT PRIMARY KEY, total INTEGER); INSERT INTO sums VALUES ('A', 0)"
        self.connect().executescript(f"{script}; CREATE TABLE seen (key TEXT PRIMARY KEY)")

    def add(self, key: str, amount: int) -> Outcome:
        connection = self.connect()
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("INSERT INTO seen VALUES (?) ON CONFLICT DO NOTHING", (key,)).rowcount:
            connection.execute("UPDATE sums SET total = total + ?", (amount,))
        connection.execute("COMMIT")
        return Outcome.OK

    def total(self) -> dict[str, int]:
        return dict(self.connect().execute("SELECT id, total FROM sums").fetchall())


def add(name: str, amount: int, key: str = "", retries: int = 0) -> Operation:
    """A request of a client."""
    return Operation(name, "add", (key or name, amount), retries)


def scope(*clients: Client, faults: int = 0, kinds: Iterable[str] = ()) -> Scope:
    """A scope of these clients."""
    return Scope("tiny", "", (("A", 0),), clients, faults, frozenset(kinds))


def alone(name: str, *operations: Operation) -> Client:
    """A client with a process of its own."""
    return Client(name, name, operations)


def explore(chosen: Scope, factory: Any = Tiny) -> Search:
    """Every schedule of a scope."""
    harness = Harness(TinyContract(), factory)
    try:
        return Explorer(harness, chosen).explore()
    finally:
        harness.close()
