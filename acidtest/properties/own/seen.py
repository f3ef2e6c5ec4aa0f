"""What invariants are given: what was read, the messages, the answers that clients had, what is under way.

A *view* is that as a value, of which the search keeps many; `Seen` is the way in which invariants look at one, and takes note of
what they look at, so that one is found out that never had anything to look at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.errors import ContractError, UsageError
from acidtest.properties.own.declared import Declared
from acidtest.properties.own.values import Told

if TYPE_CHECKING:
    from acidtest.outside import Connected, Message, Order


@dataclass(frozen=True)
class Call:
    """One operation of a client, and what the client knows of it.

    Arguments:
        operation: by which method, as the contract calls it.
        arguments: (name, value) pairs.
        status: new, open, unknown, or what it was told.
    """

    operation: str
    arguments: tuple[tuple[str, Any], ...]
    status: Any

    def __getitem__(self, name: str) -> Any:
        """An argument, by its name.

        Raises:
            UsageError: there is none; lists those that there are.
        """
        for known, value in self.arguments:
            if known == name:
                return value
        what = f"argument of {self.operation}"
        raise UsageError.unknown(what, name, [known for known, _ in self.arguments])

    @property
    def answer(self) -> Any:
        """What the client was told; None where it was told nothing."""
        return self.status.answer if isinstance(self.status, Told) else None

    @property
    def answered(self) -> bool:
        """Whether the client was told anything."""
        return isinstance(self.status, Told)

    def __str__(self) -> str:
        return f"{self.operation}({', '.join([repr(value) for _, value in self.arguments])}): {self.status}"


class View(NamedTuple):
    """What was seen at one instant, as a value.

    Arguments:
        reads: (name, what was read) pairs; several services have one after the other.
        calls: the operations of the clients, in the order of the scope.
        outside: (device, what an outsider sees of it) pairs.
        happened: what befell the run so far.
        at_rest: whether faults are over, and all has come to rest.
        start: what was read at the start.
        first: what was outside at the start.
    """

    reads: tuple[tuple[str, Any], ...]
    calls: tuple[Call, ...]
    outside: tuple[tuple[str, Any], ...]
    happened: frozenset[str]
    at_rest: bool
    start: tuple[tuple[str, Any], ...]
    first: tuple[tuple[str, Any], ...] = ()


class Reads:
    """What was read, by the names of the declarations.

    Arguments:
        reads: (name, value) pairs.
        looked: is told what was looked at, and whether there was anything.
    """

    def __init__(self, reads: tuple[tuple[str, Any], ...], looked: dict[str, bool]) -> None:
        self._reads = reads
        self._looked = looked

    def __getattr__(self, name: str) -> Any:
        for known, value in self._reads:
            if known == name:
                self._looked[name] = self._looked.get(name, False) or _is_something(value)
                return value
        if name.startswith("__"):
            raise AttributeError(name)
        what = "read, or other part of what was seen,"
        raise UsageError.unknown(what, name, [*[known for known, _ in self._reads], *_OFFERS])

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)


class Seen(Reads):
    """What has been seen of a run at one instant. What is read is an attribute, by the name of its declaration: `seen.seats`.

    `at_rest` says whether faults are over and all has come to rest; `happened` what befell the run so far: crash, jump, outage,
    and fault kinds as "refused publish"; `start` is what was read at the start, as `seen.start.seats`.

    Arguments:
        view: what was seen.
        looked: is told what an invariant looks at, and whether there was anything.
        operations: the names of the operations that there are.
    """

    def __init__(self, view: View, looked: dict[str, bool] | None = None, operations: Iterable[str] = ()) -> None:
        super().__init__(view.reads, {} if looked is None else looked)
        self._view = view
        self._operations = operations
        self.at_rest = view.at_rest
        self.happened = view.happened
        self.start = Reads(view.start, {})

    # Clients:

    def asked(self, operation: str | Declared = "") -> tuple[Call, ...]:
        """The calls that clients have made, of one operation or of all, whatever they know of them."""
        return self._calls(operation, lambda call: call.status != "new")

    def told(self, operation: str | Declared = "", *answers: Any) -> tuple[Call, ...]:
        """The calls that clients were given an answer to: one of these, or any."""
        return self._calls(operation, lambda call: call.answered and (not answers or call.answer in answers))

    def under_way(self, operation: str | Declared = "") -> tuple[Call, ...]:
        """The calls that clients wait for the answer of."""
        return self._calls(operation, lambda call: call.status == "open")

    def unknown(self, operation: str | Declared = "") -> tuple[Call, ...]:
        """The calls that ended without an answer: their clients cannot know what became of them."""
        return self._calls(operation, lambda call: call.status == "unknown")

    def _calls(self, operation: str | Declared, wanted: Any) -> tuple[Call, ...]:
        name = operation.name if isinstance(operation, Declared) else operation
        if name and name not in self._operations:
            what = "operation that clients call"
            raise UsageError.unknown(what, name, self._operations)
        calls = [call for call in self._view.calls if not name or call.operation == name]
        what = name or "calls"
        self._looked[what] = self._looked.get(what, False) or any(call.status != "new" for call in calls)
        return tuple([call for call in calls if wanted(call)])

    # Outside:

    @property
    def messages(self) -> tuple[Message, ...]:
        """All messages that the broker has accepted, in that order: see `acidtest.outside.Message`."""
        found: tuple[Message, ...] = self.of("broker") or ()
        return found

    @property
    def orders(self) -> tuple[Order, ...]:
        """The truth about the orders at external systems: see `acidtest.outside.Order`."""
        found: tuple[Order, ...] = self.of("externals") or ()
        return found

    @property
    def network(self) -> Connected:
        """Who is up, who has ever died, which assumptions did not hold, what is on its way: see `acidtest.outside.Connected`.

        Raises:
            ContractError: the contract has no network.
        """
        found: Connected | None = self.of("network")
        if found is None:
            message = "seen.network was asked for, and the contract has none. Name the services that talk: network = ('north', 'east', …)."
            raise ContractError(message)
        return found

    def of(self, device: str) -> Any:
        """What an outsider sees of a device, by its name: broker, externals, services, cache and others."""
        value = dict(self._view.outside).get(device)
        self._looked[device] = self._looked.get(device, False) or _is_something(value)
        return value


#: What can be asked of what was seen, beside what is read.
_OFFERS = ("asked", "told", "under_way", "unknown", "messages", "orders", "network", "of", "start", "happened", "at_rest")
#: Names that no declaration of a read may have.
TAKEN = frozenset(_OFFERS)


def _is_something(value: Any) -> bool:
    """Whether there is anything to look at: a number is, an empty collection is not."""
    return value is not None and (not isinstance(value, (Mapping, tuple, frozenset)) or len(value) > 0)


def items_of(seen: Seen, what: str) -> Iterable[Any]:
    """The rows of a read, or the messages: of a mapping its values.

    Raises:
        ContractError: it is no collection.
    """
    value = seen.messages if what == "messages" else getattr(seen, what)
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, (tuple, frozenset)):
        return value
    message = f"{what!r} is {value!r}, and not a collection, so there is nothing of it to go through."
    raise ContractError(message)
