"""A contract that is written in one file: the declarations of a class become what every contract consists of.

Nothing of the searches knows of it: port, properties, scopes and workloads are those that contracts of patterns have, and are
made here from what the class declares.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.checker.machine import Action, Kind, Model, Property, Transition
from acidtest.errors import ContractError
from acidtest.port import Role
from acidtest.properties.own.capabilities import check_capabilities
from acidtest.properties.own.declared import Declared
from acidtest.properties.own.gathering import Declaring, gathered, refuse_strangers
from acidtest.properties.own.invariants import Invariant
from acidtest.properties.own.network import USUAL_OF_NETWORK, Wiring, sites_of, wiring
from acidtest.properties.own.scopes import UNWIRED, USUAL, Scope
from acidtest.properties.own.seen import TAKEN, Call, Seen, View
from acidtest.properties.own.values import Frozen, Told, frozen
from acidtest.properties.shared.contract import Contract as AnyContract
from acidtest.workload import Queueing, Sites
from acidtest.workload import Scope as Built

if TYPE_CHECKING:
    from acidtest.properties.shared.seen import Seen as Observed
    from acidtest.workload import Operation, Played

#: The model of a contract that has none: nothing is known of it that the invariants do not say.
_ANYTHING = ()


class Anything(Model[tuple[()]]):
    """A model that allows everything; the invariants alone judge."""

    name = "none"

    def initial_states(self) -> Iterable[tuple[()]]:
        """One, of which nothing is known."""
        yield _ANYTHING

    def transitions(self) -> Sequence[Transition]:
        """None are needed."""
        return ()

    def view(self, state: tuple[()]) -> Hashable:
        """Nothing."""
        return state


class Contract(AnyContract, metaclass=Declaring):
    """What your code must keep to, in one class: what clients call, what runs by itself, what an outsider sees, what must hold.

    Give `implementation(env)`, declare the methods (`acidtest.operation` and its like), scopes, and invariants. `start` is what
    an installation is given; `services` the names of several services under test; `played` the services that the harness plays.
    """

    members: ClassVar[tuple[str, ...]] = ()
    #: The small workloads that are explored completely: a collection of `acidtest.Scope`, each made of calls of what is declared.
    scopes: ClassVar[Any] = ()
    #: Likewise, of those that are explored only when they are asked for by name.
    slow_scopes: ClassVar[Any] = ()
    #: What the installation is given, where it takes an argument: whole numbers by name.
    start: ClassVar[Mapping[str, int]] = {}
    #: The services under test, where there are several: each has processes and databases of its own, and `env.service` is its name.
    services: ClassVar[tuple[str, ...]] = ()
    #: Services that code under test calls by `env.call`, and that the harness plays, by name.
    played: ClassVar[Mapping[str, Played]] = {}
    #: Of the services under test, those that talk by `env.network.send(site, message)`: each is one process, and is given what others
    #: have sent by what is declared as handler. Named here, they need not be named in `services`.
    network: ClassVar[tuple[str, ...]] = ()
    #: How the broker delivers, where processes compete for messages; None for each process by itself.
    queueing: ClassVar[Queueing | None] = None
    stateful_kinds: ClassVar[tuple[str, ...]] = USUAL

    wired: ClassVar[Wiring] = UNWIRED
    declared: ClassVar[tuple[Declared, ...]] = ()
    #: All that was declared here, by kind and name: what is named like something of this class's own is known from here alone.
    gathered: ClassVar[dict[type, dict[str, Any]]] = {}
    somewhere: ClassVar[tuple[Property, ...]] = ()

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        cls.pattern = f"{cls.__module__}:{cls.__qualname__}"
        cls.network = sites_of(cls.__name__, cls.network)
        cls.members = tuple(cls.services or cls.network)
        cls.instants = bool(cls.members)
        cls.declared = tuple(gathered(cls, Declared, Contract).values())
        _check_declared(cls)
        cls.wired = wiring(cls.__name__, cls.network, cls.members, cls.declared)
        if cls.wired:
            said = {name for base in cls.__mro__ if base not in Contract.__mro__ for name in vars(base)}
            cls.stateful_kinds = cls.stateful_kinds if "stateful_kinds" in said else USUAL_OF_NETWORK
            cls.stateful_changes = cls.stateful_changes if "stateful_changes" in said else ()
        cls.port = type("Port", (), {one.method: one.function(cls.wired.given(one)) for one in cls.declared})
        given = [answer if isinstance(answer, Told) else Told(frozen(answer, "provisional")) for answer in cls.provisional]
        cls.provisional = tuple(given)  # type: ignore[arg-type]
        cls.scopes = _built(cls, cls.scopes)
        cls.slow_scopes = _built(cls, cls.slow_scopes)
        _check_scopes(cls)
        contract = cls()
        invariants = gathered(cls, Invariant, Contract).values()
        check_capabilities(cls, invariants)
        cls.properties = tuple([one.property(contract) for one in invariants if one.kind != Kind.SOMETIMES])
        cls.somewhere = (
            *[one.property(contract) if one.kind == Kind.SOMETIMES else one.test(contract) for one in invariants],
            *[_answered(one) for one in cls.declared if one.role == Role.OPERATION],
        )

    @classmethod
    def can_be_run(cls) -> bool:
        """Whether it says what to test; one that does not is for others to inherit from."""
        return cls.implementation is not AnyContract.implementation

    @classmethod
    def operations(cls) -> tuple[str, ...]:
        """What clients call, by the names of the declarations."""
        return tuple([one.name for one in cls.declared if one.role not in (Role.READ, Role.INSTALLATION) and not cls.wired.calls(one)])

    def install(self, implementation: Any, scope: Built, member: str = "") -> None:
        """Call what is declared as the installation, if anything is."""
        for one in self.declared:
            if one.role == Role.INSTALLATION and _is_of(one, member):
                method = getattr(implementation, one.method)
                method(*([dict(scope.accounts)] if one.arguments else []))

    def equipment(self, scope: Built) -> Mapping[str, Any]:
        """The services that are played, how the broker delivers, and who talks over the network."""
        broker = Queueing(()) if self.wired else self.queueing  # what sites are given comes over the network alone
        found: dict[str, Any] = {"services": self.played}
        if broker is not None:
            found["broker"] = broker
        if self.wired and scope.clients:
            found["network"] = Sites(self.wired.sites_in(scope))
        return found

    def observe(self, implementation: Any) -> Hashable:
        """All that is declared as read."""
        return self.observe_member(implementation, "")

    def observe_member(self, implementation: Any, member: str) -> Hashable:
        """All that is declared as read, of a service."""
        return tuple([
            (one.name, _read(implementation, one)) for one in self.declared if one.role == Role.READ and _is_of(one, member)
        ])  # fmt: skip

    def view(self, scope: Built, seen: Observed, before: View | None) -> View:
        """What was read, what clients know, and what is outside.

        Raises:
            ContractError: it is the first, and an invariant does not hold of it.
        """
        reads: Any = seen.durable
        if self.members:
            reads = _joined(self.members, reads)
        calls = tuple([
            Call(name, arguments, status) for (name, arguments), status in zip(self._asked(scope), seen.status, strict=True) if name
        ])  # fmt: skip
        outside = tuple([
            (device, what) for device, what in seen.outside.items()
            if (bool(self.wired) if device == "network" else what and what != type(what)())
        ])  # fmt: skip
        start, first = (reads, outside) if before is None else (before.start, before.first)
        view = View(reads, calls, outside, seen.happened, seen.at_rest, start, first)
        if before is None:
            self._check_start(view)
        return view

    def _asked(self, scope: Built) -> list[tuple[str, tuple[tuple[str, Any], ...]]]:
        """What the clients of a scope ask for, by the names of the declarations; what the network brings nobody asks for."""
        by_method = {one.method: one for one in self.declared}
        found = []
        for operation in scope.operations():
            one = by_method[operation.method]
            name = "" if self.wired.calls(one) else one.name
            found.append((name, tuple(zip(one.arguments, operation.arguments, strict=False))))
        return found

    def _check_start(self, view: View) -> None:
        excepted = getattr(type(self), "exceptions", {})
        for p in self.properties:
            if p.kind == Kind.ALWAYS and not p.capability and p.id not in excepted and not p.predicate(view):
                message = (
                    f"{type(self).__name__}.{p.id} does not hold at the start, before anybody has asked for anything, so nothing can be "
                    f"learned from it. Either the invariant or the installation is wrong. What is read then: {dict(view.reads)}."
                )
                raise ContractError(message)

    def abstract(self, view: Any) -> Hashable:
        """The part of what was seen that the model speaks of; what the model says speaks of nothing else."""
        return self.refines(Seen(view, None, self.operations())) if isinstance(view, View) else view

    def refines(self, seen: Seen) -> Hashable:  # noqa: ARG002 - for those with a model
        """What the model says of a state by its `view`; to be given with `model`."""
        return _ANYTHING

    def model(self, scope: Built) -> Model[Any]:  # noqa: ARG002 - likewise
        """An abstract state machine for the workload of `scope`; without one, the invariants alone judge."""
        return Anything()

    def actions(self, scope: Built, kind: str, subject: str, value: object) -> Sequence[Action]:
        """The model's actions for what a client does, if it has them among its `events`: invoke, reply and unknown.

        Their arguments are the name of the operation, its arguments as a tuple, and, of a reply, the answer.
        """
        if kind not in self._events(scope):
            return ()
        operation = next(one for one in scope.operations() if one.name == subject)
        answer = (value.answer,) if isinstance(value, Told) else ()
        return (Action(kind, (operation.name, operation.arguments, *answer)),)

    def _events(self, scope: Built) -> frozenset[str]:
        known: dict[Built, frozenset[str]] = self.__dict__.setdefault("_known_events", {})
        if scope not in known:
            known[scope] = self.model(scope).events
        return known[scope]

    def answer(self, operation: Operation, value: object) -> Hashable:
        """What a client was told, as a value that never changes.

        Raises:
            ContractError: it is an object that cannot be compared.
        """
        return Told(frozen(value, f"{operation.method}()"))

    def shown(self, view: Any) -> Mapping[str, Any]:
        """What was read, mappings one line for each key; and what clients know. What the model says is shown by its fields."""
        if not isinstance(view, View):
            return super().shown(view)
        shown: dict[str, Any] = {}
        for name, value in view.reads:
            shown[name] = tuple([f"{key}: {part}" for key, part in value.items()]) if isinstance(value, Frozen) else value
        shown["calls"] = tuple(map(str, view.calls))
        return {**shown, **{device: what for device, what in view.outside if (device, what) not in view.first and device != "network"}}

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Any]]:
        """The scopes, with all that may befall them; and workloads that are drawn."""
        from acidtest.properties.own.drawing import drawable, workloads

        given = tuple(cls.start.items())
        known = [scope for scope in cls.scopes if scope.accounts == given] or list(cls.scopes)
        if not known:
            return ()
        rows: list[list[Any]] = [[_befallen(cls, scope)] for scope in known if scope.accounts == known[0].accounts]
        if any(one.role == Role.OPERATION for one in cls.declared):
            drawn = workloads(drawable(cls.declared, known, _befallen(cls, known[0]), cls.wired))
            rows += [[drawn]] * len(rows)
        return rows


def _check_declared(cls: type[Contract]) -> None:
    """Whether the declarations can stand beside each other.

    Raises:
        ContractError: they cannot.
    """
    methods: dict[str, str] = {}
    for one in cls.declared:
        if one.method in methods:
            message = f"{cls.__name__} declares the method {one.method!r} twice, as {methods[one.method]!r} and as {one.name!r}. Once is enough."
            raise ContractError(message)
        methods[one.method] = one.name
        if one.role == Role.READ and one.name in TAKEN:
            message = f"{cls.__name__} reads {one.name!r}, which means something else of what was seen. Give it another name."
            raise ContractError(message)
        unknown = [service for service in one.services if service not in cls.members]
        if unknown:
            listed = ", ".join(cls.members) or "none; write services = (…) in the class"
            message = f"{cls.__name__}.{one.name} is of the service {unknown[0]!r}, which there is not. Known: {listed}."
            raise ContractError(message)


def _check_scopes(cls: type[Contract]) -> None:
    """Whether the scopes call what is declared.

    Raises:
        ContractError: they do not.
    """
    methods = {one.method for one in cls.declared}
    names: set[str] = set()
    for scope in (*cls.scopes, *cls.slow_scopes):
        if scope.name in names:
            message = f"{cls.__name__} has two scopes that are called {scope.name!r}. Give each a name of its own."
            raise ContractError(message)
        names.add(scope.name)
        for operation in scope.operations():
            if operation.method not in methods:
                known = ", ".join(sorted(methods)) or "none"
                message = f"The scope {scope.name!r} of {cls.__name__} calls {operation.method!r}, which is not declared there. Declared: {known}."
                raise ContractError(message)
        strangers = [name for name in scope.processes() if cls.members and name.rpartition("-")[0] not in cls.members]
        if strangers:
            message = (
                f"The scope {scope.name!r} of {cls.__name__} has a process {strangers[0]!r}, which is of no service. A process is named "
                f"after its service, with a number: {cls.members[0]}-1. Services: {', '.join(cls.members)}."
            )
            raise ContractError(message)


def _built(cls: type[Contract], scopes: Iterable[Any]) -> tuple[Built, ...]:
    found = []
    for scope in scopes:
        if not isinstance(scope, (Scope, Built)):
            message = f"{cls.__name__}.scopes has {scope!r} in it, which is no scope. Write Scope('name', client('web-1', …), crashes=1)."
            raise ContractError(message)
        if isinstance(scope, Scope):
            refuse_strangers(cls, scope)
        found.append(scope.built(cls.start, cls.wired) if isinstance(scope, Scope) else scope)
    return tuple(found)


def _answered(one: Declared) -> Property:
    """That clients are told something by an operation: where each call fails, nothing else means anything."""
    name = f"{one.name} is answered"
    return Property(name, name, Kind.SOMETIMES, lambda view: any(call.answered for call in view.calls if call.operation == one.name))


def _is_of(one: Declared, member: str) -> bool:
    return not one.services or not member or member in one.services


def _read(implementation: Any, one: Declared) -> Hashable:
    """What a reading method gives; with arguments, for each of their values."""
    method = getattr(implementation, one.method)
    what = f"{one.method}()"
    if not one.arguments:
        value: Hashable = frozen(method(), what)
        return value
    asked = list(product(*one.arguments.values()))
    return Frozen({values[0] if len(values) == 1 else values: frozen(method(*values), what) for values in asked})


def _joined(members: Sequence[str], found: Sequence[Any]) -> tuple[tuple[str, Any], ...]:
    """What several services gave: by name what one has; by service what several have."""
    owners: dict[str, dict[str, Any]] = {}
    for member, reads in zip(members, found, strict=True):
        for name, value in reads:
            owners.setdefault(name, {})[member] = value
    return tuple([(name, next(iter(by.values())) if len(by) == 1 else Frozen(by)) for name, by in owners.items()])


def _befallen(cls: type[Contract], scope: Built) -> Built:
    """A scope with all that may befall it in the stateful search."""
    kinds, unsteady = frozenset(cls.stateful_kinds), bool(cls.stateful_changes)
    return cls.wired.connected(replace(scope, faults=2, kinds=kinds, unsteady=unsteady, serial=False, restarts=bool(cls.wired)))
