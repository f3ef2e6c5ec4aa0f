"""What the world knows of a connection: its snapshot, its lock, its cursors, and whether it can be used again."""

from __future__ import annotations

import sqlite3
import weakref
from typing import TYPE_CHECKING, Any, Protocol

from acidtest.world.core.backend import Database, Hold, Landing, Pin
from acidtest.world.databases.sqlite.functions import give
from acidtest.world.databases.sqlite.query import Query, Said, query_of
from acidtest.world.databases.sqlite.statement import (
    BACK,
    BEGIN,
    COMMIT,
    LOCK,
    READ,
    RELEASE,
    SAVEPOINT,
    WRITE,
    Statement,
)

if TYPE_CHECKING:
    from collections.abc import Hashable

    from acidtest.world.databases.sqlite.cursor import Cursor


class Store(Database, Protocol):
    """What a connection needs of its database.

    `read_header` once the numbers in the file's header are used; `timed` where its schema asks for the time, or for chance.
    """

    read_header: bool
    timed: bool

    def touch(self) -> None:
        """Say that a transaction has ended: locks may be free, and contents may have changed."""

    def commits(self) -> int:
        """Changes with every commit of a transaction that wrote something, also where the contents are what they were."""

    def postpone(self, landing: Landing, fact: Hashable) -> None:
        """Hand over what is to be committed later; `fact` determines what it will commit."""


