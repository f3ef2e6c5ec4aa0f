"""The saga without an orchestrator: services that act on each other's events, and compensate when one behind them fails.

Every service commits its step together with the event that says so, in its own database, and a relay publishes the event (an
outbox). The row of an order is its own inbox: an event that comes again finds that the step was done. Events go forward from
service to service; failures go back the same way: who refuses says so, who hears that the step behind its own is out of
effect compensates its own, or bars it where it has not come yet, and says so in turn. So compensation runs last first, and
reaches everybody.

The first service, payment, answers for the order: it learns that the last step is done, or that its own is undone. It also owns
the timer. When that fires the pivot is asked to give up, whose database alone knows whether it was in time; if it was, the
failure runs back through everybody.

Sources: Garcia-Molina & Salem, "Sagas", SIGMOD 1987; Richardson, "Microservices Patterns", 2018, section 4.2.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import sqlalchemy as sa

from acidtest.environment import Outcome
from acidtest.impl.dialects import Name, Once, returned
from acidtest.impl.outbox import Relay, outbox
from acidtest.impl.outbox import metadata as outbox_metadata

if TYPE_CHECKING:
    from acidtest.environment import Delivery, Environment

#: The services, one for each step, and the last step that may be refused: after it there is no way back.
SERVICES = ("payment", "stock", "booking", "shipping")
PIVOT = 2
#: What the booking and the shipping of an order take one of.
PLACE, PARCEL = "place", "parcel"
#: What a service says of its own step, and what payment says when it has lost patience.
WENT_ON, FAILED, UNDONE, CANCEL = "done", "failed", "undone", "cancel"

PATIENCE = 3_600.0  #: seconds after which an order that has not ended is given up, if it still can be

metadata = sa.MetaData()
resources = sa.Table(
    "resources", metadata,
    sa.Column("id", Name, primary_key=True),
    sa.Column("available", sa.BigInteger, nullable=False),
)  # fmt: skip
#: One row per order. Its status is done, completed (at payment), undone, refused, or barred: cancelled before it came.
steps = sa.Table(
    "steps", metadata,
    sa.Column("key", Name, primary_key=True),
    sa.Column("status", Name, nullable=False),
    sa.Column("resource", Name, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("details", sa.Text, nullable=False),
    sa.Column("since", sa.Double, nullable=False),
    sa.Column("cancelled", sa.Boolean, nullable=False, default=False),
)  # fmt: skip
#: The business ledger: what was taken for an order, and given back.
entries = sa.Table(
    "entries", metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("key", Name, nullable=False),
    sa.Column("what", Name, nullable=False),
    sa.Column("resource", Name, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
)  # fmt: skip

#: Opens the row of an order; of one that is there already nothing changes.
open_row = Once(
    "INSERT INTO steps (key, status, resource, amount, details, since, cancelled) "
    "VALUES (:key, :status, :resource, :amount, :details, :since, false) ON CONFLICT (key) DO NOTHING"
)
find = sa.select(steps).where(steps.c.key == sa.bindparam("k"))
#: Moves an order from one status to another, if it has the first, and returns its row.
turn = (
    sa.update(steps)
    .where(steps.c.key == sa.bindparam("k"), steps.c.status == sa.bindparam("was"))
    .values(status=sa.bindparam("now"))
    .returning(*steps.c)
)
take = (
    sa.update(resources)
    .where(resources.c.id == sa.bindparam("resource"), resources.c.available >= sa.bindparam("amount"))
    .values(available=resources.c.available - sa.bindparam("amount"))
)
give_back = (
    sa.update(resources)
    .where(resources.c.id == sa.bindparam("resource"))
    .values(available=resources.c.available + sa.bindparam("amount"))
)
give_up = (
    sa.update(steps)
    .where(steps.c.status == "done", ~steps.c.cancelled, steps.c.since <= sa.bindparam("old"))
    .values(cancelled=True)
    .returning(*steps.c)
)

#: A row of steps. SQLAlchemy 2.0 and 2.1 spell the type of a row differently.
Row: TypeAlias = Any
Details: TypeAlias = dict[str, Any]


class Participant(Relay):
    """One service, the one that `env.service` names.

    Arguments:
        env: gives the service, its database, the broker and the clock.
    """

    #: The statements of which a mistake is plausible.
    open_row: ClassVar[sa.Executable] = open_row
    turn: ClassVar[sa.Executable] = turn
    take: ClassVar[sa.Executable] = take
    give_back: ClassVar[sa.Executable] = give_back

    def __init__(self, env: Environment) -> None:
        """Keep what is needed; nothing is read or written yet."""
        super().__init__(env, "orders")
        self.service = env.service
        self.step = SERVICES.index(env.service)
        self.last = len(SERVICES) - 1

    @property
    def topics(self) -> tuple[str, ...]:
        """Which events are of interest: before, that it went on; behind, that it did not; of the last, that all is done."""
        before = [f"{name}.{WENT_ON}" for name in SERVICES[:-1][self.step - 1 : self.step] or SERVICES[-1:]]
        behind = [f"{name}.{kind}" for name in SERVICES[self.step + 1 : PIVOT + 1] for kind in (FAILED, UNDONE)][:2]
        return (*before, *behind, *([f"{SERVICES[0]}.{CANCEL}"] if self.step == PIVOT else ()))

    def install(self, opening: dict[str, int]) -> None:
        """Create the schema, and put there what there is."""
        metadata.create_all(self.engine)
        outbox_metadata.create_all(self.engine, [outbox])
        if opening:
            with self.engine.begin() as connection:
                connection.execute(sa.insert(resources), [{"id": name, "available": n} for name, n in opening.items()])

    # Clients, at payment:

    def start(self, key: str, account: str, amount: int, item: str, quantity: int) -> Outcome:
        """Place an order, once per `key`: debit the account, and let stock hear of it."""
        if amount <= 0 or quantity <= 0:
            return Outcome.REJECTED
        details = {"account": account, "amount": amount, "item": item, "quantity": quantity}
        with self.engine.begin() as connection:
            if self._do(connection, key, details):
                return Outcome.OK
            known = connection.execute(find, {"k": key}).one()
            return Outcome.OK if json.loads(known.details) == details else Outcome.REJECTED

    def status(self, key: str) -> str | None:
        """How an order stands: running, completed, compensated, or None for one that is not known."""
        with self.engine.connect() as connection:
            row = connection.execute(find, {"k": key}).one_or_none()
        return None if row is None else {"done": "running", "completed": "completed"}.get(row.status, "compensated")

    # Events:

    def handle(self, message: Delivery) -> None:
        """Act on an event of another service."""
        event = json.loads(message.payload)
        kind, step = event["kind"], SERVICES.index(event["service"])
        with self.engine.begin() as connection:
            if kind == WENT_ON and step == self.step - 1:
                self._do(connection, message.key, event["details"])
            elif kind == WENT_ON and step == self.last and self.step == 0:
                self._turn(connection, message.key, "completed")
            elif kind in (FAILED, UNDONE) and step == self.step + 1:
                self._undo(connection, message.key, event["details"])
            elif kind == CANCEL and self.step == PIVOT:
                self._bar(connection, message.key, event["details"])

    def _do(self, connection: sa.Connection, key: str, details: Details) -> bool:
        """Do the step, or refuse it, and say so; False where the order has been here before."""
        resource, amount = self._takes(details)
        if not self._open(connection, key, "done", details):
            return False
        if self._take(connection, key, resource, amount):
            self._emit(connection, key, WENT_ON, details)
        else:
            self._refuse(connection, key, details)
        return True

    def _refuse(self, connection: sa.Connection, key: str, details: Details) -> None:
        """Say no, for good."""
        self._turn(connection, key, "refused")
        self._emit(connection, key, FAILED, details)

    def _undo(self, connection: sa.Connection, key: str, details: Details) -> None:
        """Compensate the step, or bar it, and say so."""
        if self._bar(connection, key, details):
            return
        row = self._turn(connection, key, "undone")
        if row is not None:
            self._give_back(connection, row, details)
            self._emit(connection, key, UNDONE, details)

    def _bar(self, connection: sa.Connection, key: str, details: Details) -> bool:
        """See to it that the step will never be done, if it has not been done yet."""
        if not self._open(connection, key, "barred", details):
            return False
        self._emit(connection, key, FAILED if self.step == PIVOT else UNDONE, details)
        return True

    def _takes(self, details: Details) -> tuple[str, int]:
        """What the step takes, and how much of it."""
        own = {"payment": (details["account"], details["amount"]), "stock": (details["item"], details["quantity"])}
        return own.get(self.service, (PLACE if self.step == PIVOT else PARCEL, 1))

    def _open(self, connection: sa.Connection, key: str, status: str, details: Details) -> bool:
        """Make the row of an order; False where there is one."""
        resource, amount = self._takes(details)
        row = {"key": key, "status": status, "resource": resource, "amount": amount}
        written = {**row, "details": json.dumps(details), "since": self.clock.now()}
        return connection.execute(self.open_row, written).rowcount == 1

    def _take(self, connection: sa.Connection, key: str, resource: str, amount: int) -> bool:
        """Take what the step needs; of parcels there is no end."""
        taken = self.step == self.last or connection.execute(self.take, {"resource": resource, "amount": amount}).rowcount == 1
        if taken:
            self._enter(connection, key, "do", resource, amount)
        return taken

    def _give_back(self, connection: sa.Connection, row: Row, details: Details) -> None:  # noqa: ARG002 - as recorded, not as told
        """Give back what the step took."""
        connection.execute(self.give_back, {"resource": row.resource, "amount": row.amount})
        self._enter(connection, row.key, "undo", row.resource, row.amount)

    def _enter(self, connection: sa.Connection, key: str, what: str, resource: str, amount: int) -> None:
        """Write into the business ledger."""
        connection.execute(sa.insert(entries), {"key": key, "what": what, "resource": resource, "amount": amount})

    def _turn(self, connection: sa.Connection, key: str, now: str) -> Row | None:
        """Let an order that is done be something else; None where it is not done, or not any more."""
        return returned(connection, self.turn, {"k": key, "was": "done", "now": now}).one_or_none()

    def _emit(self, connection: sa.Connection, key: str, kind: str, details: Details) -> None:
        """Owe an event, in the same transaction."""
        payload = json.dumps({"kind": kind, "service": self.service, "details": details})
        row = {"id": f"{self.service}.{kind}/{key}", "key": key, "payload": payload, "created": self.clock.now()}
        connection.execute(sa.insert(outbox), row)

    def _publish(self, row: Row) -> None:
        _, message_id, key, payload, _ = row
        self.broker.publish(message_id, key, payload, topic=message_id.partition("/")[0])

    def tick(self) -> None:
        """Give up the orders of which nothing has been heard for too long, if they still can be."""
        if self.step == 0:
            with self.engine.begin() as connection:
                for row in returned(connection, give_up, {"old": self.clock.now() - PATIENCE}).all():
                    self._emit(connection, row.key, CANCEL, json.loads(row.details))

    # Looking:

    def ledger(self) -> list[tuple[str, str, str, int]]:
        """What was done and undone: (order, do or undo, resource, amount), in order for each order."""
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(entries).order_by(entries.c.seq))
            return [(row.key, row.what, row.resource, row.amount) for row in rows]

    def balances(self) -> dict[str, int]:
        """What there is of every resource."""
        with self.engine.connect() as connection:
            return {row.id: row.available for row in connection.execute(sa.select(resources))}
