"""Mutants of a choreographed saga: how a service does its step, knows it again, and takes it back."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

import sqlalchemy as sa

from acidtest.environment import Outcome
from acidtest.impl.saga_choreography import (
    FAILED,
    UNDONE,
    WENT_ON,
    Details,
    Participant,
    Row,
    entries,
    find,
    resources,
    steps,
    turn,
)

if TYPE_CHECKING:
    from acidtest.environment import Delivery, Environment

_this = steps.c.key == sa.bindparam("k")


# Once.


class DoneAgain(Participant):
    """Opens the row of an order whether there is one or not: a message that comes again does the step again (S4, S10)."""

    open_row = sa.text(
        "INSERT INTO steps (key, status, resource, amount, details, since, cancelled) "
        "VALUES (:key, :status, :resource, :amount, :details, :since, false) "
        "ON CONFLICT (key) DO UPDATE SET status = excluded.status"
    )


class UndoneAgain(Participant):
    """Gives back again when the failure comes again (S3, S4)."""

    def _turn(self, connection: sa.Connection, key: str, now: str) -> Row | None:
        if now == "undone":
            again = sa.update(steps).where(_this, steps.c.status.in_(["done", "undone"])).values(status=now).returning(*steps.c)
            return connection.execute(again, {"k": key}).one_or_none()
        return super()._turn(connection, key, now)


class KnownInMemory(Participant):
    """Remembers in memory which orders it has seen, and forgets them when it crashes (S4, S10)."""

    open_row = DoneAgain.open_row

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self._seen: set[str] = set()

    def _open(self, connection: sa.Connection, key: str, status: str, details: Details) -> bool:
        if key in self._seen:
            return False
        self._seen.add(key)
        return super()._open(connection, key, status, details)


class LookedUpBefore(Participant):
    """Looks for the order in one transaction and does the step in the next: two processes both do it (S4, S10)."""

    open_row = DoneAgain.open_row

    def start(self, key: str, account: str, amount: int, item: str, quantity: int) -> Outcome:
        return super().start(key, account, amount, item, quantity) if self._is_new(key) else self._again(key, account, amount, item, quantity)

    def handle(self, message: Delivery) -> None:
        if json.loads(message.payload)["kind"] != "done" or self._is_new(message.key) or self.step == 0:
            super().handle(message)

    def _is_new(self, key: str) -> bool:
        with self.engine.connect() as connection:
            return connection.execute(find, {"k": key}).one_or_none() is None

    def _again(self, key: str, *order: object) -> Outcome:
        with self.engine.connect() as connection:
            row = connection.execute(find, {"k": key}).one()
        return Outcome.OK if tuple(json.loads(row.details).values()) == order else Outcome.REJECTED


class MarkedBeforeDone(Participant):
    """Marks an order as seen in a transaction of its own, before the step: a crash in between loses the step (S3, S10, G6, S11, S5.tail)."""

    def _open(self, connection: sa.Connection, key: str, status: str, details: Details) -> bool:
        with self.engine.begin() as other:
            return super()._open(other, key, status, details)


class Resurrected(Participant):
    """An order that was taken back is begun anew when it is placed again (S6, G4)."""

    def start(self, key: str, account: str, amount: int, item: str, quantity: int) -> Outcome:
        with self.engine.begin() as connection:
            connection.execute(sa.delete(steps).where(_this, steps.c.status.in_(["undone", "refused"])), {"k": key})
        return super().start(key, account, amount, item, quantity)


class Reopened(Participant):
    """Takes up orders again that payment has refused, though their clients know that they have ended (S6)."""

    def tick(self) -> None:
        super().tick()
        with self.engine.begin() as connection:
            reopen = sa.update(steps).where(steps.c.status == "refused").values(status="done").returning(*steps.c)
            for row in connection.execute(reopen).all() if self.step == 0 else ():
                self._emit(connection, row.key, WENT_ON, json.loads(row.details))


class PayloadNotCompared(Participant):
    """Another order under a known key gets the answer of the first (G7)."""

    def start(self, key: str, account: str, amount: int, item: str, quantity: int) -> Outcome:
        super().start(key, account, amount, item, quantity)
        return Outcome.OK if amount > 0 and quantity > 0 else Outcome.REJECTED


# What is there.


class NothingChecked(Participant):
    """Takes orders of nothing, and of less than nothing (G12)."""

    def start(self, key: str, account: str, amount: int, item: str, quantity: int) -> Outcome:
        with self.engine.begin() as connection:
            details = {"account": account, "amount": amount, "item": item, "quantity": quantity}
            self._do(connection, key, details)
        return Outcome.OK


class NotEnough(Participant):
    """Takes what is not there (G2)."""

    take = (
        sa.update(resources)
        .where(resources.c.id == sa.bindparam("resource"))
        .values(available=resources.c.available - sa.bindparam("amount"))
    )


class CheckedBefore(NotEnough):
    """Looks in one transaction whether there is enough, and takes in the next (G2)."""

    def handle(self, message: Delivery) -> None:
        event = json.loads(message.payload)
        resource, amount = self._takes(event["details"])
        with self.engine.connect() as connection:
            there = connection.execute(sa.select(resources.c.available).where(resources.c.id == resource)).scalar_one_or_none()
        self._enough = there is not None and there >= amount
        super().handle(message)

    def _take(self, connection: sa.Connection, key: str, resource: str, amount: int) -> bool:
        return (self.step in (0, self.last) or self._enough) and super()._take(connection, key, resource, amount)


class LastUnitKept(Participant):
    """Refuses what would use up the last of it (G11)."""

    take = (
        sa.update(resources)
        .where(resources.c.id == sa.bindparam("resource"), resources.c.available > sa.bindparam("amount"))
        .values(available=resources.c.available - sa.bindparam("amount"))
    )


class RowcountUnchecked(Participant):
    """Does not look whether anything was taken (G1)."""

    def _take(self, connection: sa.Connection, key: str, resource: str, amount: int) -> bool:
        connection.execute(self.take, {"resource": resource, "amount": amount})
        self._enter(connection, key, "do", resource, amount)
        return True


class OneAtATime(Participant):
    """Turns a new order away while another is running (G11)."""

    def start(self, key: str, account: str, amount: int, item: str, quantity: int) -> Outcome:
        with self.engine.connect() as connection:
            running = connection.execute(sa.select(steps.c.key).where(steps.c.status == "done", steps.c.key != key)).first()
        return super().start(key, account, amount, item, quantity) if running is None else Outcome.REJECTED


class FixedQuantity(Participant):
    """Reserves one of every item, whatever was ordered (S8)."""

    def _takes(self, details: Details) -> tuple[str, int]:
        resource, amount = super()._takes(details)
        return resource, min(amount, 1) if self.service == "stock" else amount


# Back.


class RefundRecomputed(Participant):
    """Refunds the price of one item times their number, instead of what was paid (S8, G1)."""

    def _give_back(self, connection: sa.Connection, row: Row, details: Details) -> None:
        amount = row.amount
        if self.step == 0:
            amount = details["amount"] // details["quantity"] * details["quantity"]
        connection.execute(self.give_back, {"resource": row.resource, "amount": amount})
        self._enter(connection, row.key, "undo", row.resource, row.amount)


class LedgerWithoutBalance(Participant):
    """Compensates in the ledger, and forgets to give back (G1)."""

    def _give_back(self, connection: sa.Connection, row: Row, details: Details) -> None:
        self._enter(connection, row.key, "undo", row.resource, row.amount)


class GivenBackByRestore(Participant):
    """Writes back what was there before its step, over what others have taken since (G1)."""

    def _take(self, connection: sa.Connection, key: str, resource: str, amount: int) -> bool:
        before = connection.execute(sa.select(resources.c.available).where(resources.c.id == resource)).scalar_one_or_none()
        taken = super()._take(connection, key, resource, amount)
        connection.execute(sa.update(steps).where(_this).values(since=before or 0), {"k": key})
        return taken

    def _give_back(self, connection: sa.Connection, row: Row, details: Details) -> None:
        connection.execute(sa.update(resources).where(resources.c.id == row.resource).values(available=int(row.since)))
        self._enter(connection, row.key, "undo", row.resource, row.amount)

    def tick(self) -> None:
        """Have patience."""


class EntryErased(Participant):
    """Erases the entry instead of reversing it, as if nothing had ever been done (S3)."""

    def _give_back(self, connection: sa.Connection, row: Row, details: Details) -> None:
        connection.execute(self.give_back, {"resource": row.resource, "amount": row.amount})
        connection.execute(sa.delete(entries).where(entries.c.key == row.key))


# What is told.


class CompletedEarly(Participant):
    """Calls an order completed as soon as it is booked, before it is shipped (S1)."""

    @property
    def topics(self) -> tuple[str, ...]:
        """Payment listens to the pivot."""
        return (*super().topics, "booking.done") if self.step == 0 else super().topics

    def handle(self, message: Delivery) -> None:
        event = json.loads(message.payload)
        if self.step == 0 and (event["kind"], event["service"]) == ("done", "booking"):
            with self.engine.begin() as connection:
                self._turn(connection, message.key, "completed")
        else:
            super().handle(message)


class ErrorsSwallowed(Participant):
    """Answers ok, whatever goes wrong (G4)."""

    def start(self, key: str, account: str, amount: int, item: str, quantity: int) -> Outcome:
        with suppress(Exception):
            return super().start(key, account, amount, item, quantity)
        return Outcome.OK


class DebitedBeforeKnown(Participant):
    """Debits in one transaction, and writes the order down in the next (S7)."""

    def start(self, key: str, account: str, amount: int, item: str, quantity: int) -> Outcome:
        with self.engine.connect() as connection:
            known = connection.execute(find, {"k": key}).one_or_none()
        if known is None and amount > 0 and quantity > 0:
            with self.engine.begin() as connection:
                self._paid = super()._take(connection, key, account, amount)
        return super().start(key, account, amount, item, quantity)

    def _take(self, connection: sa.Connection, key: str, resource: str, amount: int) -> bool:
        return self._paid if self.step == 0 else super()._take(connection, key, resource, amount)


class TransactionLeftOpen(Participant):
    """Leaves a transaction open after a failure, and its lock with it (G9)."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self._kept: list[sa.Connection] = []

    def handle(self, message: Delivery) -> None:
        super().handle(message)
        if json.loads(message.payload)["kind"] in (FAILED, UNDONE):
            noted = self.engine.connect()
            noted.execute(turn, {"k": message.key, "was": "failed", "now": "noted"})
            self._kept.append(noted)
