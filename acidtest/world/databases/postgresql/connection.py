"""The interposed psycopg driver: every statement of code under test becomes an effect.

psycopg does all of its waiting in one method, `wait`, whether it is awaited or not: there a statement that waits for a lock parks its
task.
"""

from __future__ import annotations

from functools import lru_cache
from operator import attrgetter
from typing import Any

import psycopg
from psycopg import IsolationLevel
from psycopg.waiting import Ready, Wait

from acidtest.world.core.locks import TaskLock
from acidtest.world.core.process import current_task
from acidtest.world.databases.postgresql.cursor import as_sent, driven_cursor, refuse, text_of
from acidtest.world.databases.postgresql.performing import READ_COMMITTED, Driver, Performing
from acidtest.world.databases.postgresql.pipeline import Pipeline
from acidtest.world.databases.postgresql.session import CLOSED, run
from acidtest.world.databases.postgresql.statement import ROLLBACK, classify


def _made(sqlstate: str, message: str) -> psycopg.Error:
    return psycopg.errors.lookup(sqlstate)(message)


def _gone() -> psycopg.Error:
    return psycopg.OperationalError("server closed the connection unexpectedly")


PSYCOPG = Driver(psycopg.Error, attrgetter("sqlstate"), _made, _gone)


class OfPsycopg(Performing):
    """What is the same in connections of psycopg that are awaited and in those that are not."""

    driver = PSYCOPG
    _autocommit: Any
    _begin_statement: Any
    _deferrable: Any
    _isolation_level: Any
    _num_transactions: Any
    _read_only: Any
    _tpc: Any
    prepare_threshold: Any

    def _made_clean(self) -> None:
        """As it is when it is handed out."""
        self.prepare_threshold = None  # a plan that is kept may return rows in another order
        self._tpc = None
        self._num_transactions = 0
        self._ended()

    def _exec_command(self, command: Any, *args: Any, **options: Any) -> Any:
        """What psycopg sends on its own account: BEGIN, COMMIT, and what belongs to two phases."""
        text = text_of(command, self)
        statement = classify(text)
        if statement.kind == ROLLBACK and self._is_dead():
            return None
        psycopgs: Any = super()
        with self.performing(statement, text):
            return (yield from psycopgs._exec_command(as_sent(command, text, self), *args, **options))  # noqa: SLF001 - its own

    def _check_intrans_gen(self, attribute: str) -> Any:
        """Let the engine of a dead process put its level back: its ROLLBACK had no effect, so a transaction is open still."""
        psycopgs: Any = super()
        if not self._is_dead():
            yield from psycopgs._check_intrans_gen(attribute)  # noqa: SLF001 - its own

    def drive(self, gen: Any) -> Any:
        """Let a generator of psycopg's go on whenever the server has answered; a statement of a task may have to wait for a lock."""
        task = current_task()
        try:
            want = next(gen)
            while True:
                if want == Wait.R:
                    self.await_answer(task)
                    self._drop_if_broken(gen)
                want = gen.send(Ready.R if want == Wait.R else Ready.RW)
        except StopIteration as stop:
            return stop.value
        except psycopg.errors.QueryCanceled as error:
            self.as_victim(error)

    def _drop_if_broken(self, gen: Any) -> None:
        """Where the server died meanwhile, nothing goes on: psycopg would use a connection that was freed under its hands.

        Raises:
            psycopg.OperationalError: as psycopg says it.
        """
        if self.lost:
            gen.close()
            raise _gone()

    def _commits_alone(self) -> bool:
        return bool(self._autocommit)

    def begins_by_itself(self, *, alone: bool) -> bool:
        """Let psycopg begin transactions unless each statement is to be one `alone`; whether each was before."""
        was, self._autocommit = self._autocommit, alone
        return bool(was)

    def _level_to_be(self) -> str:
        level: Any = self._isolation_level
        return READ_COMMITTED if level is None else IsolationLevel(level).name.replace("_", " ")

    def _run(self, command: bytes) -> None:
        run(self.pgconn, command)

    def _begin(self) -> None:
        psycopgs: Any = self
        run(self.pgconn, psycopgs._get_tx_start_command())  # noqa: SLF001 - its own

    def _leave(self) -> None:
        self.lost, self.pgconn = True, CLOSED

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

    def __del__(self, *_: Any) -> None:
        """A connection that is dropped is closed, and its transaction rolled back."""
        if not self.lost and hasattr(self, "database"):
            self.hang_up()


class Connection(OfPsycopg, psycopg.Connection[Any]):
    """A connection whose statements, commits and decisions are effects of the task that runs them."""

    def __init__(self, pgconn: Any, row_factory: Any = None) -> None:
        """Take over a session; `Database.connect` says which database it belongs to."""
        psycopg.Connection.__init__(self, pgconn, *(() if row_factory is None else (row_factory,)))
        self._made_clean()

    def _made_clean(self) -> None:
        """As it is when it is handed out."""
        self.lock: Any = TaskLock()  # tasks that share a connection wait for each other as tasks do
        super()._made_clean()

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

    def pipeline(self) -> Any:
        """A pipeline; where each statement is a transaction, those of a pipeline are one together."""
        return Pipeline(self)

    def notifies(self, *args: Any, **options: Any) -> Any:
        """Not driven, and therefore refused."""
        del args, options
        refuse(self, "connection.notifies()")

    def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
        """What psycopg waits in, whatever for."""
        task = current_task()
        if task is not None and not task.process.alive:
            return super().wait(gen, *args, **options)
        return self.drive(gen)


@lru_cache(maxsize=64)
def driven_connection(factory: Any) -> type[Connection]:
    """The caller's connection class, made to drive its statements."""
    if factory is None or factory is psycopg.Connection:
        return Connection
    return factory if issubclass(factory, Connection) else type(factory.__name__, (Connection, factory), {})
