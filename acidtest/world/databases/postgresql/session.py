"""Sessions on the server, used again run after run: opening one costs as much as thirty statements."""

from __future__ import annotations

import select
import signal
from typing import TYPE_CHECKING

import psycopg
from psycopg import pq

from acidtest.errors import HarnessError
from acidtest.world.databases.full_disk import full_disk
from acidtest.world.python.uncontrolled import allowed

if TYPE_CHECKING:
    from collections.abc import Callable

_ACTIVE = pq.TransactionStatus.ACTIVE
_IDLE = pq.TransactionStatus.IDLE
_OPEN = (pq.TransactionStatus.INTRANS, pq.TransactionStatus.INERROR)
STOP, CONTINUE = signal.SIGSTOP, signal.SIGCONT
_READS = 100  #: answers that may be left of a statement that was cancelled, at most
_PATIENCE = 10_000  #: milliseconds until a statement that was cancelled and does not end is given up
_FINE = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK, pq.ExecStatus.EMPTY_QUERY)


_connect = psycopg.Connection.connect  # before anything replaces it


def _closed() -> pq.abc.PGconn:
    """A connection that is closed: what a lost connection has instead of its own."""
    pgconn = pq.PGconn.connect_start(b"host=/nowhere")
    pgconn.finish()
    return pgconn


CLOSED = _closed()


def open_session(conninfo: str) -> pq.abc.PGconn:
    """Open a session.

    Raises:
        psycopg.OperationalError: the server does not answer.
    """
    with allowed():
        connection = _connect(conninfo)
    pgconn = connection.pgconn
    connection.pgconn = CLOSED
    return pgconn


def run(pgconn: pq.abc.PGconn, command: bytes) -> pq.abc.PGresult:
    """Run a command of the world's own.

    Raises:
        psycopg.Error: as the server says.
        BackendUnavailable: the disk is full.
    """
    result = pgconn.exec_(command)
    if result.status not in _FINE:
        error = psycopg.errors.error_from_result(result, encoding="utf-8")
        raise full_disk(error) or error
    return result


def quiet(pgconn: pq.abc.PGconn, cancel: Callable[[int], None]) -> bool:
    """Bring a session back to where it does nothing: roll back whatever is open.

    Arguments:
        pgconn: the session.
        cancel: cancels the statement that a process of the server runs.

    Returns:
        False where the session is broken.
    """
    if pgconn.status != pq.ConnStatus.OK:
        return False
    if pgconn.transaction_status == _ACTIVE:
        _give_up(pgconn, cancel)
    if pgconn.transaction_status in _OPEN:
        pgconn.exec_(b"ROLLBACK")
    return pgconn.transaction_status == _IDLE


def _give_up(pgconn: pq.abc.PGconn, cancel: Callable[[int], None]) -> None:
    """Cancel the statement that runs, and read what is left of its answer."""
    cancel(pgconn.backend_pid)
    poll = select.poll()
    poll.register(pgconn.socket, select.POLLIN)
    for _ in range(_READS):
        while pgconn.is_busy():
            if not poll.poll(_PATIENCE):
                message = "A statement does not end although it was cancelled."
                raise HarnessError(message)
            pgconn.consume_input()
        if pgconn.get_result() is None:
            return
