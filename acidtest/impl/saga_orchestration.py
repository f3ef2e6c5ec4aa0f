"""The saga with an orchestrator: orders that are filled step by step by other services, or taken back last step first.

An order has one row, whose cursor says what is commanded: the step, and in which direction. The cursor is written before the
command is sent, so that after a crash the same command is sent again; the services know it by the order's key. It is moved by
compare and set only: of two processes that drive one order, and of a late answer and a timeout, one wins and the other stops.

An order that is not answered is left alone, to be tried again when its lease has run out. One that is past its deadline turns
back, beginning with the step that was not answered, which may have been done. Whether the pivot was done only its own service
can say: it is told to undo it, and if it refuses, the order goes forward.

Sources: Garcia-Molina & Salem, "Sagas", SIGMOD 1987; Richardson, "Microservices Patterns", 2018, section 4.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeAlias

import sqlalchemy as sa

from acidtest.environment import CallRefused, CallTimeout, Outcome
from acidtest.impl.dialects import Name, Once, returned

if TYPE_CHECKING:
    from acidtest.environment import Environment, Reply

#: The services, one for each step, and the last step that may be refused: after it there is no way back.
SERVICES = ("payment", "stock", "booking", "shipping")
PIVOT = 2
DO, UNDO, COMPLETED, COMPENSATED = "do", "undo", "completed", "compensated"

LEASE = 30.0  #: seconds for which an order is left to the process that drives it
PATIENCE = 3_600.0  #: seconds after which an order that is not past the pivot turns back

metadata = sa.MetaData()
orders = sa.Table(
    "orders", metadata,
    sa.Column("key", Name, primary_key=True),
    sa.Column("account", Name, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("item", Name, nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    sa.Column("direction", Name, nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("deadline", sa.Double, nullable=False),
    sa.Column("until", sa.Double, nullable=False),
)  # fmt: skip

place = Once(
    "INSERT INTO orders (key, account, amount, item, quantity, direction, step, deadline, until) "
    "VALUES (:key, :account, :amount, :item, :quantity, 'do', 0, :deadline, :until) ON CONFLICT (key) DO NOTHING RETURNING *"
)
find = sa.select(orders).where(orders.c.key == sa.bindparam("k"))
pending = orders.c.direction.in_([DO, UNDO])
overdue = sa.select(orders).where(pending, orders.c.until <= sa.bindparam("now")).order_by(orders.c.key)
lease = (
    sa.update(orders)
    .where(orders.c.key == sa.bindparam("k"), orders.c.until == sa.bindparam("was"))
    .values(until=sa.bindparam("then"))
)
#: Moves the cursor, if it still stands where it was read, and returns the row as it is then.
move = (
    sa.update(orders)
    .where(
        orders.c.key == sa.bindparam("k"),
        orders.c.direction == sa.bindparam("direction_read"),
        orders.c.step == sa.bindparam("step_read"),
    )
    .values(direction=sa.bindparam("to_direction"), step=sa.bindparam("to_step"))
    .returning(*orders.c)
)

#: A row of orders. SQLAlchemy 2.0 and 2.1 spell the type of a row differently.
Row: TypeAlias = Any


class Cursor(NamedTuple):
    """Where an order stands: what is commanded (do or undo) of which step, or how it has ended."""

    direction: str
    step: int


class Orchestrator:
    """Orders that other services fill.

    Arguments:
        env: gives the database "orders", the clock, and calls of the services.
    """

    #: The statements of which a mistake is plausible, and the tables.
    place: ClassVar[sa.Executable] = place
    move: ClassVar[sa.Executable] = move
    overdue: ClassVar[sa.Executable] = overdue
    metadata: ClassVar[sa.MetaData] = metadata
    lease_lasts: ClassVar[float] = LEASE

    def __init__(self, env: Environment) -> None:
        """Keep what is needed; nothing is read or written yet."""
        self.engine = env.engine("orders")
        self.clock = env.clock
        self.call = env.call

    def install(self) -> None:
        """Create the schema."""
        self.metadata.create_all(self.engine)

    def start(self, key: str, account: str, amount: int, item: str, quantity: int) -> Outcome:
        """Place an order, once per `key`, and fill it as far as that can be done now."""
        order = {"key": key, "account": account, "amount": amount, "item": item, "quantity": quantity}
        if not self._is_valid(order):
            return Outcome.REJECTED
        row = self._place(order)
        if row is None:
            return self._answered(order)
        self._drive(row)
        return Outcome.OK

    def _is_valid(self, order: dict[str, Any]) -> bool:
        return bool(order["amount"] > 0 and order["quantity"] > 0)

    def _place(self, order: dict[str, Any]) -> Row | None:
        """Write the row of a new order; None where there is one under its key."""
        now = self.clock.now()
        with self.engine.begin() as connection:
            times = {"deadline": now + PATIENCE, "until": now + self.lease_lasts}
            return connection.execute(self.place, {**order, **times}).one_or_none()

    def _answered(self, order: dict[str, Any]) -> Outcome:
        row = self._find(order["key"])
        return Outcome.OK if all(getattr(row, name) == value for name, value in order.items()) else Outcome.REJECTED

    def _find(self, key: str) -> Row | None:
        with self.engine.connect() as connection:
            return connection.execute(find, {"k": key}).one_or_none()

    # Driving:

    def _drive(self, row: Row | None) -> None:
        """Send one command after the other, until one is not answered, the order has ended, or another has taken over."""
        while row is not None and row.direction in (DO, UNDO):
            try:
                answer = self._command(row)
            except (CallRefused, CallTimeout):
                return
            row = self._learn(row, answer)

    def _command(self, row: Row) -> Outcome:
        """Tell the service to do its step, or to undo it."""
        service = SERVICES[row.step]
        payload = {"payment": (row.account, row.amount), "stock": (row.item, row.quantity)}.get(service, ())
        return Outcome(self.call(service, row.direction, self._operation(row), row.key, *(payload if row.direction == DO else ())))

    def _operation(self, row: Row) -> str:
        """The name by which a service knows a command that comes again, and what is to be undone."""
        return str(row.key)

    def _learn(self, row: Row, answer: Outcome) -> Row | None:
        """Move the cursor as the answer to its command asks for; None where it does not stand there any more."""
        return self._move(row, self._next(row, answer))

    def _next(self, row: Row, answer: Outcome) -> Cursor:
        """Where the cursor goes from there."""
        if row.direction == DO:
            return self._forward(row.step) if answer == Outcome.OK else self._back(row.step)
        return self._back(row.step) if answer == Outcome.OK else self._forward(row.step)  # only the pivot refuses: it is done

    def _forward(self, step: int) -> Cursor:
        return Cursor(DO, step + 1) if step + 1 < len(SERVICES) else Cursor(COMPLETED, step)

    def _back(self, step: int) -> Cursor:
        return Cursor(UNDO, step - 1) if step else Cursor(COMPENSATED, 0)

    def _move(self, row: Row, to: Cursor) -> Row | None:
        with self.engine.begin() as connection:
            read = {"k": row.key, "direction_read": row.direction, "step_read": row.step}
            return returned(connection, self.move, {**read, "to_direction": to.direction, "to_step": to.step}).one_or_none()

    # What happens besides:

    def tick(self) -> None:
        """Go on with the orders that nobody drives; those that are past their deadline turn back."""
        now = self.clock.now()
        with self.engine.connect() as connection:
            rows = connection.execute(self.overdue, {"now": now}).all()
        for row in rows:
            if self._lease(row, now):
                self._drive(self._move(row, self._turn(row)) if self._is_late(row, now) else row)

    def _lease(self, row: Row, now: float) -> bool:
        with self.engine.begin() as connection:
            return bool(connection.execute(lease, {"k": row.key, "was": row.until, "then": now + self.lease_lasts}).rowcount)

    def _turn(self, row: Row) -> Cursor:
        """Where an order begins to go back: with the step that was not answered."""
        return Cursor(UNDO, row.step)

    def _is_late(self, row: Row, now: float) -> bool:
        return bool(row.direction == DO and row.step <= PIVOT and row.deadline <= now)

    def on_reply(self, reply: Reply) -> None:
        """A service answers after all, or once more."""
        row = self._find(reply.arguments[1])
        if row is not None and self._awaits(row, reply):
            self._drive(self._learn(row, Outcome(reply.answer)))

    def _awaits(self, row: Row, reply: Reply) -> bool:
        """Whether it answers the command that the cursor stands at."""
        return (row.direction, SERVICES[row.step]) == (reply.method, reply.service)

    def recover(self) -> None:
        """Go on where the orders stand."""
        self.tick()

    def status(self, key: str) -> str | None:
        """How an order stands: running, completed, compensated, or None for one that is not known."""
        row = self._find(key)
        if row is None:
            return None
        return "running" if row.direction in (DO, UNDO) else str(row.direction)
