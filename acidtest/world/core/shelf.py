"""Live objects that stand for servers: they outlive every process, and are put back between runs as databases are."""

from __future__ import annotations

import copy
from typing import Any

from acidtest.errors import UsageError
from acidtest.world.core.process import complain


class Shelf:
    """The objects of a cluster, by name.

    What was there when the contents were captured is copied at the start of every run; what was made later is gone then.
    """

    def __init__(self) -> None:
        """Nothing is there."""
        self.objects: dict[str, Any] = {}
        self._captured: dict[str, Any] = {}

    def capture(self) -> None:
        """Make the present objects the ones that every run starts with."""
        self._captured = copies(self.objects)

    def reset(self) -> None:
        """Go back to what was captured."""
        self.objects = copies(self._captured)

    def clear(self) -> None:
        """Forget every object."""
        self.objects, self._captured = {}, {}

    def fresh(self) -> Shelf:
        """A shelf of its own with what every run starts with."""
        fresh = Shelf()
        fresh._captured = self._captured
        fresh.reset()
        return fresh

    def copy(self) -> Shelf:
        """A shelf of its own with what is there now."""
        copied = Shelf()
        copied.objects = copies(self.objects)
        return copied


def copies(objects: dict[str, Any]) -> dict[str, Any]:
    """Each of them, copied."""
    return {name: copied(name, found) for name, found in objects.items()}


def copied(name: str, value: Any) -> Any:
    """A copy of a shared object, or of what was given to it or came from it.

    Arguments:
        name: of the object.
        value: what to copy.

    Raises:
        UsageError: it cannot be copied.
    """
    try:
        return copy.deepcopy(value)
    except Exception as error:  # noqa: BLE001 - objects of the user's may raise anything when they are copied; it is told
        message = (
            f"env.shared({name!r}) has to do with a {type(value).__qualname__} that cannot be copied ({error}). A shared object is put back by "
            "copying before every run, and what goes to it and comes from it is copied as between two processes. Keep plain data in it; "
            "what cannot be copied may have a __deepcopy__ of its own."
        )
        complain(UsageError(message))