class Tracked(sqlite3.Connection):
    """A connection with what follows from the statements that have run on it.

    `snapshot` is the contents that the open transaction sees, None before its first statement; `glimpsed` the contents
    that it may see because a statement failed; `taken_at` how many commits there had been before the snapshot; `writer` says
    that it holds the write lock, `doubtful` that it may, because a write failed; `implied` that the engine
    has begun a transaction in which nothing has happened yet; `inserted` that it has inserted a row since it was handed
    out. `savepoints` are the open ones of a transaction that the first of them began. `said` are the statements of the open
    transaction so far, None where nobody can say any more what they have done. A clean connection of a pool goes
    into `spares` when its process dies, to be used again.
    """

    database: Store
    snapshot: int | None = None
    taken_at = 0
    doubtful = False
    glimpsed: int | None = None
    writer = False
    implied = False
    inserted = False
    savepoints: tuple[str, ...] = ()
    said: tuple[Said, ...] | None = ()
    spares: list[Any] | None = None
    leaves_trace = False
    lost = False

    def __init__(self, *args: Any, **options: Any) -> None:
        """Open the connection; `Database.connect` has said which database it belongs to."""
        self.cursors: list[weakref.ref[Cursor]] = []
        super().__init__(*args, **options)
        give(self)
        self._opened_with = self.isolation_level

    def commits_each(self, statement: Statement) -> bool:
        """Whether `statement` is a transaction of its own."""
        by_itself = not statement.begun or self.isolation_level is None or self._left_alone()
        return by_itself and not self.in_transaction

    def _left_alone(self) -> bool:
        """Whether the driver leaves BEGIN and COMMIT to the caller's SQL altogether (autocommit=True, Python 3.12)."""
        return getattr(self, "autocommit", None) is True

    def _take_over(self, statement: Statement) -> None:
        """Let the caller's own BEGIN replace the one of the engine, in which nothing has happened yet."""
        self.implied = False
        if statement.kind in (BEGIN, LOCK) and self.in_transaction:
            sqlite3.Connection.execute(self, "ROLLBACK")

    def _trace(self, statement: Statement) -> None:
        self.leaves_trace = True
        if statement.kind == WRITE:
            self.database.read_header = True

    def _nest(self, statement: Statement) -> Statement:
        """Keep track of savepoints: releasing the one that began the transaction is its COMMIT."""
        open_, name = self.savepoints, statement.name
        if statement.kind == SAVEPOINT:
            if open_ or not self.in_transaction:
                self.savepoints = (*open_, name)
        elif name in open_:
            place = len(open_) - 1 - open_[::-1].index(name)
            if statement.kind == RELEASE and place == 0:
                return statement._replace(kind=COMMIT)
            self.savepoints = open_[: place + (statement.kind == BACK)]
        return statement

    def _count(self, cursor: Cursor | None, statement: Statement) -> Hashable:
        """What the caller can see of a statement at once, apart from its rows: how many it changed, and the last rowid."""
        if cursor is None:
            return None
        count = cursor.rowcount
        if statement.inserts and (count > 0 or cursor.description):
            self.inserted = True
            if not cursor.description:  # else nobody knows yet whether a row was inserted, or the rowid is an older one
                return count, sqlite3.Cursor.lastrowid.__get__(cursor)
        return count

    def _note(self, cursor: Cursor | None, statement: Statement) -> None:
        """Keep track of snapshot and lock after a statement."""
        if statement.kind == COMMIT or not self.in_transaction:
            self._ended()
            if cursor is not None and statement.kind in (READ, WRITE) and cursor.description:
                self._unfinished(cursor, statement)
            return
        if self.snapshot is None and statement.kind in (READ, WRITE, LOCK):
            self.snapshot, self.taken_at = self.database.content(), self.database.commits()
        if statement.kind in (WRITE, LOCK):
            self.writer = True

    def _unfinished(self, cursor: Cursor, statement: Statement) -> None:
        """Outside a transaction a statement ends with its last row: until then it keeps its snapshot, or its lock."""
        if statement.kind == READ:
            pinned = [c.pinned for c in self._open_cursors() if c.pinned is not None]
            cursor.pinned = pinned[0] if pinned else self.database.content()
        else:
            cursor.writing = True
            weakref.finalize(cursor, self.database.touch).atexit = False

    def _undo(self) -> None:
        if self.in_transaction:
            super().rollback()
            if self.in_transaction and self._left_alone():
                sqlite3.Connection.execute(self, "ROLLBACK")
        self._ended()

    def _say(self, detail: Any, *, many: bool) -> None:
        """Keep a statement that has run."""
        if self.said is not None:
            sql, values = detail or ("", ())
            self.said = (*self.said, Said(sql, values, many))

    def _query(self, statement: Statement, detail: Any, *, many: bool) -> Query | None:
        """What the statement asks of the contents that it sees; None where its answer may depend on more than that."""
        if self.said is None or self.leaves_trace or self.doubtful or self.database.timed:
            return None
        begun = self.in_transaction or (statement.kind != READ and not self.commits_each(statement))
        sql, values = detail or ("", ())
        return query_of(self.said, Said(sql, values, many), begun=begun, commits=statement.kind == COMMIT)

    def is_reading(self) -> bool:
        """Whether a statement may have rows that nobody has seen yet."""
        return any(cursor.unread for cursor in self._open_cursors())

    def _ended(self) -> None:
        """No transaction is open any more: a lock may be free, and the contents may have changed."""
        self.snapshot = None
        self.said = ()
        self.writer = self.doubtful = False
        if self.glimpsed is not None or self.savepoints or self.implied:
            self.glimpsed, self.savepoints, self.implied = None, (), False
        self.database.touch()

    def holds_lock(self) -> bool:
        """Whether others may have to wait for this connection."""
        return not self.lost and (self.in_transaction or any(cursor.writing for cursor in self._open_cursors()))

    def pins(self) -> tuple[Pin, ...]:
        """The past contents that this connection still sees: part of the key of a state."""
        pinned = [Pin(self.database.name, cursor.pinned) for cursor in self._open_cursors() if cursor.pinned is not None]
        if self.snapshot is not None:
            pinned.append(Pin(self.database.name, self.snapshot, self.database.commits() == self.taken_at))
        if self.glimpsed is not None:
            pinned.append(Pin(self.database.name, self.glimpsed))
        return tuple(pinned)

    def holds(self) -> Hold | None:
        """The lock that others may have to wait for; None where there is none, and where it was left to the server."""
        if self.lost or not (self.writer or self.doubtful or any(cursor.writing for cursor in self._open_cursors())):
            return None
        return Hold(self.database.name)

    def settings(self) -> Hashable:
        """How code has set it, and whether it is lost."""
        names = [getattr(setting, "__qualname__", str(type(setting))) for setting in (self.row_factory, self.text_factory)]
        return self.lost, self.isolation_level if not self.lost else None, *names

    def give_back(self) -> bool:
        """Roll back and close cursors, as when the process dies; False where the connection had to be closed for good."""
        if self.lost:
            return False
        if self.spares is None or self.leaves_trace or self.is_altered():
            self.hang_up()
            return False
        self._abandon_cursors()
        self._undo()
        self.inserted = False
        return True

    def is_altered(self) -> bool:
        """Whether code has set it otherwise than it was."""
        if self.lost:
            return False
        altered = self.row_factory is not None or self.text_factory is not str
        return altered or self.isolation_level != self._opened_with

    def hang_up(self) -> None:
        """Close for good, as the operating system would: no commit, whatever is open rolls back."""
        self._abandon_cursors()
        self.lost = True
        if self.spares is not None and self in self.spares:
            self.spares.remove(self)
        try:
            self._undo()
        except sqlite3.ProgrammingError:
            return  # closed already
        super().close()
        self.database.touch()

    def _open_cursors(self) -> list[Cursor]:
        return [cursor for ref in self.cursors if (cursor := ref()) is not None]

    def _abandon_cursors(self) -> None:
        # A closed connection with a live cursor keeps its lock until the cursor is collected.
        for cursor in self._open_cursors():
            cursor.abandon()
        self.cursors.clear()


#: Functions that SQLAlchemy gives to every connection.
_OF_SQLALCHEMY = ("regexp", "floor")


def _remembering(name: str) -> Any:
    """A setting of the connection that the next user must not find: it is closed instead of being used again."""
    setting = getattr(sqlite3.Connection, name)

    def method(self: Tracked, *args: Any, **options: Any) -> Any:
        self.leaves_trace |= not (args and args[0] in _OF_SQLALCHEMY)
        return setting(self, *args, **options)

    method.__name__, method.__doc__ = name, setting.__doc__
    return method


for _name in ("create_function", "create_aggregate", "create_window_function", "create_collation", "set_authorizer",
              "set_progress_handler", "set_trace_callback", "enable_load_extension", "load_extension", "setlimit", "setconfig"):
    if hasattr(sqlite3.Connection, _name):
        setattr(Tracked, _name, _remembering(_name))
