"""Reserve/confirm with an external system: money is held, a cash machine is told to pay, the hold becomes a withdrawal.

The hold, and the key under which the cash machine is called, are committed before the call. What was not answered is
pending, never failed. It is resolved by whatever says first what became of it: the reply, an inquiry, a callback, a
statement. Each of them resolves a hold only where it is still one, so none can do it twice. What cannot be learned for
long enough is brought to an end at the cash machine itself: by a void, which it answers with what it did where that
comes too late, or by telling it again where it recognises that. Where it can do neither, it stays pending.

Source: TigerBeetle, two-phase transfers; Stripe, idempotent requests; Helland, "Life beyond Distributed Transactions", 2007.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import sqlalchemy as sa

from acidtest.environment import ExternalRefused, ExternalTimeout, Outcome, Receipt, Status
from acidtest.impl.dialects import Name, Once, returned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.environment import Environment

PATIENCE = 3600.0  #: seconds after which a hold that nothing is known of is brought to an end
HELD = "held"

metadata = sa.MetaData()
accounts = sa.Table(
    "accounts", metadata,
    sa.Column("id", Name, primary_key=True),
    sa.Column("balance", sa.Integer, nullable=False),
    sa.Column("held", sa.Integer, nullable=False, default=0),
    sa.CheckConstraint("held >= 0 AND balance >= held"),
)  # fmt: skip
withdrawals = sa.Table(
    "withdrawals", metadata,
    sa.Column("key", Name, primary_key=True),
    sa.Column("user", Name, nullable=False),
    sa.Column("amount", sa.Integer, nullable=False),
    sa.Column("order_key", Name, nullable=False, unique=True),
    sa.Column("state", Name, nullable=False, default=HELD),
    sa.Column("paid", sa.Integer, nullable=False, default=0),
    sa.Column("due", sa.Double, nullable=False),
)  # fmt: skip

claim_key = Once(
    'INSERT INTO withdrawals (key, "user", amount, order_key, state, paid, due) '
    "VALUES (:key, :user, :amount, :order_key, 'held', 0, :due) ON CONFLICT (key) DO NOTHING"
)
known = sa.select(withdrawals).where(withdrawals.c.key == sa.bindparam("k"))
unresolved = sa.select(withdrawals).where(withdrawals.c.state == HELD).order_by(withdrawals.c.key)
of_order = sa.select(withdrawals).where(withdrawals.c.order_key == sa.bindparam("k"))
hold = (
    sa.update(accounts)
    .where(accounts.c.id == sa.bindparam("user"), accounts.c.balance - accounts.c.held >= sa.bindparam("amount"))
    .values(held=accounts.c.held + sa.bindparam("amount"))
)
refuse = sa.update(withdrawals).where(withdrawals.c.key == sa.bindparam("k")).values(state=Outcome.REJECTED.value)
still_held = sa.and_(withdrawals.c.order_key == sa.bindparam("k"), withdrawals.c.state == HELD)
resolve = (
    sa.update(withdrawals)
    .where(still_held)
    .values(state=sa.bindparam("outcome"), paid=sa.bindparam("cash"))
    .returning(withdrawals.c.user, withdrawals.c.amount)
)
settle = (
    sa.update(accounts)
    .where(accounts.c.id == sa.bindparam("user"))
    .values(held=accounts.c.held - sa.bindparam("amount"), balance=accounts.c.balance - sa.bindparam("cash"))
)

#: A row of withdrawals. SQLAlchemy 2.0 and 2.1 spell the type of a row differently.
Row: TypeAlias = Any
Answer: TypeAlias = Outcome | Literal["pending"]


class Withdrawals:
    """Withdrawals from accounts through the cash machine "atm".

    Arguments:
        env: gives the database "bank", the cash machine, the clock and keys for orders.
    """

    def __init__(self, env: Environment) -> None:
        """Keep what is needed; nothing is read or written yet."""
        self.engine = env.engine("bank")
        self.atm = env.external("atm")
        self.clock = env.clock

    def install(self, opening: dict[str, int]) -> None:
        """Create the schema and open the accounts."""
        metadata.create_all(self.engine)
        with self.engine.begin() as connection:
            connection.execute(sa.insert(accounts), [{"id": name, "balance": sum_} for name, sum_ in opening.items()])

    # Requests:

    def withdraw(self, client_key: str, user: str, amount: int) -> Answer:
        """Hold `amount` minor units of `user` and have them paid out, once per `client_key`."""
        if amount <= 0:
            return Outcome.REJECTED
        order_key = self._order_key(client_key)
        with self.engine.begin() as connection:
            answer = self._reserve(connection, client_key, user, amount, order_key)
        return answer or self._call(client_key, order_key, amount)

    def _order_key(self, client_key: str) -> str:
        """The key of the one order that there is for a withdrawal."""
        return f"order of {client_key}"

    def _reserve(self, connection: sa.Connection, key: str, user: str, amount: int, order_key: str) -> Answer | None:
        """Claim the key and hold the money; the answer where there is nothing to be ordered."""
        row = {"key": key, "user": user, "amount": amount, "order_key": order_key, "due": self.clock.now() + PATIENCE}
        if connection.execute(claim_key, row).rowcount == 0:
            return self._known(connection, key, user, amount)
        if self._hold(connection, user, amount):
            return None
        connection.execute(refuse, {"k": key})
        return Outcome.REJECTED

    def _known(self, connection: sa.Connection, key: str, user: str, amount: int) -> Answer:
        row = connection.execute(known, {"k": key}).one()
        return answer_of(row.state) if (row.user, row.amount) == (user, amount) else Outcome.REJECTED

    def _hold(self, connection: sa.Connection, user: str, amount: int) -> bool:
        return connection.execute(hold, {"user": user, "amount": amount}).rowcount == 1

    def _call(self, key: str, order_key: str, amount: int) -> Answer:
        """Have the cash machine pay; what it does not answer is pending."""
        try:
            receipt = self.atm.perform(order_key, amount)
        except (ExternalRefused, ExternalTimeout):
            return "pending"
        self._learn(receipt)
        return self.status(key) or "pending"

    # Whatever says what became of an order:

    def on_callback(self, event: Receipt) -> None:
        """The cash machine says how an order stands, or stood."""
        self._learn(event)

    def reconcile(self, statement: Sequence[Receipt]) -> None:
        """Book what a statement shows; what it does not show may be under way."""
        for receipt in statement:
            self._learn(receipt)

    def recover(self) -> None:
        """Look after what the process before this one may have left."""
        self.tick()

    def tick(self) -> None:
        """Ask after whatever is held."""
        with self.engine.connect() as connection:
            rows = connection.execute(unresolved).all()
        for row in rows:
            self._look_after(row)

    def _look_after(self, row: Row) -> None:
        receipt = self.atm.inquire(row.order_key)
        if receipt.status in (Status.ABSENT, Status.UNAVAILABLE) and row.due <= self.clock.now():
            receipt = self._bring_to_an_end(row)
        self._learn(receipt)

    def _bring_to_an_end(self, row: Row) -> Receipt:
        """Make the cash machine refuse the order, or carry it out: an inquiry may be answered by what was known before."""
        try:
            if self.atm.voidable:
                return self.atm.void(row.order_key)
            if self.atm.idempotent:
                return self.atm.perform(row.order_key, row.amount)
        except (ExternalRefused, ExternalTimeout):
            pass
        return Receipt(row.order_key, Status.UNAVAILABLE)

    def _learn(self, receipt: Receipt) -> None:
        """Post or release a hold by what is final; the first to say so does it."""
        if receipt.status == Status.DONE:
            self._resolve(receipt.key, Outcome.OK, receipt.amount)
        elif receipt.status in (Status.DECLINED, Status.VOIDED):
            self._resolve(receipt.key, Outcome.REJECTED, 0)

    def _resolve(self, order_key: str, outcome: Outcome, cash: int) -> None:
        with self.engine.begin() as connection:
            row = returned(connection, resolve, {"k": order_key, "outcome": outcome.value, "cash": cash}).one_or_none()
            if row is not None:
                connection.execute(settle, {"user": row.user, "amount": row.amount, "cash": cash})

    # Looking:

    def account(self, user: str) -> dict[str, int]:
        """What `user` has, how much of it is held, and how much is available."""
        with self.engine.connect() as connection:
            row = connection.execute(sa.select(accounts).where(accounts.c.id == user)).one()
        return {"balance": row.balance, "held": row.held, "available": row.balance - row.held}

    def status(self, client_key: str) -> Answer | None:
        """How a withdrawal stands."""
        with self.engine.connect() as connection:
            row = connection.execute(known, {"k": client_key}).one_or_none()
        return None if row is None else answer_of(row.state)


def answer_of(state: str) -> Answer:
    """What a customer is told of a withdrawal in that state."""
    return "pending" if state == HELD else Outcome(state)
