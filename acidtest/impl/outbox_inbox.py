"""Outboxes and inboxes in a chain: the inbox's record, the change and the message that is owed next are one transaction.

The source is an outbox, the sink an inbox, and the middle is both. A message is numbered by its account, without a gap, and the
number is its id, on every hop: so whoever handles a message again would owe the same one next. A record that is old is
cleaned away only where all before it have been, and then its number is kept with the account: whatever comes with a number that is
not greater has been taken, however late it comes, and whether the broker delivers it again or a relay has not learned that it was
published. So nothing needs to be refused for its age, and records do not pile up.

Sources: Helland, "Life beyond distributed transactions", 2007, section 5; Birrell and Nelson, "Implementing remote procedure calls",
1984 (sequence numbers that outlive the calls).
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa

from acidtest.environment import BrokerRefused, BrokerTimeout, Outcome
from acidtest.impl.dialects import Name, Once, returned
from acidtest.impl.inbox import Consumer, Early, Invalid, Order, Unfit, accounts, count, inbox
from acidtest.impl.inbox import metadata as inbox_metadata
from acidtest.impl.outbox import Outbox, Relay, outbox, requests
from acidtest.impl.outbox import metadata as outbox_metadata

if TYPE_CHECKING:
    from collections.abc import Callable

    from acidtest.environment import Delivery, Environment
    from acidtest.impl.outbox import Row

#: What the source publishes for the middle, and the middle for the sink.
TRANSFERS, DEPOSITS = "transfers", "deposits"
STATEMENTS = "statements"  #: what they tell each other about that
PART = 2  #: of so much the middle keeps one
RETENTION = 30 * 86_400.0  #: seconds for which a record is kept at least

#: Takes the next number of an account.
number = (
    sa.update(accounts)
    .where(accounts.c.id == sa.bindparam("account"))
    .values(sequence=accounts.c.sequence + 1)
    .returning(accounts.c.id, accounts.c.sequence)
)
taken = sa.select(accounts.c.sequence).where(accounts.c.id == sa.bindparam("account"))
forget = sa.delete(inbox).where(inbox.c.topic == sa.bindparam("of"), inbox.c.id == sa.bindparam("it"))
_next_record = sa.and_(
    inbox.c.topic == sa.bindparam("of"), inbox.c.id == accounts.c.id + "." + sa.cast(accounts.c.sequence + 1, sa.String(20)),
    inbox.c.recorded < sa.bindparam("old"),
)  # fmt: skip
#: Of every account whose next record is old, keeps that number instead.
keep_number = (
    sa.update(accounts)
    .where(sa.exists().where(_next_record))
    .values(sequence=accounts.c.sequence + 1)
    .returning(accounts.c.id, accounts.c.sequence)
)
still_owed = sa.select(outbox.c.payload).where(~outbox.c.published)


def message_id(account: str, sequence: int) -> str:
    """What identifies a message on every hop: the account and its number there."""
    return f"{account}.{sequence}"


class Sender(Relay):
    """Publishes what its database owes, on one topic."""

    topic: ClassVar[str] = TRANSFERS

    def _publish(self, row: Row) -> None:
        _, id_, key, payload, _ = row
        self.broker.publish(id_, key, payload, topic=self.topic)

    def _owe(self, connection: sa.Connection, transfer: str, order: Order) -> None:
        """Write a message into the outbox, in the transaction of what it is about."""
        asked: dict[str, Any] = {
            "type": "deposit", "account": order.account, "amount": order.change, "sequence": order.sequence, "transfer": transfer,
        }  # fmt: skip
        row = {"id": message_id(order.account, order.sequence), "key": order.account, "payload": json.dumps(asked)}
        connection.execute(sa.insert(outbox), {**row, "created": self.clock.now()})

    def owed(self) -> dict[str, int]:
        """What is not known to be published: the amount, by the transfer's key."""
        with self.engine.connect() as connection:
            messages = [json.loads(payload) for payload in connection.execute(still_owed).scalars()]
        return {message["transfer"]: message["amount"] for message in messages}


