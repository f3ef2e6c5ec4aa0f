"""The statements by which servers take part in transactions of two phases, and what their errors mean in X/Open's words."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.environment import Xa, Xid
from acidtest.world.devices.resource.naming import named, parsed

if TYPE_CHECKING:
    from collections.abc import Callable

#: Calls about what is not prepared yet: an error means that it will be rolled back.
_BEFORE = ("start", "change", "read", "end", "prepare", "commit one phase")


class Dialect(NamedTuple):
    """How a kind of server is spoken to. In statements `{}` is the name of the branch.

    Arguments:
        patience: limits how long statements of a branch wait for a lock. A branch that is in doubt may keep its own for ever.
        start: begins a branch.
        end: ends its work; empty where the server has no such thing.
        prepare: prepares it.
        one_phase: commits it without.
        undo: rolls back what is not prepared.
        commit: commits what is prepared.
        rollback: rolls back what is prepared.
        keeps_session: the session that has prepared a branch is the only one that can decide it, for as long as it is there.
        literal: the name of a branch in SQL.
        recover: asks for what is prepared; may use %(resource)s, with which the names of its branches begin.
        found: the names of branches among the rows of that.
        driver: the module of the driver.
        meaning: what an error of the driver means, None where it means that the call has failed, and no more.
    """

    patience: str
    start: str
    end: str
    prepare: str
    one_phase: str
    undo: str
    commit: str
    rollback: str
    keeps_session: bool
    literal: Callable[[str, Xid], str]
    recover: str
    found: Callable[[Any, str], tuple[Xid, ...]]
    driver: str
    meaning: Callable[[Any], Xa | None]

    def error(self) -> type[Exception]:
        """What the driver raises."""
        found: type[Exception] = import_module(self.driver).Error
        return found

    def code(self, error: Any, method: str) -> Xa:  # noqa: ANN401 - of any driver
        """X/Open's answer for an error of the driver in a call.

        What is prepared stays prepared where it could not be decided, so that it can be tried again.
        """
        known = self.meaning(error)
        if known is not None:
            return known
        if method in _BEFORE:
            return Xa.RBROLLBACK
        return {"commit": Xa.RETRY, "rollback": Xa.RMFAIL}.get(method, Xa.RMERR)


_SQLSTATES = {"42704": Xa.NOTA, "42710": Xa.DUPID, "40P01": Xa.RBDEADLOCK, "55P03": Xa.RBTIMEOUT, "55000": Xa.RETRY}
_LOST = ("08", "57")  #: classes of SQLSTATEs that end the connection


def _of_postgresql(error: Any) -> Xa | None:  # noqa: ANN401 - of psycopg
    """SQLSTATEs; an error without one is of a connection that was lost."""
    state = error.sqlstate
    if state is None or state.startswith(_LOST):
        return Xa.RMFAIL
    return _SQLSTATES.get(state)


def _quoted(resource: str, xid: Xid) -> str:
    return f"'{named(resource, xid)}'"


#: A database may hold branches of several resource managers.
_PREPARED = "SELECT gid FROM pg_prepared_xacts WHERE starts_with(gid, %(resource)s) ORDER BY gid"


def _in_rows(rows: Any, resource: str) -> tuple[Xid, ...]:  # noqa: ANN401 - of psycopg
    return tuple([found[1] for (gid,) in rows if (found := parsed(gid)) is not None and found[0] == resource])


#: MariaDB has XAER_RMFAIL for a call that the state of the branch does not allow, which X/Open calls XAER_PROTO.
_NUMBERS = {
    1397: Xa.NOTA, 1398: Xa.INVAL, 1399: Xa.PROTO, 1402: Xa.RBROLLBACK, 1440: Xa.DUPID, 1613: Xa.RBTIMEOUT, 1614: Xa.RBDEADLOCK,
    1205: Xa.RBTIMEOUT, 1213: Xa.RBDEADLOCK, 2006: Xa.RMFAIL, 2013: Xa.RMFAIL, 1053: Xa.RMFAIL,
}  # fmt: skip


def _of_mariadb(error: Any) -> Xa | None:  # noqa: ANN401 - of PyMySQL
    """The numbers of errors; one without is of a connection that was lost."""
    number = error.args[0] if error.args else 0
    return _NUMBERS.get(number) if isinstance(number, int) and number else Xa.RMFAIL


def _in_parts(resource: str, xid: Xid) -> str:
    # Its parts have at most 64 bytes, which X/Open gives to ours: so the resource manager is not among them.
    gtrid, bqual = (part.replace("\\", "\\\\").replace("'", "''") for part in xid[1:])
    return f"'{gtrid}','{resource}|{bqual}',{xid.format_id}"


def _recovered(rows: Any, resource: str) -> tuple[Xid, ...]:  # noqa: ANN401 - of PyMySQL
    # A database may hold branches of several resource managers.
    found = []
    for number, length, _, data in rows:
        known = data.encode() if isinstance(data, str) else bytes(data)
        gtrid, whole = known[:length].decode(), known[length:].decode()
        owner, _, bqual = whole.partition("|")
        if owner == resource:
            found.append(Xid(number, gtrid, bqual))
    return tuple(sorted(found))


_POSTGRESQL = Dialect(
    "SET LOCAL lock_timeout = '5s'", "BEGIN", "", "PREPARE TRANSACTION {}", "COMMIT", "ROLLBACK", "COMMIT PREPARED {}", "ROLLBACK PREPARED {}", keeps_session=False,
    literal=_quoted, recover=_PREPARED, found=_in_rows, driver="psycopg", meaning=_of_postgresql,
)  # fmt: skip
_MARIADB = Dialect(
    "SET SESSION innodb_lock_wait_timeout = 5", "XA START {}", "XA END {}", "XA PREPARE {}", "XA COMMIT {} ONE PHASE", "XA ROLLBACK {}", "XA COMMIT {}", "XA ROLLBACK {}", keeps_session=True,
    literal=_in_parts, recover="XA RECOVER", found=_recovered, driver="pymysql", meaning=_of_mariadb,
)  # fmt: skip

#: By the kind of the database.
DIALECTS = {"postgresql": _POSTGRESQL, "mariadb": _MARIADB}
