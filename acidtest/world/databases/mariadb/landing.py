"""A COMMIT that takes effect later: the transaction, its locks and its session are left to the server until then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pymysql

from acidtest.world.core.backend import Database
from acidtest.world.databases.mariadb.session import run
from acidtest.world.databases.mariadb.statement import DECIDE, PREPARE, Statement

if TYPE_CHECKING:
    from collections.abc import Hashable

    from acidtest.world.databases.mariadb.watch import Watch


class Keeper(Database, Protocol):
    """What a transaction that was left to the server needs of its database.

    `prepared` are the transactions that are prepared, with what stands for their work; `open` the sessions with an open
    transaction, with its isolation level.
    """

    prepared: dict[str, int]
    open: dict[int, str]

    @property
    def watch(self) -> Watch:
        """The monitor of its server."""

    def touch(self, who: Hashable = None) -> None:
        """Say that something may have become durable; `who` determines what."""


class Landing:
    """A transaction whose end was left to the server, with the locks that it holds."""

    def __init__(self, database: Keeper, session: Any, command: str, statement: Statement, chain: int) -> None:
        """Keep the session until the end comes."""
        self.database = database
        self.chain = chain
        self._session = session
        self._command = command
        self._statement = statement

    def land(self) -> None:
        """Do what was left to the server."""
        try:
            run(self._session, self._command)
        except pymysql.err.MySQLError:
            pass  # somebody else has decided it
        else:
            if self._statement.kind == PREPARE:
                self.database.prepared[self._statement.name] = self.chain
            elif self._statement.kind == DECIDE:
                self.database.prepared.pop(self._statement.name, None)
        self.database.touch(("landed", self.chain))
        self.hang_up()

    def hang_up(self) -> None:
        """Roll back what has not come to its end; what is prepared is anybody's then."""
        if self._session is None:
            return
        session, self._session = self._session, None
        number = session.server_thread_id[0]
        self.database.watch.end(number)
        session._force_close()  # noqa: SLF001 - there is nobody left to say goodbye to
        self.database.open.pop(number, None)
        self.database.watch.settle()
