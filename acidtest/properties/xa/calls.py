"""What clients of a transaction manager call: itself, with a heuristic outcome as an answer like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acidtest.environment import HeuristicOutcome
from acidtest.models.xa.service import MIXED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Calls:
    """A transaction manager as clients call it.

    Arguments:
        implementation: the transaction manager.
    """

    def __init__(self, implementation: Any) -> None:  # noqa: ANN401 - anybody's
        """Stand before `implementation`."""
        self.__wrapped__ = implementation

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever it has
        """All else is its own."""
        return getattr(self.__wrapped__, name)

    def run(self, key: str, operations: Sequence[tuple[str, str, int]]) -> Any:  # noqa: ANN401 - what it answers
        """Run, and say how that ended."""
        try:
            return self.__wrapped__.run(key, operations)
        except HeuristicOutcome:
            return MIXED


def called(factory: Callable[[Any], Any]) -> Callable[[Any], Calls]:
    """What clients call, made of what the factory makes."""

    def make(env: Any) -> Calls:  # noqa: ANN401 - an environment
        return Calls(factory(env))

    make.__wrapped__ = factory  # type: ignore[attr-defined] # as functools.wraps does
    return make
