"""Sessions on the server: the world's own, and how one that code under test has used comes to its end."""

from __future__ import annotations

from typing import Any

import pymysql
from pymysql.constants import CLIENT, SERVER_STATUS

from acidtest.world.python.uncontrolled import allowed


class Plain(pymysql.connections.Connection):  # type: ignore[misc]
    """A connection as PyMySQL makes it; code under test never gets one.

    PyMySQL takes the state of the session from answers without rows alone. What ends rows tells it, too: without that a transaction
    that has only read would not be known to be open.
    """

    def _read_packet(self, *args: Any, **options: Any) -> Any:
        """Take note of the state of the session at the end of rows."""
        packet = super()._read_packet(*args, **options)
        if packet.is_eof_packet():
            self.server_status = int.from_bytes(packet.get_all_data()[_STATUS], "little")
        return packet


#: Where the packet that ends rows has the state of the session.
_STATUS = slice(3, 5)
#: What a connection has of its session: its socket, and what the server has said.
_SESSION = (
    "_sock", "_rfile", "_next_seq_id", "_current_timeout", "_secure", "host_info", "protocol_version", "server_version", "server_thread_id", "salt",
    "server_capabilities", "server_language", "server_charset", "server_status", "_auth_plugin_name",
)  # fmt: skip


def open_session(where: dict[str, Any], **options: Any) -> Any:
    """Open a session of the world's own.

    Arguments:
        where: the options of `pymysql.connect` that say where the server is.
        options: others.

    Raises:
        pymysql.err.OperationalError: the server does not answer.
    """
    with allowed():
        return Plain(**where, autocommit=True, client_flag=CLIENT.MULTI_STATEMENTS, **options)


def take_over(connection: Any) -> Any:
    """The session of a connection, as one of the world's own; the connection is without one then."""
    session = Plain(defer_connect=True, user="", ssl_disabled=True)
    for name in _SESSION:
        if name in connection.__dict__:
            setattr(session, name, connection.__dict__[name])
    connection._sock = connection._rfile = None  # noqa: SLF001 - it has no other way to lose them
    return session


def run(session: Any, command: str) -> tuple[tuple[Any, ...], ...]:
    """Run a statement of the world's own; its rows.

    Raises:
        pymysql.err.MySQLError: as the server says.
    """
    Plain.query(session, command)
    return session._result.rows or ()  # noqa: SLF001 - as its cursors do


def refresh(session: Any) -> None:
    """Ask the server for the state of the session: an error does not tell it."""
    Plain.ping(session, reconnect=False)


def is_open(session: Any) -> bool:
    """Whether a transaction is open, as far as the server has said."""
    return bool(session.server_status & SERVER_STATUS.SERVER_STATUS_IN_TRANS)
