"""The interposed sqlite3 driver: every statement of code under test becomes an effect.

Real SQLite, WAL files, one thread. The driver's own busy handler is off: a statement that would wait (BUSY) parks its
task, and is tried again when a lock may have been released. BUSY_SNAPSHOT can never succeed and goes to the caller, as
it does in production.

Only some statements are scheduling points that matter to other processes: the first read of a transaction (it takes the
snapshot), the first write (it takes the lock), COMMIT, and everything in autocommit. Between them a transaction neither
sees others nor is seen: those effects are marked `local`. BEGIN, ROLLBACK, savepoints and the COMMIT of a transaction
that wrote nothing change nothing that anyone could see, and are not effects at all.
"""

from __future__ import annotations

import sqlite3
import weakref
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from acidtest.errors import UsageError
from acidtest.world.core.effects import (
    CANCELLED_AFTER,
    COMMIT_FAULTS,
    CRASH,
    DEADLOCK,
    LATE,
    LOST,
    REFUSED,
    STATEMENT_FAULTS,
    UNACKNOWLEDGED,
    Effect,
)
from acidtest.world.core.process import Task, complain, current_task
from acidtest.world.databases.full_disk import full_disk
from acidtest.world.databases.sqlite.cursor import Cursor, driven_cursor
from acidtest.world.databases.sqlite.query import is_private
from acidtest.world.databases.sqlite.statement import (
    BACK,
    BEGIN,
    COMMIT,
    PRAGMA,
    READ,
    RELEASE,
    ROLLBACK,
    SAVEPOINT,
    WRITE,
    Statement,
)
from acidtest.world.databases.sqlite.tracked import Tracked

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator


_AUTOCOMMIT_FAULTS = (REFUSED, LOST, UNACKNOWLEDGED)
_SILENT = frozenset({BEGIN, ROLLBACK, PRAGMA, SAVEPOINT, RELEASE, BACK})
_SAVEPOINTS = frozenset({SAVEPOINT, RELEASE, BACK})
#: After so many cursors those that are gone are forgotten.
_MANY = 100
_CLOSED = "Cannot operate on a closed database."
_level: Any = sqlite3.Connection.isolation_level
_FULL = "database or disk is full", sqlite3.SQLITE_FULL, "SQLITE_FULL"
_LOCKED = "database is locked", sqlite3.SQLITE_BUSY, "SQLITE_BUSY"


class ConnectionLost(sqlite3.OperationalError):
    """The server did not answer COMMIT: the transaction may have been committed, or not, or may be later."""

    connection_lost = True


