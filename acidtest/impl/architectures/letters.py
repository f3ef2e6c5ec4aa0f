"""Letters that a service owes: the outbox of the reference, beside whatever else the service's database holds.

Source: Richardson, "Transactional outbox".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from acidtest.impl import outbox
from acidtest.impl.outbox import Relay

if TYPE_CHECKING:
    from acidtest.environment import Environment

#: Where letters to customers are published.
LETTERS = "letters"


class Letters(Relay):
    """The letters of one database.

    Arguments:
        env: gives the broker, the clock, and fencing tokens.
        database: the name of the database.
        topic: where they are published.
    """

    def __init__(self, env: Environment, database: str, topic: str = LETTERS) -> None:
        """Keep what is needed; nothing is read or written yet."""
        super().__init__(env, database)
        self.topic = topic

    def install(self) -> None:
        """Create the table."""
        outbox.metadata.create_all(self.engine, [outbox.outbox])

    def owe(self, connection: sa.Connection, message_id: str, key: str, body: dict[str, Any]) -> None:
        """Owe a letter, in the transaction of what it is about."""
        row = {"id": message_id, "key": key, "payload": json.dumps(body), "created": self.clock.now()}
        connection.execute(sa.insert(outbox.outbox), row)

    def _publish(self, row: outbox.Row) -> None:
        _, message_id, key, payload, _ = row
        self.broker.publish(message_id, key, payload, topic=self.topic)
