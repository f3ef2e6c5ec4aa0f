"""Who waits for whom: statements that wait for a lock are found out at once, and go on when the lock is free.

InnoDB's table of transactions (`information_schema.innodb_trx`) is a copy that is made anew only when nobody has read it
for a tenth of a second; a search that read it would take the past for the present. The monitor (`SHOW ENGINE INNODB STATUS`) reads the
locks as they are: a lock that is granted is no longer waited for there before the COMMIT that let it go has got its answer.
So a statement that is not waiting will answer, or wait again, and nothing has to be guessed from how long it takes.
"""

from __future__ import annotations

import contextlib
import re
import select
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import pymysql

from acidtest.errors import HarnessError
from acidtest.world.core.process import outside
from acidtest.world.databases.mariadb.session import open_session, run

if TYPE_CHECKING:
    from acidtest.world.databases.mariadb.server import Server

#: Milliseconds for which an answer is awaited before the locks are looked at: of a statement that takes locks, of others.
QUICK, SLOW = 1, 100
_PATIENCE = 60.0  #: seconds after which a statement that neither ends nor waits is given up
_OLD = 0.11  #: seconds after which InnoDB makes its copy of who waits for whom anew
#: Seconds after which a statement that is said to wait for a table does so still: that is taken back a little late.
_GRACE = 0.02
_TRANSACTION = re.compile(r"^---TRANSACTION .*$", re.MULTILINE)
_THREAD = re.compile(r"^(?:MariaDB|MySQL) thread id (\d+)", re.MULTILINE)
_LOCKS = re.compile(r"(\d+) lock struct\(s\)")
_WAITS = re.compile(r"^------- TRX HAS BEEN WAITING .*\n(.*)$", re.MULTILINE)
_EDGES = """
SELECT r.trx_mysql_thread_id, b.trx_mysql_thread_id FROM information_schema.innodb_lock_waits w
JOIN information_schema.innodb_trx r ON r.trx_id = w.requesting_trx_id JOIN information_schema.innodb_trx b ON b.trx_id = w.blocking_trx_id"""
_TABLES = "SELECT id FROM information_schema.processlist WHERE state LIKE 'Waiting for%' OR state = 'User lock'"


class Transaction(NamedTuple):
    """A transaction that InnoDB knows.

    Arguments:
        number: as InnoDB counts them.
        session: the number of its session; 0 where it is prepared and has none.
        waits: for which lock, in InnoDB's words; empty for none.
        locks: how many structures of locks it has.
    """

    number: str
    session: int
    waits: str
    locks: int


class Waiting(Protocol):
    """What is watched of a connection whose statement waits; `answered` once the statement has got its answer."""

    answered: bool

    @property
    def number(self) -> int:
        """The number of its session."""

    def fileno(self) -> int:
        """Of its socket."""

    def answer_has_come(self) -> None:
        """Take note that the statement has got its answer."""


