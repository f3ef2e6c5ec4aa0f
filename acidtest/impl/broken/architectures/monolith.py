"""Mutants of the monolith: what belongs into one transaction is not, or what does not belong there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from acidtest.environment import BrokerRefused, BrokerTimeout, Outcome
from acidtest.impl.acid import Transfer, answered, credit
from acidtest.impl.architectures.letters import LETTERS
from acidtest.impl.architectures.monolith import PRICE, SHOP, Monolith, SoldOut, orders, shelf
from acidtest.impl.broken import Mutant

if TYPE_CHECKING:
    from acidtest.environment import Environment


class ShelfAfterwards(Monolith):
    """Takes the item off the shelf in a second transaction, after the order."""

    def order(self, key: str, buyer: str, item: str) -> Outcome:
        """Pay, and then take it."""
        if not self.goods()[item]:
            return Outcome.REJECTED
        outcome = super().order(key, buyer, item)
        if outcome == Outcome.OK:
            with self.engine.begin() as connection:
                super()._take(connection, item)
        return outcome

    def _take(self, connection: sa.Connection, item: str) -> None:
        """Later."""


class LooksAtTheShelfFirst(Monolith):
    """Looks whether there is one, and takes it whatever has become of it since."""

    def order(self, key: str, buyer: str, item: str) -> Outcome:
        """Look, and then order."""
        self.seen = self.goods()[item]
        return super().order(key, buyer, item)

    def _take(self, connection: sa.Connection, item: str) -> None:
        if self.seen < 1:
            raise SoldOut(item)
        connection.execute(sa.update(shelf).where(shelf.c.item == item).values(count=self.seen - 1))


class LetterInside(Monolith):
    """Sends the letter before the transaction commits: it cannot be taken back."""

    def _owe(self, connection: sa.Connection, request: Transfer, item: str) -> None:  # noqa: ARG002 - it writes nothing
        self.letters.broker.publish(request.key, request.source, {"sold": item}, topic=LETTERS)


class LetterAfterwards(Monolith):
    """Sends the letter after the commit, and owes nothing: who dies in between has forgotten it."""

    def order(self, key: str, buyer: str, item: str) -> Outcome:
        """Order, and then tell."""
        outcome = super().order(key, buyer, item)
        if outcome == Outcome.OK:
            try:
                self.letters.broker.publish(key, buyer, {"sold": item}, topic=LETTERS)
            except (BrokerRefused, BrokerTimeout):
                pass
        return outcome

    def _owe(self, connection: sa.Connection, request: Transfer, item: str) -> None:
        """Nothing is owed."""


class PaysFirst(Monolith):
    """Pays in one transaction, and takes the item, notes the order and owes the letter in the next."""

    def order(self, key: str, buyer: str, item: str) -> Outcome:
        """Pay, and then buy."""
        if not self.goods()[item]:
            return Outcome.REJECTED
        outcome = super().order(key, buyer, item)
        if outcome == Outcome.OK and key not in self.sold():
            with self.engine.begin() as connection:
                self._take(connection, item)
                self._note(connection, Transfer(key, buyer, SHOP, PRICE), item)
        return outcome

    def _move(self, connection: sa.Connection, request: Transfer) -> bool:
        return super(Monolith, self)._move(connection, request._replace(target=SHOP))


class PaysTheShopAfterwards(Monolith):
    """Takes the money with the order, and gives it to the shop in a second transaction."""

    def order(self, key: str, buyer: str, item: str) -> Outcome:
        """Order, and then pay the shop."""
        outcome = super().order(key, buyer, item)
        if outcome == Outcome.OK and key not in self.paid:
            with self.engine.begin() as connection:
                connection.execute(credit, {"target": SHOP, "amount": PRICE})
            self.paid.add(key)
        return outcome

    def __init__(self, env: Environment) -> None:
        """Nobody was paid yet."""
        super().__init__(env)
        self.paid: set[str] = set()

    def _credit(self, connection: sa.Connection, request: Transfer) -> bool:  # noqa: ARG002 - later
        return True


class KeyAlone(Monolith):
    """Answers by the key alone: whoever asks under a key of somebody else's is told that it is done."""

    def _answered(self, connection: sa.Connection, request: Transfer) -> Outcome | None:
        if connection.execute(self.claim, request._asdict()).rowcount == 1:
            return None
        return self._again(connection, request, Outcome(connection.execute(answered, {"k": request.key}).one().outcome))

    def _again(self, connection: sa.Connection, request: Transfer, outcome: Outcome) -> Outcome:  # noqa: ARG002 - it looks at nothing
        return outcome


class CorrectsTheOrder(KeyAlone):
    """Takes an order under a known key for a correction, and lets it be the other buyer's."""

    def _again(self, connection: sa.Connection, request: Transfer, outcome: Outcome) -> Outcome:
        connection.execute(sa.update(orders).where(orders.c.key == request.key).values(buyer=request.source))
        return outcome


MUTANTS = (
    Mutant("shelf-afterwards", ShelfAfterwards, ("what_is_sold_is_off_the_shelf",), scope="a crash"),
    Mutant("looks-at-the-shelf-first", LooksAtTheShelfFirst, ("what_is_sold_is_off_the_shelf",), scope="the last one"),
    Mutant("letter-inside", LetterInside, ("letters_tell_what_happened",), scope="a crash"),
    Mutant("letter-afterwards", LetterAfterwards, ("every_order_is_told",), scope="a lost reply"),
    Mutant("pays-first", PaysFirst, ("what_is_sold_is_paid",), scope="a crash"),
    Mutant("pays-the-shop-afterwards", PaysTheShopAfterwards, ("money",), scope="a crash"),
    Mutant("key-alone", KeyAlone, ("done",), scope="one key, two buyers"),
    Mutant("corrects-the-order", CorrectsTheOrder, ("an_order_stays",), scope="one key, two buyers"),
)
