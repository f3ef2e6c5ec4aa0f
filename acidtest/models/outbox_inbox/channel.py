"""An exactly-once channel over two hops: what a chain of outboxes and inboxes must implement.

`Channel` passes each transfer on once and in order, and says nothing of how.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from acidtest.checker.machine import Kind, Model, Property, Transition
from acidtest.checker.theory import Size, Study
from acidtest.models.shared.tuples import put

if TYPE_CHECKING:
    from collections.abc import Sequence

HOPS = (0, 1)

Order: TypeAlias = tuple[int, ...]


class Channel(Model[tuple[Order, ...]]):
    """Exactly once, in order: what was taken, what has passed the second service, and what has arrived."""

    name = "exactly-once channel"
    fields = ("taken", "passed", "arrived")

    def __init__(self, n: int, **_: object) -> None:
        self.n = n

    def initial_states(self) -> list[tuple[Order, ...]]:
        """Nothing was taken."""
        return [((), (), ())]

    def transitions(self) -> Sequence[Transition]:
        """Take the next transfer, or move one on."""
        return [Transition("Take", self.take), Transition("Move", self.move, [(h,) for h in HOPS])]

    def take(self, s: tuple[Order, ...]) -> tuple[Order, ...] | None:
        """The next transfer is accepted."""
        return ((*s[0], len(s[0])), *s[1:]) if len(s[0]) < self.n else None

    def move(self, s: tuple[Order, ...], hop: int) -> tuple[Order, ...] | None:
        """The next transfer takes effect one service further."""
        here, there = s[hop], s[hop + 1]
        return put(s, hop + 1, (*there, here[len(there)])) if len(there) < len(here) else None

    def view(self, s: tuple[Order, ...]) -> tuple[Order, ...]:
        """Everything."""
        return s


PASSES = Property("G9", "everything arrives", Kind.EVENTUALLY, lambda s: s[0] == s[2] != (), "PATTERNS 0")

STUDY = Study(
    name="exactly-once channel",
    specification=True,
    make=Channel,
    sizes=(Size("2 transfers", {"n": 2}, 10, 7), Size("4 transfers", {"n": 4}, 35, 13)),
    properties=(PASSES,),  # that transfers move in order is how a state is written, and could not be otherwise
)
