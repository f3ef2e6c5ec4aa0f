"""The devices of a world, together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acidtest.errors import HarnessError
from acidtest.world.core.device import Arrival, Device, Surroundings
from acidtest.world.core.effects import SLEEP
from acidtest.world.core.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping

    from acidtest.world.core.effects import Decision, Effect
    from acidtest.world.core.process import Process, Task

#: The changes of the environment that concern all that is outside.
OUTAGE, RESTORE = "outage", "restore"
#: Effects that are neither of a database nor of a device.
_OF_NOBODY = ("wait", SLEEP)


class Devices(dict[str, Device]):
    """All of them, by name.

    `sources` is what they give to operations, `offers` and `offers_awaited` what stands on the environment of a process.

    Arguments:
        kinds: which devices there are.
        surroundings: what each is given.
        equipment: what the contract gives to them, by their names.
    """

    def __init__(self, kinds: Iterable[type[Device]], surroundings: Surroundings, equipment: Mapping[str, Any]) -> None:
        """Make them."""
        super().__init__({d.name: d(surroundings._replace(equipment=equipment.get(d.name))) for d in kinds})
        self._of = {kind: device for device in self.values() for kind in device.kinds}
        # Most devices have nothing to say here, and these are asked at every step.
        self._faulty = {kind: d for kind, d in self._of.items() if type(d).faults is not Device.faults}
        self._serving = [device for device in self.values() if type(device).arrivals is not Device.arrivals]
        self._entering = [device for device in self.values() if type(device).enters is not Device.enters]
        self._listening = [device for device in self.values() if type(device).answered is not Device.answered]
        self._equipping = [d for d in self.values() if type(d).clients is not Device.clients]
        self._suffering = [device for device in self.values() if type(device).mishaps is not Device.mishaps]
        self._noticing = [device for device in self.values() if type(device).notices is not Device.notices]
        self._readable = [device for device in self.values() if type(device).readable is not Device.readable]
        self._changes = {change: device for device in self.values() for change in device.changes}
        #: Those of the changes that may befall a device by itself.
        self.changed_by_itself = frozenset([change for device in self._suffering for change in device.changes])
        self.sources = Sources(self.values())
        self.offers = {name: offer for device in self.values() for name, offer in device.offers().items()}
        self.offers_awaited = {name: offer for device in self.values() for name, offer in device.offers_awaited().items()}

    def key(self) -> Hashable:
        """What distinguishes two states of them all."""
        return tuple([device.key() for device in self.values()])

    def equip(self, environment: Any, process: Process) -> None:  # noqa: ANN401 - an environment
        """Put what is made for one process on its environment."""
        for device in self._equipping:
            vars(environment).update(device.clients(environment, process))
            vars(environment.aio).update(device.clients_awaited(environment, process))

    def readable(self) -> Hashable:
        """What the reading methods of a port can learn of them; of one that is hidden, nothing."""
        return tuple([None if device.hidden else device.readable() for device in self._readable])

    def mishaps(self) -> Iterator[tuple[Device, Decision]]:
        """What may befall them by itself now."""
        for device in self._suffering:
            for decision in device.mishaps():
                yield device, decision

    def seen(self) -> dict[str, Any]:
        """What an outsider sees of each, by its name."""
        return {name: seen for device in self.values() for name, seen in device.shows().items()}

    def progress(self) -> Hashable:
        """What may change, beside what is seen, until all has come to rest."""
        return tuple([device.progress() for device in self.values()])

    def changed(self, before: Mapping[str, Any]) -> Iterator[str]:
        """The difference between what was seen before and is seen now, a line each for a report."""
        for name, device in self.items():
            yield from device.changed(before[name], device.seen())

    def performs(self, effect: Effect) -> bool:
        """Whether an effect concerns something else than a database."""
        return effect.kind in self._of or effect.kind in _OF_NOBODY

    def is_outside(self, effect: Effect | None) -> bool:
        """Whether an effect is one at a device."""
        return effect is not None and effect.kind in self._of

    def with_faults(self, task: Task, effect: Effect) -> Effect:
        """The effect, with the faults that can befall it now."""
        device = self._faulty.get(effect.kind)
        return effect if device is None else effect._replace(faults=device.faults(task, effect))

    def excuses(self, effect: str, fault: str) -> bool:
        """Whether a fault that befell an effect of that kind excuses that something is done twice."""
        device = self._of.get(effect)
        return device is None or device.excuses(effect, fault)

    def enters(self, process: Process) -> bool:
        """Whether calls may come to `process` at any moment, beside those of the clients."""
        return any(device.enters(process.service) for device in self._entering)

    def answered(self, operation: str, value: Any) -> None:  # noqa: ANN401 - whatever a port method returns
        """A client was told something."""
        for device in self._listening:
            device.answered(operation, value)

    def notices(self, process: Process) -> bool:
        """Whether others notice when `process` is dead; it does one thing at a time then."""
        return any(device.notices(process.service) for device in self._noticing)

    def began(self, process: Process) -> None:
        """A process has started, and recovered."""
        for device in self._noticing:
            device.began(process)

    def died(self, process: Process) -> None:
        """A process has died."""
        for device in self._noticing:
            device.died(process)

    def arrivals(self) -> Iterator[Arrival]:
        """The calls that have come in and are to be served from now on."""
        for device in self._serving:
            yield from device.arrivals()

    def knows(self, change: str) -> bool:
        """Whether there is such a change of the environment."""
        return change in (OUTAGE, RESTORE) or change in self._changes

    def may_change(self, change: str) -> bool:
        """Whether a device is another after that change, and not just out of reach."""
        return change in self._changes

    def change(self, what: str, argument: Any) -> None:  # noqa: ANN401 - each has its own
        """Let the environment change.

        Raises:
            HarnessError: there is no such change.
        """
        if what in (OUTAGE, RESTORE):
            for device in self.values():
                device.down = what == OUTAGE
        elif what in self._changes:
            self._changes[what].change(what, argument)
        else:
            message = f"The environment cannot {what!r}. It can: {', '.join([OUTAGE, RESTORE, *self._changes])}."
            raise HarnessError(message)
