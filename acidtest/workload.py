"""What clients ask of an implementation: operations, the clients that issue them one after the other, and scopes.

These are plain values; a scope is explored completely by the exhaustive search, and drawn by the stateful one.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, NamedTuple, Protocol

#: The process name of clients that act on the environment (outages, the clock) instead of calling the implementation.
ENVIRONMENT = "environment"


class Operation(NamedTuple):
    """One call of a port method.

    Arguments:
        name: identifies it within the scope, for example "w1".
        method: the port method; for a client of the environment one of jump (seconds), outage, restore.
        arguments: positional arguments.
        retries: how often the client tries again, with the same arguments, after an unknown outcome.
        source: what is the last argument, where the workload cannot know it: "atm callback 0" for the first callback of
            an external system, "atm statement" for its statement at that time, "stock reply 0" for the first answer of a
            service, "message" for the next message, "w1 answer" for the position that the operation w1 was told with its
            answer. The operation waits until there is such a thing.
    """

    name: str
    method: str
    arguments: tuple[Hashable, ...] = ()
    retries: int = 0
    source: str = ""

    def __str__(self) -> str:
        return f"{self.method}({', '.join([*map(repr, self.arguments), *([self.source] if self.source else [])])})"


class System(NamedTuple):
    """An external system of a scope, and what may be expected of it.

    Arguments:
        name: identifies it.
        idempotent: it carries out an order once, however often it is told to under one key.
        queryable: it answers inquiries.
        voidable: it refuses an order for ever that was voided before it came.
        callbacks: it calls back: when it accepts an order, and again when it is done with it.
        statements: it sends a statement in the end.
        queues: an order that takes effect late is known meanwhile, and in progress; else it is on its way.
        declines: the amounts that it declines.
        parts: (amount, part) pairs: the amounts of which it carries out a part only.
    """

    name: str
    idempotent: bool = True
    queryable: bool = True
    voidable: bool = True
    callbacks: bool = False
    statements: bool = False
    queues: bool = False
    declines: tuple[int, ...] = ()
    parts: tuple[tuple[int, int], ...] = ()


class Played(Protocol):
    """A service that the harness plays: a pure state machine."""

    def initial(self) -> Hashable:
        """The state that it starts in."""

    def answer(self, state: Any, method: str, arguments: tuple[Any, ...]) -> tuple[Hashable, Hashable]:  # noqa: ANN401
        """The state after a call, and the answer.

        Raises:
            CallRefused: it has no such method, or it takes other arguments: the caller is answered that.
        """


class Sent(NamedTuple):
    """A message that lies on the broker when a scope begins.

    Arguments:
        name: identifies it within the scope; two that are copies of one have the same.
        id: identifies it for whoever receives it; None, or empty, where its sender gave it none.
        key: what it is about.
        payload: the body, as text.
        topic: where it lies.
        deadly: whoever looks into the payload dies, until it is repaired.
    """

    name: str
    id: str | None
    key: str
    payload: str
    topic: str
    deadly: bool = False


class Queueing(NamedTuple):
    """How a broker delivers to services whose processes compete for messages; what a contract gives to the device "broker".

    Deliveries are counted then, and messages carry the time at which they were accepted.

    Arguments:
        topics: the topics that services are given messages of.
        dead: the topic of dead letters.
    """

    topics: tuple[str, ...]
    dead: str = "dead"


#: What may be assumed of a network, unless a scope lifts it: nothing is cut off from anything else; and whoever is silent for too
#: long has crashed, since what is sent arrives before anybody gives its sender up.
NO_PARTITION, BOUNDED_DELAY = "no partition", "bounded delay"


class Managers(NamedTuple):
    """What a contract gives to the device "resources": the resource managers of distributed transactions, which hold the accounts of a
    scope that are called resource/account.

    Arguments:
        foreign: branches of another transaction manager that are prepared, for ever: resource, name, and (account, change) pairs. They
            are in those that are played: see `Scope.databases`.
    """

    foreign: tuple[tuple[str, tuple[int, str, str], tuple[tuple[str, int], ...]], ...] = ()


#: What is left of the clients of a long scope, and of the operations of each, where it is shortened.
_FEW_CLIENTS, _FEW = 40, 12


class Sites(NamedTuple):
    """What a contract gives to the device "network": the services that talk over it, each in one process.

    Arguments:
        names: what they are called.
    """

    names: tuple[str, ...]


class Client(NamedTuple):
    """One client that calls one process, one operation after the other.

    Arguments:
        name: identifies it within the scope.
        process: the process that it calls; several clients may call one process.
        operations: what it calls.
    """

    name: str
    process: str
    operations: tuple[Operation, ...]


@dataclass(frozen=True)
class Scope:
    """A small fixed workload with a budget of faults, explored completely.

    Arguments:
        name: identifies it within the contract.
        summary: what it holds, in one line.
        accounts: (account, opening balance in minor units) pairs handed to `install`.
        clients: the clients.
        faults: how many faults may befall one schedule, crashes included.
        kinds: the fault kinds that may befall it; empty for none.
        recovery_crashes: how many more crashes may hit a process while it recovers.
        poison: keys whose messages the broker never accepts.
        idle: processes that run without a client of their own (they recover, relay and drain at rest).
        serial: run the clients one after the other, each as far as it can go, so that faults are the only choices, and
            without any there is one schedule. For workloads whose size matters rather than their order.
        unsteady: time may jump and the broker may fail at any moment, not only where a client of the environment says so.
        systems: the external systems; one that is not listed can do everything and calls nobody back.
        called: the services under test that others call by `env.call`.
        opening: the clients that run before all others, one after the other and without faults: what they leave unfinished
            is there, beside what the other clients do, without multiplying the schedules.
        messages: what lies on the broker at the start, in its order.
        lifted: the assumptions about the network that do not hold here; empty for none. See `Sites`.
        restarts: a process of which others notice that it is dead may start again at any moment; otherwise only when all comes to rest.
        enough: so many effects outside of databases are enough: after them no client begins anything more. One poll may try
            one message, or all; what matters of a long scope is how often it was tried. 0 for no limit.
        databases: the resource managers that are databases, instead of being played, with the kind of each, for example
            ("left", "postgresql"); an empty kind stands for that which the check runs on.
    """

    name: str
    summary: str
    accounts: tuple[tuple[str, int], ...]
    clients: tuple[Client, ...]
    faults: int = 0
    kinds: frozenset[str] = frozenset()
    recovery_crashes: int = 0
    poison: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()
    serial: bool = False
    unsteady: bool = False
    systems: tuple[System, ...] = ()
    called: tuple[str, ...] = ()
    opening: tuple[str, ...] = ()
    messages: tuple[Sent, ...] = ()
    lifted: tuple[str, ...] = ()
    restarts: bool = False
    enough: int = 0
    databases: tuple[tuple[str, str], ...] = ()

    def __hash__(self) -> int:
        """The same for equal scopes; made once, for a scope may have thousands of operations, and is looked up at every step."""
        return self._hash

    def __getstate__(self) -> dict[str, Any]:
        """Its fields alone: what was made of them once is worth nothing in another interpreter."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @cached_property
    def _hash(self) -> int:
        return hash(tuple([getattr(self, field.name) for field in fields(self)]))

    def operations(self) -> tuple[Operation, ...]:
        """Every operation on the implementation, in the order of the clients."""
        return self._operations

    @cached_property
    def _operations(self) -> tuple[Operation, ...]:
        return tuple(op for client in self.clients if client.process != ENVIRONMENT for op in client.operations)

    @property
    def installation(self) -> Hashable:
        """What has to be installed for it: scopes of which this is equal begin with the same contents of all databases."""
        return self.accounts, self.databases

    @property
    def has_one_schedule(self) -> bool:
        """Whether there is nothing to choose: what it does may then be long."""
        return self.serial and not self.faults

    def shortened(self) -> Scope:
        """The same with the first of what it does over and over, and the last: what shows there, shows soon."""
        clients = self.clients if len(self.clients) <= _FEW_CLIENTS else self.clients[:_FEW_CLIENTS]
        few = [client._replace(operations=(*client.operations[:_FEW], *client.operations[_FEW:][-1:])) for client in clients]
        return replace(self, clients=tuple(few), enough=0)

    def processes(self) -> tuple[str, ...]:
        """Every process, in the order of the clients."""
        names = [client.process for client in self.clients if client.process != ENVIRONMENT]
        return tuple(dict.fromkeys([*names, *self.idle]))


