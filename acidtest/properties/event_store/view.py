"""How what was seen of an event store becomes a view."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from acidtest.models.event_sourcing.store import (
    Answered,
    Append,
    Asked,
    Begun,
    Event,
    Handed,
    Stored,
    StoreView,
    Streams,
    begun,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from acidtest.outside import Message
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Operation, Scope

#: The streams of all workloads.
STREAMS = ("a", "b", "c", "d")


@lru_cache(maxsize=64)  # a search asks for the same ones at every step
def appends_of(scope: Scope) -> tuple[Append, ...]:
    """The appends of a scope, in the order of its operations."""
    return tuple(_append(operation) for operation in scope.operations() if operation.method == "append")


def _append(operation: Operation) -> Append:
    stream, expected, events = operation.arguments
    given: Any = events
    return Append(operation.name, str(stream), expected, tuple([Event(*event) for event in given]))  # type: ignore[arg-type]


def view_of(scope: Scope, seen: Seen, before: StoreView | None) -> StoreView:
    """What is stored, what clients know of it, and what subscribers have.

    Arguments:
        scope: the appends.
        seen: what was observed.
        before: the view before; None at the start.
    """
    streams: Any = seen.durable
    known = {op.name: (str(status), alone) for op, status, alone in zip(scope.operations(), seen.status, seen.alone, strict=True)}
    asked = tuple([Asked(append, *known[append.name]) for append in appends_of(scope)])
    followed = seen.of("subscriber")
    read = seen.read if isinstance(seen.read, Answered) else None
    window: Any = seen.window or frozenset()
    then = _begun(asked, dict(streams), before)
    return StoreView(
        asked, streams, followed.rows, told_of(seen.of("broker"), streams), then, read, window, followed.polls, seen.at_rest,
        seen.wedged,
    )  # fmt: skip


def _begun(asked: Sequence[Asked], streams: dict[str, tuple[Stored, ...]], before: StoreView | None) -> tuple[Begun | None, ...]:
    """How things stood when each append was last asked for: those that have just been asked for are asked for now."""
    if before is None:
        return (None,) * len(asked)
    return tuple([
        begun(one.append, streams[one.append.stream], again=then is not None) if one.status == "open" and was.status != "open" else then
        for one, was, then in zip(asked, before.appends, before.begun, strict=True)
    ])


def told_of(messages: Iterable[Message], streams: Streams) -> tuple[Handed, ...]:
    """What the store's own subscriber was handed, the first copy of each: with the version at which that is stored, 0 where it is not."""
    stored = {(name, row.id): row for name, rows in streams for row in reversed(rows)}
    first: dict[tuple[str, str], Handed] = {}
    for message in messages:
        name = message.id or ""
        row = stored.get((message.key, name))
        event = row.event if row is not None and row.data == message.payload else Event(name, "", message.payload)
        first.setdefault((message.key, name), Handed(0, message.key, row.version if row is not None else 0, event))
    return tuple(first.values())
