"""Pipelines of psycopg: statements that are sent together are run one after the other here, each an effect of its own.

That is how the server runs them, too: within an open transaction nobody sees when their answers are read. Where each statement is
a transaction, those of a pipeline are one together, which would be something else; such a pipeline is refused.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from psycopg.pq import PipelineStatus


class Pipeline:
    """What `connection.pipeline()` gives to a `with`."""

    def __init__(self, connection: Any) -> None:
        """Belong to a connection."""
        self._conn = connection

    @property
    def status(self) -> PipelineStatus:
        """As psycopg's says where nothing is on its way."""
        return PipelineStatus.OFF

    @classmethod
    def is_supported(cls) -> bool:
        """Always."""
        return True

    def sync(self) -> None:
        """Nothing: every answer has been read."""

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End; errors have been raised where they happened."""
