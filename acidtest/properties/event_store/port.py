"""What an implementation of an event store offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from acidtest.port import background, installation, operation
from acidtest.port import read as reading  # the store has a method of that name

if TYPE_CHECKING:
    from collections.abc import Sequence

#: An event, as it is appended: an id, which is the event's for ever; a type; and the data, which are text.
EventTuple = tuple[str, str, str]
#: A row of `read_all`: position, stream, version, event.
RowTuple = tuple[int, str, int, EventTuple]


class EventStorePort(Protocol):
    """What an event store offers. Calls may overlap, also within one process, as in threads.

    Events are plain tuples (id, type, data) of texts. `poll` may be left out. `follow` is the contract's own, and calls `read_all`.
    """

    @installation
    def install(self) -> None:
        """Create the schema; runs once, outside the schedule."""

    @operation
    def append(self, stream: str, expected_version: int | None, events: Sequence[EventTuple]) -> int:
        """Store `events` at the end of `stream`, all or none, in one transaction; return the version of the last of them.

        Versions of a stream are 1, 2, 3, … A stream that has no events has version 0, and need not be made before. The append takes
        effect only where the stream has the expected version when it commits; with None, whatever version it has.

        An append whose events are all in the stream already, equal and in a row, stores nothing, whatever version is expected, and
        returns the version that it returned the first time. (A store that goes by versions alone says so by its capabilities.)

        Raises:
            Conflict: the stream has another version; or the id of one of the events is used for something else. Nothing was stored.
        """

    @reading
    def read(self, stream: str, after: int = 0) -> Sequence[tuple[int, EventTuple]]:
        """The (version, event) pairs of a stream whose version is greater than `after`, in order; none where there is no stream."""

    @reading
    def read_all(self, after: int, limit: int) -> Sequence[RowTuple]:
        """The first `limit` rows (position, stream, version, event) of all streams whose position is greater than `after`, in order.

        Positions are whole numbers from 1, and may leave some out. A subscriber reads on from the last position that it was given,
        for ever: so nothing may be given whose position a later commit could still undercut.
        """

    @background.perhaps
    def poll(self, subscriber: str) -> None:
        """Hand the next events to `subscriber`, from where it stopped: `env.broker.publish(id, stream, data)`, each in the order of its stream.

        Where it stopped the store keeps durably. Events may be handed over again, with the same id.
        """

    @background
    def follow(self) -> None:
        """Read two rows from the last position that was read, as a subscriber does; given by the contract."""
