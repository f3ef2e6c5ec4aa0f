"""A shop on the net: an order reserves goods, is paid by card, and is shipped; the customer is written to, and sees a catalogue.

- *orders* has the reference for a saga with an orchestrator, whose pivot is the payment, and which owes the customer a letter in the
  transaction in which an order ends (outbox);
- *payments* is the reference for reserve/confirm with an external system: the card's gateway;
- *warehouse* is the reference for a service that takes part in TCC, with goods for accounts: an item is held, and then taken or
  given back. It owes the catalogue a message about every change of what is available;
- *catalogue* is a view of that (CQRS): what customers see, late, and on which nothing is decided.

Source: what the overview recommends for shops; Helland, "Life beyond distributed transactions", 2007.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

import sqlalchemy as sa

from acidtest.environment import CallTimeout, Outcome, Status
from acidtest.impl import reserve_confirm
from acidtest.impl.architectures.letters import Letters
from acidtest.impl.dialects import Name, Newest, returned
from acidtest.impl.reserve_confirm import Withdrawals
from acidtest.impl.saga_orchestration import COMPENSATED, COMPLETED, DO, Cursor, Orchestrator
from acidtest.impl.tcc import AccountService, accounts

if TYPE_CHECKING:
    from acidtest.environment import Delivery, Environment
    from acidtest.impl.saga_orchestration import Row

ORDERS, PAYMENTS, WAREHOUSE, CATALOGUE = SERVICES = ("orders", "payments", "warehouse", "catalogue")
#: The steps of an order: hold the goods, have them paid, ship them. There is no way back once they are paid.
HOLD, PAY, SHIP = range(3)
#: Where the warehouse publishes what is available.
AVAILABLE = "available"
GATEWAY = "gateway"

viewing = sa.MetaData()
catalogue = sa.Table(
    "catalogue", viewing,
    sa.Column("item", Name, primary_key=True),
    sa.Column("available", sa.BigInteger, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)  # fmt: skip
#: What is older than what is shown already is passed over.
show = Newest(
    "INSERT INTO catalogue (item, available, version) VALUES (:item, :available, :version) ON CONFLICT (item) "
    "DO UPDATE SET available = excluded.available, version = excluded.version WHERE catalogue.version < excluded.version"
)
stocking = sa.MetaData()
versions = sa.Table(
    "versions", stocking, sa.Column("item", Name, primary_key=True), sa.Column("version", sa.Integer, nullable=False),
)  # fmt: skip
next_version = (
    sa.update(versions).where(versions.c.item == sa.bindparam("i")).values(version=versions.c.version + 1).returning(versions.c.version)
)


class Orders(Orchestrator):
    """Orders, each from its first step to its end, and the letter about it."""

    def __init__(self, env: Environment) -> None:
        """Keep what is needed; nothing is read or written yet."""
        super().__init__(env)
        self.letters = Letters(env, "orders")

    def install(self, opening: dict[str, int] | None = None) -> None:  # noqa: ARG002 - it has nothing
        """Create the schema."""
        super().install()
        self.letters.install()

    def _command(self, row: Row) -> Outcome:
        """Tell the service to do its step, or to undo it. A payment that is pending has not been answered."""
        if row.step == PAY:
            answer = self.call(PAYMENTS, "withdraw", row.key, row.account, row.amount)
            if answer == "pending":
                raise CallTimeout(row.key)
            return Outcome(answer)
        if row.step == SHIP:
            return Outcome(self.call(WAREHOUSE, "confirm", row.key, "1"))
        if row.direction == DO:
            return Outcome(self.call(WAREHOUSE, "try_", row.key, "1", row.item, row.quantity))
        return Outcome(self.call(WAREHOUSE, "cancel", row.key, "1"))

    def _forward(self, step: int) -> Cursor:
        return Cursor(DO, step + 1) if step < SHIP else Cursor(COMPLETED, step)

    def _is_late(self, row: Row, now: float) -> bool:  # noqa: ARG002 - no time decides
        """Only the payment decides: whoever has paid gets it, however late that becomes known."""
        return False

    def _move(self, row: Row, to: Cursor) -> Row | None:
        """Move the cursor; where the order ends by that, owe the letter in the same transaction."""
        with self.engine.begin() as connection:
            read = {"k": row.key, "direction_read": row.direction, "step_read": row.step}
            moved = returned(connection, self.move, {**read, "to_direction": to.direction, "to_step": to.step}).one_or_none()
            if moved is not None and to.direction in (COMPLETED, COMPENSATED):
                self._owe(connection, moved)
            return moved

    def _owe(self, connection: sa.Connection, row: Row) -> None:
        self.letters.owe(connection, f"letter {row.key}", row.account, {"order": row.key, "ended": row.direction})

    def relay(self) -> None:
        """Send letters that are owed."""
        self.letters.relay()

    def tick(self) -> None:
        """Go on with the orders that nobody drives."""
        super().tick()


class Payments(Withdrawals):
    """Payments by card, through the gateway."""

    def __init__(self, env: Environment) -> None:
        """Keep what is needed; nothing is read or written yet."""
        super().__init__(env)
        self.atm = env.external(GATEWAY)

    def withdraw(self, client_key: str, user: str, amount: int) -> reserve_confirm.Answer:
        """Have the card pay, once per key; of what is pending, ask how it stands."""
        answer = super().withdraw(client_key, user, amount)
        return answer if answer != "pending" else self._asked(client_key)

    def _asked(self, key: str) -> reserve_confirm.Answer:
        receipt = self.atm.inquire(self._order_key(key))
        if receipt.status in (Status.DONE, Status.DECLINED, Status.VOIDED):
            self._learn(receipt)
        return self.status(key) or "pending"

    def relay(self) -> None:
        """Nothing is owed."""

    def balances(self) -> dict[str, int]:
        """What every card has, by our books."""
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(reserve_confirm.accounts))
            return {row.id: row.balance for row in rows}

    def held(self) -> dict[str, int]:
        """What is held of every card."""
        with self.engine.connect() as connection:
            return {row.id: row.held for row in connection.execute(sa.select(reserve_confirm.accounts))}


class Warehouse(AccountService):
    """Goods that are held, and then shipped or given back."""

    def __init__(self, env: Environment) -> None:
        """Keep what is needed; nothing is read or written yet."""
        super().__init__(env)
        self.letters = Letters(env, "bank", AVAILABLE)

    def install(self, opening: dict[str, int]) -> None:
        """Create the schema, and put the goods there."""
        super().install(opening)
        self.letters.install()
        stocking.create_all(self.engine)
        with self.engine.begin() as connection:
            connection.execute(sa.insert(versions), [{"item": item, "version": 1} for item in opening])

    def _hold(self, connection: sa.Connection, account: str, amount: int) -> bool:
        held = super()._hold(connection, account, amount)
        if held:
            self._owe(connection, account)
        return held

    def _release(self, connection: sa.Connection, held: Any) -> None:
        super()._release(connection, held)
        self._owe(connection, held.account)

    def _owe(self, connection: sa.Connection, item: str) -> None:
        """Owe the catalogue what is available now."""
        version = returned(connection, next_version, {"i": item}).scalar_one()
        available = connection.execute(sa.select(accounts.c.balance - accounts.c.held).where(accounts.c.id == item)).scalar_one()
        self.letters.owe(connection, f"{item} {version}", item, {"available": available, "version": version})

    def relay(self) -> None:
        """Tell the catalogue what it is owed."""
        self.letters.relay()

    def tick(self) -> None:
        """Nothing takes too long here."""

    def recover(self) -> None:
        """Nothing is left to recover."""


class Catalogue:
    """What customers see.

    Arguments:
        env: gives the database "catalogue".
    """

    topics = (AVAILABLE,)

    def __init__(self, env: Environment) -> None:
        """Keep what is needed; nothing is read or written yet."""
        self.engine = env.engine("catalogue")

    def install(self, opening: dict[str, int]) -> None:
        """Create the schema, and show what there is at the start."""
        viewing.create_all(self.engine)
        with self.engine.begin() as connection:
            connection.execute(sa.insert(catalogue), [{"item": i, "available": n, "version": 1} for i, n in opening.items()])

    def handle(self, message: Delivery) -> None:
        """Show what the warehouse says, unless something newer is shown."""
        body = json.loads(message.payload)
        with self.engine.begin() as connection:
            self._show(connection, message.key, body)

    def _show(self, connection: sa.Connection, item: str, body: dict[str, Any]) -> None:
        connection.execute(show, {"item": item, **body})

    def shown(self, item: str) -> int:
        """How many of an item customers are told that there are."""
        with self.engine.connect() as connection:
            found: int = connection.execute(sa.select(catalogue.c.available).where(catalogue.c.item == item)).scalar_one()
            return found

    def relay(self) -> None:
        """Nothing is owed."""

    def tick(self) -> None:
        """Nothing takes too long here."""

    def recover(self) -> None:
        """Nothing is left to recover."""


Service: TypeAlias = Orders | Payments | Warehouse | Catalogue


def ecommerce(env: Environment) -> Service:
    """The service that `env.service` names."""
    services: dict[str, Any] = {ORDERS: Orders, PAYMENTS: Payments, WAREHOUSE: Warehouse, CATALOGUE: Catalogue}
    made: Service = services[env.service](env)
    return made
