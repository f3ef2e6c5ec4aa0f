"""Pipelines of psycopg: statements that are sent together are run one after the other here, each an effect of its own.

That is how the server runs them, too: within an open transaction nobody sees when their answers are read. Where each statement is
a transaction otherwise, those of a pipeline are one together: it ends where the pipeline is synchronized.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from psycopg.pq import PipelineStatus


class Pipeline:
    """What `connection.pipeline()` gives to a `with`; in one that is inside of another nothing else happens."""

    def __init__(self, connection: Any) -> None:
        """Belong to a connection."""
        self._conn = connection
        self._implicit = False

    @property
    def status(self) -> PipelineStatus:
        """As psycopg's says where nothing is on its way."""
        return PipelineStatus.OFF

    @classmethod
    def is_supported(cls) -> bool:
        """Always."""
        return True

    def sync(self) -> None:
        """Every answer has been read; a transaction that nobody has begun is committed."""
        if self._implicit:
            self._conn.commit()

    def __enter__(self) -> Self:
        """Begin; within `connection.transaction()` it is that which ends the transaction."""
        if not self._conn._num_transactions:  # noqa: SLF001 - psycopg's own
            self._implicit = self._conn.begins_by_itself(alone=False)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End; errors have been raised where they happened."""
        if not self._implicit:
            return
        try:
            self._conn.rollback() if error is not None else self._conn.commit()
        finally:
            self._conn.begins_by_itself(alone=True)
