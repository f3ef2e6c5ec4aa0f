"""The contract of an event store: PATTERNS section 8, ES1 to ES5, ES8 and ES9, and what every pattern shares (section 0)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.checker.machine import Action
from acidtest.models.event_sourcing.store import Answered, EventStore, StoreView
from acidtest.properties.event_store.calls import called
from acidtest.properties.event_store.port import EventStorePort
from acidtest.properties.event_store.properties import PROPERTIES
from acidtest.properties.event_store.scopes import SCOPES, SLOW_SCOPES
from acidtest.properties.event_store.stories import workloads
from acidtest.properties.event_store.view import STREAMS, appends_of, view_of
from acidtest.properties.shared.contract import Contract
from acidtest.properties.shared.reading import Reading
from acidtest.properties.shared.scopes import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Operation, Scope


class EventStoreContract(Contract):
    """Streams of events. Subclass it and give `implementation(env)`."""

    pattern: ClassVar[str] = "event_store"
    port = EventStorePort
    own: ClassVar[tuple[str, ...]] = ("follow",)
    asks_again: ClassVar[bool] = True
    known_capabilities: ClassVar[dict[str, str]] = {
        "versions_only": "event ids are not recognised: an append that is asked for again is judged by its expected version (no ES9)",
    }
    properties = PROPERTIES
    scopes = SCOPES
    slow_scopes = SLOW_SCOPES
    stateful_changes: ClassVar[tuple[tuple[str, float], ...]] = (("jump", 40 * DAY), ("outage", 0.0), ("restore", 0.0))

    def called(self, factory: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """The store, with answers as plain values, and a subscriber of ours."""
        return called(factory)

    def install(self, implementation: Any, scope: Scope, member: str = "") -> None:  # noqa: ANN401, ARG002
        """Create the schema."""
        implementation.install()

    def model(self, scope: Scope) -> EventStore:
        """A store of the appends of `scope`. Whether it recognises ids is said by properties, for they know what it declares."""
        return EventStore(STREAMS, appends_of(scope), versions_only=True)

    def observe(self, implementation: Any) -> Hashable:  # noqa: ANN401
        """What is stored, stream by stream."""
        return tuple([(name, implementation.read(name).rows) for name in STREAMS])

    def readings(self, scope: Scope, observed: Any, member: str = "") -> tuple[Reading, ...]:  # noqa: ANN401, ARG002
        """The streams, which are empty at the start."""
        return tuple([Reading(f"read({name!r})", rows) for name, rows in observed])

    def view(self, scope: Scope, seen: Seen, before: StoreView | None) -> StoreView:
        """What is stored, what clients know of it, and what subscribers have."""
        return view_of(scope, seen, before)

    def abstract(self, view: StoreView) -> Hashable:
        """Without positions, reads, and what befell the run."""
        handed = tuple([row._replace(position=0) for row in view.handed])
        return StoreView(view.appends, view.streams, handed, view.told, view.begun)

    def shown(self, view: StoreView) -> Mapping[str, Any]:
        """Streams by name, and what subscribers have."""
        streams = {f"stream {name}": tuple(f"{row.version}: {row.id} {row.data}" for row in rows) for name, rows in view.streams if rows}
        handed = tuple(f"{row.position}: {row.stream} {row.version} {row.event.id}" for row in view.handed)
        told = tuple(f"{row.stream} {row.version} {row.event.id}" for row in view.told)
        appends = tuple(f"{one.append.name} {one.status}" for one in view.appends if one.status != "new")
        answered = {} if view.read is None else {"read": tuple(map(str, view.read.rows))}
        return {**streams, "appends": appends, "handed": handed, "told": told, **answered}

    def actions(self, scope: Scope, kind: str, subject: str, value: object) -> Sequence[Action]:
        """Clients' events, by the number of the append."""
        numbers = {append.name: i for i, append in enumerate(appends_of(scope))}
        if subject not in numbers:
            return ()
        return (Action(kind, (numbers[subject], str(value)) if kind == "reply" else (numbers[subject],)),)

    def answer(self, operation: Operation, value: object) -> Hashable:
        """The version, or that the append was refused; and what was read."""
        if isinstance(value, Answered):
            return value
        return str(value) if operation.method == "append" else super().answer(operation, value)

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """Stories of appends and subscribers, alone and one after the other."""
        return workloads(cls.stateful_kinds)
