"""What a contract of one's own says of its implementation's methods: which there are, what for, and with which arguments.

    book = operation("book", seat=("7", "8"), who=str)   # what clients call
    sweep = background("release_expired")                # what runs by itself
    seats = read("seats")                                # what an outsider sees

A declaration is called in a scope: `book("7", "ann")` is an operation of a client.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from acidtest.errors import ContractError
from acidtest.port import PortMethod, Role
from acidtest.workload import Operation

if TYPE_CHECKING:
    from collections.abc import Callable

#: What a declared argument cannot be called: calls take these beside the arguments.
RESERVED = ("retries", "given_by")
#: Roles whose methods are given something that no workload can know; a message comes from one source only.
_GIVEN = {Role.HANDLER: "message", Role.CALLBACK: "", Role.STATEMENT: "", Role.REPLY: "", Role.TIMEOUT: ""}


class Called(Operation):
    """A call that says by which declaration it was made; scopes hold it as any other."""

    by: Declared


class Declared:
    """A method of the implementation.

    Arguments:
        role: what it is for.
        method: what the implementation calls it.
        arguments: per argument, by name, what values it may have: a type, a collection of values, or a Hypothesis strategy.
        services: the services that have it; empty for all.
        optional: an implementation may do without it.
        anytime: of recovery: it is called now and then in processes that live, too.
    """

    def __init__(
        self, role: Role, method: str, arguments: Mapping[str, Any], services: tuple[str, ...] = (), *, optional: bool = False,
        anytime: bool = False,
    ) -> None:  # fmt: skip
        if not isinstance(method, str) or not method.isidentifier() or method.startswith("_"):
            message = f"{role}({method!r}) names no method. Write the name of a public method of your implementation, as text."
            raise ContractError(message)
        wrong = [name for name in arguments if name in RESERVED]
        if wrong:
            message = f"An argument of {method!r} is declared as {wrong[0]!r}, which calls take for themselves. Declare it under another name."
            raise ContractError(message)
        self.role = role
        self.method = method
        self.arguments = dict(arguments)
        self.services = services
        self.optional, self.anytime = optional, anytime
        self.name = method
        self.owner = ""
        #: What it is a copy of; itself where it is none.
        self.origin = self

    def __set_name__(self, owner: type, name: str) -> None:
        if not self.owner:  # it may stand in a second class, under another name there
            self.name, self.owner = name, owner.__name__

    def __repr__(self) -> str:
        return f"{self.role}({self.method!r})"

    def of(self, *services: str) -> Declared:
        """The same, of a method that only these services have."""
        return Declared(self.role, self.method, self.arguments, services, optional=self.optional, anytime=self.anytime)

    @property
    def perhaps(self) -> Declared:
        """The same, of a method that an implementation may do without."""
        return Declared(self.role, self.method, self.arguments, self.services, optional=True, anytime=self.anytime)

    def __call__(self, *values: Any, retries: int = 0, given_by: str = "", **named: Any) -> Operation:
        """One call, as a client makes it.

        Arguments:
            values: the arguments, in the order of the declaration.
            retries: how often the client tries again after an unknown outcome.
            given_by: where the last argument comes from, as "atm callback 0"; see `acidtest.workload.Operation`.
            named: arguments by name.

        Raises:
            ContractError: the declaration has other arguments.
        """
        try:
            bound = self.signature.bind(*values, **named)
        except TypeError as error:
            message = f"{self.method}{self.signature} cannot be called so: {error}. It is declared with these arguments."
            raise ContractError(message) from None
        source = given_by or _GIVEN.get(self.role, "")
        arguments = tuple([_plain(value, self.method) for value in bound.arguments.values()])
        made = Called("", self.method, arguments, retries, source)
        made.by = self
        return made

    @property
    def signature(self) -> inspect.Signature:
        """The arguments that it is called with in a scope."""
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        return inspect.Signature([inspect.Parameter(name, kind) for name in self.arguments])

    def function(self, given: tuple[str, ...] = ()) -> Callable[..., Any]:
        """The method of a port that says the same: see `acidtest.port`.

        Arguments:
            given: the arguments that no workload can know; empty where there is one, or none.
        """

        def method(self: Any, *arguments: Any) -> None:
            """Say what there is; nobody calls it."""

        given = given or (("given",) if self.role in _GIVEN else ())
        names = ["self", *self.arguments, *given]
        parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
        method.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        method.__doc__ = f"Declared as {self.name} = {self!r}."
        method.__name__ = self.method
        method.__acidtest_port__ = PortMethod(self.method, self.role, self.services, self.optional, self.anytime)  # type: ignore[attr-defined]
        return method


def _plain(value: Any, method: str) -> Any:
    """An argument of a call; it is written into failure files, so it is a plain value.

    Raises:
        ContractError: it is none.
    """
    if isinstance(value, (list, tuple)):
        return tuple(_plain(part, method) for part in value)
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    message = (
        f"{method}() is called with {value!r}, of type {type(value).__name__}. Schedules are kept in files, so arguments are texts, "
        "numbers, True, False, None, or tuples of these. Let implementation() return something that makes the rest of them."
    )
    raise ContractError(message)


def operation(method: str, /, **arguments: Any) -> Declared:
    """What clients call, and are told the outcome of: what it returns; an exception that escapes means that nobody knows.

    Arguments:
        method: what the implementation calls it.
        arguments: per argument what values it may have in drawn workloads: a type, a collection, or a Hypothesis strategy.
    """
    return Declared(Role.OPERATION, method, arguments)


def read(method: str, /, **arguments: Iterable[Any]) -> Declared:
    """What an outsider sees of what is committed: asked for after each step, in a process that knows nothing else.

    Arguments:
        method: what the implementation calls it. It changes nothing, and returns plain values.
        arguments: per argument the values that it is asked for; what is read is then a mapping from these.
    """
    for name, values in arguments.items():
        if isinstance(values, (str, type)) or not isinstance(values, Iterable):
            message = f"read({method!r}) must be told what to ask for. Write {name}=(…,) with the values, and not {values!r}."
            raise ContractError(message)
    return Declared(Role.READ, method, arguments)


def background(method: str, /) -> Declared:
    """What runs by itself, again and again: a relay that polls, a timer that ticks."""
    return Declared(Role.BACKGROUND, method, {})


def recovery(method: str, /, *, anytime: bool = False) -> Declared:
    """What is called first in every process that starts again.

    Arguments:
        method: what the implementation calls it.
        anytime: it is called now and then in processes that live, too.
    """
    return Declared(Role.RECOVERY, method, {}, anytime=anytime)


def installation(method: str, /, **arguments: Any) -> Declared:
    """What makes the schema, once, before all else. With an argument, it is given `start` of the contract, or of the scope."""
    return Declared(Role.INSTALLATION, method, arguments)


def handler(method: str, /) -> Declared:
    """What is given the messages of the topics that the service has subscribed to, by an attribute `topics`, or of all.

    Where the contract has a `network`, it is given what another site has sent, as method(sender, message).
    """
    return Declared(Role.HANDLER, method, {})


def timeout(method: str, /) -> Declared:
    """What is told, as method(waiting_for), that nothing has come from another site for longer than anything takes: it has crashed."""
    return Declared(Role.TIMEOUT, method, {})


def callback(method: str, /) -> Declared:
    """What is given what external systems call back with."""
    return Declared(Role.CALLBACK, method, {})


def statement(method: str, /) -> Declared:
    """What is given the statements that external systems send in the end."""
    return Declared(Role.STATEMENT, method, {})


def reply(method: str, /) -> Declared:
    """What is given the answers of services that come by themselves: late, or once more."""
    return Declared(Role.REPLY, method, {})
