"""Inbox: each message has one effect, however often it comes, for the record of it is committed together with the effect.

The record is inserted first. So a second delivery of the same message, to whomever, waits until the first is committed or
rolled back, and then finds it, or does not. The record keeps the payload, for an id may come with another one, and the answer,
which is published after the commit, again for every copy: an answer that was lost is asked for by the redelivery. What fails
leaves no record, and comes again; what has failed too often is rejected before anybody looks into it, for it may kill who does.
Records are kept for as long as messages are accepted: one that is older is refused, after its record was looked for.

Source: Helland, "Life beyond distributed transactions", 2007; Leach, "Designing robust and predictable APIs with idempotency", 2017.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import sqlalchemy as sa

from acidtest.environment import Outcome
from acidtest.impl.dialects import Name, Once

if TYPE_CHECKING:
    from acidtest.environment import Delivery, Environment

WINDOW = 30 * 86_400.0  #: seconds after which a message is refused, and its record may go
ATTEMPTS = 4  #: how often a message is tried

metadata = sa.MetaData()
accounts = sa.Table(
    "accounts", metadata,
    sa.Column("id", Name, primary_key=True),
    sa.Column("balance", sa.Integer, sa.CheckConstraint("balance >= 0"), nullable=False),
    sa.Column("sequence", sa.Integer, nullable=False, default=0),
)  # fmt: skip
inbox = sa.Table(
    "inbox", metadata,
    sa.Column("topic", Name, primary_key=True),
    sa.Column("id", Name, primary_key=True),
    sa.Column("payload", Name, nullable=False),
    sa.Column("outcome", Name, nullable=False),
    sa.Column("recorded", sa.Double, nullable=False),
)  # fmt: skip

insert_record = Once(
    "INSERT INTO inbox (topic, id, payload, outcome, recorded) VALUES (:topic, :id, :payload, 'ok', :now) "
    "ON CONFLICT (topic, id) DO NOTHING"
)
this_record = sa.and_(inbox.c.topic == sa.bindparam("of"), inbox.c.id == sa.bindparam("it"))
recorded = sa.select(inbox.c.payload, inbox.c.outcome).where(this_record)
decline = sa.update(inbox).where(this_record).values(outcome="rejected")
purge = sa.delete(inbox).where(inbox.c.recorded < sa.bindparam("old"))
move = (
    sa.update(accounts)
    .where(accounts.c.id == sa.bindparam("account"), accounts.c.balance + sa.bindparam("change") >= 0)
    .values(balance=accounts.c.balance + sa.bindparam("change"))
)
exists = sa.select(accounts.c.id).where(accounts.c.id == sa.bindparam("account"))
count = (
    sa.update(accounts)
    .where(accounts.c.id == sa.bindparam("account"), accounts.c.sequence == sa.bindparam("before"))
    .values(sequence=sa.bindparam("now"))
)


class Unfit(Exception):  # noqa: N818 - a verdict on a message, not an error of ours
    """A message that is never to be handled: its id is another's, it has none, or it is too old."""


class Invalid(Exception):  # noqa: N818 - likewise
    """A message that cannot be handled now; perhaps it can after a repair, of the message or of this code."""


class Early(Exception):  # noqa: N818 - likewise
    """A message that has to wait for an earlier one."""


class Order(NamedTuple):
    """What a message asks for: an account, the change of its balance in minor units, and its number there."""

    account: str
    change: int
    sequence: int


