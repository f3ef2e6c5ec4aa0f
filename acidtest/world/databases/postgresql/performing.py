"""Statements as effects, whatever the driver: scheduling, faults, and waiting for locks.

A statement that waits for a lock parks its task. It *has been sent*: it waits in the server's own queue, and what it will see when it
gets its turn is the server's business. When somebody's COMMIT lets it go, its answer is there, and the task may go on.

Statements are scheduling points for each other at READ COMMITTED, where every statement has a snapshot of its own. A read
at REPEATABLE READ, once the transaction has its snapshot, neither sees others nor is seen: it is `local`. BEGIN, ROLLBACK,
savepoints, settings, and the COMMIT of a transaction that wrote nothing are not effects at all.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol

from psycopg import pq

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
from acidtest.world.core.process import Process, Task, complain, current_process, current_task
from acidtest.world.databases.full_disk import full_disk
from acidtest.world.databases.postgresql.landing import Keeper, Landing
from acidtest.world.databases.postgresql.prepared import Own
from acidtest.world.databases.postgresql.session import quiet
from acidtest.world.databases.postgresql.statement import (
    COMMIT,
    DECIDE,
    LOCK,
    PREPARE,
    READ,
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
#: How COMMIT is refused: its SQLSTATE, and what the server says.
_FULL = "53100", "could not extend file: No space left on device"
#: SQLSTATEs of what a database does on its own account: serialization failure and deadlock.
_DISTURBANCES = ("40001", "40P01")
_SERIALIZABLE, _REPEATABLE, READ_COMMITTED = "SERIALIZABLE", "REPEATABLE READ", "READ COMMITTED"
#: A refused statement fails in the server, so that it dooms its transaction as any error does.
_FAIL = b"DO $$BEGIN RAISE EXCEPTION USING ERRCODE = '55P03', MESSAGE = 'canceling statement due to lock timeout'; END$$"


class Store(Keeper, Protocol):
    """What a connection needs of its database.

    `disturbed` says that a reset has something to do; `own` is what of the server's list of prepared transactions is its own.
    """

    disturbed: bool
    own: Own

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

    def tell_time(self, process: Process | None) -> float:
        """Let the server's clock be that of whoever asks it something now; what that is."""

    def postpone(self, landing: Landing, fact: Hashable) -> None:
        """Hand over a transaction whose end is to come later; `fact` determines what it will do."""


class Driver(NamedTuple):
    """How a driver says what a server says.

    Arguments:
        error: the class of all that it raises for the server.
        sqlstate: the code of such an error; None where it has none.
        make: makes the error of a code, with a message.
        gone: makes the error of a connection that was lost.
    """

    error: type[Exception]
    sqlstate: Callable[[Any], str | None]
    make: Callable[[str, str], Exception]
    gone: Callable[[], Exception]


