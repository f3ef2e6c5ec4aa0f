"""What a pattern's contract consists of: port, model, properties, workloads, scopes and fault kinds.

A contract is also what an adopter subclasses in a test: the one method to give is `implementation`.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.environment import Outcome
from acidtest.errors import ContractError
from acidtest.port import Port, Role, port_of
from acidtest.properties.shared.reading import amounts_of, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from acidtest.checker.machine import Action, Model, Property
    from acidtest.environment import Environment
    from acidtest.properties.shared.reading import Reading
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Operation, Scope


class Contract(ABC):
    """What an implementation of a pattern must keep to, and how it is exercised.

    Subclass the contract of your pattern and give `implementation`; leave everything else as it is.
    """

    #: The pattern's stem.
    pattern: ClassVar[str] = ""
    #: The class that declares the port: what an implementation offers, each method with its role (`acidtest.port`).
    port: ClassVar[type]
    #: The services under test, where a pattern has several, each in processes and with databases of its own: a process is
    #: named after its service, with a number. None where all processes are of one service.
    members: ClassVar[tuple[str, ...]] = ()
    #: Methods of the port that the contract itself gives (see `called`).
    own: ClassVar[tuple[str, ...]] = ()
    #: Whether clients that were told nothing ask again when all is at rest, and must be told then.
    asks_again: ClassVar[bool] = False
    #: Answers that say only that there will be one later: clients that were told one of these ask again as well.
    provisional: ClassVar[tuple[str, ...]] = ()
    #: What an implementation may declare beyond the pattern's minimum, with its meaning.
    known_capabilities: ClassVar[dict[str, str]] = {}
    #: What the implementation under test has declared; the harness says so before anything is asked.
    promises: frozenset[str] = frozenset()
    #: Fault kinds that befall only those who promise to survive them: the capability by which they do, for each.
    promised: ClassVar[dict[str, str]] = {}
    #: Who reads the committed state, one after the other: an observer each, to whom the device of that name is as new; "" for
    #: one to whom all is as it is. What is observed is what the one reads, or a tuple of what each of several reads.
    observers: ClassVar[tuple[str, ...]] = ("",)
    #: Whether what must hold compares what several services hold at one instant. Then what one makes durable, after something that
    #: others have heard of by then, is not taken for a part of one step.
    instants: ClassVar[bool] = False
    #: Devices that the contract brings along: subclasses of `acidtest.world.core.device.Device`.
    devices: ClassVar[tuple[type, ...]] = ()
    #: Everything that must hold.
    properties: ClassVar[tuple[Property, ...]] = ()
    #: What must happen in some schedule of some scope, asked for over all of them together; beside those `sometimes` properties
    #: that the model says of each scope whether they can.
    somewhere: ClassVar[tuple[Property, ...]] = ()
    #: What cannot hold where a scope lifts an assumption: a schedule that violates it there is a witness, and no failure.
    witnesses: ClassVar[tuple[Property, ...]] = ()
    #: The small workloads that are explored completely.
    scopes: ClassVar[tuple[Scope, ...]] = ()
    #: Workloads that are slow on a server, and explored only when they are asked for by name.
    slow_scopes: ClassVar[tuple[Scope, ...]] = ()

    #: The fault kinds of the stateful search.
    stateful_kinds: ClassVar[tuple[str, ...]] = ("crash", "unacknowledged", "lost", "refused", "late")
    #: What the environment may do there at any moment, as (what, argument): jump (seconds), outage, restore.
    stateful_changes: ClassVar[tuple[tuple[str, float], ...]] = (("jump", 7_200.0), ("jump", 3_456_000.0))

    @classmethod
    def can_be_run(cls) -> bool:
        """Whether it is meant to be run as it is; pytest leaves out those that are not."""
        return True

    def implementation(self, env: Environment) -> Any:  # noqa: ARG002 - for those who override it
        """Make the implementation under test, once per (simulated) process start.

        Arguments:
            env: databases, broker, clock and identities of that process.
        """
        message = (
            f"{type(self).__name__} does not say what to test. Override implementation(self, env) to return an object "
            f"with the methods {', '.join(self.interface().names())}."
        )
        raise ContractError(message)

    def called(self, factory: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """What clients call: what the factory makes, or, where a contract has something between, what makes that.

        It says so by its attribute `__wrapped__`, as `functools.wraps` does.
        """
        return factory

    def install(self, implementation: Any, scope: Scope, member: str = "") -> None:  # noqa: ANN401, ARG002 - for contracts with members
        """Create the schema and open the accounts of `scope`, at the service `member` where there are several."""
        implementation.install(dict(scope.accounts))

    def equipment(self, scope: Scope) -> Mapping[str, Any]:  # noqa: ARG002 - for those who have some
        """What the devices of a world are given beside the scope, by the name of the device."""
        return {}

    def fitted(self, scope: Scope, offered: Mapping[str, frozenset[str]]) -> Scope:  # noqa: ARG002 - for ports with optional methods
        """The scope, as an implementation can be asked that does without some methods of the port.

        Arguments:
            scope: what is to be run; it may be fitted already.
            offered: the methods of the port that each service has, by the name of the service; "" where there is only one.
        """
        return scope

    def excuses(self, change: str, capabilities: frozenset[str], notes: frozenset[str]) -> bool:  # noqa: ARG002 - likewise
        """Whether a change of the environment excuses that something is done twice: a lease may have run out, for example.

        Arguments:
            change: what changed: jump, outage, restore.
            capabilities: what the implementation declares.
            notes: what devices have noted of calls in progress, as "published".
        """
        return change == "jump"

    @abstractmethod
    def model(self, scope: Scope) -> Model[Any]:
        """The abstract state machine for the workload of `scope`."""

    def observe(self, implementation: Any) -> Hashable:  # noqa: ANN401, ARG002 - for those with one service
        """Read the committed state through the port of a fresh incarnation."""
        return None

    def observe_member(self, implementation: Any, member: str) -> Hashable:  # noqa: ANN401, ARG002 - for those with members
        """The same for the service `member`, where there are several."""
        return self.observe(implementation)

    def readings(self, scope: Scope, observed: Any, member: str = "") -> Iterable[Reading]:  # noqa: ANN401, ARG002 - for those with accounts
        """What the reading methods gave of that which `install` was asked for, to be compared with it.

        Arguments:
            scope: says what was asked for.
            observed: what `observe_member` has read.
            member: of which service.
        """
        return ()

    @abstractmethod
    def view(self, scope: Scope, seen: Seen, before: Any) -> Any:  # noqa: ANN401 - the pattern's view
        """What was seen, as a view; `before` is the view before, None at the start."""

    def abstract(self, view: Any) -> Hashable:  # noqa: ANN401
        """The part of a view that the model speaks of. Default: all of it."""
        view_: Hashable = view
        return view_

    def shown(self, view: Any) -> Mapping[str, Any]:  # noqa: ANN401
        """How a view is shown in a report: values by name, each a text or a tuple of values. Default: its fields."""
        return dict(zip(getattr(view, "_fields", ()), view, strict=True)) if hasattr(view, "_fields") else {}

    @classmethod
    @abstractmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """The longer workloads of the stateful search, in rows, the simplest first, also in each row.

        A row is drawn, and one of it. The first of every row surely runs. The names of different workloads differ, and all
        have the same accounts, so that nothing has to be installed anew. In place of a workload there may be a Hypothesis
        strategy for some.
        """

    def actions(self, scope: Scope, kind: str, subject: str, value: object) -> Sequence[Action]:
        """The model's actions for an observed event; none if the model does not speak of it."""
        raise NotImplementedError

    def answer(self, operation: Operation, value: object) -> Hashable:
        """A port method's return value as an outsider sees it.

        Raises:
            ContractError: it is not what the port promises.
        """
        if operation.method in self.interface().names(Role.READ):
            return self.read(value)
        if operation.method in self.interface().silent:
            return "done"
        try:
            return Outcome(value).value  # type: ignore[arg-type]
        except ValueError:
            message = (
                f"{operation} returned {shown(value)}; it must return Outcome.OK or Outcome.REJECTED (an exception that "
                "escapes means: unknown). Import Outcome from acidtest."
            )
            raise ContractError(message) from None

    def read(self, value: object) -> Hashable:
        """What a reading port method returned, as a hashable value."""
        return amounts_of(value, "balances()")

    @classmethod
    def interface(cls) -> Port:
        """The methods of the port, with their roles."""
        return port_of(cls.port)

    @classmethod
    def check_port(cls, implementation: object, member: str = "") -> None:
        """Refuse an implementation that lacks a method or takes other arguments.

        Raises:
            ContractError: names what is missing, and the whole port.
        """
        port = cls.interface()
        needed = port.needed(member)
        for name in port.of(member):
            method = getattr(implementation, name, None)
            if name in cls.own or (method is None and name not in needed):
                continue
            if not callable(method):
                message = (
                    f"{type(implementation).__name__} has no method {name!r}, which the port of {cls.pattern} asks for. "
                    f"It needs: {', '.join(name for name in needed if name not in cls.own)}."
                )
                raise ContractError(message)
            arguments = list(port.signature(name).parameters)
            try:
                inspect.signature(method).bind(*arguments)
            except TypeError as error:
                message = (
                    f"{type(implementation).__name__}.{name} cannot be called as the port of {cls.pattern} calls it, "
                    f"{name}({', '.join(arguments)}): {error}."
                )
                raise ContractError(message) from None
            except ValueError:
                continue  # no signature to be had (a C function)

    def capabilities(self, implementation: object) -> frozenset[str]:
        """What the implementation declares in an attribute `capabilities`.

        Raises:
            ContractError: it declares something that the contract does not know, or no set of names.
        """
        given = getattr(implementation, "capabilities", ()) or ()
        if not isinstance(given, (frozenset, set, tuple, list)) or not all(isinstance(name, str) for name in given):
            message = (
                f"capabilities is {given!r}, and must be a set of names, for it says which properties apply. Write for example "
                f"capabilities = frozenset({{{next(iter(self.known_capabilities), 'name')!r}}}), or leave it out."
            )
            raise ContractError(message)
        declared = frozenset(given)
        unknown = declared - set(self.known_capabilities)
        if unknown:
            known = ", ".join(self.known_capabilities) or "none"
            message = f"{min(unknown)!r} is not a capability of {self.pattern}. Known: {known}."
            raise ContractError(message)
        return declared
