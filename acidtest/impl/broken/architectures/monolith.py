"""Mutants of the monolith: what belongs into one transaction is not, or what does not belong there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from acidtest.environment import BrokerRefused, BrokerTimeout, Outcome
from acidtest.impl.architectures.letters import LETTERS
from acidtest.impl.architectures.monolith import Monolith, SoldOut, shelf
from acidtest.impl.broken import Mutant

if TYPE_CHECKING:
    from acidtest.impl.acid import Transfer


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


MUTANTS = (
    Mutant("shelf-afterwards", ShelfAfterwards, ("what_is_sold_is_off_the_shelf",), scope="a crash"),
    Mutant("looks-at-the-shelf-first", LooksAtTheShelfFirst, ("what_is_sold_is_off_the_shelf",), scope="the last one"),
    Mutant("letter-inside", LetterInside, ("letters_tell_what_happened",), scope="a crash"),
    Mutant("letter-afterwards", LetterAfterwards, ("every_order_is_told",), scope="a lost reply"),
)
