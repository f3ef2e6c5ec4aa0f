"""A subscriber: who follows a log from the position that it has come to, which it keeps together with what it was handed.

It stands for a projection that keeps its checkpoint in the transaction in which it projects. It is no effect of the code under
test: whoever hands it something has come to the end of a read, and a crash before that hands over nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.outside import Followed
from acidtest.world.core.device import Device, Surroundings

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping


class Subscriber(Device):
    """One subscriber, however many processes read for it."""

    name: ClassVar[str] = "subscriber"

    def __init__(self, surroundings: Surroundings) -> None:
        """It has been handed nothing."""
        super().__init__(surroundings)
        self._followed = Followed()

    def offers(self) -> Mapping[str, Any]:
        """`env.subscriber`."""
        return {"subscriber": self}

    def key(self) -> Hashable:
        """Where it is, and what it has."""
        return self._followed

    def seen(self) -> Followed:
        """The same."""
        return self._followed

    def changed(self, before: Any, after: Any) -> Iterator[str]:  # noqa: ANN401
        """What it was handed."""
        yield from (f"subscriber: {row}" for row in after.rows[len(before.rows) :])

    @property
    def position(self) -> int:
        """The position of the last that it was handed; 0 at the start."""
        return self._followed.position

    def hand(self, after: int, rows: tuple[Any, ...], position: int) -> bool:
        """Hand over what lies behind the position `after`, up to `position`; False where it is no longer there.

        Arguments:
            after: the position from which it was read.
            rows: what was read, as hashable values.
            position: that of the last of them.
        """
        if after != self._followed.position:
            return False
        self._followed = self._followed._replace(position=position, rows=(*self._followed.rows, *rows))
        return True

    def polled(self) -> None:
        """Note that the code under test has subscribers of its own."""
        self._followed = self._followed._replace(polls=True)
