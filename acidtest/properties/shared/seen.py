"""What has been observed of a run at one instant: what a contract makes its view of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping


class Seen(NamedTuple):
    """What has been observed of a run at one instant.

    Arguments:
        durable: what `observe` read, through the port, from the committed state.
        outside: what an outsider sees of each device, by its name; see `acidtest.outside`.
        status: per operation of the scope, what its client knows: new, open, unknown, or the answer.
        alone: per operation, whether nothing ran beside it and no fault had occurred until it was answered.
        disturbances: faults, crashes and errors so far that excuse a repetition.
        happened: what befell the run so far: crash, jump, outage, and fault kinds as "refused publish".
        at_rest: whether faults are over and everything has recovered and drained.
        wedged: whether that took restarting a process that had neither crashed nor lost a connection.
        window: for a read that was just answered, what was durable at some instant while it ran.
        read: for a read that was just answered, the answer.
    """

    durable: Hashable
    outside: Mapping[str, Any]
    status: tuple[Hashable, ...]
    alone: tuple[bool, ...]
    disturbances: int
    happened: frozenset[str] = frozenset()
    at_rest: bool = False
    wedged: bool = False
    window: frozenset[Hashable] | None = None
    read: Hashable = None

    def of(self, device: str) -> Any:  # noqa: ANN401 - what a device shows is its own
        """What an outsider sees of a device; None where there is no such device."""
        return self.outside.get(device)
