"""The interposed psycopg driver: every statement of code under test becomes an effect.

A real server, one thread. psycopg does all of its waiting in one method, `Connection.wait`: there a statement that waits
for a lock parks its task. It *has been sent*: it waits in the server's own queue, and what it will see when it gets its
turn is the server's business. When somebody's COMMIT lets it go, its answer is there, and the task may go on.

Statements are scheduling points for each other at READ COMMITTED, where every statement has a snapshot of its own. A read
at REPEATABLE READ, once the transaction has its snapshot, neither sees others nor is seen: it is `local`. BEGIN, ROLLBACK,
savepoints, settings, and the COMMIT of a transaction that wrote nothing are not effects at all.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import psycopg
from psycopg import IsolationLevel, pq
from psycopg.waiting import Ready, Wait

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
from acidtest.world.core.locks import TaskLock
from acidtest.world.core.process import Task, complain, current_task
from acidtest.world.databases.full_disk import full_disk
from acidtest.world.databases.postgresql.cursor import driven_cursor, refuse, text_of
from acidtest.world.databases.postgresql.landing import Keeper, Landing
from acidtest.world.databases.postgresql.pipeline import Pipeline
from acidtest.world.databases.postgresql.session import CLOSED, quiet, run
from acidtest.world.databases.postgresql.statement import (
    COMMIT,
    DECIDE,
    LOCK,
    PREPARE,
    READ,
    ROLLBACK,
    WRITE,
    Statement,
    classify,
    is_silent,
)
from acidtest.world.databases.postgresql.watch import QUICK, SLOW

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from acidtest.errors import BackendUnavailable


_AUTOCOMMIT_FAULTS = (REFUSED, LOST, UNACKNOWLEDGED)
_ALONE = ("INSERT", "UPDATE", "DELETE", "MERGE", "WITH")  #: what may be the only statement of a transaction, and end it later
_IDLE = pq.TransactionStatus.IDLE
_FAILED = pq.TransactionStatus.INERROR
_ENDS = (COMMIT, PREPARE, DECIDE)
#: SQLSTATEs of what a database does on its own account: serialization failure and deadlock.
_DISTURBANCES = ("40001", "40P01")
_SERIALIZABLE, _REPEATABLE, _COMMITTED = "SERIALIZABLE", "REPEATABLE READ", "READ COMMITTED"
#: A refused statement fails in the server, so that it dooms its transaction as any error does.
_FAIL = b"DO $$BEGIN RAISE EXCEPTION USING ERRCODE = '55P03', MESSAGE = 'canceling statement due to lock timeout'; END$$"
_GONE = "server closed the connection unexpectedly"
_FULL = "could not extend file: No space left on device"


class Store(Keeper, Protocol):
    """What a connection needs of its database; `disturbed` says that a reset has something to do."""

    disturbed: bool

    def number(self, history: Hashable) -> int:
        """A number, from 1, for what has been done: equal histories have the same, and no others."""

    def going_on(self, pid: int, level: str, who: Hashable, *, numbers: bool) -> None:
        """A transaction is open, or a statement waits, in the process `pid` of the server."""

    def ended(self, pid: int) -> None:
        """No transaction is open any more in the process `pid` of the server."""

    def full(self) -> BackendUnavailable | None:
        """What is to be said where the server has died of a full disk."""

    def redefine(self) -> None:
        """The schema may have changed."""

    def postpone(self, landing: Landing, fact: Hashable) -> None:
        """Hand over a transaction whose end is to come later; `fact` determines what it will do."""


class Connection(psycopg.Connection[Any]):
    """A connection whose statements, commits and decisions are effects of the task that runs them.

    `chain` stands for what the open transaction has done and seen, `level` is its isolation level, `wrote` says that it
    has done more than read, `gives_up` that it waits for a lock for a limited time. `answered` says that the statement that waited has got its answer. A clean connection of a
    pool goes into `spares` when its process dies, to be used again.
    """

    database: Store
    spares: list[Any] | None = None
    lost = False
    leaves_trace = False
    answered = False
    wrote = False
    gives_up = False
    chain = 0
    level = _COMMITTED
    _waits = False
    _victim = ""
    _effect: Effect | None = None

    def __init__(self, pgconn: Any, row_factory: Any = None) -> None:
        """Take over a session; `Database.connect` says which database it belongs to."""
        super().__init__(pgconn) if row_factory is None else super().__init__(pgconn, row_factory)
        self._made_clean()

    def _made_clean(self) -> None:
        """As it is when it is handed out."""
        self.lock: Any = TaskLock()  # tasks that share a connection wait for each other as tasks do
        self.prepare_threshold = None  # a plan that is kept may return rows in another order
        self._tpc = None
        self._num_transactions = 0
        self._ended()

    # What code under test calls:

    def cursor(self, *args: Any, **options: Any) -> Any:
        """A new cursor; a cursor class of the caller's is driven as well."""
        if args or options.get("name"):
            refuse(self, "A server-side cursor")
        factory: Any = self.cursor_factory
        self.cursor_factory = driven_cursor(factory)
        return super().cursor(**options)

    def commit(self) -> None:
        """Commit the open transaction, if any."""
        self._alive()
        super().commit()

    def rollback(self) -> None:
        """Roll back the open transaction, if any; harmless on a connection whose process died.

        And where nobody called it: what install() has left open is given back to its pool whenever it is collected.
        """
        if not self._is_dead() and not (self.lost and current_task() is None):
            super().rollback()

    def close(self) -> None:
        """Close; harmless on a connection that was lost or whose process died."""
        if self.lost:
            return
        if self._is_dead():
            if self.spares is not None and self not in self.spares:
                self.spares.append(self)
            return
        self.hang_up()

    def _check_intrans_gen(self, attribute: str) -> Any:
        """Let the engine of a dead process put its level back: its ROLLBACK had no effect, so a transaction is open still."""
        if not self._is_dead():
            yield from super()._check_intrans_gen(attribute)

    def pipeline(self) -> Any:
        """A pipeline; refused where each statement is a transaction."""
        if self.autocommit:
            refuse(self, "connection.pipeline() with autocommit")
        return Pipeline(self)

    def notifies(self, *args: Any, **options: Any) -> Any:
        """Not driven, and therefore refused."""
        del args, options
        refuse(self, "connection.notifies()")

    def __del__(self, *_: Any) -> None:
        """A connection that is dropped is closed, and its transaction rolled back."""
        if not self.lost and hasattr(self, "database"):
            self.hang_up()

    # Effects:

    def _exec_command(self, command: Any, *args: Any, **options: Any) -> Any:
        """What psycopg sends on its own account: BEGIN, COMMIT, and what belongs to two phases."""
        text = text_of(command, self)
        statement = classify(text)
        if statement.kind == ROLLBACK and self._is_dead():
            return None
        with self.performing(statement, text):
            return (yield from super()._exec_command(command, *args, **options))

    @contextmanager
    def performing(self, statement: Statement, detail: Hashable, seen: Callable[[], Hashable] = lambda: None) -> Iterator[None]:
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
            yield
        except psycopg.Error as error:
            if fault == LATE and not self.lost and self.pgconn.status == pq.ConnStatus.OK:
                run(self.pgconn, b"ROLLBACK")
            self._failed(task, effect, error)
            raise
        finally:
            self._effect = None
        result = seen()
        self._note(statement, changes=True, who=(task.process.name, task.process.digest))
        self.database.watch.settle()
        if fault == LATE:
            self._postpone(task, classify("COMMIT"), effect, "COMMIT")
        if fault == UNACKNOWLEDGED:
            self._lose(task, effect)
        task.saw(effect, result, fault)

    def _is_silent(self, statement: Statement) -> bool:
        if statement.kind != COMMIT:
            return is_silent(statement)
        nothing = not self.wrote and self.level != _SERIALIZABLE
        return nothing or self.pgconn.transaction_status in (_IDLE, _FAILED)

    def _effect_of(self, statement: Statement, detail: Hashable) -> Effect:
        kind, local = statement.kind, False
        faults: tuple[str, ...] = STATEMENT_FAULTS
        if kind in _ENDS:
            faults = COMMIT_FAULTS
        elif self.pgconn.transaction_status != _IDLE:
            local = kind == READ and self.level == _REPEATABLE and self.chain != 0
        elif self.autocommit and kind != READ:
            faults = COMMIT_FAULTS if statement.what.startswith(_ALONE) else _AUTOCOMMIT_FAULTS
        return Effect(kind, self.database.name, statement.what, detail, local, faults)

    def _come_to(self, task: Task, effect: Effect, statement: Statement) -> str:
        """Park; then do what the fault asks for instead of the statement, or get ready to run it."""
        fault = task.park(effect)
        if fault in (REFUSED, DEADLOCK):
            self._refuse(task, effect, statement)
        if fault == LOST:
            self._lose(task, effect)
        if fault == LATE and effect.kind in _ENDS:
            self._postpone(task, statement, effect, effect.detail if isinstance(effect.detail, str) else effect.what)
        if self.pgconn.transaction_status == _IDLE:
            level = self.isolation_level
            self.level = _COMMITTED if level is None else IsolationLevel(level).name.replace("_", " ")
        if fault == LATE:  # a statement by itself is a transaction, with locks, whose COMMIT comes later
            run(self.pgconn, b"BEGIN")
        self._effect = effect
        seen = self.database.content() if self.chain == 0 or self.level == _COMMITTED else 0
        self.chain = self.database.number((self.chain, seen, effect.fingerprint, fault))
        return fault

    def _note(self, statement: Statement, *, changes: bool, who: Hashable = None) -> None:
        """Keep track of the transaction, and of what has become durable, after a statement."""
        self.leaves_trace |= statement.leaves_trace
        self.level = statement.level or self.level
        self.gives_up = self.gives_up if statement.limits is None else statement.limits
        database, changes = self.database, changes and statement.kind != READ and not is_silent(statement)
        if statement.defines:
            database.redefine()
        if changes:
            database.disturbed = True
        if statement.kind == PREPARE:
            database.prepared[statement.name] = self.chain
        elif statement.kind == DECIDE:
            database.prepared.pop(statement.name, None)
        if self.pgconn.transaction_status == _IDLE:
            self._ended()
            if changes:
                database.touch(who)
            return
        self.wrote |= changes
        if current_task() is not None:
            database.going_on(self.pgconn.backend_pid, self.level, who, numbers=statement.numbers)

    def _ended(self) -> None:
        """No transaction is open any more."""
        self.chain = 0
        self.wrote = self._waits = self.answered = self.gives_up = False
        self._victim = ""
        self.level = _COMMITTED
        if hasattr(self, "database"):
            self.database.ended(self.pgconn.backend_pid)

    def _failed(self, task: Task, effect: Effect, error: psycopg.Error) -> None:
        full = full_disk(error) or (self.database.full() if self.pgconn.status != pq.ConnStatus.OK else None)
        if full is not None:
            complain(full)
        task.saw(effect, error.sqlstate or type(error).__name__)
        if error.sqlstate in _DISTURBANCES:
            task.process.disturbances += 1
        if self.pgconn.status != pq.ConnStatus.OK:
            self._lose(task, effect)
        if self.pgconn.transaction_status == _IDLE:
            self._ended()
        self.database.touch()
        self.database.watch.settle()

    # Faults:

    def _refuse(self, task: Task, effect: Effect, statement: Statement) -> None:
        """A definite error. That of a statement dooms its transaction, that of COMMIT has ended it."""
        task.saw(effect, REFUSED)
        if statement.kind in _ENDS:
            if statement.kind != DECIDE:
                run(self.pgconn, b"ROLLBACK")
                self._ended()
                self.database.watch.settle()
            raise psycopg.errors.DiskFull(_FULL)
        if self.pgconn.transaction_status == _IDLE and not self.autocommit:
            run(self.pgconn, self._get_tx_start_command())
        run(self.pgconn, _FAIL)

    def _lose(self, task: Task, effect: Effect) -> None:
        """The reply is lost, and with it the connection."""
        task.saw(effect, LOST)
        task.process.disconnected = True
        self.hang_up()
        raise psycopg.OperationalError(_GONE)

    def _postpone(self, task: Task, statement: Statement, effect: Effect, command: str) -> None:
        """Leave the open transaction, with its locks, to the server, which will end it later by a command."""
        landing = Landing(self.database, self.pgconn, command, statement, self.chain)
        self.lost, self.pgconn = True, CLOSED
        self.database.postpone(landing, (task.process.name, task.process.digest, landing.chain))
        self._lose(task, effect)

    # Waiting:

    def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
        """What psycopg waits in, whatever for; a statement of a task may have to wait for a lock."""
        task = current_task()
        if task is not None and not task.process.alive:
            return super().wait(gen, *args, **options)
        try:
            want = next(gen)
            while True:
                if want == Wait.R:
                    self._await(task)
                    self._drop_if_broken(gen)
                want = gen.send(Ready.R if want == Wait.R else Ready.RW)
        except StopIteration as stop:
            return stop.value
        except psycopg.errors.QueryCanceled:
            if not self._victim:
                raise
            message = "deadlock detected" if self._victim == DEADLOCK else "canceling statement due to lock timeout"
            kind = psycopg.errors.DeadlockDetected if self._victim == DEADLOCK else psycopg.errors.LockNotAvailable
            raise kind(message) from None

    def _drop_if_broken(self, gen: Any) -> None:
        """Where the server died meanwhile, nothing goes on: psycopg would use a connection that was freed under its hands.

        Raises:
            psycopg.OperationalError: as psycopg says it.
        """
        if self.lost:
            gen.close()
            raise psycopg.OperationalError(_GONE)

    def _await(self, task: Task | None) -> None:
        """Wait for the answer; where the statement waits for a lock, let others go on. Who is no task is not let wait."""
        effect = self._effect or Effect("other", self.database.name, "wait for a lock")
        locks = task is None or effect.kind in (WRITE, LOCK)
        glance = QUICK if locks and not self._victim else SLOW
        if not self.database.watch.await_answer(self.pgconn, glance, cancelled=bool(self._victim)):
            if task is not None:
                self._queue(task, effect)
            else:
                self._victim = REFUSED
                self.database.watch.cancel(self.pgconn.backend_pid)

    def _queue(self, task: Task, effect: Effect) -> None:
        """Wait in the server's queue; whoever is chosen as the victim of a deadlock is cancelled."""
        watch, database = self.database.watch, self.database
        self._waits, self.answered = True, False
        watch.park(self)
        database.going_on(self.pgconn.backend_pid, self.level, None, numbers=False)
        task.process.remember((task.name, effect.fingerprint, "waits"))
        lasts = LOST in effect.faults
        answer = Effect("reply" if lasts else effect.kind, effect.where, f"{effect.what}, answered", effect.detail, local=True)
        try:
            while not self.answered:
                deadlocked = watch.is_deadlocked(self)
                if task.block(answer, self) == DEADLOCK and not self.answered:
                    self._victim = DEADLOCK if deadlocked or watch.is_deadlocked(self) else REFUSED
                    watch.cancel(self.pgconn.backend_pid)
                    break
        finally:
            self._waits = False
            watch.forget(self)

    def answer_has_come(self) -> None:
        """The statement that waited has its answer, and if it was a transaction of its own, it has taken effect."""
        self.answered = True
        self.database.touch(("answered", self.chain))

    def is_over(self) -> bool:
        """Whether there is nothing to wait for any more."""
        return self.answered

    def is_deadlocked(self) -> bool:
        """Whether the statement waits for itself, through others."""
        return not self.answered and self.database.watch.is_deadlocked(self)

    # The world's side:

    def _is_dead(self) -> bool:
        task = current_task()
        return task is not None and not task.process.alive

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
        """What a session has been told leaves a trace."""
        return False

    def settings(self) -> tuple[str, ...]:
        """Whether it is lost; what else a session has been told leaves a trace."""
        return ("lost",) if self.lost else ()

    def holds(self) -> None:
        """Only the server knows which rows it has locked."""

    def give_back(self) -> bool:
        """Roll back, as when the process dies; False where the connection had to be closed for good."""
        if self.lost:
            return False
        if self.spares is None or not self._rolled_back():
            self.hang_up()
            return False
        if self.leaves_trace:
            run(self.pgconn, b"DISCARD ALL")
            self.leaves_trace = False
        self._made_clean()
        self._autocommit, self._isolation_level, self._read_only, self._deferrable = False, None, None, None
        self._begin_statement = b""
        return True

    def _rolled_back(self) -> bool:
        watch = self.database.watch
        watch.forget(self)
        open_ = self.chain != 0 or self.pgconn.transaction_status != _IDLE
        fine = quiet(self.pgconn, watch.cancel)
        if open_:
            self._ended()
            watch.settle()
        return fine

    def hang_up(self) -> None:
        """Close for good, as the operating system would: no commit, whatever is open rolls back."""
        if self.lost:
            return
        self.lost = True
        fine = self._rolled_back()
        pgconn, self.pgconn = self.pgconn, CLOSED
        if self.spares is not None and self in self.spares:
            self.spares.remove(self)
        self.database.take_back(pgconn, fine=fine, clean=not self.leaves_trace)

    def break_off(self) -> None:
        """The server has died: there is nobody to talk to any more."""
        if not self.lost:
            self.lost, pgconn = True, self.pgconn
            self._ended()
            self.answered = True
            self.pgconn = CLOSED
            pgconn.finish()
            if self.spares is not None and self in self.spares:
                self.spares.remove(self)


@lru_cache(maxsize=64)
def driven_connection(factory: Any) -> type[Connection]:
    """The caller's connection class, made to drive its statements."""
    if factory is None or factory is psycopg.Connection:
        return Connection
    return factory if issubclass(factory, Connection) else type(factory.__name__, (Connection, factory), {})
