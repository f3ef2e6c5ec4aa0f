"""What the server says of its own accord, in its own words: for what the search lets happen instead."""

from __future__ import annotations

from typing import NoReturn

from pymysql import err

from acidtest.world.core.effects import DEADLOCK, REFUSED
from acidtest.world.databases.mariadb.statement import COMMIT, DECIDE, PREPARE

#: Errors: deadlock, and what innodb_snapshot_isolation refuses. Both have rolled back the transaction. And of what was cancelled.
DEADLOCKED, CHANGED, INTERRUPTED = 1213, 1020, 1317
#: What the server says, in its own words: number, SQLSTATE, text.
_SAYINGS = {
    DEADLOCK: (DEADLOCKED, "40001", "Deadlock found when trying to get lock; try restarting transaction"),
    REFUSED: (1205, "HY000", "Lock wait timeout exceeded; try restarting transaction"),
    COMMIT: (1180, "HY000", 'Got error 28 "No space left on device" during COMMIT'),
    PREPARE: (1402, "XA100", "XA_RBROLLBACK: Transaction branch was rolled back"),
    DECIDE: (1401, "XAE03", "XAER_RMERR: Fatal error occurred in the transaction branch - check your data for consistency"),
}
#: Of a connection that is lost.
GONE = (2013, "Lost connection to MySQL server during query")


def say(what: str) -> NoReturn:
    """Raise what PyMySQL makes of an error of the server's."""
    number, state, text = _SAYINGS[what]
    err.raise_mysql_exception(b"\xff" + number.to_bytes(2, "little") + b"#" + state.encode() + text.encode())
    raise AssertionError  # it never returns
