"""Microservices: an order is filled by four services on each other's events, and a fifth writes to the customer how it ended.

The four are those of the reference for a choreographed saga, each with its outbox. The first of them answers for the order, so it
also tells the fifth, mail, how it ended; which takes each event once, by the inbox of the reference, and owes a letter in the same
transaction, by an outbox again.

Source: what the overview recommends for microservices; Richardson, "Microservices Patterns", 2018, chapters 3 and 4.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

from acidtest.impl import inbox
from acidtest.impl.architectures.letters import Letters
from acidtest.impl.inbox import Consumer
from acidtest.impl.saga_choreography import FAILED, UNDONE, Participant

if TYPE_CHECKING:
    import sqlalchemy as sa

    from acidtest.environment import Delivery, Environment
    from acidtest.impl.saga_choreography import Row

MAIL = "mail"
#: What the first service says of an order that all have filled.
COMPLETED = "completed"


class Filling(Participant):
    """One of the four services that fill orders; the first also says when all have."""

    def _turn(self, connection: sa.Connection, key: str, now: str) -> Row | None:
        row = super()._turn(connection, key, now)
        if row is not None and now == COMPLETED:
            self._emit(connection, key, COMPLETED, json.loads(row.details))
        return row


class Mail(Consumer):
    """Writes to customers how their orders have ended.

    Arguments:
        env: gives the database "mail", the broker and the clock.
    """

    #: How an order has ended, and what is written then.
    news: ClassVar[dict[str, str]] = {
        f"payment.{COMPLETED}": "filled", f"payment.{UNDONE}": "not filled", f"payment.{FAILED}": "not filled",
    }  # fmt: skip

    def __init__(self, env: Environment) -> None:
        """Keep what is needed; nothing is read or written yet."""
        self.engine = env.engine(MAIL)
        self.clock = env.clock
        self.letters = Letters(env, MAIL)

    @property
    def topics(self) -> tuple[str, ...]:  # type: ignore[override]
        """The events by which orders end."""
        return tuple(self.news)

    def install(self, opening: dict[str, int]) -> None:  # noqa: ARG002 - it has nothing
        """Create the schema."""
        inbox.metadata.create_all(self.engine, [inbox.inbox])
        self.letters.install()

    def handle(self, message: Delivery) -> None:
        """Owe a letter about an order that has ended, unless it is owed already."""
        with self.engine.begin() as connection:
            if self._known(connection, message) is None:
                self._owe(connection, message)

    def _owe(self, connection: sa.Connection, message: Delivery) -> None:
        self.letters.owe(connection, f"letter {message.key}", message.key, {"order": self.news[message.topic]})

    def _refuse_old(self, message: Delivery) -> None:
        """Records are kept for ever: there is one for each order."""

    def relay(self) -> None:
        """Send letters that are owed."""
        self.letters.relay()

    def tick(self) -> None:
        """Nothing takes too long here."""


def microservices(env: Environment) -> Filling | Mail:
    """The service that `env.service` names."""
    return Mail(env) if env.service == MAIL else Filling(env)
