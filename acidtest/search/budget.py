"""Time that a search may take: looked at between runs, and within a run between decisions and while it comes to rest."""

from __future__ import annotations

import math
import time


class OutOfTime(BaseException):  # noqa: N818 - not an error, an end
    """The time is up in the middle of a run, which is given up. No `Exception`: nobody takes it for a failure of a run."""


class Budget:
    """So many seconds from now on; None for no end.

    Arguments:
        seconds: how many.
    """

    def __init__(self, seconds: float | None = None) -> None:
        """Time runs from now on."""
        self._end = math.inf if seconds is None else time.monotonic() + seconds

    @property
    def left(self) -> float | None:
        """The seconds that are left; None for no end."""
        return None if self._end == math.inf else max(self._end - time.monotonic(), 0.0)

    @property
    def is_spent(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self._end

    def look(self) -> None:
        """Go on only while there is time.

        Raises:
            OutOfTime: there is none left.
        """
        if time.monotonic() >= self._end:
            raise OutOfTime
