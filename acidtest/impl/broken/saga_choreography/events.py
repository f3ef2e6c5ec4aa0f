"""Mutants of a choreographed saga: what services tell each other, and when, and what they make of it."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

import sqlalchemy as sa

from acidtest.environment import BrokerRefused, BrokerTimeout, Outcome
from acidtest.impl.outbox import outbox
from acidtest.impl.saga_choreography import (
    FAILED,
    PATIENCE,
    PIVOT,
    SERVICES,
    UNDONE,
    WENT_ON,
    Details,
    Participant,
    Row,
    find,
    steps,
)

if TYPE_CHECKING:
    from acidtest.environment import Delivery, Environment


# Who hears of what.


class FailureToldToOne(Participant):
    """Who compensates tells nobody, so only the service before the one that failed hears of the failure (S11)."""

    def _emit(self, connection: sa.Connection, key: str, kind: str, details: Details) -> None:
        if kind != UNDONE:
            super()._emit(connection, key, kind, details)


class FailureToldToAll(Participant):
    """Every service compensates as soon as the pivot fails, the first before the second (S2, S10)."""

    @property
    def topics(self) -> tuple[str, ...]:
        """Payment listens to the pivot, too."""
        return (*super().topics, f"{SERVICES[PIVOT]}.{FAILED}") if self.step == 0 else super().topics

    def handle(self, message: Delivery) -> None:
        event = json.loads(message.payload)
        if self.step == 0 and event["kind"] == FAILED:
            with self.engine.begin() as connection:
                self._undo(connection, message.key, event["details"])
        else:
            super().handle(message)


class RefundedFirst(FailureToldToAll):
    """Payment refunds as soon as the pivot fails, before stock has given back, and answers for it only then (S2)."""

    def handle(self, message: Delivery) -> None:
        kind = json.loads(message.payload)["kind"]
        if self.step or kind == WENT_ON:
            super().handle(message)
            return
        with self.engine.begin() as connection:
            row = self._turn(connection, message.key, "refunded")
            if row is not None:
                self._give_back(connection, row, {})
            if kind == UNDONE or message.topic.startswith("stock"):
                connection.execute(self.turn, {"k": message.key, "was": "refunded", "now": "undone"})

    def status(self, key: str) -> str | None:
        with self.engine.connect() as connection:
            row = connection.execute(find, {"k": key}).one_or_none()
        return "running" if row is not None and row.status == "refunded" else super().status(key)


class RefusalNotTold(Participant):
    """A service that refuses its step notes that, and tells nobody (S11, G6)."""

    def _refuse(self, connection: sa.Connection, key: str, details: Details) -> None:
        self._turn(connection, key, "refused")


class EventLoop(Participant):
    """Takes the event that its debit is to be refunded for a new order as well, and debits again (S12)."""

    def _undo(self, connection: sa.Connection, key: str, details: Details) -> None:
        super()._undo(connection, key, details)
        resource, amount = self._takes(details)
        if self.step == 0 and self._take(connection, key, resource, amount):
            connection.execute(self.turn, {"k": key, "was": "undone", "now": "done"})


class CancelBeforeCreateDropped(Participant):
    """Drops a failure of an order that it does not know, and does its step when the order comes (S14, S11)."""

    def _undo(self, connection: sa.Connection, key: str, details: Details) -> None:
        if connection.execute(find, {"k": key}).one_or_none() is not None:
            super()._undo(connection, key, details)


class NoTombstone(Participant):
    """Answers to a failure of an order that it does not know as it should, and forgets it: the step comes after all (S8, S10, S2, S5, S14)."""

    def _bar(self, connection: sa.Connection, key: str, details: Details) -> bool:
        if connection.execute(find, {"k": key}).one_or_none() is not None:
            return False
        self._emit(connection, key, FAILED if self.step == PIVOT else UNDONE, details)
        return True


class NullCompensationGivesBack(Participant):
    """Gives back what it never took, when the failure comes before the order (S3)."""

    def _bar(self, connection: sa.Connection, key: str, details: Details) -> bool:
        barred = super()._bar(connection, key, details)
        if barred and self.step < PIVOT:
            self._give_back(connection, connection.execute(find, {"k": key}).one(), details)
        return barred


class StepOutOfTurn(Participant):
    """Shipping acts on the order as soon as stock has reserved the goods, without waiting for the booking (S2, S8, S10)."""

    @property
    def topics(self) -> tuple[str, ...]:
        """Shipping listens to stock as well."""
        return (*super().topics, "stock.done") if self.step == self.last else super().topics

    def handle(self, message: Delivery) -> None:
        event = json.loads(message.payload)
        if self.step == self.last and event["kind"] == WENT_ON:
            with self.engine.begin() as connection:
                self._do(connection, message.key, event["details"])
        else:
            super().handle(message)


# How events get out.


class PublishedAfterCommit(Participant):
    """Publishes its events when it has committed, without an outbox: a crash in between loses them (S11, G6, S5.tail)."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self._owed: list[tuple[str, str, str]] = []

    def _emit(self, connection: sa.Connection, key: str, kind: str, details: Details) -> None:
        payload = json.dumps({"kind": kind, "service": self.service, "details": details})
        self._owed.append((f"{self.service}.{kind}/{key}", key, payload))

    def _flush(self) -> None:
        owed, self._owed = self._owed, []
        for message_id, key, payload in owed:
            with suppress(BrokerRefused, BrokerTimeout):
                self.broker.publish(message_id, key, payload, topic=message_id.partition("/")[0])

    def start(self, key: str, account: str, amount: int, item: str, quantity: int) -> Outcome:
        outcome = super().start(key, account, amount, item, quantity)
        self._flush()
        return outcome

    def handle(self, message: Delivery) -> None:
        super().handle(message)
        self._flush()

    def tick(self) -> None:
        super().tick()
        self._flush()


