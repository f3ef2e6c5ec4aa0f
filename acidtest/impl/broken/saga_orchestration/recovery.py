"""Mutants of what happens besides: ticks, recovery, leases, two executors, and answers that come late or once more."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from acidtest.environment import CallRefused, Outcome
from acidtest.impl.saga_orchestration import (
    COMPENSATED,
    DO,
    SERVICES,
    UNDO,
    Cursor,
    Orchestrator,
    Row,
    lease,
    orders,
    overdue,
    pending,
)

if TYPE_CHECKING:
    from acidtest.environment import Environment, Reply

FOREVER = 1e12  #: seconds since the epoch
MOST, VERY_MOST = 5, 1_000  #: attempts

_this = orders.c.key == sa.bindparam("k")
_values: dict[str, sa.BindParameter[object]] = {"direction": sa.bindparam("to_direction"), "step": sa.bindparam("to_step")}
_direction_read = orders.c.direction == sa.bindparam("direction_read")
_step_read = orders.c.step == sa.bindparam("step_read")


# Two executors.


class ComparesNothing(Orchestrator):
    """Moves the cursor wherever it stands, for it holds a lease (S6, S10)."""

    move = sa.update(orders).where(_this).values(_values).returning(*orders.c)


class ComparesStepOnly(Orchestrator):
    """Moves the cursor if it stands at the same step, in whichever direction (S6)."""

    move = sa.update(orders).where(_this, _step_read).values(_values).returning(*orders.c)


class ComparesDirectionOnly(Orchestrator):
    """Moves the cursor if the order still goes in the same direction, wherever it stands (S8, S10)."""

    move = sa.update(orders).where(_this, _direction_read).values(_values).returning(*orders.c)


class LoserGoesOn(Orchestrator):
    """Goes on with the next step although another has moved the cursor (S8, S10)."""

    def _move(self, row: Row, to: Cursor) -> Row | None:
        moved = super()._move(row, to)
        if moved is not None:
            return moved
        columns = {name: getattr(row, name) for name in orders.c.keys()}  # noqa: SIM118 - a collection of columns
        return SimpleNamespace(**{**columns, **to._asdict()})


class TurnedUnseen(Orchestrator):
    """Turns an order back that was not at an end when it looked (S6)."""

    _turned = sa.update(orders).where(_this).values(_values).returning(*orders.c)

    def _move(self, row: Row, to: Cursor) -> Row | None:
        if (row.direction, to.direction, to.step) != (DO, UNDO, row.step):
            return super()._move(row, to)
        with self.engine.begin() as connection:
            parameters = {"k": row.key, "to_direction": to.direction, "to_step": to.step}
            return connection.execute(self._turned, parameters).one_or_none()


class RunNamedByExecutor(Orchestrator):
    """Names its commands after the executor: who takes over from one that is alive does everything again (O4)."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.run = env.new_id()

    def _operation(self, row: Row) -> str:
        return f"{row.key} {self.run}"


class LiveRunRepeated(RunNamedByExecutor):
    """Takes over whatever is not at an end, without waiting for a lease, under names of its own (S4)."""

    overdue = sa.select(orders).where(pending).order_by(orders.c.key)


