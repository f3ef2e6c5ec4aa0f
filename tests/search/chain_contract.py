"""The smallest contract with several services: what is added on the left comes to the right, by message."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from tiny_contract import Anything

from acidtest.checker.machine import Kind, Model, Property
from acidtest.environment import CallRefused, CallTimeout, Outcome
from acidtest.port import background, handler, installation, operation, read
from acidtest.properties.shared.contract import Contract
from acidtest.properties.shared.seen import Seen

if TYPE_CHECKING:
    from collections.abc import Hashable

    from acidtest.workload import Scope


class View(NamedTuple):
    """What each of the two services has, and whether all is at rest."""

    left: int
    right: int
    at_rest: bool


class ChainPort:
    @installation
    def install(self, accounts: dict[str, int]) -> None: ...

    @operation
    def add(self, key: str, amount: int) -> Outcome: ...

    @background
    def relay(self) -> None: ...

    @handler
    def handle(self, message: Any) -> None: ...

    @read
    def total(self) -> dict[str, int]: ...


class ChainContract(Contract):
    pattern: ClassVar[str] = "chain"
    port = ChainPort
    members: ClassVar[tuple[str, ...]] = ("left", "right")
    properties: ClassVar[tuple[Property, ...]] = (
        Property("T1", "what has come to the right was sent by the left", Kind.ALWAYS, lambda v: v.right <= v.left),
        Property("T2", "what was added on the left comes to the right", Kind.AT_REST, lambda v: v.left == v.right),
    )

    def model(self, scope: Scope) -> Model[Any]:
        return Anything()

    def observe_member(self, implementation: Any, member: str) -> Hashable:
        return sum(implementation.total().values())

    def view(self, scope: Scope, seen: Seen, before: Any) -> View:
        return View(*seen.durable, seen.at_rest)  # type: ignore[misc]

    def abstract(self, view: Any) -> Hashable:
        return ()

    def actions(self, scope: Scope, kind: str, subject: str, value: object) -> Any:
        return ()

    @classmethod
    def stateful_workloads(cls) -> Any:
        raise NotImplementedError


class Chain:
    """The left owes what was added, the right takes each message once."""

    def __init__(self, env: Any) -> None:
        self.env = env

    def connect(self) -> Any:
        return self.env.connect("rows", isolation_level=None)

    def install(self, accounts: dict[str, int]) -> None:
        self.connect().execute("CREATE TABLE rows (key TEXT PRIMARY KEY, amount INTEGER, sent INTEGER, at REAL)")

    def add(self, key: str, amount: int) -> Outcome:
        row = (key, amount, self.env.clock.now())
        self.connect().execute("INSERT INTO rows VALUES (?, ?, 0, ?) ON CONFLICT DO NOTHING", row)
        return Outcome.OK

    def relay(self) -> None:
        connection = self.connect()
        for key, amount in connection.execute("SELECT key, amount FROM rows WHERE sent = 0 ORDER BY key").fetchall():
            self.send(connection, key, amount)

    def send(self, connection: Any, key: str, amount: int) -> None:
        self.env.broker.publish(key, key, amount)
        connection.execute("UPDATE rows SET sent = 1 WHERE key = ?", (key,))

    def handle(self, message: Any) -> None:
        if self.env.service == "right":
            row = (message.key, int(message.payload))
            self.connect().execute("INSERT INTO rows VALUES (?, ?, 1, 0) ON CONFLICT DO NOTHING", row)

    def total(self) -> dict[str, int]:
        return dict(self.connect().execute("SELECT key, amount FROM rows"))


class MarksFirst(Chain):
    """Marks before it sends."""

    def send(self, connection: Any, key: str, amount: int) -> None:
        connection.execute("UPDATE rows SET sent = 1 WHERE key = ?", (key,))
        self.env.broker.publish(key, key, amount)


class CountsAgain(Chain):
    """Takes a message that comes again for another one."""

    def handle(self, message: Any) -> None:
        if self.env.service == "right":
            sql = "INSERT INTO rows VALUES (?, ?, 1, 0) ON CONFLICT DO UPDATE SET amount = amount + excluded.amount"
            self.connect().execute(sql, (message.key, int(message.payload)))


class SendsWhatIsOld(Chain):
    """Never sends what is older than an hour."""

    def send(self, connection: Any, key: str, amount: int) -> None:
        (at,) = connection.execute("SELECT at FROM rows WHERE key = ?", (key,)).fetchone()
        if self.env.clock.now() < at + 3_600.0:
            super().send(connection, key, amount)


class Calling(Chain):
    """The left calls the right, and asks again for what was not answered."""

    def add(self, key: str, amount: int) -> Outcome:
        super().add(key, amount)
        self.relay()
        return Outcome.OK

    def send(self, connection: Any, key: str, amount: int) -> None:
        try:
            self.env.call("right", "put", key, amount)
        except (CallRefused, CallTimeout):
            return
        connection.execute("UPDATE rows SET sent = 1 WHERE key = ?", (key,))

    def put(self, key: str, amount: int) -> str:
        self.connect().execute("INSERT INTO rows VALUES (?, ?, 1, 0) ON CONFLICT DO NOTHING", (key, amount))
        return "thanks"


class TimeoutIsDone(Calling):
    """Takes silence for consent."""

    def send(self, connection: Any, key: str, amount: int) -> None:
        with suppress(CallRefused, CallTimeout):
            self.env.call("right", "put", key, amount)
        connection.execute("UPDATE rows SET sent = 1 WHERE key = ?", (key,))


class PutsAgain(Calling):
    """Does not know what comes again."""

    def put(self, key: str, amount: int) -> str:
        sql = "INSERT INTO rows VALUES (?, ?, 1, 0) ON CONFLICT DO UPDATE SET amount = amount + excluded.amount"
        self.connect().execute(sql, (key, amount))
        return "thanks"
