"""Mutants of the microservices: each service is right by itself, and what it tells the next, or hears of it, is not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.impl.architectures.microservices import MAIL, Filling, Mail
from acidtest.impl.broken import Mutant
from acidtest.impl.saga_choreography import UNDONE

if TYPE_CHECKING:
    import sqlalchemy as sa

    from acidtest.environment import Delivery, Environment


class TellsAfterwards(Filling):
    """The booking forgets its outbox: it publishes its event after the commit, and who dies in between has told nobody."""

    def handle(self, message: Delivery) -> None:
        """Act, and then tell."""
        self.unsaid: list[tuple[str, str, Any]] = []
        super().handle(message)
        for kind, key, details in self.unsaid:
            body = {"kind": kind, "service": self.service, "details": details}
            self.broker.publish(f"{self.service}.{kind}/{key}", key, body, topic=f"{self.service}.{kind}")

    def _emit(self, connection: sa.Connection, key: str, kind: str, details: dict[str, Any]) -> None:
        if self.service == "booking":
            self.unsaid.append((kind, key, details))
        else:
            super()._emit(connection, key, kind, details)


class DeafToUndone(Filling):
    """Payment hears that stock has refused, and not that stock has taken back what it did."""

    @property
    def topics(self) -> tuple[str, ...]:
        """All but one."""
        return tuple(topic for topic in super().topics if topic != f"stock.{UNDONE}")


class NewLetterEachTime(Mail):
    """Mail has no inbox: an event that comes again makes another letter."""

    def handle(self, message: Delivery) -> None:
        """Owe a letter."""
        with self.engine.begin() as connection:
            self._owe(connection, message)

    def _owe(self, connection: sa.Connection, message: Delivery) -> None:
        self.letters.owe(connection, self.letters.new_id(), message.key, {"order": self.news[message.topic]})


class TooEarly(Mail):
    """Mail takes the first service's word that it has done its own step for the end of the order."""

    news: ClassVar[dict[str, str]] = {**Mail.news, "payment.done": "filled"}


class GivesBackLater(Filling):
    """Writes into the ledger that something was given back, and gives it back in a transaction of its own."""

    def handle(self, message: Delivery) -> None:
        """Act, and then give back."""
        self.later: list[Any] = []
        super().handle(message)
        for row in self.later:
            with self.engine.begin() as connection:
                connection.execute(self.give_back, {"resource": row.resource, "amount": row.amount})

    def _give_back(self, connection: sa.Connection, row: Any, details: dict[str, Any]) -> None:  # noqa: ARG002 - as in the reference
        self._enter(connection, row.key, "undo", row.resource, row.amount)
        self.later.append(row)


class LetterAfterwards(Mail):
    """Mail forgets its outbox: the letter is sent after the commit, and an event that comes again is known by then."""

    def handle(self, message: Delivery) -> None:
        """Take note, and then write."""
        self.unsaid: list[Delivery] = []
        super().handle(message)
        for said in self.unsaid:
            body = {"order": self.news[said.topic]}
            self.letters.broker.publish(f"letter {said.key}", said.key, json.dumps(body), topic=self.letters.topic)

    def _owe(self, connection: sa.Connection, message: Delivery) -> None:  # noqa: ARG002 - it writes nothing
        self.unsaid.append(message)


def _mail(kind: type[Mail]) -> Any:
    def microservices(env: Environment) -> Filling | Mail:
        return kind(env) if env.service == MAIL else Filling(env)

    microservices.__doc__ = kind.__doc__
    return microservices


def _filling(kind: type[Filling]) -> Any:
    def microservices(env: Environment) -> Filling | Mail:
        return Mail(env) if env.service == MAIL else kind(env)

    microservices.__doc__ = kind.__doc__
    return microservices


tells_afterwards, deaf_to_undone = _filling(TellsAfterwards), _filling(DeafToUndone)
new_letter_each_time, too_early = _mail(NewLetterEachTime), _mail(TooEarly)
gives_back_later, letter_afterwards = _filling(GivesBackLater), _mail(LetterAfterwards)

MUTANTS = (
    Mutant("tells-afterwards", tells_afterwards, ("all_have_filled_an_order_or_none",), scope="one order"),
    Mutant("deaf-to-undone", deaf_to_undone, ("all_have_filled_an_order_or_none",), scope="two orders for one place"),
    Mutant("new-letter-each-time", new_letter_each_time, ("one_order_has_one_letter",), scope="a message again"),
    Mutant("too-early", too_early, ("no_letter_says_too_much",), scope="one order"),
    Mutant("gives-back-later", gives_back_later, ("the_books_add_up",), scope="two orders for one place"),
    Mutant("letter-afterwards", letter_afterwards, ("every_order_is_told",), scope="one order"),
)
