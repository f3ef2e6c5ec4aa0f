"""Mutants of a chain: what the source takes, and how messages get out of the source and the middle.

What is wrong with an outbox is wrong with one in a chain, so many of these put a mutant of the outbox in the place of the source.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from acidtest.environment import BrokerRefused, BrokerTimeout, Outcome
from acidtest.impl.broken.outbox import relays, writers
from acidtest.impl.inbox import Order, accounts
from acidtest.impl.outbox import outbox, requests
from acidtest.impl.outbox_inbox import (
    Middle,
    OrderedSource,
    OrderedTransfers,
    Source,
    Transfers,
    message_id,
    number,
)

if TYPE_CHECKING:
    from acidtest.environment import Delivery, Environment
    from acidtest.impl.outbox import Row


# What the source takes.


class _AnyAmount(writers.AnyAmount, Source):
    """A source."""


class AnyAmount(Transfers):
    """Takes less than nothing: a transfer that pays in at the source (G12)."""

    source = _AnyAmount


class _FundsUnchecked(writers.FundsUnchecked, Source):
    """A source."""

    def install(self, opening: dict[str, int]) -> None:
        """Create the accounts without their constraint."""
        with self.engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE accounts (id TEXT PRIMARY KEY, balance INTEGER NOT NULL, sequence INTEGER NOT NULL)")
        Source.install(self, opening)


class FundsUnchecked(Transfers):
    """Takes what is not there, and no constraint stands in the way (G2)."""

    source = _FundsUnchecked


class _LastUnitKept(writers.LastUnitKept, Source):
    """A source."""


class LastUnitKept(Transfers):
    """Refuses to take the last of it (G11)."""

    source = _LastUnitKept


class _KeyCheckedBefore(writers.KeyCheckedBefore, Source):
    """A source."""


class KeyCheckedBefore(Transfers):
    """Looks for the key before the transaction: of two requests at once both find nothing (G3)."""

    source = _KeyCheckedBefore


class _RejectionForgotten(writers.RejectionForgotten, Source):
    """A source."""


class RejectionForgotten(Transfers):
    """Remembers only what it took, so a key that was refused can be used again (G7)."""

    source = _RejectionForgotten


class _PayloadNotCompared(writers.PayloadNotCompared, Source):
    """A source."""


class PayloadNotCompared(Transfers):
    """Gives the first answer to every transfer under a key (G4, G7)."""

    source = _PayloadNotCompared


class _SwallowedError(writers.SwallowedError, Source):
    """A source."""


class SwallowedError(Transfers):
    """Swallows the database's errors at the source, and says ok (G4)."""

    source = _SwallowedError


class _TurnsAway(Source):
    """A source."""

    def execute(self, key: str, account: str, amount: int) -> Outcome:
        """Take one at a time."""
        return Outcome.REJECTED if self.owed().keys() - {key} else super().execute(key, account, amount)


class TurnedAway(Transfers):
    """Turns a client away while another transfer is owed still (G11)."""

    source = _TurnsAway


class _KeepsTransaction(Source):
    """A source."""

    def __init__(self, env: Environment) -> None:
        """Keep nothing yet."""
        super().__init__(env)
        self._kept: list[sa.Connection] = []

    def execute(self, key: str, account: str, amount: int) -> Outcome:
        """Take it, and note what was refused."""
        outcome = super().execute(key, account, amount)
        if outcome == Outcome.REJECTED:
            noted = self.engine.connect()
            noted.execute(sa.update(requests).where(requests.c.key == key).values(outcome=outcome))
            self._kept.append(noted)
        return outcome


class TransactionLeftOpen(Transfers):
    """Leaves a transaction open after a transfer that it refuses, and its lock with it (G9)."""

    source = _KeepsTransaction


# The change and what is owed.


class _OwesLater(writers.EnqueueInOwnTransaction, Source):
    """A source."""


class EnqueueInOwnTransaction(Transfers):
    """The source commits the message on its own, after the withdrawal (EO2)."""

    source = _OwesLater


class _PublishesFirst(Middle):
    """A middle."""

    def _owe(self, connection: sa.Connection, transfer: str, order: Order) -> None:  # noqa: ARG002
        self.broker.publish(**_message(transfer, order), topic=self.topic)


class PublishedBeforeCommit(Transfers):
    """The middle publishes before it commits: the sink takes what is rolled back then (EO5)."""

    middle = _PublishesFirst