class PublishedBeforeCommit(Participant):
    """Publishes its events before it commits: others act on what is then rolled back (S2, S7, S10)."""

    def _emit(self, connection: sa.Connection, key: str, kind: str, details: Details) -> None:
        payload = json.dumps({"kind": kind, "service": self.service, "details": details})
        self.broker.publish(f"{self.service}.{kind}/{key}", key, payload, topic=f"{self.service}.{kind}")


class OutboxInOtherTransaction(Participant):
    """Commits its step first, and writes the event into the outbox in the next transaction (S11, G6, S5.tail)."""

    def handle(self, message: Delivery) -> None:
        self._late: list[tuple[str, str, Details]] = []
        super().handle(message)
        self._write()

    def start(self, key: str, account: str, amount: int, item: str, quantity: int) -> Outcome:
        self._late = []
        outcome = super().start(key, account, amount, item, quantity)
        self._write()
        return outcome

    def tick(self) -> None:
        self._late = []
        super().tick()
        self._write()

    def _emit(self, connection: sa.Connection, key: str, kind: str, details: Details) -> None:
        self._late.append((key, kind, details))

    def _write(self) -> None:
        for key, kind, details in self._late:
            with self.engine.begin() as connection:
                super()._emit(connection, key, kind, details)


class MarkedBeforePublished(Participant):
    """The relay marks an event as published before it publishes it (S11, G6, S5.tail)."""

    def _deliver(self, row: Row, token: str) -> None:
        self._mark(row, token)
        with suppress(BrokerRefused, BrokerTimeout):
            self._publish(row)


class GivenUpAfterTen(Participant):
    """The relay gives an event up after ten attempts: an outage that is longer leaves the order pending (S5.tail)."""

    def _put_back(self, row: Row, token: str) -> None:
        if row[4] < 10:  # noqa: PLR2004 - ten attempts
            super()._put_back(row, token)
        else:
            self._mark(row, token)


class UnsentPurged(Participant):
    """Cleaning up deletes what is old, published or not (S11, G6, S5.tail)."""

    def _purge(self, connection: sa.Connection, old: float) -> None:
        connection.execute(sa.delete(outbox).where(outbox.c.created < old))


class BusSwallows(Participant):
    """An error in a handler is noted and dropped, and the message with it (S11, G6, S5.tail)."""

    def handle(self, message: Delivery) -> None:
        with suppress(Exception):
            super().handle(message)


# Patience.


class TimeoutIsFailure(Participant):
    """Payment refunds on its own when it loses patience, whatever the others have done (S8, S10)."""

    def tick(self) -> None:
        if self.step == 0:
            with self.engine.begin() as connection:
                late = sa.select(steps).where(steps.c.status == "done", steps.c.since <= self.clock.now() - PATIENCE)
                for row in connection.execute(late).all():
                    self._undo(connection, row.key, json.loads(row.details))


class TimeoutTold(Participant):
    """Payment calls an order compensated as soon as it loses patience, before anything is undone (S10)."""

    def status(self, key: str) -> str | None:
        with self.engine.connect() as connection:
            row = connection.execute(find, {"k": key}).one_or_none()
        late = row is not None and row.status == "done" and row.since <= self.clock.now() - PATIENCE
        return "compensated" if late else super().status(key)


class PivotCancelled(Participant):
    """The pivot gives up although it is done, so that what has passed the point of no return is taken back (S5)."""

    def _bar(self, connection: sa.Connection, key: str, details: Details) -> bool:
        if super()._bar(connection, key, details):
            return True
        if self.step == PIVOT and (row := self._turn(connection, key, "undone")) is not None:
            self._give_back(connection, row, details)
            self._emit(connection, key, FAILED, details)
        return False
