"""Turns: who calls a session of something does one thing after the other, in an order that the search chooses.

Several clients of one process each hold one kind of call; an operation with the source "turn" begins only while no other of its
process that has one is in progress, and only so many begin in all. So the orders in which clients are chosen are all sequences.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.port import Role
from acidtest.world.core.device import Device, Source

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from acidtest.world.core.device import Surroundings
    from acidtest.world.core.process import Process

TURN = "turn"


class Turns(Device):
    """Whose turn it is. "turn 3" is a source that there is three times in all."""

    name: ClassVar[str] = "turns"
    sources: ClassVar[tuple[Source, ...]] = (Source(TURN, Role.OPERATION),)

    def __init__(self, surroundings: Surroundings) -> None:
        """Nobody has begun."""
        super().__init__(surroundings)
        self._taken = 0
        self._busy: set[str] = set()

    def key(self) -> Hashable:
        """How many have begun, and who is at it."""
        return self._taken, frozenset(self._busy)

    def has(self, source: Sequence[str], process: Process) -> bool:
        """Whether the process is at none, and some are left."""
        return process.name not in self._busy and self._taken < int(source[-1])

    def given(self, source: Sequence[str], process: Process, fault: str) -> Hashable:  # noqa: ARG002 - none befalls it
        """The number of the turn."""
        self._taken += 1
        self._busy.add(process.name)
        return self._taken

    def ended(self, source: Sequence[str], process: Process, given: Any, *, known: bool) -> None:  # noqa: ANN401, ARG002 - likewise
        """It is the next one's turn."""
        self._busy.discard(process.name)