def service_of(process: str) -> str:
    """The service that a process belongs to: its name without the number at the end."""
    return process.rpartition("-")[0]


def scope_to_json(scope: Scope) -> dict[str, Any]:
    """A scope as JSON values."""
    return {
        "name": scope.name, "summary": scope.summary, "accounts": [list(pair) for pair in scope.accounts],
        "clients": [
            {"name": client.name, "process": client.process, "operations": [
                {"name": op.name, "method": op.method, "arguments": _listed(op.arguments), "retries": op.retries, "source": op.source}
                for op in client.operations
            ]}
            for client in scope.clients
        ],
        "faults": scope.faults, "kinds": sorted(scope.kinds), "recovery_crashes": scope.recovery_crashes,
        "poison": list(scope.poison), "idle": list(scope.idle), "serial": scope.serial, "unsteady": scope.unsteady,
        "systems": [_listed(system) for system in scope.systems], "called": list(scope.called), "opening": list(scope.opening),
        "messages": [_listed(message) for message in scope.messages], "lifted": list(scope.lifted),
        "restarts": scope.restarts, "enough": scope.enough, "databases": [list(pair) for pair in scope.databases],
    }  # fmt: skip


def scope_from_json(value: dict[str, Any]) -> Scope:
    """The scope that `scope_to_json` made these values of; what is nought or empty may be left out.

    Raises:
        KeyError, TypeError, ValueError: they are not such values.
    """
    clients = tuple(
        Client(client["name"], client["process"], tuple(
            Operation(op["name"], op["method"], _tupled(op["arguments"]), op.get("retries", 0), op.get("source", ""))
            for op in client["operations"]
        ))
        for client in value["clients"]
    )  # fmt: skip
    scope = Scope(
        value["name"], value["summary"], tuple((a, b) for a, b in value["accounts"]), clients, value["faults"],
        frozenset(value["kinds"]), value.get("recovery_crashes", 0), tuple(value.get("poison", ())), tuple(value.get("idle", ())),
        value.get("serial", False),
        value.get("unsteady", False),
        tuple(System(*_tupled(system)) for system in value.get("systems", ())),
        tuple(value.get("called", ())),
        tuple(value.get("opening", ())),
        tuple(Sent(*_tupled(message)) for message in value.get("messages", ())),
        tuple(value.get("lifted", ())),
        value.get("restarts", False),
        value.get("enough", 0),
        tuple((name, kind) for name, kind in value.get("databases", ())),
    )  # fmt: skip
    _check(scope)
    return scope


