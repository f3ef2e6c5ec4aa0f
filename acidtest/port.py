"""Ports that describe themselves: each method of a port carries its role, and whoever needs to know reads it there.

A port is a class, as a rule a `typing.Protocol`, whose methods are marked:

    class OutboxPort(Protocol):
        @operation
        def execute(self, key: str, account: str, amount: int) -> Outcome: ...

        @background
        def relay(self) -> None: ...
"""

from __future__ import annotations

import inspect
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from acidtest.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Callable

    Method = TypeVar("Method", bound=Callable[..., Any])


class Role(StrEnum):
    """What a method of a port is for, and so who calls it, and when."""

    INSTALLATION = "installation"  #: called once, before all else, to make a schema
    OPERATION = "operation"  #: called by clients, who are told how it ended
    READ = "read"  #: called by clients and by the observer; changes nothing
    BACKGROUND = "background"  #: called again and again: a relay that polls, a timer that ticks
    RECOVERY = "recovery"  #: called first in every restarted process; where it is marked `anytime`, now and then as well
    HANDLER = "handler"  #: given the messages that the service has subscribed to
    CALLBACK = "callback"  #: given what external systems call back with
    STATEMENT = "statement"  #: given the statements that external systems send in the end
    REPLY = "reply"  #: given the answers of services that come by themselves: late, or once more
    TIMEOUT = "timeout"  #: told that somebody has been silent for too long


#: Roles whose methods tell a client something. Whoever calls the others is satisfied when they return.
ANSWERING = frozenset({Role.INSTALLATION, Role.OPERATION, Role.READ})


class PortMethod(NamedTuple):
    """One method of a port.

    Arguments:
        name: what it is called.
        role: what it is for.
        services: the services that have it, where a pattern has several; empty for all.
        optional: an implementation may do without it.
        anytime: of recovery: it is called now and then in processes that live, too, not only at a start.
    """

    name: str
    role: Role
    services: tuple[str, ...] = ()
    optional: bool = False
    anytime: bool = False


class Mark:
    """A decorator that gives a method of a port its role.

    Arguments:
        role: the role.
        services: the services that have the method; empty for all.
        optional: an implementation may do without the method.
        anytime: of recovery: it is called now and then in processes that live, too.
    """

    def __init__(self, role: Role, services: tuple[str, ...] = (), *, optional: bool = False, anytime: bool = False) -> None:
        """Keep all four."""
        self._role = role
        self._services = services
        self._optional = optional
        self._anytime = anytime

    def __call__(self, method: Method) -> Method:
        """Mark `method`."""
        marked = PortMethod(method.__name__, self._role, self._services, self._optional, self._anytime)
        method.__acidtest_port__ = marked  # type: ignore[attr-defined]
        return method

    def of(self, *services: str) -> Mark:
        """The same role, of a method that only these services have."""
        return Mark(self._role, services, optional=self._optional)

    @property
    def perhaps(self) -> Mark:
        """The same role, of a method that an implementation may do without."""
        return Mark(self._role, self._services, optional=True)

    @property
    def anytime(self) -> Mark:
        """The same role, of recovery that is called now and then in every process that lives, too.

        What is not marked so is called at the start of a process and never again: no process that lives may wait for it.
        """
        return Mark(self._role, self._services, optional=self._optional, anytime=True)


installation = Mark(Role.INSTALLATION)
operation = Mark(Role.OPERATION)
read = Mark(Role.READ)
background = Mark(Role.BACKGROUND)
recovery = Mark(Role.RECOVERY)
handler = Mark(Role.HANDLER)
callback = Mark(Role.CALLBACK)
statement = Mark(Role.STATEMENT)
reply = Mark(Role.REPLY)
timeout = Mark(Role.TIMEOUT)


class Port:
    """The methods of a port, in the order in which it declares them.

    Arguments:
        declared: the class that declares them.

    Raises:
        ContractError: one of them has no role.
    """

    def __init__(self, declared: type) -> None:
        """Read the marks."""
        self.declared = declared
        functions: dict[str, Any] = {}
        for cls in reversed(declared.__mro__):
            functions |= {name: f for name, f in vars(cls).items() if inspect.isfunction(f) and not name.startswith("_")}
        unmarked = [name for name, function in functions.items() if not hasattr(function, "__acidtest_port__")]
        if unmarked:
            message = (
                f"{declared.__name__}.{unmarked[0]} has no role, so nobody knows when to call it. Decorate it with one of "
                f"{', '.join(Role)} from acidtest.port."
            )
            raise ContractError(message)
        self.methods: tuple[PortMethod, ...] = tuple([function.__acidtest_port__ for function in functions.values()])
        #: The roles that there are.
        self.roles = frozenset([method.role for method in self.methods])
        #: The methods that tell nobody anything.
        self.silent = tuple([method.name for method in self.methods if method.role not in ANSWERING])

    def names(self, *roles: Role) -> tuple[str, ...]:
        """The names of the methods with one of these roles; of all methods where none is given."""
        return tuple([method.name for method in self.methods if not roles or method.role in roles])

    @property
    def looking_after(self) -> tuple[str, ...]:
        """The names of the methods that are called now and then in every process that lives."""
        return tuple([m.name for m in self.methods if m.role is Role.BACKGROUND or m.anytime])

    def name(self, role: Role) -> str:
        """The name of the method with that role; empty where there is none."""
        return next(iter(self.names(role)), "")

    def of(self, service: str) -> tuple[str, ...]:
        """The names of the methods that `service` has; of all of them where it is empty."""
        return tuple([m.name for m in self.methods if not m.services or not service or service in m.services])

    def needed(self, service: str) -> tuple[str, ...]:
        """The names of the methods that `service` cannot do without."""
        optional = {method.name for method in self.methods if method.optional}
        return tuple([name for name in self.of(service) if name not in optional])

    def signature(self, name: str) -> inspect.Signature:
        """The arguments of a method, `self` left out."""
        whole = inspect.signature(getattr(self.declared, name))
        return whole.replace(parameters=[p for p in whole.parameters.values() if p.name != "self"])


@cache
def port_of(declared: type) -> Port:
    """The port that a class declares."""
    return Port(declared)
