"""All external systems of a world: made when they are first asked for, or as the scope says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.outside import Order
from acidtest.port import Role
from acidtest.workload import System
from acidtest.world.core.device import Device, Owed, Source
from acidtest.world.devices.externals.awaited import AwaitedExternal
from acidtest.world.devices.externals.system import SimulatedExternal

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence

    from acidtest.environment import Receipt
    from acidtest.world.core.device import Surroundings
    from acidtest.world.core.process import Process

CALLBACK, STATEMENT = "callback", "statement"


class Externals(Device):
    """The external systems of a world. `down` is set for all of them."""

    name: ClassVar[str] = "externals"
    kinds: ClassVar[frozenset[str]] = frozenset({"perform", "void", "inquire"})
    sources: ClassVar[tuple[Source, ...]] = (Source(CALLBACK, Role.CALLBACK), Source(STATEMENT, Role.STATEMENT))

    def __init__(self, surroundings: Surroundings) -> None:
        """Make the systems of the scope."""
        self._systems: dict[str, SimulatedExternal] = {}
        self._down = False
        super().__init__(surroundings)
        for system in surroundings.scope.systems:
            self._systems[system.name] = SimulatedExternal(system, surroundings.postpone)

    @property
    def down(self) -> bool:
        """Whether they refuse everything."""
        return self._down

    @down.setter
    def down(self, value: bool) -> None:
        self._down = value
        for system in self._systems.values():
            system.down = value

    def offers(self) -> Mapping[str, Any]:
        """`env.external(name)`."""
        return {"external": self.system}

    def offers_awaited(self) -> Mapping[str, Any]:
        """`env.aio.external(name)`."""
        return {"external": lambda name: AwaitedExternal(self.system(name))}

    def system(self, name: str) -> SimulatedExternal:
        """The system `name`."""
        if name not in self._systems:
            self._systems[name] = SimulatedExternal(System(name), self.surroundings.postpone)
            self._systems[name].down = self._down
        return self._systems[name]

    def key(self) -> Hashable:
        """What distinguishes two states of them all."""
        return self._down, tuple([(name, s.key()) for name, s in sorted(self._systems.items()) if s.orders])

    def seen(self) -> tuple[Order, ...]:
        """Every order: the truth that an outsider may compare with the books."""
        return tuple([
            order._replace(coming=min(order.coming, 1)) for _, s in sorted(self._systems.items()) for order in s.orders.values()
        ])

    def progress(self) -> Hashable:
        """The callbacks that were told to nobody yet."""
        return self._unheard()

    def changed(self, before: tuple[Order, ...], after: tuple[Order, ...]) -> Iterator[str]:
        """A line for each order that stands otherwise."""
        for order in after:
            if order not in before:
                coming = ", a request is on its way" if order.coming else ""
                yield f"{order.system}: {order.key} {order.status}, paid {' and '.join(map(str, order.paid)) or 'nothing'}{coming}"

    # What they tell by themselves:

    def has(self, source: Sequence[str], process: Process) -> bool:  # noqa: ARG002 - they call whoever listens
        """Whether a system has called back so often; a statement there always is."""
        name, kind, *number = source
        return kind != CALLBACK or int(*number or "0") < len(self.system(name).callbacks)

    def given(self, source: Sequence[str], process: Process, fault: str) -> Receipt | tuple[Receipt, ...]:  # noqa: ARG002 - likewise
        """A callback, or the statement as of now."""
        name, kind, *number = source
        system = self.system(name)
        return system.callbacks[int(*number or "0")] if kind == CALLBACK else system.statement()

    def ended(self, source: Sequence[str], process: Process, given: Any, *, known: bool) -> None:  # noqa: ANN401, ARG002 - likewise
        """A callback was taken, or comes again."""
        name, kind, *number = source
        if kind == CALLBACK and known:
            self.system(name).told.add(int(*number or "0"))

    def owed(self) -> Iterator[Owed]:
        """The callbacks that were told to nobody yet, then the statements."""
        told = [(source, Role.CALLBACK) for source in self._unheard()]
        told += [(f"{name} {STATEMENT}", Role.STATEMENT) for name, s in sorted(self._systems.items()) if s.system.statements]
        for source, role in told:
            process = next((process for process in self.surroundings.processes().values() if process.ready), None)
            if process is not None:
                yield Owed(process.name, source, role)

    def _unheard(self) -> tuple[str, ...]:
        return tuple([
            f"{name} {CALLBACK} {i}" for name, s in sorted(self._systems.items())
            for i in range(len(s.callbacks)) if i not in s.told
        ])  # fmt: skip
