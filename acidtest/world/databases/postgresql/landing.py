"""A COMMIT that takes effect later: the transaction, its locks and its session are left to the server until then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from psycopg import pq

from acidtest.world.core.backend import Database
from acidtest.world.databases.postgresql.session import quiet
from acidtest.world.databases.postgresql.statement import DECIDE, PREPARE, Statement

if TYPE_CHECKING:
    from collections.abc import Hashable

    from acidtest.world.databases.postgresql.watch import Watch


class Keeper(Database, Protocol):
    """What a transaction that was left to the server needs of its database.

    `prepared` are the transactions that are prepared, with what stands for their work; `open` the processes of the server
    with an open transaction, with its isolation level.
    """

    prepared: dict[str, int]
    open: dict[int, str]

    @property
    def watch(self) -> Watch:
        """The monitor of its server."""

    def touch(self, who: Hashable = None) -> None:
        """Say that something may have become durable; `who` determines what."""

    def take_back(self, pgconn: Any, *, fine: bool, clean: bool) -> None:
        """Keep a session that nobody uses any more."""


class Landing:
    """A transaction whose end was left to the server, with the locks that it holds."""

    def __init__(self, database: Keeper, pgconn: Any, command: str, statement: Statement, chain: int, *, clean: bool) -> None:
        """Keep the session until the end comes; `clean` says that it can be used again then."""
        self.database = database
        self.chain = chain
        self._pgconn = pgconn
        self._command = command
        self._statement = statement
        self._clean = clean

    def land(self) -> None:
        """Do what was left to the server."""
        result = self._pgconn.exec_(self._command.encode())
        if result.status == pq.ExecStatus.COMMAND_OK:
            if self._statement.kind == PREPARE:
                self.database.prepared[self._statement.name] = self.chain
            elif self._statement.kind == DECIDE:
                self.database.prepared.pop(self._statement.name, None)
        self.database.touch(("landed", self.chain))
        self.hang_up()

    def hang_up(self) -> None:
        """Roll back what has not come to its end."""
        if self._pgconn is None:
            return
        watch, pgconn, self._pgconn = self.database.watch, self._pgconn, None
        fine = quiet(pgconn, watch.cancel)
        self.database.open.pop(pgconn.backend_pid, None)
        self.database.take_back(pgconn, fine=fine, clean=self._clean)
        watch.settle()