def _error(message: str, code: int, name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(message)
    error.sqlite_errorcode = code
    error.sqlite_errorname = name
    return error


class Connection(Tracked):
    """A connection whose statements, commits and rollbacks are effects of the task that runs them."""

    def cursor(self, factory: type[sqlite3.Cursor] | Callable[..., Any] | None = None) -> Any:
        """A new cursor; a cursor class of the caller's is driven as well."""
        self._alive()
        cursor = super().cursor(driven_cursor(factory))
        if len(self.cursors) > _MANY:
            self.cursors = [ref for ref in self.cursors if ref() is not None]
        self.cursors.append(weakref.ref(cursor))
        return cursor

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        """Shortcut for `cursor().execute`."""
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> Any:
        """Shortcut for `cursor().executemany`."""
        return self.cursor().executemany(sql, parameters)

    def executescript(self, sql_script: str, /) -> Any:
        """Shortcut for `cursor().executescript`."""
        return self.cursor().executescript(sql_script)

    def commit(self) -> None:
        """Commit the open transaction, if any."""
        self._alive()
        if self.in_transaction and not self._left_alone():
            self.drive(None, Statement(COMMIT, "COMMIT"), (), super().commit)

    def rollback(self) -> None:
        """Roll back the open transaction, if any; harmless on a connection that was lost or whose process died."""
        task = current_task()
        if self.lost or (task is not None and not task.process.alive):
            return
        super().rollback()
        self._ended()

    def close(self) -> None:
        """Close; harmless on a connection that was lost or whose process died."""
        task = current_task()
        if self.lost:
            return
        if task is not None and not task.process.alive:
            if self.spares is not None and self not in self.spares:
                self.spares.append(self)
            return
        for cursor in self._open_cursors():
            cursor.close()
        self.hang_up()

    def __enter__(self) -> Connection:  # noqa: PYI034 - as in sqlite3
        """Nothing: as in sqlite3, `with` only ends the transaction."""
        return self

    def __exit__(self, kind: object, value: object, traceback: object, /) -> Any:
        """Commit, or roll back after an exception, also after one of COMMIT itself."""
        if kind is not None:
            self.rollback()
            return False
        try:
            self.commit()
        except BaseException:  # as sqlite3 does it; nothing is swallowed
            self.rollback()
            raise
        return False

    @property
    def isolation_level(self) -> Any:
        """As in sqlite3; setting it to None commits, which is an effect."""
        return _level.__get__(self)

    @isolation_level.setter
    def isolation_level(self, value: Any) -> None:
        task = current_task()
        if self.lost or (task is not None and not task.process.alive):
            return
        if value is None and self.in_transaction:
            self.commit()
        _level.__set__(self, value)

    def backup(self, target: sqlite3.Connection, **options: Any) -> None:
        """Copy the database, as it is now, to a connection that is not driven.

        Raises:
            UsageError: the target is a database of the world; what is written there would not be an effect.
        """
        self._alive()
        if isinstance(target, Connection):
            message = f"backup() into the database {target.database.name!r} cannot be driven. Copy it with SQL."
            complain(UsageError(message))
        super().backup(target, **options)

    # The world's side:

    def begin(self) -> None:
        """Begin a transaction for an engine; not where the driver is set to autocommit, or a listener has begun one.

        A BEGIN of the caller's replaces it.
        """
        if self.isolation_level is not None and not self.in_transaction:
            self._alive()
            sqlite3.Connection.execute(self, "BEGIN")
            self.implied = True

    def drive(
        self, cursor: Cursor | None, statement: Statement, detail: Any, run: Callable[[], object], *, many: bool = False
    ) -> None:
        """Run a statement as an effect of the current task; directly where there is none."""
        task = current_task()
        if self.implied:
            self._take_over(statement)
        if statement.refusal:
            message = f"{statement.refusal}, so what it does there cannot be checked. Ask env for each database."
            complain(UsageError(message))
        if statement.leaves_trace:
            self._trace(statement)
        if task is None:
            run()
            self._count(cursor, statement)
            self.database.touch()
            return
        self._alive()
        if statement.kind in _SAVEPOINTS:
            statement = self._nest(statement)
        if statement.kind in _SILENT or (statement.kind == COMMIT and not self.writer):
            task.quietly(statement.kind, self.database.name, statement.what)
            run()
            self._say(detail, many=many)
            if statement.kind == COMMIT or not self.in_transaction:
                self._ended()
            return
        effect = self._effect(statement, detail)
        query = None if task.process.scribe is None else self._query(statement, detail, many=many)
        fault = self._perform(task, effect, query, run)
        result = self._count(cursor, statement)
        self._say(detail, many=many)
        self._note(cursor, statement)
        if fault in (UNACKNOWLEDGED, CRASH, CANCELLED_AFTER):
            self._conclude(task, effect, cursor, fault)
        task.saw(effect, result, fault)

    def _effect(self, statement: Statement, detail: Any) -> Effect:
        kind, local = statement.kind, False
        faults: tuple[str, ...] = STATEMENT_FAULTS
        if kind == COMMIT:
            faults = COMMIT_FAULTS
        elif self.in_transaction:
            local = self.writer or (kind == READ and self.snapshot is not None)
        elif kind == WRITE and self.commits_each(statement):
            faults = _AUTOCOMMIT_FAULTS
        timed = self.database.timed or (bool(detail) and is_private(detail[0]))
        return Effect(kind, self.database.name, statement.what, _hashable(detail), local, faults, timed=timed)

    def _perform(self, task: Task, effect: Effect, query: Hashable, run: Callable[[], object]) -> str:
        """Park, then run; wait for locks. Returns the fault, where it is one that lets the statement run."""
        fault = self._stop(task, effect, query)
        while True:
            if fault in (REFUSED, DEADLOCK):
                self._refuse(task, effect, fault)
            if fault == LOST:
                self._undo()
                self._lose(task, effect)
            if fault == LATE:
                self._postpone(task)
                self._lose(task, effect)
            try:
                run()
            except sqlite3.Error as error:
                if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY and effect.kind != COMMIT:
                    if not self.database.free_dropped():
                        fault = self._stop(task, effect, query, blocked=True)
                    continue
                if (full := full_disk(error)) is not None:
                    complain(full)
                self._failed(task, effect, error)
                raise
            return fault

    def _stop(self, task: Task, effect: Effect, query: Hashable, *, blocked: bool = False) -> str:
        """Park before a statement, or as one that has to wait for a lock; returns the fault that befalls it."""
        stand, scribe = task.block if blocked else task.park, task.process.scribe
        if scribe is None:
            return stand(effect)
        scribe.stops(task, effect, self.database.name, query, blocked=blocked)
        fault = stand(effect)
        scribe.goes_on(task, effect, self.database.name, query, fault)
        return fault

    def _refuse(self, task: Task, effect: Effect, fault: str) -> None:
        task.saw(effect, fault)
        if effect.kind == COMMIT:
            self._undo()
            raise _error(*_FULL)
        raise _error(*_LOCKED)

    def _failed(self, task: Task, effect: Effect, error: sqlite3.Error) -> None:
        task.saw(effect, str(error))
        if not self.in_transaction:
            self._ended()
        elif self.snapshot is None:
            self.glimpsed = self.database.content()
        self.said = None if self.in_transaction else self.said
        if self.in_transaction and effect.kind != READ:
            self.doubtful = not self.writer
        if getattr(error, "sqlite_errorname", "") == "SQLITE_BUSY_SNAPSHOT":
            task.process.disturbances += 1

    def _conclude(self, task: Task, effect: Effect, cursor: Cursor | None, fault: str) -> None:
        """It took effect, also where rows are still to be returned; then the reply is lost, or the process dies."""
        if cursor is not None and cursor.writing:
            sqlite3.Cursor.close(cursor)
            cursor.writing = False
        if fault == UNACKNOWLEDGED:
            self._lose(task, effect)

    def _lose(self, task: Task, effect: Effect) -> None:
        """The reply is lost, and with it the connection."""
        task.saw(effect, LOST)
        task.process.disconnected = True
        if not self.lost:
            self.hang_up()
        message = f"connection to database {self.database.name!r} was lost during {effect.what}; the outcome is unknown"
        raise ConnectionLost(message)

    def _postpone(self, task: Task) -> None:
        """Leave the open transaction, with its locks, to the server, which will commit it later."""
        self.lost = True
        self.database.postpone(self, (task.process.name, task.process.digest, self.snapshot))

    def land(self) -> None:
        """Commit what was left to the server."""
        sqlite3.Connection.execute(self, "COMMIT")
        self._ended()
        self.hang_up()

    def _alive(self) -> None:
        task = current_task()
        if task is not None and not task.process.alive:  # first, for it counts: code may try for ever, whatever it is told
            task.refuse_the_dead(Effect("write", self.database.name, "dead"))
        if self.lost:
            raise sqlite3.ProgrammingError(_CLOSED)

    @contextmanager
    def scripting(self) -> Iterator[None]:
        """For the length of a script: nothing is begun by the driver; as in sqlite3, an open transaction is committed."""
        level = self.isolation_level
        if level is None or self._left_alone() or getattr(self, "autocommit", None) is False:
            yield
            return
        Connection.commit(self)
        _level.__set__(self, None)
        try:
            yield
        finally:
            if not self.lost:
                _level.__set__(self, level)

def _refusing(name: str) -> Any:
    def method(self: Connection, *args: Any, **options: Any) -> Any:
        del args, options
        message = f"{name}() on the database {self.database.name!r} cannot be driven. Use SQL instead."
        complain(UsageError(message))

    method.__name__, method.__doc__ = name, "Not driven, and therefore refused."
    return method


for _name in ("blobopen", "deserialize"):
    if hasattr(sqlite3.Connection, _name):
        setattr(Connection, _name, _refusing(_name))


def _hashable(detail: Any) -> Any:
    """A statement with its parameters as a value that can be compared, and of which can be told what differs."""
    try:
        hash(detail)
    except TypeError:
        if isinstance(detail, dict):
            return tuple([(name, _hashable(value)) for name, value in detail.items()])
        return tuple([_hashable(part) for part in detail]) if isinstance(detail, (tuple, list)) else repr(detail)
    return detail


@lru_cache(maxsize=256)
def driven_connection(factory: Any) -> type[Connection]:
    """The caller's connection class, made to drive its statements."""
    if factory is None or factory is sqlite3.Connection:
        return Connection
    if not isinstance(factory, type):
        message = f"sqlite3.connect(factory={factory!r}) cannot be driven. Pass a subclass of sqlite3.Connection."
        complain(UsageError(message))
    return factory if issubclass(factory, Connection) else type(factory.__name__, (factory, Connection), {})