class _PublishesAfter(Middle):
    """A middle."""

    def handle(self, message: Delivery) -> None:
        """Take a message, and publish what is owed then."""
        self._out: list[tuple[str, Order]] = []
        super().handle(message)
        for transfer, order in self._out:
            with suppress(BrokerRefused, BrokerTimeout):
                self.broker.publish(**_message(transfer, order), topic=self.topic)

    def _owe(self, connection: sa.Connection, transfer: str, order: Order) -> None:  # noqa: ARG002
        self._out.append((transfer, order))


class PublishedAfterCommit(Transfers):
    """The middle publishes when it has committed, without an outbox: a crash in between loses the rest (EO2)."""

    middle = _PublishesAfter


def _message(transfer: str, order: Order) -> dict[str, Any]:
    asked = {"type": "deposit", "account": order.account, "amount": order.change, "sequence": order.sequence, "transfer": transfer}
    return {"id": message_id(order.account, order.sequence), "key": order.account, "payload": asked}


# The relay.


class _MarksFirst(relays.MarkBeforePublish, Source):
    """A source."""


class MarkBeforePublish(Transfers):
    """The relay marks a message before it publishes it: meanwhile the money is nowhere (EO6)."""

    source = _MarksFirst


class _DeletesFirst(relays.DeleteBeforePublish, Source):
    """A source."""


class DeleteBeforePublish(Transfers):
    """The relay takes a message out of the table before it publishes it (EO6)."""

    source = _DeletesFirst


class _TakesSilenceForYes(relays.TimeoutMeansPublished, Source):
    """A source."""


class TimeoutMeansPublished(Transfers):
    """Takes a message that was not confirmed in time for published (EO6)."""

    source = _TakesSilenceForYes


class _DropsUnconfirmed(relays.RejectedRowsDeleted, Source):
    """A source."""


class RejectedRowsDeleted(Transfers):
    """Deletes the message that was not confirmed (EO6)."""

    source = _DropsUnconfirmed


class _GivesUp(relays.FailedIsTerminal, Source):
    """A source."""


class FailedIsTerminal(Transfers):
    """Gives a message up after five attempts, so that an outage leaves it owed for ever (EO1, EO2)."""

    source = _GivesUp


class _CleansUnsent(relays.RetentionDeletesUnsent, Source):
    """A source."""


class RetentionDeletesUnsent(Transfers):
    """Cleans messages away by age, published or not (EO6)."""

    source = _CleansUnsent


class _NamesAttempts(relays.IdPerAttempt, Source):
    """A source."""

    def _publish(self, row: Row) -> None:
        self.broker.publish(self.new_id(), row[2], row[3], topic=self.topic)


class IdPerAttempt(Transfers):
    """Gives a message that is published again a new id, so that the middle takes it again (EO3)."""

    source = _NamesAttempts


class _DatesAttempts(Middle):
    """A middle."""

    def _publish(self, row: Row) -> None:
        body: dict[str, Any] = {**json.loads(row[3]), "published": self.clock.now()}
        self.broker.publish(row[1], row[2], body, topic=self.topic)


class PayloadMadeAtPublish(Transfers):
    """Writes into a message when it is published, so that one that is published again differs (EO3)."""

    middle = _DatesAttempts


class _Refunds(Source):
    """A source."""

    def _put_back(self, row: Row, token: str) -> None:  # noqa: ARG002
        message = json.loads(row[3])
        with self.engine.begin() as connection:
            connection.execute(sa.delete(outbox).where(outbox.c.seq == row[0]))
            back = accounts.c.balance + message["amount"]
            connection.execute(sa.update(accounts).where(accounts.c.id == message["account"]).values(balance=back))


class RefundedWhenUnconfirmed(Transfers):
    """Gives the money back when the broker does not confirm, although the client was told ok (G5, EO5)."""

    source = _Refunds


class _NumbersFirst(OrderedSource):
    """A source."""

    def execute(self, key: str, account: str, amount: int) -> Outcome:
        """Draw a number, and take the amount in the next transaction."""
        with self.engine.begin() as connection:
            drawn = connection.execute(number, {"account": account}).one_or_none()
        self._drawn = 0 if drawn is None else drawn.sequence
        return super().execute(key, account, amount)

    def _number(self, connection: sa.Connection, account: str) -> int:  # noqa: ARG002
        return self._drawn


class NumberBeforeTransaction(OrderedTransfers):
    """Draws the number of a message before the transaction: one that is rolled back leaves a gap, for which the middle waits (EO1)."""

    source = _NumbersFirst

