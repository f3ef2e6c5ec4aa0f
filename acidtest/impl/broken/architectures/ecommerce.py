"""Mutants of the shop: what one service knows is taken for what another does, or a seam is left open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from acidtest.environment import CallRefused, CallTimeout, ExternalRefused, ExternalTimeout, Outcome, Receipt
from acidtest.impl.architectures.ecommerce import (
    CATALOGUE,
    ORDERS,
    PAY,
    PAYMENTS,
    SHIP,
    WAREHOUSE,
    Catalogue,
    Orders,
    Payments,
    Warehouse,
)
from acidtest.impl.broken import Mutant
from acidtest.impl.saga_orchestration import COMPENSATED, COMPLETED, DO, Cursor
from acidtest.impl.tcc import accounts

if TYPE_CHECKING:
    from acidtest.environment import Environment
    from acidtest.impl.reserve_confirm import Answer
    from acidtest.impl.saga_orchestration import Row


class LetterAfterwards(Orders):
    """The orders forget their outbox: the letter is sent after the commit, and whoever dies in between has not sent it."""

    def _move(self, row: Row, to: Cursor) -> Row | None:
        moved = super()._move(row, to)
        if moved is not None and to.direction in (COMPLETED, COMPENSATED):
            body = {"order": row.key, "ended": to.direction}
            self.letters.broker.publish(f"letter {row.key}", row.account, body, topic=self.letters.topic)
        return moved

    def _owe(self, connection: sa.Connection, row: Row) -> None:
        """Nothing is owed."""


class SilenceIsNo(Payments):
    """Takes the gateway's silence for a refusal, and releases the money: the card has paid."""

    def _call(self, key: str, order_key: str, amount: int) -> Answer:
        try:
            self._learn(self.atm.perform(order_key, amount))
        except (ExternalRefused, ExternalTimeout):
            self._resolve(order_key, Outcome.REJECTED, 0)
        return self.status(key) or "pending"


class TrustsTheCatalogue(Orders):
    """Asks the catalogue whether there is one, and has the warehouse hold it without asking again."""

    def _is_valid(self, order: dict[str, Any]) -> bool:
        try:
            return super()._is_valid(order) and bool(self.call(CATALOGUE, "shown", order["item"]) >= order["quantity"])
        except (CallRefused, CallTimeout):
            return False


class HoldsBlindly(Warehouse):
    """Holds whatever it is told to: the catalogue has said that it is there."""

    hold = sa.update(accounts).where(accounts.c.id == sa.bindparam("account")).values(held=accounts.c.held + sa.bindparam("amount"))


class KeepsTheGoods(Orders):
    """Does not tell the warehouse that the payment was refused: the order is over, and the goods stay held."""

    def _back(self, step: int) -> Cursor:  # noqa: ARG002 - wherever it stands
        return Cursor(COMPENSATED, 0)


class PaysAgain(Payments):
    """Has the card pay under a new key where the gateway did not answer, before it asks whether it has paid."""

    def _call(self, key: str, order_key: str, amount: int) -> Answer:
        answer = super()._call(key, order_key, amount)
        if answer != "pending":
            return answer
        try:
            receipt = self.atm.perform(f"{order_key}, again", amount)
        except (ExternalRefused, ExternalTimeout):
            return "pending"
        self._learn(Receipt(order_key, receipt.status, receipt.amount))
        return self.status(key) or "pending"


class PendingIsNo(Orders):
    """Takes a payment that is pending for one that was refused: the goods go back, and the card has paid."""

    def _command(self, row: Row) -> Outcome:
        try:
            return super()._command(row)
        except CallTimeout:
            if row.step == PAY:
                return Outcome.REJECTED
            raise


class WritesWhenPaid(Orders):
    """Writes that an order is filled as soon as it is paid; it has not been shipped yet."""

    def _move(self, row: Row, to: Cursor) -> Row | None:
        moved = super()._move(row, to)
        if moved is not None and to == Cursor(DO, SHIP):
            with self.engine.begin() as connection:
                self.letters.owe(connection, f"letter {row.key}", row.account, {"order": row.key, "ended": COMPLETED})
        return moved

    def _owe(self, connection: sa.Connection, row: Row) -> None:
        if row.direction != COMPLETED:
            super()._owe(connection, row)


class TellsOfHoldsAlone(Warehouse):
    """Tells the catalogue what was taken off the shelf, and not what came back."""

    def _release(self, connection: sa.Connection, held: Any) -> None:
        super(Warehouse, self)._release(connection, held)


def _with(**services: Any) -> Any:
    """The shop with other services in some places; named after the bug of the first."""
    parts: dict[str, Any] = {ORDERS: Orders, PAYMENTS: Payments, WAREHOUSE: Warehouse, CATALOGUE: Catalogue, **services}

    def ecommerce(env: Environment) -> Any:
        return parts[env.service](env)

    ecommerce.__doc__ = next(iter(services.values())).__doc__
    return ecommerce


letter_afterwards, silence_is_no = _with(orders=LetterAfterwards), _with(payments=SilenceIsNo)
pays_again, pending_is_no = _with(payments=PaysAgain), _with(orders=PendingIsNo)
writes_when_paid, tells_of_holds_alone = _with(orders=WritesWhenPaid), _with(warehouse=TellsOfHoldsAlone)
trusts_the_catalogue, keeps_the_goods = _with(orders=TrustsTheCatalogue, warehouse=HoldsBlindly), _with(orders=KeepsTheGoods)

MUTANTS = (
    Mutant("letter-afterwards", letter_afterwards, ("every_order_ends",), scope="a crash"),
    Mutant("silence-is-no", silence_is_no, ("the_books_say_what_cards_have_paid",), scope="no reply"),
    Mutant(
        "trusts-the-catalogue", trusts_the_catalogue, ("nothing_is_sold_that_is_not_there",),
        scope="two for the last one",
    ),
    Mutant("keeps-the-goods", keeps_the_goods, ("nothing_stays_held",), scope="declined"),
    Mutant("pays-again", pays_again, ("a_card_pays_once",), scope="no reply"),
    Mutant("pending-is-no", pending_is_no, ("whoever_has_paid_gets_it",), scope="no reply"),
    Mutant("writes-when-paid", writes_when_paid, ("letters_tell_what_happened",), scope="a crash"),
    Mutant("tells-of-holds-alone", tells_of_holds_alone, ("the_catalogue_catches_up",), scope="declined"),
)  # fmt: skip