class Source(Sender, Outbox):
    """Takes amounts from accounts, and owes the middle a message about each.

    Arguments:
        env: gives the database "bank", the broker, the clock, and fencing tokens.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset()
    topics: ClassVar[tuple[str, ...]] = ()

    def install(self, opening: dict[str, int]) -> None:
        """Create the schema and open the accounts."""
        inbox_metadata.create_all(self.engine, [accounts])
        outbox_metadata.create_all(self.engine, [requests, outbox])
        _open(self.engine, opening)

    def _enqueue(self, connection: sa.Connection, key: str, account: str, amount: int) -> None:
        self._owe(connection, key, Order(account, amount, self._number(connection, account)))

    def _number(self, connection: sa.Connection, account: str) -> int:
        """The next number of the account, which is locked already."""
        sequence: int = returned(connection, number, {"account": account}).one().sequence
        return sequence


class Taker(Consumer):
    """Takes each message once. How they come to it, and how they are acknowledged, is for those who inherit from it.

    Arguments:
        env: gives the database "bank", the broker and the clock.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset()
    window: ClassVar[float] = float("inf")
    retention: ClassVar[float] = RETENTION
    topic_taken: ClassVar[str] = DEPOSITS

    @property
    def topics(self) -> frozenset[str]:  # type: ignore[override]
        """The one that it takes messages of."""
        return frozenset({self.topic_taken})

    def install(self, opening: dict[str, int]) -> None:
        """Create the schema and open the accounts."""
        inbox_metadata.create_all(self.engine)
        _open(self.engine, opening)

    def _known(self, connection: sa.Connection, message: Delivery) -> Outcome | None:
        """Insert the record; the outcome where there is one already, or where there was."""
        known = super()._known(connection, message)
        if known is None and self._is_kept(connection, message):
            connection.execute(forget, {"of": message.topic, "it": message.id})
            return Outcome.OK
        return known

    def _is_kept(self, connection: sa.Connection, message: Delivery) -> bool:
        """Whether the message was taken, and its record has gone since. Asked when the record is locked, for it goes at any time."""
        order = self._read(message)
        last = connection.execute(taken, {"account": order.account}).scalar_one_or_none()
        return last is not None and order.sequence <= last

    def purge(self) -> None:
        """Keep the number instead of the record, where the record is old and no earlier one is left."""
        old = self.clock.now() - self.retention
        with self.engine.begin() as connection:
            while rows := returned(connection, keep_number, {"of": self.topic_taken, "old": old}).all():
                for row in rows:
                    connection.execute(forget, {"of": self.topic_taken, "it": message_id(row.id, row.sequence)})


class Passing(Taker, Sender):
    """What the middle does: it keeps its part of what comes, and owes the sink the rest."""

    topic: ClassVar[str] = DEPOSITS
    topic_taken: ClassVar[str] = TRANSFERS

    def __init__(self, env: Environment) -> None:
        """Keep what is needed; nothing is read or written yet."""
        Taker.__init__(self, env)
        Sender.__init__(self, env, "bank")

    def install(self, opening: dict[str, int]) -> None:
        """Create the schema and open the accounts."""
        outbox_metadata.create_all(self.engine, [outbox])
        super().install(opening)

    def _decide(self, connection: sa.Connection, message: Delivery, order: Order) -> Outcome:
        kept = self._part(order.change)
        outcome = super()._decide(connection, message, order._replace(change=kept))
        self._pass_on(connection, message, order._replace(change=self._rest(order.change)))
        return outcome

    def _part(self, amount: int) -> int:
        return amount // PART

    def _rest(self, amount: int) -> int:
        return amount - self._part(amount)

    def _pass_on(self, connection: sa.Connection, message: Delivery, order: Order) -> None:
        self._owe(connection, json.loads(message.payload)["transfer"], order)


class Pushed(Consumer):
    """What messages are pushed to: returning acknowledges."""

    def handle(self, message: Delivery) -> None:
        """Take a message, if it was not taken before; what must not be taken is rejected, what cannot be comes again."""
        try:
            self.take(message)
        except Unfit:
            self.broker.nack(message, requeue=False)


