"""Mutants of a chain: what the middle and the sink make of messages, what they record, and for how long.

What is wrong with an inbox is wrong with one in a chain, so some of these put a mutant of the inbox in the place of the middle.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa

from acidtest.environment import Outcome
from acidtest.impl.broken.inbox import records
from acidtest.impl.inbox import Consumer, Order, Unfit, inbox
from acidtest.impl.outbox import claiming, due, outbox
from acidtest.impl.outbox_inbox import (
    PART,
    Middle,
    OrderedMiddle,
    OrderedSource,
    OrderedTransfers,
    Passing,
    Polling,
    PollingTransfers,
    Sink,
    Transfers,
    forget,
    keep_number,
    message_id,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.environment import Delivery, Environment
    from acidtest.impl.outbox import Row

WINDOW = 30 * 86_400.0


# Record, change and what is owed.


class _OwesLater(Middle):
    """A middle."""

    def take(self, message: Delivery) -> Outcome:
        """Commit, then owe."""
        self._later: list[Order] = []
        outcome = super().take(message)
        for order in self._later:
            with self.engine.begin() as connection:
                super()._pass_on(connection, message, order)
        return outcome

    def _pass_on(self, connection: sa.Connection, message: Delivery, order: Order) -> None:  # noqa: ARG002
        self._later.append(order)


class SeparateTransactions(Transfers):
    """The middle commits the record and its part, and writes what it owes in the next transaction (EO2)."""

    middle = _OwesLater


class _RecordsBefore(Middle, records.RecordedBefore):
    """A middle."""


class RecordedBefore(Transfers):
    """The middle commits the record before the work: after a crash or an error in between the message passes for taken (EO2)."""

    middle = _RecordsBefore


class _RecordsAfter(Middle, records.RecordedAfter):
    """A middle."""


class RecordedAfter(Transfers):
    """The middle commits the record after the work: after a crash in between the message is taken again (EO1, EO3)."""

    middle = _RecordsAfter


class _ChecksThenInserts(Middle, records.CheckThenInsert):
    """A middle."""


class CheckThenInsert(Transfers):
    """Looks for the record, and takes the message in the next transaction if there is none: two do so at once (EO1)."""

    middle = _ChecksThenInserts


class _RemembersInMemory(Middle, records.RememberedInMemory):
    """A middle."""

    def __init__(self, env: Environment) -> None:
        """Nothing has been handled yet."""
        super().__init__(env)
        self.handled = {}


class RememberedInMemory(Transfers):
    """Keeps the ids of what it has taken in memory, where no other process sees them and no crash spares them (EO1)."""

    middle = _RemembersInMemory


class _NoRecord(Sink):
    """A sink."""

    def _known(self, connection: sa.Connection, message: Delivery) -> Outcome | None:
        """Nothing."""


class NoRecord(Transfers):
    """The sink relies on each message coming once (EO1)."""

    sink = _NoRecord


class _KnowsContents(Middle):
    """A middle."""

    def _known(self, connection: sa.Connection, message: Delivery) -> Outcome | None:
        asked = json.loads(message.payload)
        same = message._replace(id=f"{asked['account']} {asked['amount']}", payload="")
        return Consumer._known(self, connection, same)  # noqa: SLF001 - what it inherits


class KnownByContent(Transfers):
    """Knows messages by account and amount: two equal transfers count as one (EO2)."""

    middle = _KnowsContents


class _AcknowledgesFirst(Polling, Passing):
    """A middle that polls."""

    def _handle(self, message: Delivery) -> None:
        self.broker.ack(message)
        with suppress(Unfit):
            self.take(message)


class AcknowledgedBeforeCommit(PollingTransfers):
    """Acknowledges a message as soon as it has received it: a crash, or an error, loses it (EO2)."""

    middle = _AcknowledgesFirst


class _Latches(Middle):
    """A middle."""

    latched = False

    def handle(self, message: Delivery) -> None:
        """Take a message, unless the consumer is stopping."""
        if self.latched:
            return
        try:
            super().handle(message)
        except Exception:
            self.latched = True
            raise


class AcknowledgedWhenLatched(Transfers):
    """Stops after an error, and acknowledges what it is given from then on without taking it (EO2)."""

    middle = _Latches


class _DropsErrors(Middle):
    """A middle."""

    def handle(self, message: Delivery) -> None:
        """Take a message if that goes well."""
        with suppress(Exception):
            super().handle(message)


class ErrorsDropped(Transfers):
    """Notes an error of the database and goes on: the message is acknowledged (EO2)."""

    middle = _DropsErrors


class _Buries(Middle):
    """A middle."""

    def handle(self, message: Delivery) -> None:
        """Take a message, or reject it."""
        try:
            super().handle(message)
        except Exception:  # noqa: BLE001 - whatever it is
            self.broker.nack(message, requeue=False)


class DeadAtFirstFailure(Transfers):
    """Rejects what has failed once: a passing error ends among the dead letters (EO1, EO2)."""

    middle = _Buries


# What is owed next.


class _OwesAgain(Middle):
    """A middle."""

    def _known(self, connection: sa.Connection, message: Delivery) -> Outcome | None:
        known = super()._known(connection, message)
        if known is not None:
            order = self._read(message)
            self._pass_on(connection, message, order._replace(change=self._rest(order.change)))
        return known

    def _owe(self, connection: sa.Connection, transfer: str, order: Order) -> None:
        super()._owe(connection, transfer, order)
        made = outbox.c.id == message_id(order.account, order.sequence)
        connection.execute(sa.update(outbox).where(made).values(id=self.new_id()))


class RandomOutputIds(Transfers):
    """The middle makes its output anew for a message that comes again, with an id of its own (EO3)."""

    middle = _OwesAgain


class _Flushes(Middle):
    """A middle."""

    def _known(self, connection: sa.Connection, message: Delivery) -> Outcome | None:
        known = super()._known(connection, message)
        if known is not None:
            connection.execute(sa.delete(outbox).where(outbox.c.id == message.id))
        return known


class FlushedOnDuplicate(Transfers):
    """Takes a message that comes again for a sign that all is done, and deletes what it owes, sent or not (EO6)."""

    middle = _Flushes


class _CleansBoth(Middle):
    """A middle."""

    def purge(self) -> None:
        """Clean away what is old, of both."""
        super().purge()
        with self.engine.begin() as connection:
            connection.execute(sa.delete(outbox).where(outbox.c.created < self.clock.now() - self.retention))


class CleanedTogether(Transfers):
    """Cleans away records and what is owed for them together, by age: also what was not sent (EO6)."""

    middle = _CleansBoth


class _ForgetsNumber(Middle):
    """A middle."""

    def _publish(self, row: Row) -> None:
        body = {name: value for name, value in json.loads(row[3]).items() if name != "sequence"}
        self.broker.publish(row[1], row[2], body, topic=self.topic)


class NumberNotCopied(Transfers):
    """The middle does not copy the number of a transfer into its message, and the sink can make nothing of it (EO1)."""

    middle = _ForgetsNumber


class _RoundsUp(Middle):
    """A middle."""

    def _part(self, amount: int) -> int:
        return -(-amount // PART)


class RoundedUp(Transfers):
    """The middle rounds its part up (G1)."""

    middle = _RoundsUp


class _RoundsTwice(Middle):
    """A middle."""

    def _rest(self, amount: int) -> int:
        return amount // PART


class RoundedTwice(Transfers):
    """The middle reckons the rest for itself, as half rounded down: of what is odd a unit is lost (EO6)."""

    middle = _RoundsTwice


# For how long.


class _CleansByAge(Middle):
    """A middle."""

    def purge(self) -> None:
        """Clean away what is old."""
        with self.engine.begin() as connection:
            connection.execute(sa.delete(inbox).where(inbox.c.recorded < self.clock.now() - self.retention))


class RetentionTooShort(Transfers):
    """The middle cleans away records after a month and keeps no number: what comes again later is taken again (EO7)."""

    middle = _CleansByAge


class _RefusesOld(_CleansByAge):
    """A middle."""

    window: ClassVar[float] = WINDOW


class FiniteWindow(Transfers):
    """Refuses what lay on the broker for a month, and forgets: but a relay that tries again publishes a new message (EO7)."""

    middle = _RefusesOld


class _CleansInTwoSteps(Middle):
    """A middle."""

    def purge(self) -> None:
        """Clean away what is old, and then keep the numbers."""
        old = self.clock.now() - self.retention
        kept: list[sa.Row[Any]] = []
        with self.engine.begin() as connection:
            while rows := connection.execute(keep_number, {"of": self.topic_taken, "old": old}).all():
                kept += rows
                for row in rows:
                    connection.execute(forget, {"of": self.topic_taken, "it": message_id(row.id, row.sequence)})
            for row in kept:
                connection.execute(_set_number, {"account": row.id, "last": row.sequence - 1})
        with self.engine.begin() as connection:
            for row in kept:
                connection.execute(_set_number, {"account": row.id, "last": row.sequence})


_set_number = sa.text("UPDATE accounts SET sequence = :last WHERE id = :account")


class CleanedInTwoSteps(Transfers):
    """Deletes the records in one transaction, and keeps their numbers in the next: a crash in between loses both (EO7)."""

    middle = _CleansInTwoSteps


# In which order.


class _TakesAny(Middle):
    """A middle."""

    capabilities: ClassVar[frozenset[str]] = frozenset({"ordered"})


class OutOfOrderTaken(OrderedTransfers):
    """The middle takes what comes, in whatever order, although it has promised one (EO4)."""

    middle = _TakesAny


class _PublishesBackwards(OrderedMiddle):
    """A middle."""

    claim = claiming(due)

    def _claim(self, token: str) -> Sequence[Row]:
        return super()._claim(token)[::-1]


class _SinkTakesAny(Sink):
    """A sink."""

    capabilities: ClassVar[frozenset[str]] = frozenset({"ordered"})


class RelayReorders(OrderedTransfers):
    """The relay of the middle publishes a batch in no order, and the sink takes what comes (EO4)."""

    source = OrderedSource
    middle = _PublishesBackwards
    sink = _SinkTakesAny