def _check(scope: Scope) -> None:
    """Whether the values of a scope that was read are of the types that they must be of."""
    texts = [scope.name, scope.summary, *scope.kinds, *scope.poison, *scope.idle, *scope.called, *scope.opening, *scope.lifted]
    texts += [account for account, _ in scope.accounts] + [text for pair in scope.databases for text in pair]
    texts += [text for client in scope.clients for text in (client.name, client.process)]
    operations = [operation for client in scope.clients for operation in client.operations]
    texts += [text for m in scope.messages for text in (m.name, m.id or "", m.key, m.payload, m.topic)]
    texts += [text for operation in operations for text in (operation.name, operation.method, operation.source)]
    numbers: list[object] = [scope.faults, scope.recovery_crashes, scope.enough, *(balance for _, balance in scope.accounts)]
    numbers += [operation.retries for operation in operations]
    for kind, values in ((str, texts), (int, numbers)):
        wrong = [value for value in values if not isinstance(value, kind)]
        if wrong:
            message = f"{wrong[0]!r} stands where a {'text' if kind is str else 'whole number'} must be"
            raise TypeError(message)
    hash(scope)  # arguments that are objects cannot be compared, so no operation has them


def _listed(value: Any) -> Any:  # noqa: ANN401 - nested tuples of JSON values
    return [_listed(v) for v in value] if isinstance(value, tuple) else value


def _tupled(value: Any) -> Any:  # noqa: ANN401 - nested lists of JSON values
    return tuple(_tupled(v) for v in value) if isinstance(value, list) else value