class Middle(Pushed, Passing):
    """The middle."""


class Sink(Pushed, Taker):
    """The sink."""


class Transfers:
    """The three services; what it makes is the one that `env.service` names.

    Arguments:
        env: gives the service, its database, the broker and the clock.
    """

    source: ClassVar[type[Source]] = Source
    middle: ClassVar[type[Passing]] = Middle
    sink: ClassVar[type[Taker]] = Sink

    def __new__(cls, env: Environment) -> Any:  # noqa: ANN401, D102 - one of the services
        services: dict[str, Callable[[Environment], Any]] = {"source": cls.source, "middle": cls.middle, "sink": cls.sink}
        return services[env.service](env)


# In order:


class Ordered(Pushed, Taker):
    """Takes the messages of an account one after the other: what comes too early is given back until its turn has come."""

    capabilities: ClassVar[frozenset[str]] = frozenset({"ordered"})

    def handle(self, message: Delivery) -> None:
        """Take a message when its turn has come."""
        try:
            super().handle(message)
        except Early:
            self.broker.nack(message, failed=False)

    def _decide(self, connection: sa.Connection, message: Delivery, order: Order) -> Outcome:
        turn = {"account": order.account, "before": order.sequence - 1, "now": order.sequence}
        if connection.execute(count, turn).rowcount == 0:
            raise Early(message.id)
        return super()._decide(connection, message, order)

    def purge(self) -> None:
        """Clean away what is old: the account has the number of the last."""
        with self.engine.begin() as connection:
            connection.execute(sa.delete(inbox).where(inbox.c.recorded < self.clock.now() - self.retention))


class OrderedSource(Source):
    """The source: its relays keep the order anyway."""

    capabilities: ClassVar[frozenset[str]] = frozenset({"ordered"})


class OrderedMiddle(Ordered, Middle):
    """The middle, in order."""


class OrderedSink(Ordered, Sink):
    """The sink, in order."""


class OrderedTransfers(Transfers):
    """The three services, which keep the order of each account's transfers."""

    source = OrderedSource
    middle: ClassVar[type[Passing]] = OrderedMiddle
    sink: ClassVar[type[Taker]] = OrderedSink


# By polling:


class Polling(Taker):
    """Asks for messages itself, and acknowledges them after the commit."""

    def consume(self) -> None:
        """Poll once."""
        message = self.broker.receive(topic=self.topic_taken)
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


class PollingMiddle(Polling, Passing):
    """The middle, which polls."""


class PollingTransfers(Transfers):
    """The three services, of which the middle and the sink poll."""

    middle: ClassVar[type[Passing]] = PollingMiddle
    sink = Polling


# With backups:

_with_alarms = sa.MetaData()
alarms = sa.Table("alarms", _with_alarms, sa.Column("what", Name, primary_key=True))
raise_alarm = Once("INSERT INTO alarms (what) VALUES (:what) ON CONFLICT (what) DO NOTHING")
sequences = sa.select(accounts.c.id, accounts.c.sequence)
sent = sa.select(outbox.c.seq, outbox.c.id).where(outbox.c.key == sa.bindparam("account"), outbox.c.published)
owe_again = (
    sa.update(outbox)
    .where(outbox.c.seq == sa.bindparam("row"), outbox.c.published)
    .values(published=False, owner=None, not_before=0.0, attempts=0)
)


