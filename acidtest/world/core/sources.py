"""Where operations get an argument that the workload cannot know: callbacks, statements, replies and messages.

A source reads like "atm callback 0", "atm statement", "stock reply 0" or "message": its kind, which says whose it is, and
what that device needs to know beside. An operation with a source waits until there is such a thing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from acidtest.world.core.device import Device, Source
    from acidtest.world.core.process import Process

#: What an operation without a source is given.
NOTHING: tuple[Hashable, ...] = ()


class Sources:
    """All sources of a world.

    Arguments:
        devices: what has them.
    """

    def __init__(self, devices: Iterable[Device]) -> None:
        """Note whose each kind is."""
        self._kinds = {source.kind: (device, source) for device in devices for source in device.sources}

    def of(self, source: str) -> Source | None:
        """What is known of a source; None for none."""
        return self._find(source)[1] if source else None

    def has(self, source: str, process: Process) -> bool:
        """Whether there is what an operation on `process` needs."""
        return not source or self._find(source)[0].has(source.split(" "), process)

    def faults(self, source: str, process: Process) -> tuple[str, ...]:
        """The fault kinds that can befall what an operation is given."""
        return self._find(source)[0].faults_of(source.split(" "), process) if source else ()

    def given(self, source: str, process: Process, fault: str = "") -> tuple[Hashable, ...]:
        """The arguments that come from `source`; none for none."""
        if not source:
            return NOTHING
        device, known = self._find(source)
        given = device.given(source.split(" "), process, fault)
        return given if known.several else (given,)  # type: ignore[return-value] # a tuple then

    def ended(self, source: str, process: Process, given: tuple[Hashable, ...], *, known: bool) -> None:
        """What was given was taken; or, where it was not, comes again."""
        if source:
            device, about = self._find(source)
            device.ended(source.split(" "), process, given if about.several else given[0], known=known)

    def _find(self, source: str) -> tuple[Device, Source]:
        for word in source.split(" "):
            if word in self._kinds:
                return self._kinds[word]
        known = ", ".join(self._kinds) or "none"
        message = f"{source!r} is not a source of an argument. It names none of the kinds that there are: {known}."
        raise HarnessError(message)
