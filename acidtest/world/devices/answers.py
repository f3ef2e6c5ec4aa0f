"""Answers that clients hand on: a position that one operation was told, and that a later one of the workload is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.port import Role
from acidtest.world.core.device import Device, Source

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from acidtest.world.core.device import Surroundings
    from acidtest.world.core.process import Process

ANSWER = "answer"
_PAIR = 2


class Answers(Device):
    """What came with the answers that somebody waits for: of (answer, position) the position, of everything else None."""

    name: ClassVar[str] = "answers"
    sources: ClassVar[tuple[Source, ...]] = (Source(ANSWER, Role.READ, settled=True),)

    def __init__(self, surroundings: Surroundings) -> None:
        """Note which answers are waited for."""
        super().__init__(surroundings)
        asked = [operation.source.split(" ") for operation in surroundings.scope.operations()]
        self._wanted = frozenset([words[0] for words in asked if words[1:] == [ANSWER]])
        self._known: dict[str, Hashable] = {}

    def key(self) -> Hashable:
        """What was told."""
        return tuple(self._known.items())

    def answered(self, operation: str, value: Any) -> None:  # noqa: ANN401 - whatever a port method returns
        """Keep what came with an answer."""
        if operation in self._wanted:
            self._known[operation] = value[1] if isinstance(value, (tuple, list)) and len(value) == _PAIR else None

    def has(self, source: Sequence[str], process: Process) -> bool:  # noqa: ARG002 - it is the same for all
        """Whether the operation was answered."""
        return source[0] in self._known

    def given(self, source: Sequence[str], process: Process, fault: str) -> Hashable:  # noqa: ARG002 - likewise
        """What came with its answer."""
        return self._known[source[0]]