class Telling:
    """Tells its neighbours how far it has come with each account: when a process has started, and whenever that has changed.

    Whoever sends to a service that has just started owes it again what is missing there, for its backup may have been restored. What a
    process has told it keeps in memory: a mark in the database would go back together with what it is about.
    """

    engine: sa.Engine
    broker: Any
    name: ClassVar[str]
    before: ClassVar[str] = ""  #: the service that sends to it
    behind: ClassVar[str] = ""  #: the service that it sends to
    _told: Any = None

    def reconcile(self) -> None:
        """Tell the neighbours how far it has come, unless this process has told them so."""
        now = self._come_to()
        if now == self._told:
            return
        statement = {"from": self.name, "accounts": now, "started": self._told is None}
        with suppress(BrokerRefused, BrokerTimeout):
            self.broker.publish(self.name, self.name, statement, topic=STATEMENTS)
            self._told = now

    def _come_to(self) -> dict[str, int]:
        with self.engine.connect() as connection:
            return {row.id: row.sequence for row in connection.execute(sequences)}

    def _hear(self, message: Delivery) -> None:
        """Compare with what a neighbour has told; the one before wants to know how far this one has come."""
        statement = json.loads(message.payload)
        if statement["from"] == self.behind:
            with self.engine.begin() as connection:
                self._compare(connection, statement["accounts"], started=statement["started"])
        elif statement["from"] == self.before and statement["started"]:
            self._told = None
            self.reconcile()

    def _compare(self, connection: sa.Connection, come_to: dict[str, int], *, started: bool) -> None:
        """Owe again what the next service may have forgotten before it started."""
        for account, number in come_to.items() if started else ():
            for row in connection.execute(sent, {"account": account}).all():
                if int(row.id.rpartition(".")[2]) > number:
                    connection.execute(owe_again, {"row": row.seq})

    def _purge(self, connection: sa.Connection, old: float) -> None:
        """Keep what was published: it may have to be published again."""

    def purge(self) -> None:
        """Keep the records, too: a source that was restored uses numbers again, and then a copy is known by its payload alone."""


class RestorableSource(Telling, OrderedSource):
    """The source, which nobody can tell again what it has forgotten: it raises an alarm where the middle has come further than itself."""

    capabilities: ClassVar[frozenset[str]] = frozenset({"ordered", "restorable"})
    name = "source"
    behind = "middle"
    topics: ClassVar[tuple[str, ...]] = (STATEMENTS,)

    def install(self, opening: dict[str, int]) -> None:
        """Create the schema and open the accounts."""
        _with_alarms.create_all(self.engine)
        super().install(opening)

    def handle(self, message: Delivery) -> None:
        """Hear a statement."""
        self._hear(message)

    def _compare(self, connection: sa.Connection, come_to: dict[str, int], *, started: bool) -> None:
        mine = {row.id: row.sequence for row in connection.execute(sequences)}
        for account, number in come_to.items():
            if number > mine[account]:
                what = f"restored from a backup: the middle has taken {number} of {account}, of which {mine[account]} are known here"
                connection.execute(raise_alarm, {"what": what})
        super()._compare(connection, come_to, started=started)

    def alarms(self) -> list[str]:
        """What it has noticed."""
        with self.engine.connect() as connection:
            return list(connection.execute(sa.select(alarms.c.what).order_by(alarms.c.what)).scalars())


class RestorableMiddle(Telling, OrderedMiddle):
    """The middle, which is told again by the source, and tells the sink."""

    capabilities: ClassVar[frozenset[str]] = frozenset({"ordered", "restorable"})
    name = "middle"
    before = "source"
    behind = "sink"

    @property
    def topics(self) -> frozenset[str]:  # type: ignore[override]
        """What it takes messages of, and statements."""
        return frozenset({self.topic_taken, STATEMENTS})

    def handle(self, message: Delivery) -> None:
        """Hear a statement, or take a message when its turn has come."""
        if message.topic == STATEMENTS:
            self._hear(message)
        else:
            super().handle(message)


class RestorableSink(Telling, OrderedSink):
    """The sink, which is told again by the middle."""

    capabilities: ClassVar[frozenset[str]] = frozenset({"ordered", "restorable"})
    name = "sink"


class RestorableTransfers(OrderedTransfers):
    """The three services, each of which may be restored from a backup: what it has forgotten comes again, or is noticed."""

    source = RestorableSource
    middle: ClassVar[type[Passing]] = RestorableMiddle
    sink: ClassVar[type[Taker]] = RestorableSink


def _open(engine: sa.Engine, opening: dict[str, int]) -> None:
    with engine.begin() as connection:
        connection.execute(sa.insert(accounts), [{"id": name, "balance": n} for name, n in opening.items()])
