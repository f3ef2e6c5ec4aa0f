"""Where operations get an argument that the workload cannot know: callbacks, statements, replies and messages.

A source reads like "atm callback 0", "atm statement", "stock reply 0" or "message". An operation with a source waits until
there is such a thing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Hashable

    from acidtest.environment import Delivery
    from acidtest.world.core.process import Process
    from acidtest.world.devices.broker.deliveries import Deliveries
    from acidtest.world.devices.external import Externals
    from acidtest.world.devices.services.played import Services

CALLBACK, STATEMENT, REPLY, MESSAGE = "callback", "statement", "reply", "message"


class Sources(NamedTuple):
    """All sources of a world."""

    externals: Externals
    services: Services
    deliveries: Deliveries

    def has(self, source: str, process: Process) -> bool:
        """Whether there is what an operation on `process` needs."""
        name, kind, number = _parts(source)
        if kind == CALLBACK:
            return number < len(self.externals.system(name).callbacks)
        if kind == REPLY:
            return self.services.has(name, number)
        return kind != MESSAGE or bool(self.deliveries.ready(process))

    def faults(self, source: str, process: Process) -> tuple[str, ...]:
        """The fault kinds that can befall what an operation is given."""
        return self.deliveries.faults(process) if source == MESSAGE else ()

    def given(self, source: str, process: Process, fault: str = "") -> tuple[Hashable, ...]:
        """The arguments that come from `source`: one, or none for none."""
        name, kind, number = _parts(source)
        if not kind:
            return ()
        if kind == MESSAGE:
            return (self.deliveries.give(process, fault),)
        if kind == REPLY:
            return (self.services.reply(name, number),)
        system = self.externals.system(name)
        return (system.callbacks[number],) if kind == CALLBACK else (system.statement(),)

    def ended(self, source: str, process: Process, given: tuple[Hashable, ...], *, known: bool) -> None:
        """What was given was heard; or, where it was not, comes again."""
        name, kind, number = _parts(source)
        if kind == MESSAGE:
            delivery: Delivery = given[0]  # type: ignore[assignment]
            (self.deliveries.took if known else self.deliveries.failed)(process, delivery)
        elif kind == CALLBACK and known:
            self.externals.system(name).heard.add(number)
        elif kind == REPLY and known:
            self.services.took(name, number)


def _parts(source: str) -> tuple[str, str, int]:
    """The system or service, what is wanted of it, and the number of a callback or reply."""
    if source in ("", MESSAGE):
        return "", source, 0
    name, kind, number = (*source.split(" "), "", "")[:3]
    if kind not in (CALLBACK, STATEMENT, REPLY):
        message = f"{source!r} is not a source of an argument; one reads like 'atm callback 0', 'atm statement' or 'stock reply 0'."
        raise HarnessError(message)
    return name, kind, int(number or 0)
