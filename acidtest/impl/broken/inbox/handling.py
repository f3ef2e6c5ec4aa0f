"""Mutants of the inbox: when a message is acknowledged, what becomes of one that fails, and what is answered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import sqlalchemy as sa

from acidtest.environment import Outcome
from acidtest.impl.inbox import (
    ATTEMPTS,
    Early,
    Inbox,
    Invalid,
    Order,
    OrderedInbox,
    accounts,
    decline,
    insert_record,
    recorded,
)

if TYPE_CHECKING:
    from acidtest.environment import Delivery, Environment


class AcknowledgedBeforeCommit(Inbox):
    """Collects messages in memory and commits two at a time: what it has returned from may never have an effect (IB3)."""

    def __init__(self, env: Environment) -> None:
        """Nothing has been collected yet."""
        super().__init__(env)
        self.batch: list[Delivery] = []

    def handle(self, message: Delivery) -> None:
        """Handle two at a time."""
        self.batch.append(message)
        if len(self.batch) == 2:  # noqa: PLR2004 - the size of a batch
            batch, self.batch = self.batch, []
            for one in batch:
                super().handle(one)


class SwallowedError(Inbox):
    """Logs an error of the database and goes on: the message is acknowledged (IB6)."""

    def handle(self, message: Delivery) -> None:
        """Never fail."""
        try:
            super().handle(message)
        except sa.exc.DBAPIError:
            return


class DeadAtFirstFailure(Inbox):
    """Rejects what has failed once: a passing error ends among the dead letters (G9)."""

    def handle(self, message: Delivery) -> None:
        """Try once."""
        try:
            super().handle(message)
        except Exception:  # noqa: BLE001 - that is the mistake
            self.broker.nack(message, requeue=False)


class PoisonRequeued(Inbox):
    """Never gives up: what cannot be handled comes again for ever, although it is promised to be set aside (G9)."""

    def take(self, message: Delivery) -> Outcome:
        """Try again and again."""
        return super().take(message._replace(attempts=1))


class PoisonDropped(Inbox):
    """Returns from what it cannot read, as if it had been handled (G9)."""

    def handle(self, message: Delivery) -> None:
        """Ignore what is wrong."""
        try:
            super().handle(message)
        except Invalid:
            return


class AttemptsCountedAfter(Inbox):
    """Counts an attempt when it has failed: one that kills the process is never counted (G9)."""

    def __init__(self, env: Environment) -> None:
        """Nothing has failed yet."""
        super().__init__(env)
        self.failed: dict[tuple[str, str | None], int] = {}

    def handle(self, message: Delivery) -> None:
        """Count what has failed, and give up in the end."""
        key = message.topic, message.id
        try:
            super().handle(message._replace(attempts=1 + self.failed.get(key, 0)))
        except Invalid:
            self.failed[key] = self.failed.get(key, 0) + 1
            raise


class AttemptsNeverForgotten(Inbox):
    """Counts attempts in a table, and never forgets them: what is repaired and sent again is set aside at once (IB6)."""

    def install(self, opening: dict[str, int]) -> None:
        """Create the table, too."""
        super().install(opening)
        with self.engine.begin() as connection:
            connection.execute(sa.text("CREATE TABLE attempts (topic TEXT, id TEXT, made INTEGER, PRIMARY KEY (topic, id))"))

    def take(self, message: Delivery) -> Outcome:
        """Count first."""
        counted = sa.text(
            "INSERT INTO attempts (topic, id, made) VALUES (:topic, :id, 1) "
            "ON CONFLICT (topic, id) DO UPDATE SET made = attempts.made + 1 RETURNING made"
        )
        with self.engine.begin() as connection:
            made = connection.execute(counted, {"topic": message.topic, "id": message.id}).scalar_one()
        return super().take(message._replace(attempts=made))


class ParkedMeansHandled(Inbox):
    """Records what it sets aside as handled: when it is sent again, it passes for a duplicate (IB6)."""

    capabilities = frozenset({"window", "parks"})

    def handle(self, message: Delivery) -> None:
        """Record, then set aside."""
        if message.attempts > ATTEMPTS and message.id:
            record = {"topic": message.topic, "id": message.id, "payload": "", "now": self.clock.now()}
            with self.engine.begin() as connection:
                connection.execute(insert_record, record)
            self.broker.nack(message, requeue=False)
            return
        super().handle(message)

    def _known(self, connection: sa.Connection, message: Delivery) -> Outcome | None:
        known = connection.execute(recorded, {"of": message.topic, "it": message.id}).first()
        return super()._known(connection, message) if known is None or known.payload else Outcome(known.outcome)


class NoIdIsAnId(Inbox):
    """Takes a missing id for one: of two messages without an id the second passes for a duplicate (G9)."""

    def take(self, message: Delivery) -> Outcome:
        """Make text of whatever the id is."""
        return super().take(message._replace(id=str(message.id or None)))

    def _known(self, connection: sa.Connection, message: Delivery) -> Outcome | None:
        known = connection.execute(recorded, {"of": message.topic, "it": message.id}).first()
        return Outcome(known.outcome) if known is not None and message.id == "None" else super()._known(connection, message)


class NoIdNoRecord(Inbox):
    """Handles what has no id without a record, as if it could not come again (IB1, IB2)."""

    def take(self, message: Delivery) -> Outcome:
        """Keep records of messages with ids."""
        if message.id:
            return super().take(message)
        with self.engine.begin() as connection:
            return self._decide(connection, message, self._read(message._replace(id="none")))


class SubscriptionForgotten(Inbox):
    """Subscribes to deposits alone: nobody ever handles a withdrawal (IB1)."""

    topics = frozenset({"deposits"})


class AnyAmount(Inbox):
    """Lets a negative amount pass: a deposit of less than nothing takes money away (G12)."""

    def _read(self, message: Delivery) -> Order:
        try:
            return super()._read(message)
        except Invalid:
            asked = json.loads(message.payload)
            return Order(asked["account"], asked["amount"], asked["sequence"])


class RowcountUnchecked(Inbox):
    """Does not look at how many rows changed: a withdrawal that cannot be paid is answered with ok (G4)."""

    def _move(self, connection: sa.Connection, order: Order) -> bool:
        super()._move(connection, order)
        return True


class FundsUnchecked(Inbox):
    """Does not ask whether the account can pay (G2)."""

    def install(self, opening: dict[str, int]) -> None:
        """Create the accounts without the rule that none is overdrawn."""
        with self.engine.begin() as connection:
            connection.execute(sa.text("CREATE TABLE accounts (id TEXT PRIMARY KEY, balance INTEGER, sequence INTEGER DEFAULT 0)"))
        super().install(opening)

    def _move(self, connection: sa.Connection, order: Order) -> bool:
        change = sa.update(accounts).where(accounts.c.id == order.account).values(balance=accounts.c.balance + order.change)
        return connection.execute(change).rowcount == 1


class DuplicateIsError(Inbox):
    """Raises on a duplicate, so that it comes again until it is set aside (IB8)."""

    def _known(self, connection: sa.Connection, message: Delivery) -> Outcome | None:
        known = super()._known(connection, message)
        if known is not None:
            raise Invalid(message.id)
        return known


class NewIdPerAnswer(Inbox):
    """Answers a duplicate under a new id: whoever gets both answers takes them for two (IB7)."""

    def __init__(self, env: Environment) -> None:
        """Keep what ids are made by."""
        super().__init__(env)
        self.new_id = env.new_id

    def _answer(self, message: Delivery, outcome: Outcome) -> None:
        answer = {"message": message.id, "topic": message.topic, "outcome": outcome}
        self.broker.publish(self.new_id(), message.key, answer, topic="replies")


class DuplicateNotAnswered(Inbox):
    """Answers only what it has just handled: an answer that was lost is never given (IB7)."""

    def _known(self, connection: sa.Connection, message: Delivery) -> Outcome | None:
        known = super()._known(connection, message)
        if known is not None:
            raise _Known
        return known

    def handle(self, message: Delivery) -> None:
        """Stop at a duplicate."""
        try:
            super().handle(message)
        except _Known:
            return


class _Known(Exception):  # noqa: N818 - no error
    """It was handled before."""


class AnswerOfToday(Inbox):
    """Answers a duplicate as if it were handled now: what was declined is accepted in words (G4, IB7)."""

    def _known(self, connection: sa.Connection, message: Delivery) -> Outcome | None:
        known = super()._known(connection, message)
        return None if known is None else Outcome.OK


class AnsweredBeforeCommit(Inbox):
    """Answers before it commits: an answer is out, and nothing has happened (G4)."""

    def _decide(self, connection: sa.Connection, message: Delivery, order: Order) -> Outcome:
        outcome = super()._decide(connection, message, order)
        self._answer(message, outcome)
        return outcome


class OutOfOrderApplied(OrderedInbox):
    """Counts the sequence on, whatever it was: a later message takes effect before an earlier one (IB10)."""

    def _decide(self, connection: sa.Connection, message: Delivery, order: Order) -> Outcome:
        connection.execute(sa.update(accounts).where(accounts.c.id == order.account).values(sequence=order.sequence))
        return Inbox._decide(self, connection, message, order)  # noqa: SLF001


class StaleDropped(OrderedInbox):
    """Takes what is behind the sequence for old: an earlier message that comes late is acknowledged, and lost (IB2, IB3)."""

    def _decide(self, connection: sa.Connection, message: Delivery, order: Order) -> Outcome:
        newer = sa.update(accounts).where(accounts.c.id == order.account, accounts.c.sequence < order.sequence)
        if connection.execute(newer.values(sequence=order.sequence)).rowcount == 0:
            return Outcome.REJECTED
        return Inbox._decide(self, connection, message, order)  # noqa: SLF001


class DeclinedTooEarly(OrderedInbox):
    """Declines at once what cannot be paid, also where an earlier deposit is still to come (IB10)."""

    def _decide(self, connection: sa.Connection, message: Delivery, order: Order) -> Outcome:
        try:
            return super()._decide(connection, message, order)
        except Early:
            if self._move(connection, order):
                raise
            connection.execute(decline, {"of": message.topic, "it": message.id})
            return Outcome.REJECTED