class Watch:
    """The monitor of a server: a session of its own, and the statements that wait, in the order in which they came.

    `pause` keeps a view of the past open, so that nothing which code under test deletes is cleared away at some moment or
    other: where something was deleted, other locks are taken than where nothing ever was. `compares` says that the server refuses to
    write a row that has changed since the transaction's snapshot (innodb_snapshot_isolation).
    """

    def __init__(self, server: Server) -> None:
        """Connect."""
        self.server = server
        self.waiting: list[Waiting] = []
        self._looked = 0.0
        self._seen: list[Transaction] = []
        self._known: set[tuple[Any, ...]] = set()
        self.connect()

    def connect(self) -> None:
        """Connect; again, after the server has died."""
        self.monitor = open_session(self.server.where)
        run(self.monitor, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")  # or what it copies would be locked
        run(self.monitor, "SET foreign_key_checks = 0, sql_mode = 'NO_AUTO_VALUE_ON_ZERO'")
        self.compares = _compares(self.monitor)
        self._past = open_session(self.server.where)
        self.pause()

    def execute(self, sql: str) -> tuple[tuple[Any, ...], ...]:
        """Run a statement of the world's own; its rows."""
        return run(self.monitor, sql)

    def several(self, statements: list[str]) -> tuple[tuple[tuple[Any, ...], ...], ...]:
        """Run several statements of the world's own at once; the rows of each."""
        if not statements:
            return ()
        found = [self.execute("; ".join(statements))]
        while self.monitor._result.has_next:  # noqa: SLF001 - as its cursors do
            self.monitor.next_result()
            found.append(self.monitor._result.rows or ())  # noqa: SLF001 - likewise
        return tuple(found)

    def pause(self) -> None:
        """From now on, nothing that is deleted is cleared away."""
        run(self._past, "START TRANSACTION WITH CONSISTENT SNAPSHOT")

    def transactions(self) -> list[Transaction]:
        """Those that are open, as they are now."""
        ((_, _, text),) = self.execute("SHOW ENGINE INNODB STATUS")
        starts = [match.start() for match in _TRANSACTION.finditer(text)]
        found = []
        for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
            part = text[start:end]
            head, session, locks, waits = part.partition("\n")[0], _THREAD.search(part), _LOCKS.search(part), _WAITS.search(part)
            if ", not started" not in head:
                number, waiting = head.split()[1].rstrip(","), waits[1] if waits else ""
                found.append(Transaction(number, int(session[1]) if session else 0, waiting, int(locks[1]) if locks else 0))
        return found

    def blocked(self) -> set[int]:
        """The numbers of the sessions that wait for a lock of InnoDB."""
        return {one.session for one in self.transactions() if one.waits}

    def park(self, connection: Waiting) -> None:
        """A statement waits."""
        self.waiting.append(connection)

    def forget(self, connection: Waiting) -> None:
        """A statement waits no more."""
        if connection in self.waiting:
            self.waiting.remove(connection)

    def place(self, connection: Waiting) -> int:
        """How many came before a statement that waits."""
        return self.waiting.index(connection) if connection in self.waiting else -1

    def settle(self) -> None:
        """Await the answer of every statement that waits no more, in the order in which they came, until all wait or are done."""
        progress = any(not connection.answered for connection in self.waiting)
        while progress:
            blocked = self.blocked()
            progress = False
            for connection in [c for c in self.waiting if not c.answered and c.number not in blocked]:
                if self.await_answer(connection):
                    connection.answer_has_come()
                    progress = True

    def await_answer(self, connection: Waiting, glance: int = QUICK, *, cancelled: bool = False) -> bool:
        """Wait until the server answers, or says that the statement waits for a lock: then False, unless it was cancelled.

        Raises:
            HarnessError: it does neither.
        """
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        began = time.monotonic()
        while not poll.poll(glance):
            waited = time.monotonic() - began
            with outside():
                if not cancelled and self._waits(connection.number, waited):
                    return False
            glance = min(2 * glance, SLOW)
            if waited > _PATIENCE:
                message = f"A statement neither ends nor waits for a lock within {_PATIENCE:g} s."
                raise HarnessError(message)
        return True

    def _waits(self, number: int, seconds: float) -> bool:
        """Whether a session that has not answered for so long waits, for a lock of InnoDB or of the server."""
        return number in self.blocked() or (seconds > _GRACE and (number,) in self.execute(_TABLES))

    def cancel(self, number: int) -> None:
        """Cancel the statement that a session runs."""
        self.execute(f"KILL QUERY {number}")

    def end(self, number: int) -> None:
        """End a session, and wait until it is gone: what is open in it rolls back, what is prepared is anybody's then."""
        with contextlib.suppress(pymysql.err.MySQLError):  # it may have just ended
            self.execute(f"KILL {number}")
        while self.execute(f"SELECT 1 FROM information_schema.processlist WHERE id = {number}"):
            pass

    def is_deadlocked(self, connection: Waiting) -> bool:
        """Whether a statement waits for itself, through others."""
        found = [one for one in self.transactions() if one.locks]
        waiting = [one.session for one in found if one.waits]
        if connection.number not in waiting or len(waiting) == 1:
            return False
        if len(waiting) == len(found) == 2:  # noqa: PLR2004 - two that wait, and nobody else who has a lock
            return True
        return _is_in_a_ring(connection.number, self._edges(found))

    def _edges(self, found: list[Transaction]) -> set[tuple[Any, ...]]:
        """Who waits for whom, by sessions, from InnoDB's copy: after a while in which nobody has looked at it, unless nothing changed."""
        if found != self._seen:
            select.poll().poll(max(0.0, _OLD - (time.monotonic() - self._looked)) * 1_000)
            self._known = set(self.execute(_EDGES))
            self._looked, self._seen = time.monotonic(), found
        return self._known

    def close(self) -> None:
        """Close the sessions."""
        self.monitor.close()
        self._past.close()


def _is_in_a_ring(first: int, edges: set[tuple[Any, ...]]) -> bool:
    """Whether a session waits for itself, through others."""
    seen: set[int] = set()
    todo = [first]
    while todo:
        waiter = todo.pop()
        blockers = {blocker for requesting, blocker in edges if requesting == waiter}
        if first in blockers:
            return True
        todo += blockers - seen
        seen |= blockers
    return False


def _compares(session: Any) -> bool:
    try:
        ((value,),) = run(session, "SELECT @@global.innodb_snapshot_isolation")
    except pymysql.err.MySQLError:
        return False  # it is older than that
    return bool(value)
