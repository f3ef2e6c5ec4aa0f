"""A connection whose statements may wait for a lock: the task that runs one is parked until the answer is there.

PyMySQL sends a command and reads the first packet of the answer in `_read_packet`. A statement that waits for a lock *has been
sent*: it waits in InnoDB's own queue, and what it will see when it gets its turn is the server's business.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

from pymysql import err

from acidtest.world.core.effects import DEADLOCK, LOST, REFUSED, Effect
from acidtest.world.core.process import Task, current_task
from acidtest.world.databases.mariadb.landing import Keeper, Landing
from acidtest.world.databases.mariadb.prepared import Own
from acidtest.world.databases.mariadb.saying import GONE, INTERRUPTED, say
from acidtest.world.databases.mariadb.session import Plain, run
from acidtest.world.databases.mariadb.statement import LOCK, WRITE
from acidtest.world.databases.mariadb.watch import QUICK, SLOW

if TYPE_CHECKING:
    from collections.abc import Hashable

    from acidtest.errors import BackendUnavailable

_SERIALIZABLE, _REPEATABLE = "SERIALIZABLE", "REPEATABLE READ"


class Store(Keeper, Protocol):
    """What a connection needs of its database.

    `disturbed` says that a reset has something to do; `own` is what of the server's list of prepared transactions is its own.
    """

    disturbed: bool
    own: Own

    def number(self, history: Hashable) -> int:
        """A number, from 1, for what has been done: equal histories have the same, and no others."""

    def going_on(self, session: int, level: str, *, numbers: bool) -> None:
        """A transaction is open, or a statement waits, in a session."""

    def ended(self, session: int) -> None:
        """No transaction is open any more in a session."""

    def deleted(self, chain: int) -> None:
        """A transaction that deleted something has been committed; `chain` determines what."""

    def full(self) -> BackendUnavailable | None:
        """What is to be said where the server has died of a full disk."""

    def redefine(self) -> None:
        """The schema may have changed."""

    def postpone(self, landing: Landing, fact: Hashable) -> None:
        """Hand over a transaction whose end is to come later; `fact` determines what it will do."""


class Waiting(Plain):
    """What of a connection has to do with waiting.

    `chain` stands for what the open transaction has done and seen, `level` is its isolation level. A server gives up waiting for a
    lock after a time, fifty seconds unless it is told otherwise. `answered` says that the statement that waited has got its
    answer. `_unread` stays where whoever waited was given up: of such a session nothing can be read any more.
    """

    database: Store
    gives_up = True
    lost = False
    answered = False
    chain = 0
    level = _REPEATABLE
    _waits = False
    _victim = ""
    _bare = 0
    _sent = False
    _unread = False
    _effect: Effect | None = None

    @abstractmethod
    def _roll_back(self) -> None:
        """Roll back the open transaction, on the world's account."""

    @property
    def number(self) -> int:
        """The number of its session."""
        return int(self.server_thread_id[0])

    def fileno(self) -> int:
        """Of its socket; -1 where it is closed."""
        return -1 if self._sock is None else int(self._sock.fileno())

    def _quietly(self, command: str) -> None:
        """Run a statement of the world's own."""
        self._bare += 1
        try:
            run(self, command)
        finally:
            self._bare -= 1

    def _execute_command(self, command: Any, sql: Any) -> None:
        super()._execute_command(command, sql)
        self._sent = not self._bare

    def _read_packet(self, *args: Any, **options: Any) -> Any:
        """The first packet of an answer may have to be waited for; that it was cancelled may be said in a later one."""
        if self._sent:
            self._sent, self._unread = False, True
            self._await(current_task())
            self._unread = False
        try:
            return super()._read_packet(*args, **options)
        except err.MySQLError as error:
            if self._victim and error.args[0] == INTERRUPTED:
                self._give_way()
            raise

    def _await(self, task: Task | None) -> None:
        """Wait for the answer; where the statement waits for a lock, let others go on. Who is no task is not let wait."""
        if task is not None and not task.process.alive:
            return
        effect = self._effect or Effect("other", self.database.name, "wait for a lock")
        glance = QUICK if task is None or effect.kind in (WRITE, LOCK) or self.level == _SERIALIZABLE else SLOW
        while not self.database.watch.await_answer(self, glance, cancelled=bool(self._victim)):
            if task is None:
                self._victim = REFUSED
                self.database.watch.cancel(self.number)
            else:
                self._queue(task, effect)
            if self.lost:  # the server has died meanwhile
                raise err.OperationalError(*GONE)

    def _queue(self, task: Task, effect: Effect) -> None:
        """Wait in the server's queue; whoever is chosen as the victim of a deadlock is cancelled."""
        watch, database = self.database.watch, self.database
        self._waits, self.answered = True, False
        watch.park(self)
        database.going_on(self.number, self.level, numbers=False)
        task.process.remember((task.name, effect.fingerprint, "waits"))
        lasts = LOST in effect.faults
        answer = Effect("reply" if lasts else effect.kind, effect.where, f"{effect.what}, answered", effect.detail, local=True)
        try:
            while not self.answered:
                if task.block(answer, self) == DEADLOCK and not self.answered:
                    self._victim = DEADLOCK if watch.is_deadlocked(self) else REFUSED
                    watch.cancel(self.number)
                    break
        finally:
            self._waits = False
            watch.forget(self)

    def _give_way(self) -> None:
        """What waited was cancelled: a deadlock has rolled back its transaction, a time-out the statement alone."""
        fault, self._victim = self._victim, ""
        if fault == DEADLOCK:
            self._roll_back()
        say(fault)

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