class Consumer:
    """Handles messages once each. How they come to it, and how they are acknowledged, is for those who inherit from it.

    Arguments:
        env: gives the database "bank", the broker and the clock.
    """

    topics: ClassVar[frozenset[str]] = frozenset({"deposits", "withdrawals"})
    window: ClassVar[float] = WINDOW

    def __init__(self, env: Environment) -> None:
        """Keep what is needed; nothing is read or written yet."""
        self.engine = env.engine("bank")
        self.broker = env.broker
        self.clock = env.clock

    def install(self, opening: dict[str, int]) -> None:
        """Create the schema and open the accounts."""
        metadata.create_all(self.engine)
        with self.engine.begin() as connection:
            connection.execute(sa.insert(accounts), [{"id": name, "balance": sum_} for name, sum_ in opening.items()])

    def purge(self) -> None:
        """Clean away the records of messages that would be refused by now."""
        with self.engine.begin() as connection:
            connection.execute(purge, {"old": self.clock.now() - self.window})

    def balances(self) -> dict[str, int]:
        """The balance of every account, by one consistent read."""
        with self.engine.connect() as connection:
            return {row.id: row.balance for row in connection.execute(sa.select(accounts.c.id, accounts.c.balance))}

    # A message:

    def take(self, message: Delivery) -> Outcome:
        """Handle a message, if it was not handled before.

        Returns:
            the outcome, the same for every copy.

        Raises:
            Unfit: it is never to be handled.
            Invalid: it cannot be handled.
        """
        order = self._read(message)
        with self.engine.begin() as connection:
            known = self._known(connection, message)
            return known or self._decide(connection, message, order)

    def _read(self, message: Delivery) -> Order:
        """What it asks for. Nobody looks into it who has tried too often: it may kill who does."""
        if not message.id or message.attempts > ATTEMPTS:
            raise Unfit(message.id)
        try:
            asked = json.loads(message.payload)
            change = {"deposit": 1, "withdrawal": -1}[asked["type"]] * asked["amount"]
            order = Order(asked["account"], change, asked["sequence"])
        except (ValueError, TypeError, KeyError) as error:
            raise Invalid(message.id) from error
        if asked["amount"] <= 0:
            raise Invalid(message.id)
        return order

    def _known(self, connection: sa.Connection, message: Delivery) -> Outcome | None:
        """Insert the record; the outcome where there is one already."""
        record = {"topic": message.topic, "id": message.id, "payload": self._fingerprint(message), "now": self.clock.now()}
        if connection.execute(insert_record, record).rowcount == 1:
            self._refuse_old(message)
            return None
        known = connection.execute(recorded, {"of": message.topic, "it": message.id}).one()
        if known.payload != self._fingerprint(message):
            raise Unfit(message.id)
        return Outcome(known.outcome)

    def _fingerprint(self, message: Delivery) -> str:
        return hashlib.sha256(message.payload.encode()).hexdigest()

    def _refuse_old(self, message: Delivery) -> None:
        """A message without a record may be one whose record is gone. That is looked at when the record is there: time passes."""
        if self.clock.now() - message.sent > self.window:
            raise Unfit(message.id)

    def _decide(self, connection: sa.Connection, message: Delivery, order: Order) -> Outcome:
        if self._move(connection, order):
            return Outcome.OK
        if connection.execute(exists, {"account": order.account}).first() is None:
            raise Invalid(message.id)
        connection.execute(decline, {"of": message.topic, "it": message.id})
        return Outcome.REJECTED

    def _move(self, connection: sa.Connection, order: Order) -> bool:
        return connection.execute(move, {"account": order.account, "change": order.change}).rowcount == 1


class Inbox(Consumer):
    """A consumer to which messages are pushed, and that answers them.

    Arguments:
        env: gives the database "bank", the broker and the clock.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset({"replies", "window", "parks"})

    def handle(self, message: Delivery) -> None:
        """Take a message and answer it; what must not be handled is rejected, what cannot be comes again."""
        try:
            outcome = self.take(message)
        except Unfit:
            self.broker.nack(message, requeue=False)
        else:
            self._answer(message, outcome)

    def _answer(self, message: Delivery, outcome: Outcome) -> None:
        answer: dict[str, Any] = {"message": message.id, "topic": message.topic, "outcome": outcome}
        self.broker.publish(f"{message.topic}/{message.id}", message.key, answer, topic="replies")


class OrderedInbox(Inbox):
    """One that also keeps the order of each account's messages: what comes too early is given back until its turn has come."""

    capabilities: ClassVar[frozenset[str]] = frozenset({"replies", "window", "parks", "ordered"})

    def handle(self, message: Delivery) -> None:
        """Take a message when its turn has come."""
        try:
            super().handle(message)
        except Early:
            self.broker.nack(message, failed=False)

    def _decide(self, connection: sa.Connection, message: Delivery, order: Order) -> Outcome:
        turn = {"account": order.account, "before": order.sequence - 1, "now": order.sequence}
        if connection.execute(count, turn).rowcount == 0 and connection.execute(exists, {"account": order.account}).first() is not None:
            raise Early(message.id)
        return super()._decide(connection, message, order)


class PullingInbox(Consumer):
    """A consumer that polls, and acknowledges after the commit. It answers nobody."""

    capabilities: ClassVar[frozenset[str]] = frozenset({"window", "parks"})

    def consume(self) -> None:
        """Poll each topic once."""
        for topic in sorted(self.topics):
            message = self.broker.receive(topic=topic)
            if message is not None:
                self._handle(message)

    def _handle(self, message: Delivery) -> None:
        try:
            self.take(message)
        except Unfit:
            self.broker.nack(message, requeue=False)
        except Invalid:
            self.broker.nack(message)
        else:
            self.broker.ack(message)
