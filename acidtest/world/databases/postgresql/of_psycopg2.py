"""psycopg2, driven: its connections wait in a callback of ours, in which a statement that waits for a lock parks its task.

The callback is the whole interpreter's, and COPY does not work with it: it is set while a driven connection is at work, and at no
other time. While it waits, libpq belongs to the statement. So a connection whose process dies in the midst of one is ended by the
server, and not by us.
"""

from __future__ import annotations

import select
from base64 import b64encode
from contextlib import contextmanager
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NoReturn

import psycopg2
from psycopg import pq
from psycopg2 import _psycopg, extensions

from acidtest.world.core.locks import TaskLock
from acidtest.world.core.process import current_task
from acidtest.world.databases.postgresql.cursor import as_sent, but_chance, plain, refuse
from acidtest.world.databases.postgresql.performing import READ_COMMITTED, Driver, Performing
from acidtest.world.databases.postgresql.statement import DECIDE, PREPARE, Statement, classify
from acidtest.world.python.uncontrolled import allowed

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator
    from types import TracebackType

    from acidtest.world.databases.postgresql.performing import Store

_Connection: Any = _psycopg.connection  # whatever stands in its place
_Cursor: Any = extensions.cursor
_LEVELS = {1: READ_COMMITTED, 2: "REPEATABLE READ", 3: "SERIALIZABLE", 4: "READ UNCOMMITTED"}
_ENDS = {
    b"COMMIT": (_Connection.commit, _Connection.tpc_commit),
    b"ROLLBACK": (_Connection.rollback, _Connection.tpc_rollback),
}  # fmt: skip
_CLOSED = "connection already closed"


def _made(sqlstate: str, message: str) -> psycopg2.Error:
    error: Any = psycopg2.errors.lookup(sqlstate)(f"{message}\n")
    error.__setstate__({"pgcode": sqlstate, "pgerror": f"ERROR:  {message}\n"})
    made: psycopg2.Error = error
    return made


def _gone() -> psycopg2.Error:
    return psycopg2.OperationalError("server closed the connection unexpectedly\n")


class Result:
    """What a command of the world's own came to."""

    def __init__(self, error: Exception | None) -> None:
        """It failed with `error`, or did not."""
        self.status = pq.ExecStatus.COMMAND_OK if error is None else pq.ExecStatus.FATAL_ERROR


class Session:
    """A session of psycopg2's, as the world knows those of psycopg."""

    def __init__(self, connection: Any) -> None:
        """Be the session of a connection, which goes on as long as this does."""
        self._connection = connection
        self.backend_pid = connection.get_backend_pid()
        self.socket = connection.fileno()

    @property
    def status(self) -> pq.ConnStatus:
        """Whether it is open."""
        return pq.ConnStatus.BAD if _Connection.closed.__get__(self._connection) else pq.ConnStatus.OK

    @property
    def transaction_status(self) -> pq.TransactionStatus:
        """What of a transaction is going on."""
        return pq.TransactionStatus(_Connection.get_transaction_status(self._connection))

    def exec_(self, command: bytes) -> Result:
        """Run a command of the world's own."""
        try:
            self.run(command)
        except psycopg2.Error as error:
            return Result(error)
        return Result(None)

    def run(self, command: bytes) -> None:
        """The same; fails as psycopg2 does."""
        connection = self._connection
        connection.bare += 1
        try:
            if command in _ENDS and connection.status == extensions.STATUS_BEGIN:
                self._end(*_ENDS[command])  # else psycopg2 would not know
                return
            if command.startswith((b"COMMIT PREPARED", b"ROLLBACK PREPARED")):
                connection.alone()
            _Cursor(connection).execute(command)
        finally:
            connection.bare -= 1

    def _end(self, usual: Callable[[Any], None], of_two_phases: Callable[[Any], None]) -> None:
        """End a transaction, which may have been begun as one that is to be prepared."""
        try:
            usual(self._connection)
        except psycopg2.ProgrammingError:
            of_two_phases(self._connection)

    def finish(self) -> None:
        """End it."""
        _Connection.close(self._connection)