class StepIdNeverSaved(Orchestrator):
    """Saves the name of a step by a hook that nobody calls: after a crash the step is done again (S3)."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.new_id = env.new_id
        self.names: dict[tuple[str, int], str] = {}

    def _operation(self, row: Row) -> str:
        return self.names.setdefault((row.key, row.step), self.new_id())

    def on_step_begun(self, row: Row) -> None:
        """Write the name down; what calls the hooks calls this one `on_begun`."""


_audited = sa.MetaData()
orders.to_metadata(_audited)
_audit = sa.Table("audit", _audited, *(sa.Column(name, sa.Text) for name in ("key", "direction", "step")))


class AuditInOwnTransaction(Orchestrator):
    """Writes its audit by another connection while the transaction of the cursor is open (G9)."""

    metadata = _audited

    def _move(self, row: Row, to: Cursor) -> Row | None:
        with self.engine.begin() as connection:
            read = {"k": row.key, "direction_read": row.direction, "step_read": row.step}
            moved: Row = connection.execute(self.move, {**read, "to_direction": to.direction, "to_step": to.step}).one_or_none()
            with self.engine.begin() as other:
                other.execute(sa.insert(_audit), {"key": row.key, "direction": to.direction, "step": str(to.step)})
        return moved


# What nobody looks after.


class OnlyBackwardRecovered(Orchestrator):
    """Looks after orders that go back, and not after those that went forward when a process died (O1, G6, S5.tail)."""

    overdue = overdue.where(orders.c.direction == UNDO)


class LeaseWithoutEnd(Orchestrator):
    """Gives orders to the process that began them, for good: nobody goes on when it has died (O1, G6)."""

    lease_lasts = FOREVER


class LooksOnlyAtStart(Orchestrator):
    """Looks after what is left whenever a process starts, and at no other time (G6, S5.tail, O5)."""

    def tick(self) -> None:
        """Do nothing: there is recovery."""

    def recover(self) -> None:
        """Go on where the orders stand."""
        super().tick()


class TakenFromQueue(Orchestrator):
    """Takes an order out of the queue while it works on it, and puts it back when it has done what it could (O1, O5)."""

    _put_back = sa.update(orders).where(_this).values(until=sa.bindparam("then"))

    def _lease(self, row: Row, now: float) -> bool:  # noqa: ARG002 - it takes it for as long as it takes
        with self.engine.begin() as connection:
            return bool(connection.execute(lease, {"k": row.key, "was": row.until, "then": FOREVER}).rowcount)

    def tick(self) -> None:
        """Go on with the orders of the queue."""
        now = self.clock.now()
        with self.engine.connect() as connection:
            rows = connection.execute(self.overdue, {"now": now}).all()
        for row in rows:
            if self._lease(row, now):
                self._drive(self._move(row, self._turn(row)) if self._is_late(row, now) else row)
                with self.engine.begin() as connection:
                    connection.execute(self._put_back, {"k": row.key, "then": now + self.lease_lasts})


_counted = sa.MetaData()
orders.to_metadata(_counted)
_attempts = sa.Table("attempts", _counted, sa.Column("key", sa.Text, primary_key=True), sa.Column("n", sa.Integer, nullable=False))
_count = sa.text("INSERT INTO attempts VALUES (:key, 1) ON CONFLICT (key) DO UPDATE SET n = attempts.n + 1")


class AbandonedAfterAttempts(Orchestrator):
    """Tries five times, and then never looks at the order again (O5)."""

    metadata = _counted
    overdue = overdue.where(~sa.exists().where(_attempts.c.key == orders.c.key, _attempts.c.n >= MOST))

    def _lease(self, row: Row, now: float) -> bool:
        leased = super()._lease(row, now)
        with self.engine.begin() as connection:
            connection.execute(_count, {"key": row.key})
        return leased


class AbandonedInTheEnd(AbandonedAfterAttempts):
    """Tries a thousand times, which no test of its authors does, and then never looks at the order again (O5)."""

    overdue = overdue.where(~sa.exists().where(_attempts.c.key == orders.c.key, _attempts.c.n >= VERY_MOST))


# Timers and recovery that know too little.


class LateTimer(Orchestrator):
    """Looks for orders that began long ago, also those that are filled: they are taken back (S6)."""

    overdue = sa.select(orders).where(orders.c.until <= sa.bindparam("now")).order_by(orders.c.key)

    def _is_late(self, row: Row, now: float) -> bool:
        return bool(row.direction not in (UNDO, COMPENSATED) and row.deadline <= now)


class RequeuedOnStart(Orchestrator):
    """Puts every order back to its first step when it starts, also those that are filled (S6)."""

    def recover(self) -> None:
        """Begin again."""
        with self.engine.begin() as connection:
            connection.execute(sa.update(orders).where(orders.c.direction != UNDO).values(direction=DO, step=0))
        super().recover()


class ForkedOnRecovery(Orchestrator):
    """Has lost the key of the order that it recovers, and starts a new one (S8)."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.new_id = env.new_id

    def recover(self) -> None:
        """Start again what has not ended."""
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(orders).where(pending)).all()
        for row in rows:
            self.start(self.new_id(), row.account, row.amount, row.item, row.quantity)


# Answers that come late, or once more.


class ReplyNotMatched(Orchestrator):
    """Takes any answer about an order for the answer to the command that it waits for (S2, S5, S10)."""

    def _awaits(self, row: Row, reply: Reply) -> bool:  # noqa: ARG002 - any
        return row.direction in (DO, UNDO)


class ReplyMatchedByService(Orchestrator):
    """Takes the answer to a step for that to its compensation (S2, S10)."""

    def _awaits(self, row: Row, reply: Reply) -> bool:
        return row.direction in (DO, UNDO) and SERVICES[row.step] == reply.service


class ReplyToTheEnded(Orchestrator):
    """Goes on with an order that has ended when an answer comes once more (S6)."""

    def _awaits(self, row: Row, reply: Reply) -> bool:
        return super()._awaits(row, reply) or row.direction not in (DO, UNDO)


class RetryTimerInMemory(Orchestrator):
    """Leaves an order whose call was refused to a timer in memory, which a crash takes along (O1)."""

    _hold = sa.update(orders).where(_this).values(until=FOREVER)

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.timers: set[str] = set()

    def _command(self, row: Row) -> Outcome:
        try:
            return super()._command(row)
        except CallRefused:
            self.timers.add(row.key)
            with self.engine.begin() as connection:
                connection.execute(self._hold, {"k": row.key})
            raise

    def tick(self) -> None:
        """Go on with what a timer is for, and with what nobody drives."""
        super().tick()
        for key in sorted(self.timers):
            self.timers.discard(key)
            self._drive(self._find(key))
