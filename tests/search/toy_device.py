"""A device from outside the package, a contract that brings it along, and code under test that uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from tiny_contract import Anything

from acidtest.checker.machine import Kind, Property
from acidtest.environment import Outcome
from acidtest.port import installation, operation
from acidtest.properties.shared.contract import Contract
from acidtest.world.core.device import Device, Surroundings
from acidtest.world.core.effects import LATE, LOST, REFUSED, UNACKNOWLEDGED, Effect
from acidtest.world.core.process import current_task

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence

    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Scope

FAULTS = (REFUSED, LOST, UNACKNOWLEDGED, LATE)


class Counter(Device):
    """A number outside of everything, whose one method may go unanswered."""

    name: ClassVar[str] = "counter"
    kinds: ClassVar[frozenset[str]] = frozenset({"increment"})

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self.count: int = surroundings.equipment

    def offers(self) -> Mapping[str, Any]:
        return {"increment": self.increment}

    def key(self) -> Hashable:
        return self.down, self.count

    def seen(self) -> int:
        return self.count

    def changed(self, before: int, after: int) -> Iterator[str]:
        yield from () if before == after else (f"counter: {before} → {after}",)

    def increment(self) -> None:
        task = current_task()
        assert task is not None
        effect = Effect("increment", "counter", "increment", faults=FAULTS)
        fault = task.park(effect)
        if fault == LATE:
            self.surroundings.postpone("counter: increment", self._add, ())
        elif fault not in (REFUSED, LOST) and not self.down:
            self._add()
        task.saw(effect, "error" if fault in FAULTS else None, fault)
        if fault in FAULTS or self.down:
            raise ConnectionError

    def _add(self) -> None:
        self.count += 1


class View(NamedTuple):
    count: int
    told: int
    at_rest: bool


class CounterPort(Protocol):
    @installation
    def install(self, accounts: dict[str, int]) -> None: ...

    @operation
    def add(self) -> Outcome: ...


class CounterContract(Contract):
    pattern: ClassVar[str] = "counter"
    port = CounterPort
    devices: ClassVar[tuple[type, ...]] = (Counter,)
    properties: ClassVar[tuple[Property, ...]] = (
        Property("C1", "each that was told ok was counted, and nothing twice", Kind.ALWAYS, lambda v: v.told <= v.count <= 8),
    )

    def equipment(self, scope: Scope) -> Mapping[str, Any]:
        return {"counter": 7}

    def model(self, scope: Scope) -> Any:
        return Anything()

    def view(self, scope: Scope, seen: Seen, before: Any) -> View:
        return View(seen.of("counter"), 7 + seen.status.count("ok"), seen.at_rest)

    def abstract(self, view: Any) -> Hashable:
        return ()

    def actions(self, scope: Scope, kind: str, subject: str, value: object) -> Sequence[Any]:
        return ()

    @classmethod
    def stateful_workloads(cls) -> Any:
        raise NotImplementedError


class Once:
    def __init__(self, env: Any) -> None:
        self.env = env

    def install(self, accounts: dict[str, int]) -> None:
        """Nothing."""

    def add(self) -> Outcome:
        self.env.increment()
        return Outcome.OK


class UntilItWorks(Once):
    def add(self) -> Outcome:
        try:
            return super().add()
        except ConnectionError:
            return super().add()