class _Green:
    """Has psycopg2 wait in our callback while anything of it is at work."""

    def __init__(self) -> None:
        """Nothing is."""
        self._count = 0

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """While a driven connection may have to wait."""
        self._count += 1
        extensions.set_wait_callback(_wait)
        try:
            yield
        finally:
            self._count -= 1
            if not self._count:
                extensions.set_wait_callback(None)


_green = _Green()


def _wait(connection: Any) -> None:
    """What psycopg2 waits in: until the server has answered, or for those that are none of ours, as psycopg2 does."""
    while True:
        state = connection.poll()
        if state == extensions.POLL_OK:
            return
        if state == extensions.POLL_WRITE:
            select.select([], [connection.fileno()], [])
        elif isinstance(connection, Connection2) and not connection.bare:
            connection.await_reply()
        else:
            select.select([connection.fileno()], [], [])


def _read(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


class Cursor2(_Cursor):  # type: ignore[misc]
    """A cursor whose statements are effects, and whose rows are part of what the process has seen."""

    def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002 - as in psycopg2
        """Run one statement, as an effect."""
        text, sent = self._text(query), self._sent(query, vars)
        if isinstance(sent, bytes) and classify(text).kind in (PREPARE, DECIDE):  # what it names may be a parameter
            query, text, vars = sent, sent.decode(), None  # noqa: A001 - as in psycopg2
        with self._owner.driving(classify(text), sent, lambda: self._seen(but_chance(text))):
            super().execute(as_sent(query, text, self._owner), vars)

    def executemany(self, query: Any, vars_list: Any) -> None:
        """Run one statement for many rows, as one effect; as many where each is a transaction."""
        rows = list(vars_list)
        if self._owner.autocommit:
            for row in rows:
                self.execute(query, row)
            return
        with self._owner.driving(classify(self._text(query)), tuple([self._sent(query, row) for row in rows]), self._seen):
            super().executemany(query, rows)

    def callproc(self, procname: Any, parameters: Any = None) -> Any:
        """Call a function, as an effect."""
        with self._owner.driving(classify(f"SELECT nextval({procname})"), (procname, plain(parameters)), self._seen):
            return super().callproc(procname, *(() if parameters is None else (parameters,)))

    def copy_expert(self, *args: Any, **options: Any) -> NoReturn:
        """Not driven, and therefore refused."""
        del args, options
        refuse(self._owner, "cursor.copy_expert()")

    def copy_from(self, *args: Any, **options: Any) -> NoReturn:
        """Not driven, and therefore refused."""
        del args, options
        refuse(self._owner, "cursor.copy_from()")

    def copy_to(self, *args: Any, **options: Any) -> NoReturn:
        """Not driven, and therefore refused."""
        del args, options
        refuse(self._owner, "cursor.copy_to()")

    @property
    def _owner(self) -> Connection2:
        owner: Any = self.connection
        found: Connection2 = owner
        return found

    def _text(self, query: Any) -> str:
        if isinstance(query, bytes):
            return query.decode()
        return query if isinstance(query, str) else str(query.as_string(self))

    def _sent(self, query: Any, values: Any) -> Hashable:
        """The statement as it is sent, with what its parameters hold."""
        try:
            return bytes(self.mogrify(query, values))
        except Exception:  # noqa: BLE001 - running it will fail as well
            return self._text(query), plain(values)

    def _seen(self, hidden: tuple[int, ...] = ()) -> Hashable:
        """What the server has answered, whatever a row factory makes of it, but for columns of the `hidden` types."""
        rows, columns = [], [number for number, column in enumerate(self.description or ()) if column.type_code not in hidden]
        if self.description is not None and self.rowcount > 0:
            quiet: Any = self
            factory, quiet.row_factory = quiet.row_factory, None
            try:
                rows = _Cursor.fetchall(self)
            finally:
                quiet.row_factory = factory
            self.scroll(0, mode="absolute")
        return self.rowcount, self.statusmessage, repr([[_read(row[number]) for number in columns] for row in rows])


class Connection2(Performing, _Connection):  # type: ignore[misc]
    """A connection of psycopg2's whose statements, commits and decisions are effects of the task that runs them."""

    driver = Driver(psycopg2.Error, attrgetter("pgcode"), _made, _gone)
    made = False
    bare = 0
    _xid: Any = None

    def __init__(self, dsn: str, store: Store | None = None) -> None:
        """Connect to a database of the world; called once more by Python where code has called the class itself."""
        if self.made:
            return
        assert store is not None  # noqa: S101 - the database makes it
        self.made, self.bare = True, 1
        with allowed():
            _Connection.__init__(self, dsn)
        self.bare = 0
        self.database = store
        self.lock = TaskLock(reentrant=True)  # tasks that share a connection wait for each other as tasks do
        self.pgconn = Session(self)
        self._ended()

    # What code under test calls:

    @property
    def closed(self) -> int:
        """Whether it is closed; what was lost is."""
        return 2 if self.lost and not _Connection.closed.__get__(self) else int(_Connection.closed.__get__(self))

    def cursor(self, *args: Any, **options: Any) -> Any:
        """A new cursor; a cursor class of the caller's is driven as well."""
        name = args[0] if args else options.pop("name", None)
        if name is not None:
            refuse(self, "A server-side cursor")
        self._open()
        factory = args[1] if len(args) > 1 else options.pop("cursor_factory", None)
        return super().cursor(cursor_factory=driven_cursor2(factory or self.cursor_factory), **options)

    def commit(self) -> None:
        """Commit the open transaction, if any."""
        self._open()
        with self.driving(classify("COMMIT"), "COMMIT"):
            super().commit()

    def rollback(self) -> None:
        """Roll back the open transaction, if any; harmless on a connection whose process died, or that install() has left."""
        if self._is_dead() or (self.lost and current_task() is None):
            return
        self._open()
        with self.driving(classify("ROLLBACK"), "ROLLBACK"):
            super().rollback()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Commit, or roll back where the block has failed."""
        self.commit() if kind is None else self.rollback()

    def reset(self) -> None:
        """Roll back, and put back all settings."""
        self._open()
        with self.driving(classify("ROLLBACK"), "ROLLBACK"):
            super().reset()

    def close(self) -> None:
        """Close; harmless on a connection that was lost or whose process died."""
        if not self._is_dead():
            self.hang_up()

    def set_isolation_level(self, level: Any) -> None:
        """Set the level of the transactions that follow; the open one is rolled back."""
        self.rollback()
        super().set_isolation_level(level)

    def set_client_encoding(self, encoding: str) -> None:
        """Set the encoding; the open transaction is rolled back."""
        self.rollback()
        super().set_client_encoding(encoding)
        self.leaves_trace = True

    def lobject(self, *args: Any, **options: Any) -> NoReturn:
        """Not driven, and therefore refused."""
        del args, options
        refuse(self, "connection.lobject()")

    def cancel(self) -> None:
        """Nothing: what waits for a lock goes on when the search lets it."""

    def tpc_prepare(self) -> None:
        """Prepare the transaction that was begun with `tpc_begin`."""
        self._decide("PREPARE TRANSACTION", super().tpc_prepare)

    def tpc_begin(self, xid: Any) -> None:
        """Begin a transaction that is to be prepared under an identifier."""
        self._open()
        super().tpc_begin(*self._marked(xid))
        self._xid = xid

    def tpc_commit(self, *xid: Any) -> None:
        """Commit what was prepared; or what was begun, and not prepared, in one phase."""
        self._decide("COMMIT PREPARED", lambda: super(Connection2, self).tpc_commit(*self._marked(*xid)), *xid)

    def tpc_rollback(self, *xid: Any) -> None:
        """Roll back what was prepared; or what was begun, and not prepared."""
        if self._is_dead():
            return
        self._decide("ROLLBACK PREPARED", lambda: super(Connection2, self).tpc_rollback(*self._marked(*xid)), *xid)

    def tpc_recover(self) -> Any:
        """The transactions that are prepared."""
        found: list[Any] = []
        own = self.database.own
        with self.driving(classify("SELECT gid FROM pg_prepared_xacts"), "tpc_recover", lambda: tuple(map(str, found))):
            found += [extensions.Xid.from_string(own.given(str(xid))) for xid in super().tpc_recover() if str(xid).startswith(own.mark)]
        return found

    def _marked(self, *xid: Any) -> list[Any]:
        """Identifiers as they are sent to the server."""
        return [self.database.own.mark + _name(one) for one in xid]

    def _decide(self, verb: str, call: Callable[[], None], *xid: Any) -> None:
        self._open()
        if self.status in (extensions.STATUS_BEGIN, extensions.STATUS_READY) and not xid and verb != "PREPARE TRANSACTION":
            command = verb.partition(" ")[0]  # it was never prepared
        else:
            name = _name(xid[0] if xid else self._xid).replace("'", "''")
            command = f"{verb} '{name}'"
        with self.driving(classify(command), command):
            call()

    # Effects:

    @contextmanager
    def driving(self, statement: Statement, detail: Hashable, seen: Callable[[], Hashable] = lambda: None) -> Iterator[None]:
        """Perform a statement as an effect of the current task, waiting in our callback."""
        self._open()
        with self.performing(statement, detail, seen), self.lock, _green.at_work():
            try:
                yield
            except psycopg2.errors.QueryCanceled as error:
                self.as_victim(error)

    def await_reply(self) -> None:
        """Wait for the server's answer; others go on where that takes a lock.

        Raises:
            psycopg2.OperationalError: the connection has been lost meanwhile.
        """
        try:
            self.await_answer(current_task())
        except BaseException:
            self.hang_up()  # psycopg2 closes it then
            raise
        if self.lost:
            raise _gone()

    def _open(self) -> None:
        """Go on only where it is open.

        Raises:
            psycopg2.InterfaceError: it is not.
        """
        if self.lost:
            self._alive()
            raise psycopg2.InterfaceError(_CLOSED)

    def alone(self) -> None:
        """Let each statement be a transaction."""
        self.autocommit = True

    def _commits_alone(self) -> bool:
        return bool(self.autocommit)

    def _level_to_be(self) -> str:
        return _LEVELS.get(self.isolation_level or 0, READ_COMMITTED)

    def _run(self, command: bytes) -> None:
        self.pgconn.run(command)

    def _begin(self) -> None:
        """Nothing: psycopg2 does, before anything."""

    def _leave(self) -> None:
        self.lost = True

    # The world's side:

    def give_back(self) -> bool:
        """Close: no pool of the world's has such connections."""
        self.hang_up()
        return False

    def hang_up(self) -> None:
        """Close for good, as the operating system would: no commit, whatever is open rolls back."""
        if self.lost:
            return
        self.lost = True
        watch, session = self.database.watch, self.pgconn
        if session.status == pq.ConnStatus.OK and session.transaction_status == pq.TransactionStatus.ACTIVE:
            watch.forget(self)
            watch.end(session.backend_pid)
            self._ended()
            watch.settle()
            return
        self._rolled_back()
        session.finish()

    def break_off(self) -> None:
        """The server has died: there is nobody to talk to any more."""
        if not self.lost:
            self.lost = True
            waits = self.pgconn.transaction_status == pq.TransactionStatus.ACTIVE
            self._ended()
            self.answered = True
            if not waits:  # else libpq belongs to the statement, which will find out
                self.pgconn.finish()

    def __del__(self) -> None:
        """A connection that is dropped is closed, and its transaction rolled back."""
        if self.made and not self.lost and hasattr(self, "database"):
            self.hang_up()


def _name(xid: Any) -> str:
    """The name under which psycopg2 prepares a transaction."""
    if isinstance(xid, str):
        return xid
    if xid.format_id is None:
        return str(xid.gtrid)
    return f"{xid.format_id}_{b64encode(xid.gtrid.encode()).decode()}_{b64encode(xid.bqual.encode()).decode()}"


@lru_cache(maxsize=64)
def driven_cursor2(factory: Any) -> type[Cursor2]:
    """The caller's cursor class, made to drive its statements."""
    if factory is None or factory is _Cursor:
        return Cursor2
    return factory if issubclass(factory, Cursor2) else type(factory.__name__, (Cursor2, factory), {})


@lru_cache(maxsize=64)
def driven_connection2(factory: Any) -> type[Connection2]:
    """The caller's connection class, made to drive its statements."""
    if factory is None or factory is _Connection:
        return Connection2
    return factory if issubclass(factory, Connection2) else type(factory.__name__, (Connection2, factory), {})
