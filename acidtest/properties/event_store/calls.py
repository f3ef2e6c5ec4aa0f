"""What clients of an event store call: the store, with answers as plain values, and a subscriber that reads it from where it stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acidtest.environment import Conflict
from acidtest.errors import ContractError
from acidtest.models.event_sourcing.store import CONFLICT, Answered, Event, Handed, Stored
from acidtest.properties.shared.reading import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: How many rows a subscriber reads at once: fewer than there are.
PAGE = 2
#: The store's own subscriber.
SUBSCRIBER = "reports"
_EVENT = "(id, type, data), three texts, for example ('e1', 'opened', '{}')"


class Calls:
    """An event store as clients call it.

    Arguments:
        implementation: the store.
        env: gives the subscriber.
    """

    def __init__(self, implementation: Any, env: Any) -> None:  # noqa: ANN401 - anybody's; an environment
        """Stand before `implementation`."""
        self.__wrapped__ = implementation
        self._subscriber = env.subscriber

    def install(self) -> None:
        """Create the schema."""
        self.__wrapped__.install()

    def append(self, stream: str, expected_version: int | None, events: tuple[tuple[str, str, str], ...]) -> str:
        """Append, and say how that ended: the version, or that it was refused."""
        try:
            version = self.__wrapped__.append(stream, expected_version, [tuple(event) for event in events])
        except Conflict:
            return CONFLICT
        return str(number_of(version, "append() returned", "the version of the last event"))

    def read(self, stream: str, after: int = 0) -> Answered:
        """Read a stream."""
        call = f"read({stream!r}, {after})"
        rows = [_checked(row, 2, call, "(version, event) pairs") for row in _rows(self.__wrapped__.read(stream, after), call)]
        found = tuple([Stored(number_of(version, f"{call} gives", "a version"), *event_of(event, call)) for version, event in rows])
        return Answered(stream, after, 0, found)

    def read_all(self, after: int, limit: int) -> Answered:
        """Read all streams."""
        call = f"read_all({after}, {limit})"
        given = _rows(self.__wrapped__.read_all(after, limit), call)
        rows = [_checked(row, 4, call, "rows (position, stream, version, event)") for row in given]
        found = [
            Handed(number_of(position, f"{call} gives", "a position"), str(stream), number_of(version, f"{call} gives", "a version"), event_of(e, call))
            for position, stream, version, e in rows
        ]
        return Answered("", after, limit, tuple(found))

    def poll(self) -> None:
        """Let the store hand events to its subscriber, if it does that."""
        poll = getattr(self.__wrapped__, "poll", None)
        if callable(poll):
            self._subscriber.polled()
            poll(SUBSCRIBER)

    def follow(self) -> None:
        """Read on from the last position."""
        after = self._subscriber.position
        rows = self.read_all(after, PAGE).rows
        if rows:
            self._subscriber.hand(after, rows, rows[-1][0])


def called(factory: Callable[[Any], Any]) -> Callable[[Any], Calls]:
    """A factory of what clients call, for one of event stores."""
    return lambda env: Calls(factory(env), env)


def number_of(value: Any, what: str, meaning: str) -> int:  # noqa: ANN401 - whatever the adapter returned
    """A whole number.

    Raises:
        ContractError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        message = f"{what} {shown(value)}; it must be {meaning}, a whole number, for example 1."
        raise ContractError(message)
    return int(value)


def event_of(value: Any, call: str) -> Event:  # noqa: ANN401 - likewise
    """An event.

    Raises:
        ContractError: it is none.
    """
    if isinstance(value, str) or not hasattr(value, "__len__") or len(value) != len(Event._fields) or not all(isinstance(v, str) for v in value):
        message = f"{call} gives {shown(value)} for an event; an event is {_EVENT}, as it was appended."
        raise ContractError(message)
    return Event(*map(str, value))


def _rows(value: Any, call: str) -> Iterable[Any]:  # noqa: ANN401 - likewise
    if isinstance(value, (str, bytes, dict)) or not hasattr(value, "__iter__"):
        message = f"{call} returned {shown(value)}; it must return a list."
        raise ContractError(message)
    return list(value)


def _checked(row: Any, size: int, call: str, expected: str) -> Any:  # noqa: ANN401 - likewise
    if isinstance(row, str) or not hasattr(row, "__len__") or len(row) != size:
        message = f"{call} gives {shown(row)}; it must give {expected}, where an event is {_EVENT}."
        raise ContractError(message)
    return row
