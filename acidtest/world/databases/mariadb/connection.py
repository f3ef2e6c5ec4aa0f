"""The interposed PyMySQL driver: every statement of code under test becomes an effect.

A real server, one thread.

At REPEATABLE READ, the default, a transaction has a snapshot from its first plain SELECT on, and only for plain SELECTs:
whatever locks or writes sees what is committed now. So a plain SELECT is `local` where there is a snapshot, and nothing
else is. BEGIN, ROLLBACK, savepoints, settings, and the COMMIT of a transaction that neither wrote nor locked are not effects at
all; unless they commit what is open, as BEGIN does, and any DDL.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn

import pymysql
from pymysql import err

from acidtest.errors import UsageError
from acidtest.world.core.effects import (
    COMMIT_FAULTS,
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
from acidtest.world.databases.mariadb.landing import Landing
from acidtest.world.databases.mariadb.saying import CHANGED, DEADLOCKED, GONE, say
from acidtest.world.databases.mariadb.session import is_open, refresh, take_over
from acidtest.world.databases.mariadb.statement import (
    BRANCH,
    COMMIT,
    DECIDE,
    LOCK,
    PREPARE,
    READ,
    ROLLBACK,
    SET,
    WRITE,
    Statement,
    classify,
    is_silent,
)
from acidtest.world.databases.mariadb.waiting import Store, Waiting

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator


_AUTOCOMMIT_FAULTS = (REFUSED, LOST, UNACKNOWLEDGED)
_ALONE = ("INSERT", "UPDATE", "DELETE", "REPLACE")  #: what may be the only statement of a transaction, and end it later
_ENDS = (COMMIT, PREPARE, DECIDE)
_DISTURBANCES = (DEADLOCKED, CHANGED)
_SERIALIZABLE, _REPEATABLE = "SERIALIZABLE", "REPEATABLE READ"
_NO_TASK = Statement(SET, "")


class Connection(Waiting):
    """A connection whose statements, commits and decisions are effects of the task that runs them.

    `chain` stands for what the open transaction has done and seen, `level` is its isolation level, `session_level` that of those
    that follow, `wrote` says that it has done more than read, `snapshot` that it has one, `branch` names what it is of a transaction
    that is to be prepared. A clean connection of a pool goes into `spares` when its process dies, to be used again.
    """

    spares: list[Any] | None = None
    leaves_trace = False
    wrote = False
    snapshot = False
    branch = ""
    chain = 0
    level = session_level = made_level = _REPEATABLE
    made = False
    _open = True
    _next_level = ""
    _deletes = False
    _time = 0.0

    def __init__(self, *args: Any, store: Store | None = None, **options: Any) -> None:
        """Connect to a database of the world; called once more by Python, as its own, where code has called the class itself."""
        if self.made:
            return
        assert store is not None  # noqa: S101 - the database makes it
        self.database = store
        self.made = True
        super().__init__(*args, **options)

    # What code under test calls:

    def query(self, sql: Any, unbuffered: bool = False) -> Any:  # noqa: FBT001, FBT002 - as in PyMySQL
        """Run a statement, as an effect."""
        if unbuffered:
            self._refuse_to_drive("A cursor that does not read all rows at once (SSCursor)")
        text = sql if isinstance(sql, str) else bytes(sql).decode(self.encoding, "replace")
        if self._bare:
            return super().query(sql)
        statement = classify(text)
        tidies = (SET, ROLLBACK, COMMIT) if current_task() is None else (SET, ROLLBACK)
        if statement.kind in tidies and self._is_gone():  # a pool tidies up
            self._result = pymysql.connections.MySQLResult(self)
            return 0
        sent = self.database.own.sent(text)
        with self.performing(statement, text):
            found = super().query(sql if sent == text else sent)
            return found if statement.what != "XA RECOVER" else self._listed()

    def _listed(self) -> int:
        """Leave of what is prepared on the server what is so in this database; how many that are."""
        result: Any = self._result
        result.rows = self.database.own.listed(result.rows)
        result.affected_rows = len(result.rows)
        return len(result.rows)

    def commit(self) -> None:
        """Commit the open transaction, if any."""
        with self.performing(classify("COMMIT"), "COMMIT"):
            super().commit()

    def rollback(self) -> None:
        """Roll back the open transaction, if any; harmless on a connection whose process died, or that install() has left."""
        if self._is_gone() or not (self.lost or self._next_level or is_open(self)):  # a pool rolls back whatever it is given
            return
        with self.performing(classify("ROLLBACK"), "ROLLBACK"):
            super().rollback()

    def begin(self) -> None:
        """Begin a transaction, which commits the open one."""
        with self.performing(classify("BEGIN"), "BEGIN"):
            super().begin()

    def ping(self, reconnect: bool = False) -> None:  # noqa: FBT001, FBT002 - as in PyMySQL
        """Ask whether the server is there."""
        with self.performing(_NO_TASK, "ping"):
            super().ping(reconnect=reconnect)

    def close(self) -> None:
        """Close; harmless on a connection that was lost or whose process died."""
        if self._is_dead():
            if not self.lost and self.spares is not None and self not in self.spares:
                self.spares.append(self)
            return
        if not self._open:
            message = "Already closed"
            raise err.Error(message)
        self._open = False
        self.hang_up()

    def __del__(self) -> None:
        """A connection that is dropped is closed, and its transaction rolled back."""
        if not self.lost and self.made:
            self.hang_up()

    def _send_autocommit_mode(self) -> None:
        """To have each statement be a transaction commits the open one."""
        if self._is_gone():
            return
        text = f"SET AUTOCOMMIT = {int(bool(self.autocommit_mode))}"
        with self.performing(classify(text), text):
            super()._send_autocommit_mode()

    def _refuse_to_drive(self, what: str) -> NoReturn:
        message = (
            f"{what} on the database {self.database.name!r} cannot be driven, so what it does cannot be checked. "
            "Use pymysql.cursors.Cursor or DictCursor."
        )
        complain(UsageError(message))

    # Effects:

    @contextmanager
    def performing(self, statement: Statement, detail: Hashable) -> Iterator[None]:
        """Perform a statement as an effect of the current task; directly where there is none."""
        task = current_task()
        if task is None or self._is_silent(statement):
            if task is not None:
                self._alive()
                task.quietly(statement.kind, self.database.name, statement.what)
            yield
            self._note(statement, changes=task is None)
            self.database.watch.settle()
            return
        self._alive()
        effect = self._effect_of(statement, detail)
        fault = self._come_to(task, effect, statement)
        try:
            self._tell_time(task, statement)
            yield
        except err.MySQLError as error:
            if fault == LATE and self._sock is not None:
                self._roll_back()
            self._failed(task, effect, error)
            raise
        finally:
            self._effect = None
        result = self._seen()
        self._note(statement, changes=True, who=(task.process.name, task.process.digest))
        self.database.watch.settle()
        if fault == LATE:
            self._postpone(task, classify("COMMIT"), effect, "COMMIT")
        if fault == UNACKNOWLEDGED:
            self._lose(task, effect)
        task.saw(effect, result, fault)

    def _is_silent(self, statement: Statement) -> bool:
        open_ = not self.lost and is_open(self)
        if statement.kind == DECIDE:  # what is not prepared yet goes with its session, as by ROLLBACK
            return statement.name == self.branch != "" and statement.name not in self.database.prepared
        if statement.kind == COMMIT or (statement.commits and is_silent(statement)):
            return not open_ or not (self.wrote or self.level == _SERIALIZABLE)
        return is_silent(statement)

    def _effect_of(self, statement: Statement, detail: Hashable) -> Effect:
        kind, local = statement.kind, False
        faults: tuple[str, ...] = STATEMENT_FAULTS
        if kind in _ENDS:
            faults = COMMIT_FAULTS
        elif is_silent(statement):
            kind, faults = COMMIT, _AUTOCOMMIT_FAULTS
        elif statement.commits:
            faults = _AUTOCOMMIT_FAULTS
        elif is_open(self):
            local = kind == READ and self.level == _REPEATABLE and self.snapshot and not statement.present
        elif self.get_autocommit() and kind != READ:
            faults = COMMIT_FAULTS if statement.what.startswith(_ALONE) else _AUTOCOMMIT_FAULTS
        return Effect(kind, self.database.name, statement.what, detail, local, faults)

    def _come_to(self, task: Task, effect: Effect, statement: Statement) -> str:
        """Park; then do what the fault asks for instead of the statement, or get ready to run it."""
        fault = task.park(effect)
        if self._waits:
            message = "Packet sequence number wrong - got 1 expected 0"  # two calls share a connection, as PyMySQL's must not
            raise err.InternalError(message)
        if fault in (REFUSED, DEADLOCK):
            self._refuse(task, effect, statement, fault)
        if fault == LOST:
            self._lose(task, effect)
        if fault == LATE and effect.kind in _ENDS:
            self._postpone(task, statement, effect, str(effect.detail))
        if not self.lost and not is_open(self):
            self._takes_level()
        if fault == LATE:  # a statement by itself is a transaction, with locks, whose COMMIT comes later
            self._quietly("START TRANSACTION")
        self._effect = effect
        seen = 0 if effect.local else self.database.content()
        self.chain = self.database.number((self.chain, seen, effect.fingerprint, fault))
        return fault

    def _takes_level(self) -> None:
        """A transaction begins."""
        self.level, self._next_level = self._next_level or self.session_level, ""

    def _tell_time(self, task: Task, statement: Statement) -> None:
        """The clock of the session is the virtual one."""
        clock = task.process.clock
        if clock is not None and clock.time != self._time and not self.branch and statement.kind not in _ENDS and not self.lost:
            self._time = clock.time
            self._quietly(f"SET timestamp = {clock.time:.6f}")

    def _seen(self) -> Hashable:
        found: Any = self._result
        if found is None:
            return None
        rows: Any = found.rows or ()
        try:
            hash(rows)
        except TypeError:
            rows = repr(rows)
        return found.affected_rows, found.insert_id, rows

    def _note(self, statement: Statement, *, changes: bool, who: Hashable = None) -> None:
        """Keep track of the transaction, and of what has become durable, after a statement."""
        database, silent = self.database, is_silent(statement)
        self._note_settings(statement)
        if statement.commits:
            self._committed(changes, who)
            self._takes_level()
        changes = changes and statement.kind != READ and not silent
        if statement.defines:
            database.redefine()
        if changes:
            database.disturbed = True
        if statement.kind == BRANCH:
            self.branch = statement.name
        elif statement.kind == PREPARE:
            database.prepared[statement.name] = self.chain
        elif statement.kind == DECIDE:
            database.prepared.pop(statement.name, None)
        self.snapshot |= statement.kind == READ and not statement.present and self.level == _REPEATABLE
        self._deletes |= statement.what.startswith(("DELETE", "REPLACE", "CALL", "TRUNCATE"))
        if not is_open(self) or statement.kind == ROLLBACK:
            self._committed(changes and statement.kind != ROLLBACK, who)
            return
        self.wrote |= changes
        if changes and statement.kind == PREPARE:
            database.touch(who)
        if current_task() is not None:
            database.going_on(self.number, self.level, numbers=statement.numbers)

    def _note_settings(self, statement: Statement) -> None:
        self.leaves_trace |= statement.leaves_trace
        if statement.level and statement.once:
            self._next_level = statement.level
        elif statement.level and statement.kind == SET:
            self.session_level = statement.level
        if statement.limit and self.database.watch.server.private:
            self._quietly("SET innodb_lock_wait_timeout = DEFAULT")  # nothing is given up but by the search

    def _committed(self, changes: bool, who: Hashable) -> None:  # noqa: FBT001 - one of two
        """No transaction is open any more."""
        if changes and self._deletes:
            self.database.deleted(self.chain)
        self._ended()
        if changes:
            self.database.disturbed = True
            self.database.touch(who)

    def _ended(self) -> None:
        self.chain = 0
        self.wrote = self.snapshot = self._deletes = self._waits = self.answered = False
        self._victim = self.branch = ""
        self.level = self.session_level
        self.database.ended(self.number)

    def _failed(self, task: Task, effect: Effect, error: err.MySQLError) -> None:
        full = full_disk(error) or (self.database.full() if self._sock is None else None)
        if full is not None:
            complain(full)
        code = error.args[0] if error.args else type(error).__name__
        task.saw(effect, code)
        if code in _DISTURBANCES:
            task.process.disturbances += 1
        if self._sock is None:
            self._lose(task, effect)
        self._bare += 1
        refresh(self)
        self._bare -= 1
        if not is_open(self):
            self._ended()
        else:
            self.wrote |= effect.kind in (WRITE, LOCK)  # the locks that it has got it keeps
            self.database.going_on(self.number, self.level, numbers=True)
        self.database.touch()
        self.database.watch.settle()

    # Faults:

    def _refuse(self, task: Task, effect: Effect, statement: Statement, fault: str) -> None:
        """A definite error. That of a statement leaves its transaction as it was, that of COMMIT or a deadlock has ended it."""
        task.saw(effect, REFUSED)
        kind = fault if fault == DEADLOCK or effect.kind not in _ENDS else effect.kind
        if kind in (COMMIT, PREPARE, DEADLOCK):
            self._roll_back()
        del statement
        say(kind)

    def _roll_back(self) -> None:
        """Roll back, also a branch that is not prepared."""
        if self.branch:
            first, second, number = self.branch.rsplit(",", 2)
            xid = f"{self.escape(first)},{self.escape(second)},{number}"
            with suppress(err.MySQLError):  # its work may have ended already
                self._quietly(self.database.own.sent(f"XA END {xid}"))
            self._quietly(self.database.own.sent(f"XA ROLLBACK {xid}"))
        else:
            self._quietly("ROLLBACK")
        self._ended()
        self.database.watch.settle()

    def _lose(self, task: Task, effect: Effect) -> None:
        """The reply is lost, and with it the connection."""
        task.saw(effect, LOST)
        task.process.disconnected = True
        self.hang_up()
        raise err.OperationalError(*GONE)

    def _postpone(self, task: Task, statement: Statement, effect: Effect, command: str) -> None:
        """Leave the open transaction, with its locks, to the server, which will end it later by a command."""
        landing = Landing(self.database, take_over(self), self.database.own.sent(command), statement, self.chain)
        self.lost = True
        self.database.postpone(landing, (task.process.name, task.process.digest, landing.chain))
        self._lose(task, effect)

    # The world's side:

    def _is_dead(self) -> bool:
        task = current_task()
        return task is not None and not task.process.alive

    def _is_gone(self) -> bool:
        """Whether its process has died, or it was lost and nobody's call uses it: it is collected, at some time or other."""
        return self._is_dead() or (self.lost and current_task() is None)

    def _alive(self) -> None:
        task = current_task()
        if task is not None and not task.process.alive:
            task.refuse_the_dead(Effect("write", self.database.name, "dead"))

    def pins(self) -> tuple[int, ...]:
        """What the open transaction has done and seen: part of the key of a state."""
        if not self.chain:
            return ()
        place = self.database.watch.place(self) if self._waits else -1
        return self.chain, place, int(self.answered)

    def is_altered(self) -> bool:
        """Whether code has set it otherwise than it was."""
        return bool(self.lost or self.session_level != self.made_level or self._next_level)

    def settings(self) -> tuple[str, ...]:
        """Its levels, and whether it is lost; what else a session has been told leaves a trace."""
        return ("lost",) if self.lost else (self.session_level, self._next_level)

    def holds(self) -> None:
        """Only the server knows which rows it has locked."""

    def give_back(self) -> bool:
        """Roll back, as when the process dies; False where the connection had to be closed for good."""
        if self.lost:
            return False
        if self.spares is None or self.leaves_trace or self._waits or self._unread or self.branch or self._sock is None:
            self.hang_up()
            return False
        if is_open(self) or self.chain:
            self._roll_back()
        if self.session_level != self.made_level or self._next_level:
            self._quietly(f"SET SESSION TRANSACTION ISOLATION LEVEL {self.made_level}")
            self.session_level, self._next_level = self.made_level, ""
        if self.get_autocommit() != bool(self.autocommit_mode):
            self._quietly(f"SET autocommit = {int(bool(self.autocommit_mode))}")
        self._result = None
        self._ended()
        return True

    def hang_up(self) -> None:
        """Close for good, as the operating system would: no commit, whatever is open rolls back."""
        if self.lost:
            return
        self.lost = True
        watch = self.database.watch
        watch.forget(self)
        if self._sock is not None and (self.chain or self._unread or is_open(self)):
            watch.end(self.number)
            self._force_close()
            self._ended()
            watch.settle()
        self._force_close()
        if self.spares is not None and self in self.spares:
            self.spares.remove(self)

    def break_off(self) -> None:
        """The server has died: there is nobody to talk to any more."""
        if not self.lost:
            self.lost = self.answered = True
            self._ended()
            self.answered = True
            self._force_close()
            if self.spares is not None and self in self.spares:
                self.spares.remove(self)


@lru_cache(maxsize=64)
def driven_connection(factory: Any) -> type[Connection]:
    """The caller's connection class, made to drive its statements."""
    if factory is None or factory is pymysql.connections.Connection:
        return Connection
    return factory if issubclass(factory, Connection) else type(factory.__name__, (Connection, factory), {})
