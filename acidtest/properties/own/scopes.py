"""Scopes as a contract of one's own declares them: clients, what they ask for, and what may befall them.

Scope("two for one seat", client("web-1", book("7", "ann")), client("web-2", book("7", "bob")), crashes=1)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from acidtest.errors import ContractError, UsageError
from acidtest.properties.own.network import ASSUMPTIONS, USUAL_OF_NETWORK, Wiring
from acidtest.workload import ENVIRONMENT, Client, Operation, Sent, System
from acidtest.workload import Scope as Built

#: What may befall a schedule where a scope says only how many faults there are.
USUAL = ("crash", "lost", "unacknowledged", "refused", "late")
#: The fault kinds that there are.
KINDS = (
    *USUAL, "twice", "delayed", "reordered", "duplicated", "redelivered", "restart database", "restart cache", "evict", "cancelled",
    "cancelled after", "dropped", "backup",
)  # fmt: skip
#: The network of a contract that has none.
UNWIRED = Wiring()


def client(process: str, *operations: Operation, name: str = "") -> Client:
    """A client of a process, which asks for one operation after the other.

    Arguments:
        process: the process that it calls, as "web-1"; where there are several services, "<service>-<number>".
        operations: what it calls.
        name: identifies it within the scope; empty for the name of the process.
    """
    wrong = [operation for operation in operations if not isinstance(operation, Operation)]
    if wrong:
        message = f"The client of {process!r} is given {wrong[0]!r}, which is no call. Call what you declared: book('7', 'ann')."
        raise ContractError(message)
    return Client(name, process, operations)


def time_passes(*seconds: float, name: str = "time") -> Client:
    """So many seconds pass at once, at any moment; and then so many more.

    Arguments:
        seconds: of each jump of the clock.
        name: identifies it within the scope, where there are several.
    """
    return changes(*[("jump", each) for each in seconds], name=name)


def changes(*changes: tuple[str, float | str | None], name: str = ENVIRONMENT) -> Client:
    """What the environment does, at any moment, in this order.

    ("jump", seconds) of the clock, ("outage", None) and ("restore", None) of all that is outside, ("partition", "north | east south")
    and ("heal", None) of the network between services.

    Arguments:
        changes: what it does.
        name: identifies it within the scope, where there are several.
    """
    steps = [Operation(f"{name}: {what} {'' if given is None else given}".strip(), what, () if given is None else (given,)) for what, given in changes]
    return Client(name, ENVIRONMENT, tuple(steps))


@dataclass(frozen=True)
class Scope:
    """A small workload that is explored completely: every order of what its clients do, with every fault that it allows.

    Arguments:
        name: identifies it within the contract.
        clients: who calls what; see `client` and `time_passes`.
        crashes: how many crashes may befall one schedule, anywhere.
        faults: how many faults of `kinds` may, instead.
        kinds: which; none for crash, lost, unacknowledged, refused and late.
        start: what the installation is given; None for `start` of the contract.
        opening: names of clients that go first, without faults: what they leave unfinished is there for the others.
        idle: processes that run without a client.
        systems: the external systems, as far as they are special.
        called: services under test that others call by `env.call`.
        messages: what lies on the broker at the start.
        recovery_crashes: how many more crashes may hit a process while it recovers.
        poison: keys whose messages the broker never accepts.
        serial: one client after the other, so that faults are the only choices.
        unsteady: time may jump, and the outside may fail, at any moment.
        sites: of services that talk over a network, those that there are here; empty for all.
        lifted: what cannot be assumed of the network here: "no partition", "bounded delay".
        restarts: a site that is dead may start again at any moment, and not only when all comes to rest.
        summary: what it holds, in a line; empty for what its clients call.
    """

    name: str
    clients: tuple[Client, ...]
    crashes: int = 0
    faults: int = 0
    kinds: frozenset[str] = frozenset()
    start: Mapping[str, int] | None = None
    opening: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()
    systems: tuple[System, ...] = ()
    called: tuple[str, ...] = ()
    messages: tuple[Sent, ...] = ()
    recovery_crashes: int = 0
    poison: tuple[str, ...] = ()
    serial: bool = False
    unsteady: bool = False
    sites: tuple[str, ...] = ()
    lifted: tuple[str, ...] = ()
    restarts: bool = False
    summary: str = field(default="", compare=False)

    def __init__(self, name: str, *clients: Client, **more: Any) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "clients", clients)
        known = set(self.__dataclass_fields__) - {"name", "clients"}
        for option in more:
            if option not in known:
                what = "argument of Scope"
                raise UsageError.unknown(what, option, sorted(known))
        for option in known:
            default = self.__dataclass_fields__[option].default
            given = more.get(option, default)
            object.__setattr__(self, option, _of_type(option, given, default))
        self._check()

    def _check(self) -> None:
        """Whether it can be.

        Raises:
            ContractError: it cannot.
        """
        if self.crashes and (self.faults or self.kinds):
            message = (
                f"The scope {self.name!r} has crashes={self.crashes} and faults or kinds as well. A schedule has one budget: write "
                f"faults={self.crashes + self.faults}, kinds=('crash', …)."
            )
            raise ContractError(message)
        if self.kinds and not self.faults:
            message = f"The scope {self.name!r} names kinds of faults, and allows none. Write faults=1 beside them."
            raise ContractError(message)
        for kind in self.kinds:
            if kind not in KINDS:
                what = f"fault kind (in the scope {self.name!r})"
                raise UsageError.unknown(what, kind, KINDS)
        for assumption in self.lifted:
            if assumption not in ASSUMPTIONS:
                what = f"assumption about the network (in the scope {self.name!r})"
                raise UsageError.unknown(what, assumption, ASSUMPTIONS)
        wrong = [one for one in self.clients if not isinstance(one, Client)]
        if wrong or not self.clients:
            given = repr(wrong[0]) if wrong else "nothing"
            message = f"The scope {self.name!r} is given {given} where its clients must be. Write client('web-1', …)."
            raise ContractError(message)

    def built(self, start: Mapping[str, int], wired: Wiring = UNWIRED) -> Built:
        """The scope as the searches take it.

        Arguments:
            start: what the installation is given, where the scope does not say.
            wired: the network of the contract.
        """
        self._check_network(wired)
        clients, usual = _numbered(self.clients), USUAL_OF_NETWORK if wired else USUAL
        faults, kinds = (self.crashes, {"crash"}) if self.crashes else (self.faults, self.kinds or (usual if self.faults else ()))
        given = tuple((start if self.start is None else self.start).items())
        built = Built(
            self.name, self.summary or _summary(clients), given, clients, faults, frozenset(kinds), self.recovery_crashes, self.poison,
            self.idle, self.serial, self.unsteady, self.systems, self.called, self.opening, self.messages, self.lifted, self.restarts,
        )  # fmt: skip
        return wired.connected(built, self.sites or wired.sites)

    def _check_network(self, wired: Wiring) -> None:
        """Whether it says nothing of a network where there is none.

        Raises:
            ContractError: it does.
        """
        given = [option for option in ("sites", "lifted", "restarts") if getattr(self, option)]
        if given and not wired:
            message = f"The scope {self.name!r} has {given[0]}, and its contract no network. Write network = ('north', 'east', …) in the class."
            raise ContractError(message)


def _of_type(option: str, given: Any, default: Any) -> Any:
    """An option of a scope; collections of any kind will do.

    Raises:
        ContractError: it is something else.
    """
    if isinstance(default, (tuple, frozenset)):
        if isinstance(given, str) or not isinstance(given, Iterable):
            message = f"Scope(…, {option}={given!r}): it must be a collection. Write {option}=({given!r},)."
            raise ContractError(message)
        return type(default)(given)
    return given


def _numbered(clients: tuple[Client, ...]) -> tuple[Client, ...]:
    """With a name for each client, and for each operation."""
    calls: Counter[str] = Counter()
    names: Counter[str] = Counter()
    found = []
    for one in clients:
        name = one.name or one.process
        names[name] += 1
        operations = []
        for operation in one.operations:
            calls[operation.method] += 1
            name_of_it = operation.name or f"{operation.method} {calls[operation.method]}"
            operations.append(Operation(name_of_it, *operation[1:]))  # by whom it was made is not part of a scope
        found.append(Client(name if names[name] == 1 else f"{name} ({names[name]})", one.process, tuple(operations)))
    return tuple(found)


def _summary(clients: tuple[Client, ...]) -> str:
    return "; ".join(f"{one.name}: {', '.join(map(str, one.operations))}" for one in clients if one.operations)


numbered = _numbered