class Performing:
    """What is the same in the driven connections of all drivers: their statements are effects of the task that runs them.

    `pgconn` is the session, as psycopg knows it or what looks like it. `chain` stands for what the open transaction has done and seen,
    `level` is its isolation level, `wrote` says that it has done more than read, `gives_up` that it waits for a lock for a limited time.
    `answered` says that the statement that waited has got its answer. A clean connection of a pool goes into `spares` when its process
    dies, to be used again.
    """

    driver: Driver
    database: Store
    pgconn: Any
    spares: list[Any] | None = None
    lost = False
    leaves_trace = False
    answered = False
    wrote = False
    gives_up = False
    chain = 0
    level = READ_COMMITTED
    _waits = False
    _victim = ""
    _effect: Effect | None = None

    # What each driver does in its own way:

    def _commits_alone(self) -> bool:
        """Whether each statement is a transaction."""
        raise NotImplementedError

    def _level_to_be(self) -> str:
        """The isolation level of the transaction that begins, in capitals."""
        raise NotImplementedError

    def _run(self, command: bytes) -> None:
        """Run a command of the world's own in the session."""
        raise NotImplementedError

    def _begin(self) -> None:
        """Begin a transaction, as the driver would."""
        raise NotImplementedError

    def _roll_back(self) -> None:
        """Roll back, as a command of the world's own."""
        self._run(b"ROLLBACK")

    def _leave(self) -> None:
        """Be lost, but leave the session as it is: it was given away."""
        raise NotImplementedError

    def hang_up(self) -> None:
        """Close for good, as the operating system would: no commit, whatever is open rolls back."""
        raise NotImplementedError

    def break_off(self) -> None:
        """The server has died: there is nobody to talk to any more."""
        raise NotImplementedError

    def give_back(self) -> bool:
        """Roll back, as when the process dies; False where the connection had to be closed for good."""
        raise NotImplementedError

    # Effects:

    @contextmanager
    def performing(self, statement: Statement, detail: Hashable, seen: Callable[[], Hashable] = lambda: None) -> Iterator[None]:
        """Perform a statement as an effect of the current task; directly where there is none."""
        task = current_task()
        if task is None or self._is_silent(statement):
            if task is not None:
                self._alive()
                task.quietly(statement.kind, self.database.name, statement.what)
            else:
                self.database.tell_time(current_process())
            yield
            self._note(statement, changes=task is None)
            self.database.watch.settle()
            return
        self._alive()
        effect = self._effect_of(statement, detail)
        fault = self._come_to(task, effect, statement)
        try:
            yield
        except self.driver.error as error:
            _said_plainly(error, self.database.own)
            if fault == LATE and not self.lost and self.pgconn.status == pq.ConnStatus.OK:
                self._roll_back()
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
        elif self._commits_alone() and kind != READ:
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
            self._postpone(task, statement, effect, _command_of(statement))
        if self.pgconn.transaction_status == _IDLE:
            self.level = self._level_to_be()
        if fault == LATE:  # a statement by itself is a transaction, with locks, whose COMMIT comes later
            self._run(b"BEGIN")
        self._effect = effect
        time = self.database.tell_time(task.process)
        seen = self.database.content() if self.chain == 0 or self.level == READ_COMMITTED else 0
        self.chain = self.database.number((self.chain, seen, effect.fingerprint, fault, time))
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
        self.level = READ_COMMITTED
        if hasattr(self, "database"):
            self.database.ended(self.pgconn.backend_pid)

    def _failed(self, task: Task, effect: Effect, error: Exception) -> None:
        full = full_disk(error) or (self.database.full() if self.pgconn.status != pq.ConnStatus.OK else None)
        if full is not None:
            complain(full)
        sqlstate = self.driver.sqlstate(error)
        task.saw(effect, sqlstate or type(error).__name__)
        if sqlstate in _DISTURBANCES:
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
                self._roll_back()
                self._ended()
                self.database.watch.settle()
            raise self.driver.make(*_FULL)
        if self.pgconn.transaction_status == _IDLE and not self._commits_alone():
            self._begin()
        self._run(_FAIL)

    def _lose(self, task: Task, effect: Effect) -> None:
        """The reply is lost, and with it the connection."""
        task.saw(effect, LOST)
        task.process.disconnected = True
        self.hang_up()
        raise self.driver.gone()

    def _postpone(self, task: Task, statement: Statement, effect: Effect, command: str) -> None:
        """Leave the open transaction, with its locks, to the server, which will end it later by a command."""
        landing = Landing(self.database, self.pgconn, self.database.own.sent(command), statement, self.chain, clean=not self.leaves_trace)
        self._leave()
        self.database.postpone(landing, (task.process.name, task.process.digest, landing.chain))
        self._lose(task, effect)

    # Waiting:

    def as_victim(self, error: Exception) -> NoReturn:
        """Raise what a statement that was cancelled would have failed with: nobody but the search cancels.

        Raises:
            Exception: `error`, or the server's own for a deadlock or a lock that was waited for too long.
        """
        if not self._victim:
            raise error
        deadlock = self._victim == DEADLOCK
        message = "deadlock detected" if deadlock else "canceling statement due to lock timeout"
        raise self.driver.make("40P01" if deadlock else "55P03", message) from None

    def await_answer(self, task: Task | None) -> None:
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

    def _rolled_back(self) -> bool:
        """Bring the session to rest; False where it is broken."""
        watch = self.database.watch
        watch.forget(self)
        open_ = self.chain != 0 or self.pgconn.transaction_status != _IDLE
        fine = quiet(self.pgconn, watch.cancel)
        if open_:
            self._ended()
            watch.settle()
        return fine


def _command_of(statement: Statement) -> str:
    """What ends a transaction, however the driver was asked for it."""
    if statement.kind not in (PREPARE, DECIDE):
        return statement.what
    name = statement.name.replace("'", "''")
    return f"{statement.what} '{name}'"


def _said_plainly(error: Exception, own: Own) -> None:
    """Let an error name a prepared transaction as the code does."""
    if error.args and isinstance(error.args[0], str) and own.mark in error.args[0]:
        error.args = (own.given(error.args[0]), *error.args[1:])
