"""Who waits for whom: statements that wait for a lock are found out at once, and go on one at a time.

A statement that gets no answer is looked up in the server's table of locks. If it waits, its task is parked and the
server's process for it is stopped: the lock may be granted to it meanwhile, but it does not run before it is told to. So
of several that one COMMIT lets go, the one that came first goes first, always.
"""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING, Protocol

from acidtest.errors import HarnessError
from acidtest.world.core.process import outside
from acidtest.world.databases.postgresql.session import CONTINUE, STOP, open_session, run

if TYPE_CHECKING:
    from psycopg import pq

    from acidtest.world.databases.postgresql.server import Server

#: Milliseconds for which an answer is awaited before the locks are looked at: of a statement that takes locks, of others.
QUICK, SLOW = 1, 100
_PATIENCE = 60.0  #: seconds after which a statement that neither ends nor waits is given up


class Waiting(Protocol):
    """What is watched of a connection whose statement waits; `answered` once the statement has got its answer."""

    pgconn: pq.abc.PGconn
    answered: bool

    def answer_has_come(self) -> None:
        """Take note that the statement has got its answer."""


class Watch:
    """The monitor of a server: a connection of its own, and the statements that wait, in the order in which they came."""

    def __init__(self, server: Server) -> None:
        """Connect."""
        self.server = server
        self.waiting: list[Waiting] = []
        self.connect()

    def connect(self) -> None:
        """Connect; again, after the server has died."""
        self.monitor = open_session(self.server.conninfo)

    def execute(self, sql: str) -> pq.abc.PGresult:
        """Run a statement of the world's own."""
        return run(self.monitor, sql.encode())

    def blockers(self, pid: int) -> list[int]:
        """The processes of the server that keep a lock for which `pid` waits; 0 is a prepared transaction."""
        found = self.execute(f"SELECT pg_blocking_pids({pid})").get_value(0, 0)
        assert found is not None  # noqa: S101 - a function that returns an array
        return [int(part) for part in found.decode().strip("{}").split(",") if part]

    def park(self, connection: Waiting) -> None:
        """A statement waits: stop the process that runs it."""
        self.waiting.append(connection)
        self.server.signal(connection.pgconn.backend_pid, STOP)

    def forget(self, connection: Waiting) -> None:
        """A statement waits no more."""
        if connection in self.waiting:
            self.waiting.remove(connection)
            self.server.signal(connection.pgconn.backend_pid, CONTINUE)

    def place(self, connection: Waiting) -> int:
        """How many came before a statement that waits."""
        return self.waiting.index(connection) if connection in self.waiting else -1

    def settle(self) -> None:
        """Let every statement go on that waits no more, in the order in which they came, until all wait or are done."""
        progress = bool(self.waiting)
        while progress:
            progress = False
            for connection in [c for c in self.waiting if not c.answered]:
                progress |= self._go_on(connection)

    def _go_on(self, connection: Waiting) -> bool:
        """Let a statement run if it has got its lock; whether it has ended."""
        pid = connection.pgconn.backend_pid
        if self.blockers(pid):
            return False
        self.server.signal(pid, CONTINUE)
        if not self.await_answer(connection.pgconn):
            self.server.signal(pid, STOP)
            return False
        connection.answer_has_come()
        return True

    def await_answer(self, pgconn: pq.abc.PGconn, glance: int = QUICK, *, cancelled: bool = False) -> bool:
        """Wait until the server answers, or says that the statement waits for a lock: then False, unless it was cancelled.

        Raises:
            HarnessError: it does neither.
        """
        poll = select.poll()
        poll.register(pgconn.socket, select.POLLIN)
        until = time.monotonic() + _PATIENCE
        while not poll.poll(glance):
            glance *= 2
            with outside():
                if not cancelled and self.blockers(pgconn.backend_pid):
                    return False
            if time.monotonic() > until:
                message = f"A statement neither ends nor waits for a lock within {_PATIENCE:g} s."
                raise HarnessError(message)
        return True

    def cancel(self, pid: int) -> None:
        """Cancel the statement that a process of the server runs."""
        self.execute(f"SELECT pg_cancel_backend({pid})")
        self.server.signal(pid, CONTINUE)

    def end(self, pid: int) -> None:
        """End a process of the server, and with it its session, whatever it does.

        Raises:
            HarnessError: it does not end.
        """
        self.execute(f"SELECT pg_terminate_backend({pid})")
        self.server.signal(pid, CONTINUE)
        until = time.monotonic() + _PATIENCE
        while self.execute(f"SELECT FROM pg_stat_activity WHERE pid = {pid}").ntuples:
            self.execute("SELECT pg_sleep(0.001)")
            if time.monotonic() > until:
                message = f"A process of the server does not end within {_PATIENCE:g} s."
                raise HarnessError(message)

    def is_deadlocked(self, connection: Waiting) -> bool:
        """Whether a statement waits for itself, through others."""
        first = connection.pgconn.backend_pid
        seen: set[int] = set()
        todo = self.blockers(first)
        while todo:
            pid = todo.pop()
            if pid == first:
                return True
            if pid and pid not in seen:
                seen.add(pid)
                todo += self.blockers(pid)
        return False

    def close(self) -> None:
        """Close the connection."""
        self.monitor.finish()
